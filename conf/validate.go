package conf

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Defaults of the keys that a file leaves out.
const (
	DefaultPID           = "/run/vrrpsh/vrrpsh.pid" // as a daemon
	DefaultMainLog       = "/var/log/vrrpsh.log"    // as a daemon
	DefaultStateDir      = "/var/lib/vrrpsh"
	DefaultControlSocket = "/run/vrrpsh/vrrpsh.sock"
	DefaultAPIHost       = "0.0.0.0:7080"
	DefaultTLSKey        = "/etc/vrrpsh/ssl/key.pem"
	DefaultTLSCert       = "/etc/vrrpsh/ssl/cert.pem"
	DefaultKeys          = "/etc/vrrpsh/authorized_keys/%u"
	// DefaultHostKey is the name of the SSH host key in the state directory.
	DefaultHostKey = "ssh_host_ed25519_key"
)

const (
	// maxText is the length in bytes of the longest string that any key takes.
	maxText = 4096
	// maxSocketPath is the length in bytes of the longest path of a Unix socket (sun_path).
	maxSocketPath = 107
	// weakSecret is the length in bytes below which a key for session tokens can be guessed.
	weakSecret = 16
	// maxDebug is the highest debug level; 4 is read as 5.
	maxDebug = 5
)

// Validate gives a File its meaning: every default filled in, every value checked. The error
// is Faults. origin is what the file was read from; nil for a candidate, whose faults name
// virtual routers instead of lines.
func Validate(f *File, origin *Origin) (*Config, error) { return validate(f, origin, nil, "") }

// validate takes the running configuration too: macvlans keep their default names.
func validate(f *File, origin *Origin, running *Config, host Host) (*Config, error) {
	v := newValidator(f, running, host)
	cfg := v.config()
	if len(v.faults) == 0 {
		cfg.Warnings = v.warnings
		return cfg, nil
	}
	if origin != nil {
		return nil, origin.place(v.faults)
	}
	for i := range v.faults {
		v.faults[i].Place = f.routerAt(v.faults[i].Path)
	}
	return nil, Faults(v.faults)
}

// routerAt returns the name of the virtual router that a path leads into, if any.
func (f *File) routerAt(path string) string {
	rest, ok := strings.CutPrefix(path, "vrouter[")
	if !ok {
		return ""
	}
	number, _, _ := strings.Cut(rest, "]")
	i, err := strconv.Atoi(number)
	if err != nil || i >= len(f.VRouters) {
		return ""
	}
	return f.VRouters[i].Name()
}

type validator struct {
	file     *File
	running  *Config // nil if there is none
	host     Host
	mtu      func(iface string) (mtu int, known bool)
	faults   []Fault
	warnings []string
	// known are the paths that a fault was found with before their meaning is looked at: by
	// parsing, which leaves them unset, or as text. One fault each is enough.
	known map[string]bool
}

func newValidator(f *File, running *Config, host Host) *validator {
	return &validator{file: f, running: running, host: host, mtu: host.mtus(), known: map[string]bool{}}
}

func (v *validator) config() *Config {
	v.texts(reflect.ValueOf(v.file).Elem(), "")
	cfg := &Config{General: v.general(), API: v.api(), Realtime: v.realtime()}
	cfg.SSH = v.ssh(cfg)
	cfg.Metrics = v.metrics(cfg)
	cfg.Engine.Tracks = v.tracks()
	cfg.Engine.Hooks = v.hooks()
	cfg.Engine.Routers = v.routers(cfg.Engine.Tracks)
	cfg.Engine.Routes = v.routes(cfg.Engine.Routers)
	return cfg
}

func (v *validator) fault(path, value, problem string) {
	if !v.known[path] {
		v.faults = append(v.faults, Fault{Path: path, Value: value, Problem: problem})
	}
}

func (v *validator) warn(format string, args ...any) {
	v.warnings = append(v.warnings, fmt.Sprintf(format, args...))
}

// texts refuses strings, anywhere in the file, that a terminal or log cannot show.
func (v *validator) texts(table reflect.Value, path string) {
	check := func(at func() string, f field, s string) {
		problem := ""
		switch {
		case len(s) > maxText:
			problem = fmt.Sprintf("is longer than %d bytes", maxText)
		case !utf8.ValidString(s):
			problem = "is not valid UTF-8"
		case strings.ContainsFunc(s, isControl):
			problem = "contains a control character"
		case f.secret && s == Mask:
			problem = "is the mask that hides a secret, not a secret"
		default:
			return
		}
		shown := ""
		if !f.hidden() {
			shown = quote(s)
		}
		v.fault(at(), shown, problem)
		v.known[at()] = true
	}
	for _, f := range fieldsOf(table.Type()) {
		value := table.Field(f.index)
		if isUnset(value) {
			continue
		}
		at := func() string { return join(path, f.name) }
		switch t := value.Type(); {
		case isTable(t):
			v.texts(value.Elem(), at())
		case isTables(t):
			for i := range value.Len() {
				v.texts(value.Index(i), at()+"["+strconv.Itoa(i)+"]")
			}
		case t.Kind() == reflect.Slice:
			for i := range value.Len() {
				check(func() string { return at() + "[" + strconv.Itoa(i) + "]" }, f, value.Index(i).String())
			}
		case t.Elem().Kind() == reflect.String:
			check(at, f, value.Elem().String())
		}
	}
}

func isControl(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029'
}

func (v *validator) general() General {
	f := v.file
	g := General{
		Debug:         v.integer("debug", f.Debug, 0, maxDebug, 0),
		TimeZone:      v.choice("time_zone", f.TimeZone, "local", "utc"),
		TimeFormat:    v.choice("time_format", f.TimeFormat, "disabled", "short", "rfc2822"),
		PID:           v.path("pid", f.PID, ""),
		WorkingDir:    v.path("working_dir", f.WorkingDir, DefaultStateDir),
		MainLog:       v.path("main_log", f.MainLog, ""),
		ErrorLog:      v.path("error_log", f.ErrorLog, ""),
		Hostname:      v.hostname(),
		ControlSocket: v.absolute("control_socket", f.ControlSocket, DefaultControlSocket),
		StateDir:      v.absolute("state_dir", f.StateDir, DefaultStateDir),
	}
	if g.Debug == 4 {
		g.Debug = maxDebug
	}
	if g.ErrorLog == "disabled" {
		g.ErrorLog = ""
	}
	if len(g.ControlSocket) > maxSocketPath {
		v.fault("control_socket", quote(g.ControlSocket), fmt.Sprintf("is longer than the %d bytes that the path of a socket may have", maxSocketPath))
	}
	return g
}

// integer checks the range of an optional integer.
func (v *validator) integer(path string, p *int, low, high, fallback int) int {
	if p == nil {
		return fallback
	}
	if *p < low || *p > high {
		v.fault(path, strconv.Itoa(*p), outOfRange(low, high))
		return fallback
	}
	return *p
}

func outOfRange(low, high any) string { return fmt.Sprintf("is out of range %v-%v", low, high) }

// choice checks an optional word; the first is the default.
func (v *validator) choice(path string, p *string, words ...string) string {
	if p == nil {
		return words[0]
	}
	for _, w := range words {
		if *p == w {
			return w
		}
	}
	v.fault(path, quote(*p), "is not "+oneOf(words))
	return words[0]
}

// oneOf returns `"a", "b" or "c"`.
func oneOf(words []string) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(w))
	}
	return b.String()
}

// path checks an optional path of a file.
func (v *validator) path(path string, p *string, fallback string) string {
	if p == nil {
		return fallback
	}
	if *p == "" {
		v.fault(path, "", "must not be empty")
		return fallback
	}
	return *p
}

// absolute checks an optional path that must mean the same from everywhere.
func (v *validator) absolute(path string, p *string, fallback string) string {
	s := v.path(path, p, fallback)
	if !strings.HasPrefix(s, "/") {
		v.fault(path, quote(s), "is not an absolute path")
	}
	return s
}

// duration checks an optional duration string.
func (v *validator) duration(path string, p *string, low, high, fallback time.Duration) time.Duration {
	if p == nil {
		return fallback
	}
	d, err := time.ParseDuration(*p)
	switch {
	case err != nil:
		v.fault(path, quote(*p), notDuration)
	case d < low || d > high:
		v.fault(path, quote(*p), outOfRange(shortDuration(low), shortDuration(high)))
	default:
		return d
	}
	return fallback
}

const notDuration = `is not a duration such as "1s" or "250ms"`

// shortDuration is like Duration.String, but whole seconds stay seconds.
func shortDuration(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.Itoa(int(d/time.Second)) + "s"
	}
	return d.String()
}

func (v *validator) hostname() string {
	if v.file.Hostname != nil {
		if problem := badHostname(*v.file.Hostname); problem != "" {
			v.fault("hostname", quote(*v.file.Hostname), problem)
		}
		return *v.file.Hostname
	}
	name, err := os.Hostname()
	if err != nil || badHostname(name) != "" {
		return "vrrpsh"
	}
	return name
}

// badHostname says what is wrong with a host name (RFC 1123 section 2.1), if anything is.
func badHostname(s string) string {
	if s == "" || len(s) > 253 {
		return "is not a host name of 1-253 characters"
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "is not a host name: its parts have 1-63 characters and do not begin or end with a hyphen"
		}
		if strings.ContainsFunc(label, func(r rune) bool { return !isBare(r) }) {
			return "is not a host name of letters, digits, hyphens and dots"
		}
	}
	return ""
}

func (v *validator) api() APIConfig {
	switched := v.choice("client_api", v.file.ClientAPI, "http", "disabled")
	a := APIConfig{Host: DefaultAPIHost, TLSKey: DefaultTLSKey, TLSCert: DefaultTLSCert}
	raw := v.file.API
	if raw == nil {
		return a
	}
	a.Enabled = switched == "http"
	if raw.Host != nil {
		if problem := badHostPort(*raw.Host); problem != "" {
			v.fault("api.host", quote(*raw.Host), problem)
		}
		a.Host = *raw.Host
	}
	if raw.TLS != nil {
		a.TLS = *raw.TLS
	}
	if a.TLS { // rVRRPd's stay where they are
		a.TLSKey = firstThere(a.TLSKey, "/etc/rvrrpd/ssl/key.pem")
		a.TLSCert = firstThere(a.TLSCert, "/etc/rvrrpd/ssl/cert.pem")
	}
	a.TLSKey = v.path("api.tls_key", raw.TLSKey, a.TLSKey)
	a.TLSCert = v.path("api.tls_cert", raw.TLSCert, a.TLSCert)
	if raw.Secret != nil {
		a.Secret = *raw.Secret
		if n := len(a.Secret); n > 0 && n < weakSecret {
			v.warn("api.secret is shorter than %d characters: session tokens signed with it can be forged by guessing", weakSecret)
		}
	}
	a.Users = v.users(raw.Users)
	if a.Enabled {
		if !a.TLS && !isLoopback(a.Host) {
			v.warn("api.host %s can be reached from the network and api.tls is off: passwords are sent in clear text", quote(a.Host))
		}
		if len(raw.Users) == 0 {
			v.warn("api.users is empty: nobody can log in to the API")
		}
	}
	return a
}

// firstThere returns the first file that exists, or the first if none does.
func firstThere(paths ...string) string {
	for _, p := range paths {
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	return paths[0]
}

func (v *validator) users(lines []string) Users {
	var users Users
	first := map[string]int{}
	for i, line := range lines {
		path := "api.users[" + strconv.Itoa(i) + "]"
		u, err := ParseUser(line)
		if err != nil {
			v.fault(path, "", err.Error())
			continue
		}
		if j, twice := first[u.Name]; twice {
			v.fault(path, quote(u.Name), fmt.Sprintf("is already defined by api.users[%d]", j))
			continue
		}
		first[u.Name] = i
		users = append(users, u)
	}
	return users
}

// badHostPort says what is wrong with an address to listen on, if anything is.
func badHostPort(s string) string {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return `is not an address and port such as "0.0.0.0:7080" or "[::1]:7080"`
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "does not end in a port of 1-65535"
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && badHostname(host) != "" {
		return "does not begin with an address or a host name"
	}
	return ""
}

func isLoopback(hostPort string) bool {
	host, _, _ := net.SplitHostPort(hostPort)
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return host == "localhost"
	}
	return addr.IsLoopback()
}
