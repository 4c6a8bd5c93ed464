// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"net/netip"
	"strings"
	"testing"

	"vrrpsh/engine"
)

func TestStaticRouteCommands(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	s := newSession(t, env, admin)
	must(t, s, "configure",
		"ip route 0.0.0.0/0 10.240.0.254",
		"ip route 10.0.0.0/8 10.0.0.254 metric 10 mtu 1400",
		"ip route 10.0.0.0/8 10.0.0.253 metric 20",
		"ip route 10.0.0.0/8 10.0.0.252 metric 20") // replaces the route before
	lines := func() string { return must(t, s, "show | include route") }
	if got, want := lines(), `ip route 0.0.0.0/0 10.240.0.254
ip route 10.0.0.0/8 10.0.0.254 metric 10 mtu 1400
ip route 10.0.0.0/8 10.0.0.252 metric 20
`; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	must(t, s, "no ip route 10.0.0.0/8 metric 20")
	if got := lines(); strings.Contains(got, "metric 20") || !strings.Contains(got, "metric 10") {
		t.Errorf("after no … metric 20:\n%s", got)
	}
	must(t, s, "no ip route 10.0.0.0/8 10.9.9.9")
	if got := lines(); !strings.Contains(got, "metric 10") {
		t.Errorf("after no … with another next hop:\n%s", got)
	}
	must(t, s, "commit")
	if got := must(t, s, "show running-config | include route"); strings.Count(got, "\n") != 2 {
		t.Errorf("running:\n%s", got)
	}
	must(t, s, "no ip route 0.0.0.0/0", "no ip route 10.0.0.0/8")
	if got := must(t, s, "show changes"); got != "-ip route 0.0.0.0/0 10.240.0.254\n-ip route 10.0.0.0/8 10.0.0.254 metric 10 mtu 1400\n" {
		t.Errorf("changes:\n%s", got)
	}
	for _, line := range []string{
		"ip route 10.0.0.1/8 10.0.0.254", "ip route 10.0.0.0 10.0.0.254", "ip route 10.0.0.0/8 2001:db8::1",
		"ip route 10.0.0.0/8 224.0.0.1", "ip route 10.0.0.0/8 10.0.0.254 mtu 60",
	} {
		if status := s.Execute(t.Context(), line, IO{Out: new(strings.Builder), Err: new(strings.Builder)}); status == Done {
			t.Errorf("%q is accepted", line)
		}
	}
}

func TestShowIPRoute(t *testing.T) {
	env, r := newEnv(t, "")
	r.routes = []engine.RouteStatus{
		{StaticRoute: engine.StaticRoute{Destination: netip.MustParsePrefix("0.0.0.0/0"), NextHop: netip.MustParseAddr("10.240.0.254")},
			State: engine.RouteFailed, Fault: "network is unreachable"},
		{StaticRoute: engine.StaticRoute{Destination: netip.MustParsePrefix("10.0.0.0/8"), NextHop: netip.MustParseAddr("10.0.0.254"),
			Metric: 10, MTU: 1400, Bound: engine.Key{Interface: "eth0", VRID: 51}}, State: engine.RouteInstalled},
	}
	s := newSession(t, env, viewer)
	want := `Destination  Next hop      Metric   MTU  While          State
0.0.0.0/0    10.240.0.254       0     -  any Master     failed: network is unreachable
10.0.0.0/8   10.0.0.254        10  1400  eth0 group 51  installed
`
	if got := must(t, s, "show ip route"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	json := must(t, s, "show ip route | json")
	for _, part := range []string{`"destination": "0.0.0.0"`, `"mask": "255.0.0.0"`, `"next_hop": "10.0.0.254"`, `"metric": 10`, `"mtu": 1400`, `"state": "failed"`} {
		if !strings.Contains(json, part) {
			t.Errorf("JSON lacks %s:\n%s", part, json)
		}
	}
}
