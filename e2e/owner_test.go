// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// ownerGroup is the group with the first router's own IPv4 or IPv6 address, or with the addresses of both routers.
func ownerGroup(vips ...string) string {
	return fmt.Sprintf("[[vrouter]]\ngroup = %d\ninterface = \"eth0\"\nversion = 3\nvips = [\"%s\"]\n"+
		"advertise_interval = \"200ms\"\npriority = 7\n", vrid, strings.Join(vips, `", "`))
}

// TestAddressOwner checks, in both families, that a router with the virtual address on its interface is Master at once,
// takes over from any other Master, and never removes the address from its interface.
func TestAddressOwner(t *testing.T) {
	for _, tc := range []struct{ name, vip string }{{"IPv4", "192.0.2.1"}, {"IPv6", "fe80::fee"}} {
		t.Run(tc.name, func(t *testing.T) {
			parallel(t)
			l := lab.New(t, 2)
			if tc.name == "IPv6" {
				l.Routers[0].IP("addr add " + tc.vip + "/64 dev eth0 nodad")
			}
			wire := l.Capture()
			r1 := l.VrrpshFile(bin, l.Routers[0], ownerGroup(tc.vip))
			r2 := l.VrrpshFile(bin, l.Routers[1], ownerGroup(tc.vip))
			r2.Start()
			r2.WaitState("Master", patience)

			start := time.Now()
			r1.Start()
			if first := wire.WaitMaster("r1", start, patience); first.Priority != 255 {
				t.Errorf("the owner's first advert has priority %d", first.Priority)
			}
			r1.WaitState("Master", patience)
			r2.WaitState("Backup", patience)
			stays := func(when string) {
				t.Helper()
				if got := r1.Node().Holds(tc.vip); got != "eth0" {
					t.Errorf("%s the owner's address is on %q", when, got)
				}
			}
			stays("while Master")
			start = time.Now()
			r1.Stop()
			bye := wire.WaitResign("r1", start, patience)
			wire.WaitMaster("r2", bye.Time, patience)
			stays("after the end")
		})
	}
}

// TestTwoAddressOwners checks that with two owners, a misconfiguration, the one with the numerically higher primary address
// is Master, and that the other one reports the fault.
func TestTwoAddressOwners(t *testing.T) {
	parallel(t)
	l := lab.New(t, 2)
	wire := l.Capture()
	group := ownerGroup("192.0.2.1", "192.0.2.2")
	r1, r2 := l.VrrpshFile(bin, l.Routers[0], group), l.VrrpshFile(bin, l.Routers[1], group)
	r1.Start()
	r1.WaitState("Master", patience)
	start := time.Now()
	r2.Start()
	wire.WaitMaster("r2", start, patience)
	r1.WaitState("Backup", patience)
	r2.WaitState("Master", patience)
	for _, tc := range []struct{ command, want string }{
		{"show vrrp", "Another owner of the virtual address is 192.0.2.2"},
		{"show vrrp explain", "192.0.2.2 advertises that it owns a virtual address"},
		{"show logging", "192.0.2.2 and this router both claim to own the virtual addresses"},
	} {
		if out := r1.Show(strings.Fields(tc.command)...); !strings.Contains(out, tc.want) {
			t.Errorf("%s does not show %q:\n%s", tc.command, tc.want, out)
		}
	}
	for _, r := range []*lab.Vrrpsh{r1, r2} {
		if own := r.Node().Holds(r.Node().Addr); own != "eth0" {
			t.Errorf("%s lost its own address", r.Name)
		}
	}
	r2.Stop()
	r1.WaitState("Master", patience)
	if got := r2.Node().Holds("192.0.2.2"); got != "eth0" {
		t.Errorf("after the end r2's address is on %q", got)
	}
}

// TestOwnerIsAtTheVirtualMAC checks that hosts know an address owner on a macvlan by the virtual MAC alone (RFC 9568 sections
// 8.1.2, 8.2.1 and 8.2.2): hosts that resolve its address, hosts that check whether it is still reachable, and hosts that it
// resolves itself learn no other MAC, and connectivity continues. The interface's other addresses stay at the interface's own
// MAC.
func TestOwnerIsAtTheVirtualMAC(t *testing.T) {
	parallel(t)
	for _, tc := range []struct{ name, vip, other, host string }{
		{"IPv4", "192.0.2.1", "192.0.2.31", lab.HostAddr},
		{"IPv6", "2001:db8::1", "2001:db8::31", "2001:db8::10"},
		{"IPv6 link-local", "fe80::fee", "2001:db8::1", "2001:db8::10"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := lab.New(t, 1)
			node := l.Routers[0]
			bits, zone, virtual := "/64 nodad", "", "00:00:5e:00:02:33"
			if tc.name == "IPv4" {
				bits, virtual = "/24", "00:00:5e:00:01:33"
			} else if strings.HasPrefix(tc.vip, "fe80") {
				node.IP("addr add " + tc.vip + "/64 dev eth0 nodad")
				zone = "%eth0"
			}
			if tc.other != "2001:db8::1" {
				node.IP("addr add " + tc.other + bits + " dev eth0")
			}
			own := node.MAC("eth0")
			before := node.Run("nft", "list", "ruleset")
			r1 := l.VrrpshFile(bin, node, ownerGroup(tc.vip)+"iftype = \"macvlan\"\n")
			wire := l.Capture()
			r1.Start()
			r1.WaitState("Master", patience)

			start := time.Now()
			forget := func() {
				for _, n := range []*lab.Namespace{l.Host, node} {
					n.IP("neigh flush dev eth0")
				}
			}
			asked := func(when, addr, want string) {
				t.Helper()
				forget()
				target := addr
				if addr == tc.vip {
					target += zone
				}
				l.Host.Run("ping", "-q", "-c", "1", "-W", "2", target)
				if got := l.Host.Neighbor(addr); got != want {
					t.Errorf("%s, %s is at %s, want %s", when, addr, got, want)
				}
			}
			lab.Until(t, patience, "the macvlan is up", func() error {
				if !strings.Contains(node.Run("ip", "-o", "link", "show", "type", "macvlan"), ",UP") {
					return errNotYet
				}
				return nil
			})
			asked("while it is Master", tc.vip, virtual)
			asked("while it is Master", tc.other, own)

			// The host probes by unicast, as it does for a stale neighbor entry.
			asked("again", tc.vip, virtual)
			l.Host.IP("neigh change " + tc.vip + " dev eth0 lladdr " + virtual + " nud probe")
			lab.Until(t, patience, "the host has confirmed its entry", func() error {
				if out := l.Host.Run("ip", "neigh", "show", tc.vip, "dev", "eth0"); !strings.Contains(out, "REACHABLE") {
					return fmt.Errorf("%s", strings.TrimSpace(out))
				}
				return nil
			})

			// The router resolves the host's address.
			forget()
			source := tc.vip
			if zone != "" {
				source = "eth0"
			}
			node.Run("ping", "-q", "-c", "1", "-W", "2", "-I", source, tc.host)

			for _, f := range wire.Frames("r1", start) {
				if mac, ok := lab.Claims(f, tc.vip); ok && mac.String() != virtual {
					t.Errorf("a frame announces %s at %s: %x", tc.vip, mac, f.Data)
				}
			}
			r1.Stop()
			asked("after the end", tc.vip, own)
			if after := node.Run("nft", "list", "ruleset"); after != before {
				t.Errorf("rules left in the packet filter:\n%s", after)
			}
		})
	}
}
