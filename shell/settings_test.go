package shell

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// TestEveryKeyHasACommand finds keys of the file that no setting edits.
func TestEveryKeyHasACommand(t *testing.T) {
	have := map[string]bool{
		"vrouter.group": true, "vrouter.interface": true, "track.name": true, "notify.name": true, // by the modes
		"vrouter": true, "api": true, "protocols": true, "ssh": true, "track": true, "notify": true, "realtime": true, "metrics": true, // tables
	}
	for _, s := range slices.Concat(topSettings, routerSettings, trackTables.all(), notifyTables.all()) {
		for _, k := range s.keys {
			have[k] = true
		}
	}
	for prefix, typ := range map[string]reflect.Type{
		"": reflect.TypeFor[conf.File](), "vrouter.": reflect.TypeFor[conf.VRouter](), "api.": reflect.TypeFor[conf.API](),
		"protocols.": reflect.TypeFor[conf.Protocols](), "ssh.": reflect.TypeFor[conf.SSH](),
		"track.": reflect.TypeFor[conf.Track](), "notify.": reflect.TypeFor[conf.Notify](), "realtime.": reflect.TypeFor[conf.Realtime](),
		"metrics.": reflect.TypeFor[conf.Metrics](),
	} {
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("toml"), ",")
			if name != "" && !have[prefix+name] {
				t.Errorf("no command edits %s%s", prefix, name)
			}
			delete(have, prefix+name)
		}
	}
	for k := range have {
		if k != "vrouter.group" && k != "vrouter.interface" {
			t.Errorf("a setting edits %s, which is not a key", k)
		}
	}
}

func TestEveryCommandHasAHandler(t *testing.T) {
	known := make(map[string]bool)
	for _, c := range commands() {
		known[c.ID] = true
		_, handled := handlers[c.ID]
		switch {
		case slices.Contains(c.Modes, completions.Pipe):
			if c.ID == "pipe.compare" { // the call's matter
				continue
			}
			step := &completions.Step{Command: &c, Args: []completions.Arg{{Name: "regexp", Value: "x"}, {Name: "lines", Value: "1"}}}
			if _, err := newStage(step, &sink{}, true); err != nil {
				t.Errorf("%s: %v", c.ID, err)
			}
		case c.Setting:
			if settingByID[c.ID] == nil && c.Enter == "" {
				t.Errorf("setting %s is not in the tables", c.ID)
			}
		case !handled:
			t.Errorf("command %s has no handler", c.ID)
		}
	}
	for id := range handlers {
		if !known[id] {
			t.Errorf("handler %s has no command", id)
		}
	}
}

// TestEveryWordHasHelp types "?" behind every word that can be typed.
func TestEveryWordHasHelp(t *testing.T) {
	tree := grammar(true)
	seen := make(map[string]bool)
	var walk func(m completions.Mode, line string, depth int)
	walk = func(m completions.Mode, line string, depth int) {
		found, _ := tree.Complete(m, completions.Administrator, line, nil)
		for _, c := range found {
			if c.Help == "" {
				t.Errorf("%s: %q %s: no help", m, line, c.Text)
			}
			if c.Literal && depth < 6 && !seen[string(m)+line+c.Text] && c.Text != "do" && c.Text != "run" {
				seen[string(m)+line+c.Text] = true
				walk(m, line+c.Text+" ", depth+1)
			}
		}
	}
	for _, m := range []completions.Mode{
		completions.Exec, completions.Config, completions.ConfigIf, completions.ConfigRouter, completions.ConfigTrack, completions.ConfigNotify,
	} {
		walk(m, "", 0)
	}
	walk(completions.Config, "interface eth0 vrrp 1 ", 0)
	walk(completions.Exec, "show vrrp | ", 0)
}

// someFile makes valid configurations.
func someFile(t *rapid.T) *conf.File {
	optional := func(name string) bool { return rapid.Bool().Draw(t, name+"?") }
	str := func(name string, of ...string) *string {
		if !optional(name) {
			return nil
		}
		s := rapid.SampledFrom(of).Draw(t, name)
		return &s
	}
	num := func(name string, lo, hi int) *int {
		if !optional(name) {
			return nil
		}
		n := rapid.IntRange(lo, hi).Draw(t, name)
		return &n
	}
	yes := func(name string) *bool {
		if !optional(name) {
			return nil
		}
		b := rapid.Bool().Draw(t, name)
		return &b
	}
	f := &conf.File{
		Debug: num("debug", 0, 5), TimeZone: str("zone", "local", "utc"), TimeFormat: str("format", "disabled", "short", "rfc2822"),
		PID: str("pid", "/run/a.pid", "b c.pid"), WorkingDir: str("dir", "/tmp"), MainLog: str("log", "/var/log/a b.log"),
		ErrorLog: str("errors", "disabled", "/e"), ClientAPI: str("client", "http", "disabled"), Hostname: str("host", "r1", "edge.example"),
		ControlSocket: str("socket", "/run/x.sock"), StateDir: str("state", "/var/lib/x"),
	}
	if optional("realtime") {
		priority := rapid.IntRange(0, 99).Draw(t, "priority")
		f.Realtime = &conf.Realtime{Priority: &priority}
		if on := true; optional("lock") {
			f.Realtime.LockMemory = &on
		}
	}
	if optional("metrics") {
		f.Metrics = &conf.Metrics{Enabled: new(true)}
	}
	if optional("ssh") {
		listen := "[::]:2222"
		f.SSH = &conf.SSH{Listen: &listen, AuthorizedKeys: str("keys", "/keys/%u"), HostKey: str("hostkey", "/h k")}
	}
	if optional("api") {
		f.API = &conf.API{
			Host: str("api.host", "0.0.0.0:7080", "[::1]:80"), Secret: str("api.secret", "s", `a"b\ c|`),
			TLS: yes("tls"), TLSKey: str("key", "/k.pem"), TLSCert: str("cert", "/c.pem"),
		}
		if optional("users") {
			f.API.Users = []string{
				"{{SHA256}}admin:0:1eb7ac761a1201f9:3df024b5dc20a168d6a3fe406c65ec286e71c61c9c738e079ddd6dae255ee695",
				"{{SHA256}}ops:9:1eb7ac761a1201f9:3df024b5dc20a168d6a3fe406c65ec286e71c61c9c738e079ddd6dae255ee695",
			}
		}
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "routes") {
		route, mask, hop := fmt.Sprintf("10.%d.0.0", i), "255.255.0.0", "192.0.2.9"
		r := conf.StaticRoute{Route: &route, Mask: &mask, NH: &hop, Metric: num("metric", 0, 1000), MTU: num("mtu", 68, 9000)}
		if optional("length") {
			route += "/16"
			r.Mask = nil
		}
		if optional("bound") {
			eth, group := "eth0", rapid.IntRange(1, 255).Draw(t, "bound group")
			r.Interface, r.Group = &eth, &group
		}
		if f.Protocols == nil {
			f.Protocols = new(conf.Protocols)
		}
		f.Protocols.Static = append(f.Protocols.Static, r)
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "objects") {
		name := fmt.Sprintf("object%d", i)
		o := conf.Track{Name: &name}
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			o.Interface = str("tracked", "eth0", "eth1")
		case 1:
			to := "2001:db8::/32"
			o.Route = &to
		case 2:
			file := "/run/a b"
			o.File, o.Interval = &file, str("interval", "5s")
		default:
			o.Script = []string{"/bin/a b", "-x", `c "d`, "", "e|f", "|"}[:rapid.IntRange(1, 6).Draw(t, "words")]
			o.Interval, o.Timeout, o.User = str("interval", "5s"), str("timeout", "500ms"), str("user", "nobody")
			o.Rise, o.Fall, o.Initial = num("rise", 1, 9), num("fall", 1, 9), str("initial", "up", "down")
		}
		if o.Interface != nil || o.Route != nil || o.File != nil || o.Script != nil {
			f.Tracks = append(f.Tracks, o)
		}
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "hooks") {
		h := conf.Notify{Command: []string{"/bin/hook", "a b"}[:1+i], Timeout: str("timeout", "3s"), User: str("user", "nobody")}
		if optional("name") {
			name := fmt.Sprintf("named%d", i)
			h.Name = &name
		}
		if optional("events") {
			h.Events = []string{"master", "fault"}
		}
		f.Notify = append(f.Notify, h)
	}
	used := make(map[string]bool)
	for i := range rapid.IntRange(0, 5).Draw(t, "routers") {
		group := rapid.IntRange(1, 255).Draw(t, "group")
		iface := rapid.SampledFrom([]string{"eth0", "eth1.100", "br-lan"}).Draw(t, "interface")
		if used[fmt.Sprint(group, iface)] {
			continue
		}
		used[fmt.Sprint(group, iface)] = true
		text := rapid.StringMatching(`[ -~äß€]{0,20}`)
		v := conf.VRouter{
			Group: &group, Interface: &iface, Version: num("version", 2, 3), Priority: num("priority", 1, 254),
			Preemption: yes("preempt"), PreemptDelay: str("preempt delay", "30s", "1m30s"),
			RFC3768: yes("rfc3768"), NetDrv: str("netdrv", "libnl", "ioctl"), IfType: str("iftype", "ether", "macvlan"),
			VIFName: str("vifname", fmt.Sprintf("vrrp%d", i)), Shutdown: yes("shutdown"),
			Checksum: str("checksum", "auto", "rfc5798", "rfc9568"), GARPRepeat: num("repeat", 1, 10),
			GARPDelay: str("delay", "5s"), GARPRefresh: str("refresh", "1m0s"),
		}
		if optional("description") {
			d := text.Draw(t, "description")
			v.Description = &d
		}
		for _, o := range f.Tracks {
			if optional("tracks") {
				e := conf.Tracking{Object: o.Name}
				if o.File == nil {
					e.Decrement = num("decrement", 1, 253)
				}
				v.Track = append(v.Track, e)
			}
		}
		v.SyncGroup = str("sync", "a", "b")
		if optional("filter") {
			b := conf.FlexibleBool(rapid.Bool().Draw(t, "filter"))
			v.SocketFilter = &b
		}
		if optional("auth") {
			v.AuthType = str("type", "rfc2338-simple", "p0-t8-sha256", "p1-t8-shake256", "p1-b8-shake256")
			s := rapid.StringMatching(`[!-~][ -~]{0,12}`).Draw(t, "secret")
			v.AuthSecret = &s
		}
		if optional("timers") {
			v.Timers = &conf.Timers{Advert: num("advert", 1, 255)}
		} else {
			v.AdvertiseInterval = str("interval", "10ms", "2s", "40.95s")
		}
		addresses := []string{fmt.Sprintf("10.%d.%d.1", i, group), fmt.Sprintf("10.%d.%d.2/24", i, group), fmt.Sprintf("10.%d.%d.3/16", i, group)}
		n := rapid.IntRange(0, 3).Draw(t, "addresses")
		if n > 0 && optional("vip") {
			v.VIP = &addresses[0]
			v.VIPs = addresses[1:n]
		} else {
			v.VIPs = addresses[:n]
		}
		f.VRouters = append(f.VRouters, v)
	}
	return f
}

// normal is a file without what is the same written in two ways.
func normal(f *conf.File) *conf.File {
	n := f.Clone()
	for i := range staticRoutes(n) {
		r := &n.Protocols.Static[i]
		p := netip.MustParsePrefix(destination(r))
		addr, mask := p.Addr().String(), net.IP(net.CIDRMask(p.Bits(), 32)).String()
		r.Route, r.Mask = &addr, &mask
	}
	n.Notify = namedHooks(n)
	for i := range n.VRouters {
		v := &n.VRouters[i]
		if v.VIP == nil && len(v.VIPs) > 0 {
			first := v.VIPs[0]
			v.VIP, v.VIPs = &first, v.VIPs[1:]
		}
		for _, b := range []**bool{&v.Preemption, &v.Shutdown, &v.VMAC} {
			if *b != nil && !**b {
				*b = nil
			}
		}
		if v.Timers != nil && v.Timers.Advert == nil {
			v.Timers = nil
		}
	}
	if n.API != nil && n.API.TLS != nil && !*n.API.TLS {
		n.API.TLS = nil
	}
	return n
}

// TestCommandsGiveTheSameConfiguration pastes what is shown into an empty router, valid or not.
func TestCommandsGiveTheSameConfiguration(t *testing.T) {
	env, _ := newEnv(t, "")
	rapid.Check(t, func(rt *rapid.T) {
		file := someFile(rt)
		var shown bytes.Buffer
		renderFile(&shown, fileDraft(file), reveal)
		s := New(env, admin)
		defer func() { _ = s.Close() }()
		paste := "configure\n" + shown.String()
		var out bytes.Buffer
		for line := range strings.Lines(paste) {
			if status := s.Execute(t.Context(), line, IO{Out: &out, Err: &out}); status != Done {
				rt.Fatalf("%s%s", line, out.String())
			}
		}
		want := normal(file)
		if diff := cmp.Diff(want, normal(s.draft.file)); diff != "" && !want.Equal(normal(s.draft.file)) {
			rt.Fatalf("-want +got\n%s\n%s", diff, shown.String())
		}
		a, errA := conf.Validate(file, nil)
		b, errB := conf.Validate(s.draft.file, nil)
		if (errA == nil) != (errB == nil) {
			rt.Fatalf("%v, afterwards %v", errA, errB)
		}
		if errA == nil && !reflect.DeepEqual(a, b) {
			rt.Fatalf("another meaning:\n%s", shown.String())
		}
		// The difference, applied as commands to the running (empty) configuration, is the same again.
		must(rt, s, "discard")
		if errA == nil {
			s.draft.replace(file)
			for _, d := range compareDrafts(fileDraft(&conf.File{}), s.draft) {
				if d.Op == "-" {
					rt.Fatalf("something to remove from nothing: %s", d)
				}
			}
		}
		must(rt, s, "discard", "end")
	})
}

// TestNothingSecretIsShown looks for the secrets of a configuration in everything that shows it.
func TestNothingSecretIsShown(t *testing.T) {
	env, _ := newEnv(t, sampleFile+`
[api]
secret = "topsecret"
users = ["{{SHA256}}joe:9:1eb7ac761a1201f9:3df024b5dc20a168d6a3fe406c65ec286e71c61c9c738e079ddd6dae255ee695"]
`)
	s := newSession(t, env, admin)
	out := must(t, s, "configure", "interface eth0 vrrp 2 auth rfc2338-simple secret hunter3", "show", "show changes",
		"show running-config", "show running-config toml", "show running-config json", "show running-config | json",
		"show candidate-config", "show candidate-config toml", "show startup-config", "show startup-config json",
		"show configuration revision 0", "show configuration revision 0 toml", "show | compare", "show changes | json", "commit check",
		"commit", "show history commits", "compare rollback 1", "show api", "show vrrp | json")
	for _, secret := range []string{"hunter", "topsecret", "3df024b5"} {
		if strings.Contains(out, secret) {
			t.Errorf("%s is shown", secret)
		}
	}
	if !strings.Contains(out, conf.Mask) {
		t.Error("no mask is shown")
	}
}
