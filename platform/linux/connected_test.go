// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// connected returns the routes without a next hop to subnets, of both families.
func (h *harness) connected() []string {
	h.t.Helper()
	var lines []string
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := h.r.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
		must(h.t, err)
		for _, r := range routes {
			if r.Gw != nil || r.Dst == nil || r.Dst.IP.IsLinkLocalUnicast() {
				continue
			}
			l, err := h.r.LinkByIndex(r.LinkIndex)
			must(h.t, err)
			src := ""
			if r.Src != nil {
				src = " src " + r.Src.String()
			}
			lines = append(lines, fmt.Sprintf("%s dev %s proto %d%s", r.Dst, l.Attrs().Name, r.Protocol, src))
		}
	}
	slices.Sort(lines)
	return lines
}

// TestConnectedRoutes checks which subnets are reachable while the router is Master and the interface's own addresses
// change.
func TestConnectedRoutes(t *testing.T) {
	pfx := netip.MustParsePrefix
	const own = "10.9.0.0/24 dev up0 proto 2 src 10.9.0.1"
	for _, tt := range []struct {
		name    string
		macvlan bool
		six     bool
		vips    string
		before  string // the addresses of the interface, before it is Master
		harm    func(h *harness)
		want    []string
	}{
		{name: "the interface has the subnet", vips: "10.9.0.100/24", before: "10.9.0.1/24", want: []string{own}},
		{name: "with macvlan", macvlan: true, vips: "10.9.0.100/24", before: "10.9.0.1/24", want: []string{own}},
		{
			name: "another address is added and the first removed", vips: "10.9.0.100/24 10.9.0.101/24", before: "10.9.0.1/24",
			harm: func(h *harness) {
				h.AddAddr("up0", pfx("10.9.0.5/24"))
				h.DelAddr("up0", pfx("10.9.0.1/24"))
			},
			want: []string{"10.9.0.0/24 dev up0 proto 2 src 10.9.0.5"},
		},
		{
			name: "the address of the subnet comes later", vips: "10.9.0.100/24", before: "10.8.0.1/24",
			harm: func(h *harness) { h.AddAddr("up0", pfx("10.9.0.1/24")) },
			want: []string{"10.8.0.0/24 dev up0 proto 2 src 10.8.0.1", own},
		},
		{
			name: "and all of them are removed", vips: "10.9.0.100/24", before: "10.8.0.1/24 10.9.0.1/24",
			harm: func(h *harness) { h.DelAddr("up0", pfx("10.9.0.1/24")) },
			want: []string{"10.8.0.0/24 dev up0 proto 2 src 10.8.0.1", "10.9.0.0/24 dev up0 proto 112 src 10.9.0.100"},
		},
		{
			name: "a subnet of the virtual address alone", vips: "203.0.113.10/24 203.0.113.11/24", before: "10.9.0.1/24",
			want: []string{own, "203.0.113.0/24 dev up0 proto 112 src 203.0.113.10"},
		},
		{
			name: "the same with macvlan", macvlan: true, vips: "203.0.113.10/24", before: "10.9.0.1/24",
			want: []string{own, "203.0.113.0/24 dev standby7 proto 112 src 203.0.113.10"},
		},
		{name: "without a prefix length", vips: "203.0.113.10/32", before: "10.9.0.1/24", want: []string{own}},
		{
			name: "part of a greater subnet", vips: "10.9.0.100/28", before: "10.9.0.1/24",
			want: []string{own},
		},
		{
			name: "IPv6", six: true, vips: "fe80::1/64 2001:db8:1::1/64", before: "10.9.0.1/24",
			want: []string{own, "2001:db8:1::/64 dev up0 proto 112"},
		},
		{
			name: "IPv6 with macvlan", six: true, macvlan: true, vips: "fe80::1/64 2001:db8:1::1/64", before: "10.9.0.1/24",
			want: []string{own, "2001:db8:1::/64 dev standby7 proto 112"},
		},
		{
			name: "IPv6 with an address of the subnet", six: true, vips: "fe80::1/64 2001:db8:1::1/64", before: "2001:db8:1::7/64",
			want: []string{"2001:db8:1::/64 dev up0 proto 2"},
		},
		{
			name: "IPv6 with an address of the subnet that is removed", six: true, vips: "fe80::1/64 2001:db8:1::1/64", before: "2001:db8:1::7/64",
			harm: func(h *harness) { h.DelAddr("up0", pfx("2001:db8:1::7/64")) },
			want: []string{"2001:db8:1::/64 dev up0 proto 112"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			h.AddLink("up0")
			for _, a := range strings.Fields(tt.before) {
				h.AddAddr("up0", pfx(a))
			}
			before := h.connected()
			var vips []netip.Prefix
			for _, a := range strings.Fields(tt.vips) {
				vips = append(vips, pfx(a))
			}
			a := onUp0(t, h, 7, tt.macvlan, vips...)
			if tt.six {
				a.ID.Family, a.MAC[4] = platform.IPv6, 2
			}
			mustApply(t, h.system, a)
			if tt.harm != nil {
				tt.harm(h)
			}
			reconcile(t, h)
			if diff := cmp.Diff(tt.want, h.connected()); diff != "" {
				t.Errorf("as Master (-want +got):\n%s", diff)
			}
			// The successor of a hitless restart knows the routes, and nothing stays after a crash.
			left, err := h.system.Leave()
			must(t, err)
			h.Restart()
			must(t, h.system.Adopt(left))
			mustApply(t, h.system, a)
			if diff := cmp.Diff(tt.want, h.connected()); diff != "" {
				t.Errorf("restarted (-want +got):\n%s", diff)
			}
			if tt.harm != nil {
				return // the earlier routes are gone
			}
			h.Crash()
			must(t, h.system.Recover())
			if diff := cmp.Diff(before, h.connected()); diff != "" {
				t.Errorf("recovered (-want +got):\n%s", diff)
			}
			mustApply(t, h.system, a)
			a.Active = false
			mustApply(t, h.system, a)
			if diff := cmp.Diff(before, h.connected()); diff != "" {
				t.Errorf("as Backup (-want +got):\n%s", diff)
			}
		})
	}
}

// reconcile compares once. It applies nothing, because nothing may be missing.
func reconcile(t *testing.T, h *harness) {
	t.Helper()
	lost, routesLost, err := h.system.Reconcile()
	if err != nil || len(lost) > 0 || routesLost {
		t.Fatalf("lost %v, routes %t: %v", lost, routesLost, err)
	}
}

// TestConnectedRoutesStayOverARestart checks that the successor of a hitless restart leaves the route of a running Master alone while it applies
// other virtual routers first, and when it compares.
func TestConnectedRoutesStayOverARestart(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	backup := onUp0(t, h, 7, false, vip4)
	backup.Active = false
	mustApply(t, h.system, onUp0(t, h, 8, false, netip.MustParsePrefix("203.0.113.10/24")), backup)
	before := h.connected()
	if len(before) != 2 {
		t.Fatalf("the routes are %q", before)
	}
	left, err := h.system.Leave()
	must(t, err)
	h.Restart()
	must(t, h.system.Adopt(left))
	mustApply(t, h.system, backup)
	if diff := cmp.Diff(before, h.connected()); diff != "" {
		t.Errorf("after the Backup was applied (-want +got):\n%s", diff)
	}
	reconcile(t, h)
	if diff := cmp.Diff(before, h.connected()); diff != "" {
		t.Errorf("after a comparison (-want +got):\n%s", diff)
	}
}

// TestConnectedRouteOfOthers checks that an existing route to a subnet stays.
func TestConnectedRouteOfOthers(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	h.AddLink("up1", netip.MustParsePrefix("203.0.113.2/24"))
	before := h.connected()
	a := onUp0(t, h, 7, false, netip.MustParsePrefix("203.0.113.10/24"))
	mustApply(t, h.system, a)
	reconcile(t, h)
	if diff := cmp.Diff(before, h.connected()); diff != "" {
		t.Errorf("as Master (-want +got):\n%s", diff)
	}
	a.Active = false
	mustApply(t, h.system, a)
	if diff := cmp.Diff(before, h.connected()); diff != "" {
		t.Errorf("as Backup (-want +got):\n%s", diff)
	}
}

// TestApplyLooksOnlyAtItsInterfaces checks that the number of requests of Apply for one virtual router does not grow with the
// number of other interfaces that have virtual routers.
func TestApplyLooksOnlyAtItsInterfaces(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	a := onUp0(t, h, 1, true, netip.MustParsePrefix("203.0.113.10/24"))
	requests := 0
	apply := func() int {
		t.Helper()
		requests = 0
		mustApply(t, h.system, a)
		return requests
	}
	mustApply(t, h.system, a)
	h.system.change.inject = func(done bool) error {
		if done {
			requests++
		}
		return nil
	}
	alone := apply()
	for i := range byte(5) {
		name := fmt.Sprint("up", i+1)
		h.AddLink(name, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 10, i, 1}), 24))
		other := onUp0(t, h, i+2, i%2 == 0, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 11, i, 1}), 24))
		other.ID.Link, other.Link = name, h.link(name).Attrs().Index
		mustApply(t, h.system, other)
	}
	if got := apply(); got != alone {
		t.Errorf("beside others Apply made %d system calls, alone %d", got, alone)
	}
	reconcile(t, h)
	if got := apply(); got != alone {
		t.Errorf("after a comparison Apply made %d system calls, alone %d", got, alone)
	}
}

// TestMacvlanFollows checks that a macvlan follows its interface, and that changes to the macvlan itself are reverted.
func TestMacvlanFollows(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	four, six := onUp0(t, h, 4, true, vip4), onUp0(t, h, 6, true, netip.MustParsePrefix("fe80::6/64"))
	six.ID.Family, six.MAC[4] = platform.IPv6, 2
	write := func(file, value string) {
		t.Helper()
		must(t, inside(h.router, func() error { return os.WriteFile(filepath.Join("/proc/sys/net", file), []byte(value), 0) }))
	}
	read := func(file string) (value string) {
		t.Helper()
		must(t, inside(h.router, func() error {
			b, err := os.ReadFile(filepath.Join("/proc/sys/net", file))
			value = strings.TrimSpace(string(b))
			return err
		}))
		return value
	}
	write("ipv6/conf/default/disable_ipv6", "1") // for interfaces created from now on
	mustApply(t, h.system, four, six)
	check := func(when string, mtu int, forwarding, forwarding6 string) {
		t.Helper()
		reconcile(t, h)
		for _, a := range []platform.Attachment{four, six} {
			l := h.link(a.Name).Attrs()
			if l.MTU != mtu || l.HardwareAddr.String() != ipNetMAC(a.MAC) || l.Alias != alias(a.ID) {
				t.Errorf("%s: %s has MTU %d, MAC %s, alias %q", when, a.Name, l.MTU, l.HardwareAddr, l.Alias)
			}
			for file, want := range map[string]string{
				"ipv4/conf/" + a.Name + "/forwarding": forwarding, "ipv4/conf/" + a.Name + "/arp_ignore": "1",
				"ipv4/conf/" + a.Name + "/promote_secondaries": "1",
			} {
				if got := read(file); got != want {
					t.Errorf("%s: %s is %s, want %s", when, file, got, want)
				}
			}
		}
		for file, want := range map[string]string{
			"ipv6/conf/standby4/disable_ipv6": "1", "ipv6/conf/standby6/disable_ipv6": "0",
			"ipv6/conf/standby6/forwarding": forwarding6, "ipv6/conf/standby6/accept_ra": "0",
		} {
			if got := read(file); got != want {
				t.Errorf("%s: %s is %s, want %s", when, file, got, want)
			}
		}
	}
	off, off6 := read("ipv4/conf/up0/forwarding"), read("ipv6/conf/up0/forwarding")
	check("at first", 1500, off, off6)
	up0 := h.link("up0")
	must(t, h.r.LinkSetMTU(up0, 1400))
	check("with a smaller MTU", 1400, off, off6)
	must(t, h.r.LinkSetMTU(up0, 1500))
	check("with the former MTU", 1500, off, off6)
	write("ipv4/conf/up0/forwarding", "1")
	write("ipv6/conf/up0/forwarding", "1")
	check("forwarding", 1500, "1", "1")
	write("ipv4/conf/up0/forwarding", "0")
	write("ipv6/conf/up0/forwarding", "0")
	check("not forwarding", 1500, "0", "0")
	for _, a := range []platform.Attachment{four, six} {
		h.SetMAC(a.Name, [6]byte{2, 0, 0, 0, 9, a.ID.VRID})
		must(t, h.r.LinkSetAlias(h.link(a.Name), "mine"))
	}
	write("ipv4/conf/standby4/arp_ignore", "0")
	write("ipv6/conf/standby6/accept_ra", "1")
	check("after another program has changed everything", 1500, "0", "0")
}

func ipNetMAC(mac [6]byte) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5])
}

// TestWatchTellsWhatToReconcile checks that Watch reports changes that macvlans must follow or that connected routes depend on.
func TestWatchTellsWhatToReconcile(t *testing.T) {
	for what, do := range map[string]func(h *harness){
		"MTU":        func(h *harness) { must(h.t, h.r.LinkSetMTU(h.link("up0"), 1400)) },
		"MAC":        func(h *harness) { h.SetMAC("standby4", [6]byte{2, 0, 0, 0, 9, 9}) },
		"an address": func(h *harness) { h.AddAddr("up0", netip.MustParsePrefix("10.9.0.77/24")) },
		"forwarding": func(h *harness) {
			must(h.t, inside(h.router, func() error {
				b, err := os.ReadFile("/proc/sys/net/ipv4/conf/up0/forwarding")
				if err != nil {
					return err
				}
				return os.WriteFile("/proc/sys/net/ipv4/conf/up0/forwarding", []byte{b[0] ^ 1}, 0)
			}))
		},
	} {
		t.Run(what, func(t *testing.T) {
			h := newHarness(t)
			h.AddLink("up0", primary4)
			h.noIPv6("up0")
			mustApply(t, h.system, onUp0(t, h, 4, true, vip4))
			d := watchDiverged(t, h)
			if d.soFar() {
				t.Error("reported without a change")
			}
			do(h)
			for !d.next().Diverged {
			}
			reconcile(t, h)
		})
	}
}

// noIPv6 disables IPv6 on an interface: Duplicate Address Detection of its own addresses would send notifications a second later.
func (h *harness) noIPv6(name string) {
	h.t.Helper()
	must(h.t, inside(h.router, func() error {
		return os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0)
	}))
}

// TestWatchTellsOfRoutesThatOthersRemove checks that Watch asks for a comparison when another program removes a connected
// route, but not when the router adds one.
func TestWatchTellsOfRoutesThatOthersRemove(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	h.noIPv6("up0")
	subnet := netip.MustParsePrefix("203.0.113.0/24")
	a := onUp0(t, h, 7, false, netip.MustParsePrefix("203.0.113.10/24"))
	d := watchDiverged(t, h)
	if mustApply(t, h.system, a); d.soFar() {
		t.Error("reported its own addition")
	}
	must(t, h.r.RouteDel(&netlink.Route{LinkIndex: a.Link, Dst: ipnet(subnet), Scope: netlink.SCOPE_LINK}))
	if !d.soFar() {
		t.Error("did not report that another program removed it")
	}
	reconcile(t, h)
	if got := h.connected(); !slices.Contains(got, "203.0.113.0/24 dev up0 proto 112 src 203.0.113.10") {
		t.Errorf("the route was not put back: %q", got)
	}
}

// TestAddressesOfAnEarlierRelease checks that addresses with the prefix length of their subnet, as handed over by an earlier
// release, are converted to the present form.
func TestAddressesOfAnEarlierRelease(t *testing.T) {
	for _, macvlan := range []bool{false, true} {
		h := newHarness(t)
		h.AddLink("up0", primary4)
		a := onUp0(t, h, 7, macvlan, vip4, netip.MustParsePrefix("10.9.0.101/24"))
		mustApply(t, h.system, a)
		index := h.link("up0").Attrs().Index
		if macvlan {
			index = h.link(a.Name).Attrs().Index
		}
		for _, p := range a.Addrs {
			must(t, h.system.change.one(addRequest(index, p, macvlan), nil))
			must(t, h.system.change.one(delRequest(index, host(p)), nil))
		}
		left, err := h.system.Leave()
		must(t, err)
		for _, p := range a.Addrs {
			left = bytes.ReplaceAll(left, []byte(host(p).String()), []byte(p.String()))
		}
		h.Restart()
		must(t, h.system.Adopt(left))
		mustApply(t, h.system, a)
		reconcile(t, h)
		addrs, err := h.system.change.addrs(index)
		must(t, err)
		var ours []netip.Prefix
		for i := range addrs {
			if addrs[i].proto == addressMark {
				ours = append(ours, addrs[i].prefix)
			}
		}
		if want := []netip.Prefix{host(a.Addrs[0]), host(a.Addrs[1])}; !slices.Equal(ours, want) {
			t.Errorf("macvlan %t: the addresses are %v, want %v", macvlan, ours, want)
		}
		must(t, h.system.Close())
		if k := h.Kernel(); len(k.Links) != 1 || len(k.Links["up0"].Addrs) != 1 {
			t.Errorf("macvlan %t: left after the end: %+v", macvlan, k.Links)
		}
		h.Restart()
	}
}
