// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"vrrpsh/platform"
)

func TestInspect(t *testing.T) {
	for _, test := range []struct {
		name     string
		settings map[string]int
		macvlan  bool
		want     string // a part of the only finding; empty: there is none
	}{
		{"the settings that a macvlan needs", map[string]int{
			"all/arp_ignore": 1, "eth0/arp_ignore": 1, "all/rp_filter": 1, "eth0/rp_filter": 1, "m1/rp_filter": 2, "eth0/proxy_arp": 1,
		}, true, ""},
		{"settings allowed for an interface itself", map[string]int{"all/proxy_arp": 1, "all/rp_filter": 1, "all/arp_ignore": 1}, false, ""},
		{"no answers at all", map[string]int{"all/arp_ignore": 8}, false, "conf.all.arp_ignore is 8: ARP requests for virtual addresses are not answered"},
		{"no answers on the interface", map[string]int{"eth0/arp_ignore": 8, "all/arp_ignore": 1}, true, "conf.eth0.arp_ignore is 8: ARP requests for virtual addresses are not answered"},
		{"answers for all interfaces", map[string]int{"all/arp_ignore": 3}, true, "eth0 answers ARP for virtual addresses with its own MAC"},
		{"the same without a macvlan", map[string]int{"all/arp_ignore": 3}, false, ""},
		{"answers for the subnet only", map[string]int{"all/arp_ignore": 2}, true, "other subnets"},
		{"ARP filter", map[string]int{"all/arp_filter": 1}, true, "all.arp_filter is 1: ARP requests for virtual addresses on macvlans"},
		{"ARP filter of the parent", map[string]int{"eth0/arp_filter": 1}, true, ""},
		{"ARP filter of the interface itself", map[string]int{"eth0/arp_filter": 1}, false, "eth0.arp_filter is 1: hosts whose return route"},
		{"proxy ARP", map[string]int{"all/proxy_arp": 1}, true, "every address of the subnet"},
		{"strict since the macvlan was made", map[string]int{"all/rp_filter": 1, "m1/rp_filter": 0}, true, "come in on m1 are discarded"},
		{"strict before there is a macvlan", map[string]int{"all/rp_filter": 1}, true, ""},
	} {
		files := make(fstest.MapFS)
		for name, n := range test.settings {
			files[name] = &fstest.MapFile{Data: fmt.Appendln(nil, n)}
		}
		var macvlans []string
		if test.macvlan {
			macvlans = []string{"m1"}
		}
		got := inspect(files, "eth0", macvlans)
		if test.want == "" && len(got) > 0 || test.want != "" && (len(got) != 1 || !strings.Contains(got[0], test.want)) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// TestInspectKernel checks that the kernel has the inspected settings.
func TestInspectKernel(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up1")
	must(t, inside(h.router, func() error {
		if got := Inspect("up1"); len(got) > 0 {
			return fmt.Errorf("a new namespace has %q", got)
		}
		for k, v := range map[setting]string{arpIgnore: "8", arpFilter: "1", proxyARP: "1"} {
			if err := os.WriteFile("/proc/sys/net/ipv4/conf/all/"+k.String(), []byte(v), 0); err != nil {
				return err
			}
		}
		if got := Inspect("up1", "m1"); len(got) != 3 || !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "all.proxy_arp") }) {
			return fmt.Errorf("found %q", got)
		}
		return nil
	}))
}

func TestNotForwarding(t *testing.T) {
	settings := fstest.MapFS{
		"ipv4/conf/eth0/forwarding": {Data: []byte("0\n")}, "ipv6/conf/eth0/forwarding": {Data: []byte("1\n")},
		"ipv4/conf/eth1/forwarding": {Data: []byte("1\n")},
	}
	for _, tt := range []struct {
		iface  string
		family platform.Family
		want   string
	}{
		{"eth0", platform.IPv4, "net.ipv4.conf.eth0.forwarding"}, {"eth0", platform.IPv6, ""}, {"eth1", platform.IPv4, ""}, {"eth1", platform.IPv6, ""},
	} {
		if got := notForwarding(settings, tt.iface, tt.family); got != tt.want {
			t.Errorf("%s, IPv%d: %q, want %q", tt.iface, tt.family, got, tt.want)
		}
	}
}
