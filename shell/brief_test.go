// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// TestBriefIsThatOfIOS: programs read "show vrrp brief" as they read the table of IOS-XE, for example with the template of
// ntc-templates. It is the order of columns that they know, one router in a line, addresses without a zone and prefix length.
func TestBriefIsThatOfIOS(t *testing.T) {
	header := regexp.MustCompile(`^ *Interface +Grp +A-F +Pri +Time +Own +Pre +State +Master addr/Group addr$`)
	address := `[0-9A-Fa-f.:]+`
	row := regexp.MustCompile(`^ *\S+ +\d+ +IPv[46] +\d+ +\d+ +[YN]? +[YN] +[A-Z]+ +` + address + `(\(local\))? +` + address)
	env, r := newEnv(t, sampleFile+`
[[vrouter]]
group = 6
interface = "eth0"
version = 3
vips = ["fe80::1:6", "2001:db8:1234:5678:9abc:def0:1234:5678"]
[[vrouter]]
group = 255
interface = "enp129s0f1.4094"
version = 3
vips = ["fe80::ffff:ffff:ffff:ffff"]
`)
	r.change = func(st *engine.RouterStatus) {
		if st.Config.VRID == 255 || st.Config.VRID == 1 {
			st.State, st.MasterAddr = vrrp.Initialize, netip.Addr{}
		}
	}
	s := newSession(t, env, User{Name: "bot", Level: conf.Viewer, Plain: true})
	d := display{}
	if status := s.Execute(t.Context(), "show vrrp brief", d.io(80)); status != Done {
		t.Fatalf("status %d: %s", status, d.String())
	}
	lines := strings.Split(strings.TrimRight(d.String(), "\n"), "\n")
	if len(lines) != 1+len(env.Manager.Running().Config.Engine.Routers) || !header.MatchString(lines[0]) {
		t.Errorf("%d lines:\n%s", len(lines), d.String())
	}
	for _, l := range lines[1:] {
		if !row.MatchString(l) {
			t.Errorf("%q", l)
		}
	}
}
