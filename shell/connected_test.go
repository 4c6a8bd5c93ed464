// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/conf"
	"vrrpsh/engine"
)

// TestConnectedRoutes checks which virtual addresses add a route to their subnet.
func TestConnectedRoutes(t *testing.T) {
	file, err := conf.Parse("test", []byte(`
[[vrouter]]
group = 1
interface = "eth0"
vips = ["192.0.2.100/24", "203.0.113.10/24", "203.0.113.11/24", "198.51.100.1", "10.0.0.1/32"]
[[vrouter]]
group = 2
interface = "eth0"
vips = ["fe80::1/64", "2001:db8:1::1/64"]
[[vrouter]]
group = 3
interface = "absent0"
vip = "203.0.113.11/24"
[[vrouter]]
group = 4
interface = "eth0"
netdrv = "ioctl"
vip = "203.0.113.12/24"
`), conf.TOML)
	if err != nil {
		t.Fatal(err)
	}
	links := []engine.LinkStatus{{Link: engine.Link{Name: "eth0", Addrs: []netip.Prefix{
		netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("fe80::2/64"),
	}}}}
	want := []connectedRoute{{"eth0", 1, "203.0.113.0/24"}, {"eth0", 2, "2001:db8:1::/64"}}
	if diff := cmp.Diff(want, connectedRoutes(file, links)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestCheckTellsOfConnectedRoutes checks that "commit check" names them.
func TestCheckTellsOfConnectedRoutes(t *testing.T) {
	onLAN(t, func(l *lan) {
		r1 := l.router(1, v3)
		const want = "Connected route 203.0.113.0/24: eth0 has no address in it, so group 1 adds the route while Master\n"
		for _, connects := range []bool{false, true} {
			r1.env.Connects = connects
			out := must(l.t, r1.Session, "configure", "interface eth0 vrrp 1 vip 203.0.113.10/24", "commit check")
			if strings.Contains(out, want) != connects {
				l.t.Errorf("a system that has them %t: commit check says\n%s", connects, out)
			}
			must(l.t, r1.Session, "discard", "end")
		}
	})
}
