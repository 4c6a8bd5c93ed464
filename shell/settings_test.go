// SPDX-License-Identifier: GPL-3.0-only

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
	"vrrpsh/conf/commands"
)

func TestEveryCommandHasAHandler(t *testing.T) {
	known := make(map[string]bool)
	for _, c := range allCommands() {
		known[c.ID] = true
		_, handled := handlers[c.ID]
		switch {
		case slices.Contains(c.Modes, completions.Pipe):
			if c.ID == "pipe.compare" { // handled by the call itself
				continue
			}
			step := &completions.Step{Command: &c, Args: []completions.Arg{{Name: "regexp", Value: "x"}, {Name: "lines", Value: "1"}}}
			if _, err := newStage(step, &sink{}, true, nil); err != nil {
				t.Errorf("%s: %v", c.ID, err)
			}
		case c.Setting: // handled by package commands
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

// TestEveryWordHasHelp types "?" after every word of the grammar.
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

// drawing sets keys of a table, or leaves them unset.
type drawing struct {
	t     *rapid.T
	table *conf.Table
}

func (d drawing) maybe(name string) bool { return rapid.Bool().Draw(d.t, name+"?") }

func (d drawing) str(k conf.KeyOf[string], of ...string) {
	if d.maybe(k.Path()) {
		k.Set(d.table, rapid.SampledFrom(of).Draw(d.t, k.Path()))
	}
}

// scalars sets keys whose legal values follow from their type.
func (d drawing) scalars(keys ...*conf.Key) {
	for _, k := range keys {
		if !d.maybe(k.Path()) {
			continue
		}
		switch typ := k.Type.(type) {
		case conf.Integer:
			k.SetRaw(d.table, rapid.IntRange(typ.Low, typ.High).Draw(d.t, k.Path()))
		case conf.Boolean:
			k.SetRaw(d.table, rapid.Bool().Draw(d.t, k.Path()))
		case conf.Choice:
			k.SetRaw(d.table, rapid.SampledFrom(typ.All()).Draw(d.t, k.Path()).Word)
		default:
			d.t.Fatalf("%s has no drawing", k.Path())
		}
	}
}

// someFile draws configurations with legal values.
func someFile(t *rapid.T) *conf.File {
	f := conf.NewFile()
	d := drawing{t, f}
	d.scalars(conf.Debug.Key, conf.TimeZone.Key, conf.TimeFormat.Key, conf.ClientAPI.Key, conf.RealtimePriority.Key, conf.RealtimeLockMemory.Key,
		conf.MetricsEnabled.Key)
	d.str(conf.PID, "/run/a.pid", "b c.pid")
	d.str(conf.WorkingDir, "/tmp")
	d.str(conf.MainLog, "/var/log/a b.log")
	d.str(conf.ErrorLog, "disabled", "/e")
	d.str(conf.Hostname, "r1", "edge.example")
	d.str(conf.LogTLSCA, "/ca.pem")
	if d.maybe("banner") {
		conf.Banner.Set(f, rapid.SampledFrom([][]string{
			{"hello"}, {"#a#"}, {"motd of r1"}, {"two", "lines"}, {`"q"`}, {"^Cx"}, {"^Cx^C"}, {"exec"}, {"-"}, {" x "}, {"", "x", ""}, {"##"},
		}).Draw(t, "lines of the banner"))
	}
	if d.maybe("aliases") {
		conf.Aliases.Set(f, []string{"sb show vrrp brief", `x show vrrp | include "a b"`, "exec2 show version", "ex show clock", "exec show track"})
	}
	if d.maybe("log hosts") {
		conf.LogHosts.Set(f, []string{"udp://192.0.2.9:514", "tcp://log.example:601", "tls://[2001:db8::9]:6514", "udp://192.0.2.9:515"})
	}
	d.str(conf.ControlSocket, "/run/x.sock")
	d.str(conf.StateDir, "/var/lib/x")
	d.str(conf.SSHListen, "[::]:2222")
	d.str(conf.SSHAuthorizedKeys, "/keys/%u")
	d.str(conf.SSHHostKey, "/h k")
	if d.maybe("api") {
		conf.API.Set(f, conf.APIHost.Schema().New())
		d.str(conf.APIHost, "0.0.0.0:7080", "[::1]:80")
		d.str(conf.APISecret, "s", `a"b\ c|`)
		d.scalars(conf.APITLS.Key)
		d.str(conf.APITLSKey, "/k.pem")
		d.str(conf.APITLSCert, "/c.pem")
		if d.maybe("users") {
			conf.APIUsers.Set(f, []string{
				"{{SHA256}}admin:0:1eb7ac761a1201f9:3df024b5dc20a168d6a3fe406c65ec286e71c61c9c738e079ddd6dae255ee695",
				"{{SHA256}}ops:9:1eb7ac761a1201f9:3df024b5dc20a168d6a3fe406c65ec286e71c61c9c738e079ddd6dae255ee695",
			})
		}
	}
	var routes, tracks, hooks, routers []*conf.Table
	for i := range rapid.IntRange(0, 3).Draw(t, "routes") {
		d := drawing{t, conf.StaticTable.New()}
		if d.maybe("length") {
			conf.StaticRoute.Set(d.table, fmt.Sprintf("10.%d.0.0/16", i))
		} else {
			conf.StaticRoute.Set(d.table, fmt.Sprintf("10.%d.0.0", i))
			conf.StaticMask.Set(d.table, "255.255.0.0")
		}
		conf.StaticNH.Set(d.table, "192.0.2.9")
		d.scalars(conf.StaticMetric.Key, conf.StaticMTU.Key)
		if d.maybe("bound") {
			conf.StaticInterface.Set(d.table, "eth0")
			conf.StaticGroup.Set(d.table, rapid.IntRange(1, 255).Draw(t, "bound group"))
		}
		routes = append(routes, d.table)
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "objects") {
		d := drawing{t, conf.TrackTable.New()}
		conf.TrackName.Set(d.table, fmt.Sprintf("object%d", i))
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			conf.TrackInterface.Set(d.table, "eth1")
		case 1:
			conf.TrackRoute.Set(d.table, "2001:db8::/32")
		case 2:
			conf.TrackFile.Set(d.table, "/run/a b")
			d.str(conf.TrackInterval, "5s")
		default:
			conf.TrackScript.Set(d.table, []string{"/bin/a b", "-x", `c "d`, "", "e|f", "|"}[:rapid.IntRange(1, 6).Draw(t, "words")])
			d.str(conf.TrackInterval, "5s")
			d.str(conf.TrackTimeout, "500ms")
			d.str(conf.TrackUser, "nobody")
			d.scalars(conf.TrackRise.Key, conf.TrackFall.Key, conf.TrackInitial.Key)
		}
		tracks = append(tracks, d.table)
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "hooks") {
		d := drawing{t, conf.NotifyTable.New()}
		conf.NotifyCommand.Set(d.table, []string{"/bin/hook", "a b"}[:1+i])
		d.str(conf.NotifyTimeout, "3s")
		d.str(conf.NotifyUser, "nobody")
		d.str(conf.NotifyName, fmt.Sprintf("named%d", i))
		if d.maybe("events") {
			conf.NotifyEvents.Set(d.table, []string{"master", "fault"})
		}
		hooks = append(hooks, d.table)
	}
	used := make(map[string]bool)
	for i := range rapid.IntRange(0, 5).Draw(t, "routers") {
		group := rapid.IntRange(1, 255).Draw(t, "group")
		iface := rapid.SampledFrom([]string{"eth0", "eth1.100", "br-lan"}).Draw(t, "interface")
		if used[fmt.Sprint(group, iface)] {
			continue
		}
		used[fmt.Sprint(group, iface)] = true
		routers = append(routers, someRouter(t, i, group, iface, tracks))
	}
	conf.Static.SetRaw(f, routes)
	conf.Tracks.SetRaw(f, tracks)
	conf.Notify.SetRaw(f, hooks)
	conf.VRouters.SetRaw(f, routers)
	return f
}

func someRouter(t *rapid.T, i, group int, iface string, tracks []*conf.Table) *conf.Table {
	d := drawing{t, conf.RouterTable.New()}
	conf.Group.Set(d.table, group)
	conf.Interface.Set(d.table, iface)
	d.scalars(conf.Version.Key, conf.Priority.Key, conf.Preemption.Key, conf.RFC3768.Key, conf.NetDrv.Key, conf.IfType.Key, conf.Shutdown.Key,
		conf.Checksum.Key, conf.GARPRepeat.Key, conf.SocketFilter.Key, conf.UnicastTTLMin.Key, conf.AcceptMode.Key, conf.AcceptPing.Key)
	d.str(conf.PreemptDelay, "30s", "1m30s")
	d.str(conf.VIFName, fmt.Sprintf("vrrp%d", i))
	d.str(conf.GARPDelay, "5s")
	d.str(conf.GARPRefresh, "1m0s")
	d.str(conf.UnicastSource, "192.0.2.200")
	d.str(conf.SyncGroup, "a", "b")
	if d.maybe("description") {
		conf.Description.Set(d.table, rapid.StringMatching(`[ -~äß€]{0,20}`).Draw(t, "description"))
	}
	if d.maybe("peers") {
		conf.UnicastPeers.Set(d.table, []string{"192.0.2.201", "192.0.2.202"})
	}
	var track []*conf.Table
	for _, o := range tracks {
		if d.maybe("tracks") {
			e := drawing{t, conf.TrackingObject.Schema().New()}
			conf.TrackingObject.Set(e.table, conf.TrackName.Value(o))
			if !conf.TrackFile.IsSet(o) {
				e.scalars(conf.TrackingDecrement.Key)
			}
			track = append(track, e.table)
		}
	}
	conf.Track.SetRaw(d.table, track)
	if d.maybe("auth") {
		d.scalars(conf.AuthType.Key)
		conf.AuthSecret.Set(d.table, rapid.StringMatching(`[!-~][ -~]{0,12}`).Draw(t, "secret"))
	}
	if version, _ := conf.Version.In(d.table); d.maybe("timers") {
		most := 255
		if version == 3 {
			most = 40
		}
		conf.TimersAdvert.Set(d.table, rapid.IntRange(1, most).Draw(t, "advert"))
	} else if version == 2 {
		d.str(conf.AdvertiseInterval, "1s", "2s", "1m")
	} else {
		d.str(conf.AdvertiseInterval, "10ms", "2s", "40.95s")
	}
	addresses := []string{fmt.Sprintf("10.%d.%d.1", i, group), fmt.Sprintf("10.%d.%d.2/24", i, group), fmt.Sprintf("10.%d.%d.3/16", i, group)}
	n := rapid.IntRange(0, 3).Draw(t, "addresses")
	if n > 0 && d.maybe("vip") {
		conf.VIP.Set(d.table, addresses[0])
		conf.VIPs.SetRaw(d.table, addresses[1:n])
	} else {
		conf.VIPs.SetRaw(d.table, addresses[:n])
	}
	return d.table
}

// grouped returns the file with the virtual routers of each interface together, as they are shown.
func grouped(f *conf.File) *conf.File {
	n := f.Clone()
	first := make(map[string]int)
	for i, v := range conf.VRouters.Value(n) {
		if name := conf.Interface.Value(v); first[name] == 0 {
			first[name] = i + 1
		}
	}
	slices.SortStableFunc(conf.VRouters.Value(n), func(a, b *conf.Table) int {
		return first[conf.Interface.Value(a)] - first[conf.Interface.Value(b)]
	})
	return n
}

// normal returns the file with only one notation where two mean the same.
func normal(f *conf.File) *conf.File {
	n := grouped(f)
	for _, r := range conf.Static.Value(n) {
		p := netip.MustParsePrefix(conf.Destination(r))
		conf.StaticRoute.Set(r, p.Addr().String())
		conf.StaticMask.Set(r, net.IP(net.CIDRMask(p.Bits(), 32)).String())
	}
	for i, h := range conf.Notify.Value(n) {
		conf.NotifyName.Set(h, conf.HookName(h, i))
	}
	// False is not shown where it is the default.
	drop := func(t *conf.Table, keys ...conf.KeyOf[bool]) {
		for _, k := range keys {
			if !k.Value(t) {
				k.Unset(t)
			}
		}
	}
	for _, v := range conf.VRouters.Value(n) {
		if all := conf.VIPs.Value(v); !conf.VIP.IsSet(v) && len(all) > 0 {
			conf.VIP.Set(v, all[0])
			conf.VIPs.SetRaw(v, all[1:])
		}
		drop(v, conf.Preemption, conf.Shutdown, conf.VMAC, conf.AcceptPing)
	}
	drop(n, conf.APITLS, conf.RealtimeLockMemory, conf.MetricsEnabled)
	return n
}

// TestCommandsGiveTheSameConfiguration pastes the shown commands into an empty router, valid or not.
func TestCommandsGiveTheSameConfiguration(t *testing.T) {
	env, _ := newEnv(t, "")
	rapid.Check(t, func(rt *rapid.T) {
		file := someFile(rt)
		var shown bytes.Buffer
		commands.Of(file).Write(&shown, commands.Reveal)
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
		if got := normal(s.draft.File()); !want.Equal(got) {
			rt.Fatalf("-want +got\n%s\n%s", cmp.Diff(text(rt, want), text(rt, got)), shown.String())
		}
		a, errA := conf.Validate(grouped(file), nil)
		b, errB := conf.Validate(s.draft.File(), nil)
		if (errA == nil) != (errB == nil) {
			rt.Fatalf("%v, afterwards %v", errA, errB)
		}
		if errA == nil && !reflect.DeepEqual(a, b) {
			rt.Fatalf("the meaning changed:\n%s", shown.String())
		}
		// Applying the difference as commands to the running (empty) configuration gives the same
		// configuration again.
		must(rt, s, "discard")
		if errA == nil {
			for _, d := range commands.Compare(commands.Of(conf.NewFile()), commands.Of(file)) {
				if d.Op == "-" {
					rt.Fatalf("a removal from an empty configuration: %s", d)
				}
			}
		}
		must(rt, s, "discard", "end")
	})
}

// text returns a file as text.
func text(t *rapid.T, f *conf.File) string {
	data, err := conf.Marshal(f, conf.TOML)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestNothingSecretIsShown searches every output that shows a configuration for its secrets.
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
