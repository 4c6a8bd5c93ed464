// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

const (
	// maxSocketPath is the maximum length in bytes of the path of a Unix socket (sun_path).
	maxSocketPath = 107
	// weakSecret is the minimum length in bytes of a key for session tokens; a shorter key can be
	// guessed.
	weakSecret = 16
)

// Validate interprets a File: it checks every value and fills in every default. The error is
// Faults. origin is the source of the file; nil for a candidate, whose faults name virtual routers
// instead of lines.
func Validate(f *File, origin *Origin) (*Config, error) { return validate(f, origin, nil, "") }

// validate also takes the running configuration, so that macvlans keep their default names.
func validate(f *File, origin *Origin, running *Config, host Host) (*Config, error) {
	v := newValidator(f, running, host)
	cfg := v.config()
	if len(v.faults) == 0 {
		cfg.Warnings = v.warnings
		return cfg, nil
	}
	if origin != nil {
		return nil, limited(origin.place(v.faults))
	}
	return nil, limited(v.faults)
}

type validator struct {
	file     *File
	running  *Config // nil if there is none
	host     Host
	mtu      func(iface string) (mtu int, known bool)
	faults   []Fault
	warnings []string
	warned   int // number of warnings; warnings has the first ones
	// known are the paths of faults found earlier: by parsing, which leaves the keys unset, or by
	// check. One fault per path is enough.
	known map[string]bool
}

func newValidator(f *File, running *Config, host Host) *validator {
	return &validator{file: f, running: running, host: host, mtu: host.mtus(), known: map[string]bool{}}
}

func (v *validator) config() *Config {
	v.check(v.file, "", 0)
	cfg := &Config{General: v.general(), API: v.api()}
	cfg.Realtime = RealtimeConfig{Priority: root(v, RealtimePriority), LockMemory: root(v, RealtimeLockMemory)}
	cfg.SSH = v.ssh(cfg)
	if cfg.Metrics = root(v, MetricsEnabled); cfg.Metrics && !cfg.API.Enabled {
		v.warn("metrics.enabled: without a listener in [api], only the control socket serves metrics")
	}
	cfg.Engine.Tracks = v.tracks()
	cfg.Engine.Hooks = v.hooks()
	cfg.Engine.Routers = v.routers(cfg.Engine.Tracks)
	cfg.Engine.Routes = v.routes(cfg.Engine.Routers)
	if more := v.warned - len(v.warnings); more > 0 {
		v.warnings = append(v.warnings, fmt.Sprintf("%d more warnings", more))
	}
	return cfg
}

// root returns the value of a key of the top level, or of a single table below it, or else its
// default.
func root[T any](v *validator, k KeyOf[T]) T {
	if holder := k.schema.holder; holder != nil {
		return valued(v, k, v.file, holder.Name)
	}
	return valued(v, k, v.file, "")
}

func (v *validator) fault(path, value, problem string) {
	if !v.known[path] && !v.full() {
		v.faultTyped(path, value, problem, v.typed(path, value, problem))
	}
}

// full reports whether there is one more fault than is reported.
func (v *validator) full() bool { return len(v.faults) > maxFaults }

// faultTyped reports a fault with a separate text in the words of the command line.
func (v *validator) faultTyped(path, value, problem, typed string) {
	if !v.known[path] && !v.full() {
		v.faults = append(v.faults, Fault{Path: path, Value: value, Problem: problem, Typed: typed})
	}
}

func (v *validator) warn(format string, args ...any) {
	if v.warned++; v.warned <= maxFaults {
		v.warnings = append(v.warnings, fmt.Sprintf(format, args...))
	}
}

func (v *validator) general() General {
	g := General{
		Debug: root(v, Debug), TimeZone: root(v, TimeZone), TimeFormat: root(v, TimeFormat),
		PID: root(v, PID), WorkingDir: root(v, WorkingDir), MainLog: root(v, MainLog), ErrorLog: root(v, ErrorLog),
		Banner: v.banner(), Aliases: v.aliases(), LogHosts: v.logHosts(), LogTLSCA: root(v, LogTLSCA),
		Hostname: v.hostname(), ControlSocket: root(v, ControlSocket), StateDir: root(v, StateDir),
	}
	if level := min(g.Debug, MaxDebug); level != g.Debug || level == 4 {
		if level == 4 {
			level = 3
		}
		v.warn("debug %d is read as %d", g.Debug, level)
		g.Debug = level
	}
	if g.ErrorLog == "disabled" {
		g.ErrorLog = ""
	}
	return g
}

// badSocketPath checks the path of a Unix socket.
func badSocketPath(s string) string {
	if problem := absolute(s); problem != "" {
		return problem
	}
	if len(s) > maxSocketPath {
		return fmt.Sprintf("is longer than the %d bytes that the path of a socket may have", maxSocketPath)
	}
	return ""
}

// hostname returns the configured host name, or else the system's.
func (v *validator) hostname() string {
	if name := root(v, Hostname); name != "" {
		return name
	}
	name, err := os.Hostname()
	if err != nil || badHostname(name) != "" {
		return "vrrpsh"
	}
	return name
}

// badHostname returns what is wrong with a host name (RFC 1123 section 2.1), or "".
func badHostname(s string) string {
	if s == "" || len(s) > 253 {
		return "is not a host name of 1-253 characters"
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "is not a host name: its parts have 1-63 characters and do not begin or end with a hyphen"
		}
		if strings.ContainsFunc(label, func(r rune) bool { return !isBare(r) }) {
			return "is not a host name of letters, digits, hyphens, underscores and dots"
		}
	}
	return ""
}

func (v *validator) api() APIConfig {
	a := APIConfig{Host: root(v, APIHost), TLSKey: DefaultTLSKey, TLSCert: DefaultTLSCert}
	if !API.IsSet(v.file) {
		return a
	}
	a.Enabled = root(v, ClientAPI) == "http" && a.Host != NoListener
	a.TLS = root(v, APITLS)
	if a.TLS { // files of rVRRPd are used in place
		a.TLSKey = firstThere(a.TLSKey, "/etc/rvrrpd/ssl/key.pem")
		a.TLSCert = firstThere(a.TLSCert, "/etc/rvrrpd/ssl/cert.pem")
	}
	if APITLSKey.IsSet(v.file) {
		a.TLSKey = root(v, APITLSKey)
	}
	if APITLSCert.IsSet(v.file) {
		a.TLSCert = root(v, APITLSCert)
	}
	a.Secret = root(v, APISecret)
	if n := len(a.Secret); n > 0 && n < weakSecret {
		v.warn("api.secret is shorter than %d characters: session tokens signed with it can be forged by guessing", weakSecret)
	}
	users := APIUsers.Value(v.file)
	a.Users = v.users(users)
	a.Plain, a.CommitOnEnd = v.userNames(APIPlain), v.userNames(APICommitOnEnd)
	if a.Enabled {
		if !a.TLS && !isLoopback(a.Host) {
			v.warn("api.host %s can be reached from the network and api.tls is off: passwords are sent in clear text", quote(a.Host))
		}
		if len(users) == 0 {
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

// userNames returns a list of users. They need not be users of the API: users of the control socket have sessions, too.
func (v *validator) userNames(k KeyOf[[]string]) []string {
	list := k.Value(v.file)
	for i, name := range list {
		if err := checkUserName(name); err != nil {
			v.fault(nth(k.Path(), i), quote(name), err.Error())
		}
	}
	return list
}

func (v *validator) users(lines []string) Users {
	var users Users
	first := map[string]int{}
	for i, line := range lines {
		path := nth(APIUsers.Path(), i)
		u, err := ParseUser(line)
		if err != nil {
			v.fault(path, "", err.Error())
			continue
		}
		if j, twice := first[u.Name]; twice {
			v.faultTyped(path, quote(u.Name), fmt.Sprintf("is already defined by api.users[%d]", j), APIUsers.CommandWords()+" "+u.Name+" is configured twice")
			continue
		}
		first[u.Name] = i
		users = append(users, u)
	}
	return users
}

// badAPIHost checks the host of the API.
func badAPIHost(s string) string {
	if s == NoListener {
		return ""
	}
	return badHostPort(s)
}

// badHostPort returns what is wrong with an address to listen on, or "".
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
