// SPDX-License-Identifier: GPL-3.0-only

package router

import (
	"slices"
	"strings"
	"testing"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// TestObstacles checks which interfaces are inspected, and that a common finding is reported once.
func TestObstacles(t *testing.T) {
	group := func(iface string, family vrrp.Family, vif string) engine.VirtualRouter {
		r := engine.VirtualRouter{Key: engine.Key{Interface: iface, Family: family, VRID: 1}, VIFName: vif}
		if vif != "" {
			r.Type = engine.Macvlan
		}
		return r
	}
	down := group("eth3", vrrp.IPv4, "")
	down.Shutdown = true
	routers := []engine.VirtualRouter{
		group("eth0", vrrp.IPv4, "m1"), group("eth0", vrrp.IPv4, ""), group("eth1", vrrp.IPv4, "m2"),
		group("eth0", vrrp.IPv4, "m3"), group("eth2", vrrp.IPv6, "m4"), down,
	}
	var asked []string
	got := inspector(func(iface string, macvlans ...string) []string {
		asked = append(asked, iface+" "+strings.Join(macvlans, ","))
		return []string{"all", iface}
	}).obstacles(routers)
	if want := []string{"eth0 m1,m3", "eth0 ", "eth1 m2"}; !slices.Equal(asked, want) {
		t.Errorf("inspected %q, want %q", asked, want)
	}
	if want := []string{"all", "eth0", "eth1"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	if got := inspector(nil).obstacles(routers); got != nil {
		t.Errorf("found %q without an inspection", got)
	}
}
