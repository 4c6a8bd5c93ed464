// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"net/netip"
	"strings"
	"testing"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// TestStaticRouteFaults checks the message for every rule of [[protocols.static]].
func TestStaticRouteFaults(t *testing.T) {
	const nh = "nh = \"10.0.0.254\"\n"
	for _, tc := range []struct{ name, toml, want string }{
		{"route and mask", "route = \"0.0.0.0\"\nmask = \"0.0.0.0\"\n" + nh, ``},
		{"prefix length", "route = \"10.0.0.0/8\"\n" + nh, ``},
		{"route missing", nh, `protocols.static[0].route: is required`},
		{"nh missing", "route = \"10.0.0.0/8\"\n", `protocols.static[0].nh: is required`},
		{"mask missing", "route = \"10.0.0.0\"\n" + nh, `protocols.static[0].mask: is required, or a prefix length in route`},
		{"mask beside a prefix length", "route = \"10.0.0.0/8\"\nmask = \"255.0.0.0\"\n" + nh, `protocols.static[0].mask: "255.0.0.0" is not possible`},
		{"mask with a hole", "route = \"10.0.0.0\"\nmask = \"255.0.255.0\"\n" + nh, `protocols.static[0].mask: "255.0.255.0" is not a network mask`},
		{"no address", "route = \"net\"\nmask = \"255.0.0.0\"\n" + nh, `protocols.static[0].route: "net" is not an IPv4 address`},
		{"IPv6", "route = \"2001:db8::/32\"\n" + nh, `protocols.static[0].route: "2001:db8::/32" is not an IPv4 destination`},
		{"bits outside the mask", "route = \"10.1.0.0/8\"\n" + nh, ``},
		{"nh no address", "route = \"10.0.0.0/8\"\nnh = \"gw\"\n", `protocols.static[0].nh: "gw" is not the IPv4 address of a router`},
		{"nh multicast", "route = \"10.0.0.0/8\"\nnh = \"224.0.0.18\"\n", `is not the IPv4 address of a router`},
		{"metric", "route = \"10.0.0.0/8\"\nmetric = -1\n" + nh, `protocols.static[0].metric: -1 is out of range 0-4294967295`},
		{"mtu", "route = \"10.0.0.0/8\"\nmtu = 60\n" + nh, `protocols.static[0].mtu: 60 is out of range 68-65535`},
		{"unknown key", "route = \"10.0.0.0/8\"\nmtus = 1500\n" + nh, `protocols.static[0].mtus: unknown key; did you mean mtu?`},
		{"bound", "route = \"10.0.0.0/8\"\ngroup = 51\ninterface = \"eth0\"\n" + nh, ``},
		{"bound to a missing virtual router", "route = \"10.0.0.0/8\"\ngroup = 52\ninterface = \"eth0\"\n" + nh, `protocols.static[0].group: 52 is not a virtual router on "eth0"`},
		{"group alone", "route = \"10.0.0.0/8\"\ngroup = 51\n" + nh, `protocols.static[0].interface: is required with group`},
		{"interface alone", "route = \"10.0.0.0/8\"\ninterface = \"eth0\"\n" + nh, `protocols.static[0].group: is required with interface`},
		{"the same twice", "route = \"10.0.0.0/8\"\n" + nh + "[[protocols.static]]\nroute = \"10.0.0.0\"\nmask = \"255.0.0.0\"\n" + nh, ``},
		{"twice, with another binding", "route = \"10.0.0.0/8\"\n" + nh + "[[protocols.static]]\nroute = \"10.0.0.0/8\"\ngroup = 51\ninterface = \"eth0\"\n" + nh, `protocols.static[1].route: 10.0.0.0/8 with metric 0 is already the destination of protocols.static[0]`},
		{"mtu 0", "route = \"10.0.0.0/8\"\nmtu = 0\n" + nh, ``},
		{"twice by another router", "route = \"10.0.0.0/8\"\n" + nh + "[[protocols.static]]\nroute = \"10.0.0.0\"\nmask = \"255.0.0.0\"\nnh = \"10.0.0.253\"\n", `protocols.static[1].route: 10.0.0.0/8 with metric 0 is already the destination of protocols.static[0]`},
		{"twice with other metrics", "route = \"10.0.0.0/8\"\n" + nh + "[[protocols.static]]\nroute = \"10.0.0.0/8\"\nmetric = 1\n" + nh, ``},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := Load("f.toml", []byte(base+"[[protocols.static]]\n"+tc.toml), TOML)
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// TestStaticRoutes checks the meaning of every key, which survives writing and reading.
func TestStaticRoutes(t *testing.T) {
	f := parsed(t, base+`[[protocols.static]]
route = "0.0.0.0"
mask = "0.0.0.0"
nh = "10.240.0.254"
[[protocols.static]]
route = "10.0.0.0/8"
nh = "10.0.0.254"
metric = 7
mtu = 1400
group = 51
interface = "eth0"
`)
	for _, format := range []Format{TOML, JSON} {
		data, err := Marshal(f, format)
		if err != nil {
			t.Fatal(err)
		}
		again, cfg, err := Load("again", data, format)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if !again.Equal(f) {
			t.Errorf("written as\n%s", data)
		}
		want := []engine.StaticRoute{
			{Destination: netip.MustParsePrefix("0.0.0.0/0"), NextHop: netip.MustParseAddr("10.240.0.254")},
			{Destination: netip.MustParsePrefix("10.0.0.0/8"), NextHop: netip.MustParseAddr("10.0.0.254"), Metric: 7, MTU: 1400,
				Bound: engine.Key{Interface: "eth0", Family: vrrp.IPv4, VRID: 51}},
		}
		for i, r := range cfg.Engine.Routes {
			if r != want[i] {
				t.Errorf("route %d is %+v, want %+v", i, r, want[i])
			}
		}
		if len(cfg.Engine.Routes) != len(want) {
			t.Errorf("%d routes, want %d", len(cfg.Engine.Routes), len(want))
		}
	}
}
