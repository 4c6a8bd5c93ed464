// SPDX-License-Identifier: GPL-3.0-only

package engine_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// cmpAddr lets cmp compare addresses.
var cmpAddr = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

func addr(s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(s)
}

func prefixes(list ...string) []netip.Prefix {
	var p []netip.Prefix
	for _, s := range list {
		p = append(p, netip.MustParsePrefix(s))
	}
	return p
}

func TestInterfaceLifeCycle(t *testing.T) {
	h := newHost(t)
	vr := group("eth0", 51, "10.0.0.100")
	vr.Type, vr.VIFName = engine.Macvlan, "vrrp51"
	up := ethernet(3, "eth0", "10.0.0.1/24")

	open := engine.Listen{Link: 3, Family: vrrp.IPv4, VRIDs: []uint8{51}, Source: addr("10.0.0.1"), Filter: true, Patience: 10 * time.Millisecond}
	closed := engine.Listen{Link: 3, Family: vrrp.IPv4}
	steps := []struct {
		name    string
		do      func()
		state   vrrp.State
		cause   vrrp.Cause
		listens []engine.Listen
		present string // "yes", "no", or "" for no request to the kernel
		event   string
	}{
		{"missing at start", func() { h.apply(config(vr)) }, vrrp.Initialize, vrrp.CauseNoLink, nil, "", ""},
		{"other interface", func() { h.link(ethernet(9, "eth9", "10.0.0.9/24")) }, vrrp.Initialize, vrrp.CauseNoLink, nil, "", ""},
		{"appears, down", func() { l := up; l.Up = false; h.link(l) }, vrrp.Initialize, vrrp.CauseLinkDown, nil, "yes", "interface found, down"},
		{"up, no address", func() { l := up; l.Addrs = nil; h.link(l) }, vrrp.Initialize, vrrp.CauseNoAddress, nil, "yes", "interface up"},
		{"address", func() { h.link(up) }, vrrp.Backup, vrrp.CauseStartup, []engine.Listen{open}, "yes", "addresses changed"},
		{"reported again", func() { h.link(up) }, vrrp.Backup, vrrp.CauseStartup, nil, "", ""},
		{"down", func() { l := up; l.Up = false; h.link(l) }, vrrp.Initialize, vrrp.CauseLinkDown, []engine.Listen{closed}, "", "interface down"},
		{"up", func() { h.link(up) }, vrrp.Backup, vrrp.CauseStartup, []engine.Listen{open}, "", "interface up"},
		{"primary address gone", func() { l := up; l.Addrs = nil; h.link(l) }, vrrp.Initialize, vrrp.CauseNoAddress, []engine.Listen{closed}, "yes", "addresses changed"},
		{"another one", func() { h.link(ethernet(3, "eth0", "10.0.0.7/24")) }, vrrp.Backup, vrrp.CauseStartup,
			[]engine.Listen{{Link: 3, Family: vrrp.IPv4, VRIDs: []uint8{51}, Source: addr("10.0.0.7"), Filter: true, Patience: 10 * time.Millisecond}}, "yes", "addresses changed"},
		{"back", func() { h.link(up) }, vrrp.Backup, vrrp.CauseStartup, []engine.Listen{open}, "", "addresses changed"},
		{"renamed", func() { l := up; l.Name = "lan0"; h.link(l) }, vrrp.Initialize, vrrp.CauseNoLink, []engine.Listen{closed}, "no", "interface missing"},
		{"renamed back", func() { h.link(up) }, vrrp.Backup, vrrp.CauseStartup, []engine.Listen{open}, "yes", "renamed from lan0"},
		{"removed", func() { h.unlink(3) }, vrrp.Initialize, vrrp.CauseNoLink, []engine.Listen{closed}, "no", "interface missing"},
		{"not Ethernet", func() { l := up; l.Ethernet = false; h.link(l) }, vrrp.Initialize, vrrp.CauseUnsuitable, nil, "", "interface found"},
		{"Ethernet after all", func() { h.link(up) }, vrrp.Backup, vrrp.CauseStartup, []engine.Listen{open}, "yes", "interface changed"},
		{"replaced before its end was reported", func() { l := up; l.Index = 4; h.link(l) }, vrrp.Backup, vrrp.CauseStartup,
			[]engine.Listen{closed, {Link: 4, Family: vrrp.IPv4, VRIDs: []uint8{51}, Source: addr("10.0.0.1"), Filter: true, Patience: 10 * time.Millisecond}}, "yes", "interface missing"},
		{"end of the old one", func() { h.unlink(3) }, vrrp.Backup, vrrp.CauseStartup, nil, "", ""},
	}
	for _, s := range steps {
		s.do()
		if r := h.status(vr.Key); r.State != s.state || r.Cause != s.cause {
			t.Errorf("%s: %s (%s), want %s (%s)", s.name, r.State, r.Cause, s.state, s.cause)
		}
		if diff := cmp.Diff(s.listens, h.out.Listens, cmpAddr); diff != "" {
			t.Errorf("%s: listens (-want +got):\n%s", s.name, diff)
		}
		present := ""
		if d := h.newest(vr.Key); d != nil {
			present = map[bool]string{true: "yes", false: "no"}[d.Present]
		}
		if present != s.present {
			t.Errorf("%s: requested presence %q in the kernel, want %q", s.name, present, s.present)
		}
		said := slices.ContainsFunc(h.out.Events, func(e engine.Event) bool {
			return e.Kind == engine.EventLink && e.Key.Interface == "eth0" && strings.Contains(e.Text, s.event)
		})
		if (s.event != "") != said {
			t.Errorf("%s: events %+v, want one with %q", s.name, h.out.Events, s.event)
		}
	}
}

// TestUnsuitableInterfaces covers interfaces that receive no adverts: a Master resigns, and continues when the interface
// becomes suitable.
func TestUnsuitableInterfaces(t *testing.T) {
	ether := group("eth0", 1, "10.0.0.100")
	vmac := with(ether, restarts["vmac"])
	macvlan := with(ether, func(vr *engine.VirtualRouter) { vr.Type, vr.VIFName = engine.Macvlan, "vrrp1" })
	for _, tt := range []struct {
		name   string
		vr     engine.VirtualRouter
		change func(*engine.Link)
		fault  string
		resign bool // the others receive priority 0
	}{
		{"no Ethernet", ether, func(l *engine.Link) { l.Ethernet = false }, "eth0 is not an Ethernet interface: VRRP cannot run on it", true},
		{"port", ether, func(l *engine.Link) { l.PortOf = "br0" }, "eth0 is a port of br0: run on br0", true},
		{"port below a macvlan", macvlan, func(l *engine.Link) { l.PortOf = "bond0" }, "eth0 is a port of bond0: run on bond0", true},
		{"port of Open vSwitch", ether, func(l *engine.Link) { l.PortOf = "ovs-system" }, "eth0 is a port of Open vSwitch: run on the bridge itself", true},
		{"virtual MAC on a macvlan", vmac, func(l *engine.Link) { l.Macvlan = true },
			"eth0 is itself a macvlan, where Masters with the virtual MAC address do not hear each other: use iftype ether without vmac", true},
		{"macvlan on a macvlan", macvlan, func(l *engine.Link) { l.Macvlan = true }, "eth0 is itself a macvlan", true},
		{"cannot listen", ether, func(l *engine.Link) { l.DeafIPv4 = "no buffer space available" }, "cannot receive adverts: no buffer space available", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t)
			good := ethernet(1, "eth0", "10.0.0.1/24")
			bad := good
			tt.change(&bad)
			h.link(good)
			h.apply(config(tt.vr))
			h.run(5 * time.Second)
			h.wantState(tt.vr.Key, vrrp.Master, vrrp.CauseMasterDown)
			h.link(bad)
			cause := vrrp.CauseUnsuitable
			if bad.DeafIPv4 != "" {
				cause = vrrp.CauseDeaf
			}
			h.wantState(tt.vr.Key, vrrp.Initialize, cause)
			if f := h.status(tt.vr.Key).Fault; !strings.Contains(f, tt.fault) {
				t.Errorf("fault is %q, want %q", f, tt.fault)
			}
			if got := slices.Equal(h.priorities(), []uint8{0}); got != tt.resign {
				t.Errorf("sent %v", h.priorities())
			}
			if d := h.newest(tt.vr.Key); d == nil || d.Active || d.Present && cause == vrrp.CauseUnsuitable {
				t.Errorf("requested from the kernel: %+v", d)
			}
			h.run(time.Minute)
			h.link(bad)
			if told := h.texts(engine.EventFault); len(told) != 1 || !strings.Contains(told[0], tt.fault) {
				t.Errorf("reported %q, want it once", told)
			}
			h.link(good)
			if s := h.status(tt.vr.Key); s.State != vrrp.Backup || s.Fault != "" {
				t.Errorf("%s with fault %q when the interface is suitable", s.State, s.Fault)
			}
			h.run(5 * time.Second)
			h.wantState(tt.vr.Key, vrrp.Master, vrrp.CauseMasterDown)
		})
	}
}

// TestAdvertMAC checks the source MAC of adverts and announcements.
func TestAdvertMAC(t *testing.T) {
	plain := [6]byte{2, 0, 0, 0, 0, 1}
	virtual := [6]byte{0, 0, 0x5e, 0, 1, 1}
	macvlan := func(vr *engine.VirtualRouter) { vr.Type, vr.VIFName = engine.Macvlan, "vrrp1" }
	for _, tt := range []struct {
		name            string
		change          func(*engine.VirtualRouter)
		advert, address [6]byte
	}{
		{"ether", func(*engine.VirtualRouter) {}, plain, plain},
		{"ether with virtual MAC", restarts["vmac"], virtual, virtual},
		{"macvlan", macvlan, virtual, virtual},
		{"macvlan, with the interface's MAC", func(vr *engine.VirtualRouter) { macvlan(vr); inPlace["advert_mac"](vr) }, plain, virtual},
	} {
		h := newHost(t)
		vr := with(group("eth0", 1, "10.0.0.100"), tt.change)
		h.link(ethernet(1, "eth0", "10.0.0.1/24"))
		h.apply(config(vr))
		h.run(5 * time.Second)
		if len(h.out.Sends) == 0 || h.out.Sends[0].MAC != tt.advert {
			t.Errorf("%s: sends %+v, want them from %x", tt.name, h.out.Sends, tt.advert)
		}
		if len(h.out.Announces) == 0 || h.out.Announces[0].MAC != tt.address {
			t.Errorf("%s: announces %+v, want %x", tt.name, h.out.Announces, tt.address)
		}
		if s := h.status(vr.Key); s.AdvertMAC != tt.advert {
			t.Errorf("%s: the status shows %x", tt.name, s.AdvertMAC)
		}
	}
}

func TestMasterLosesItsInterface(t *testing.T) {
	for name, lose := range map[string]func(*host){
		"down": func(h *host) { l := ethernet(1, "eth0", "10.0.0.1/24"); l.Up = false; h.link(l) },
		"gone": func(h *host) { h.unlink(1) },
	} {
		h := newHost(t)
		vr := group("eth0", 1, "10.0.0.100")
		h.link(ethernet(1, "eth0", "10.0.0.1/24"))
		h.apply(config(vr))
		h.run(10 * time.Second)
		h.wantState(vr.Key, vrrp.Master, vrrp.CauseMasterDown)
		lose(h)
		if len(h.out.Sends) > 0 {
			t.Errorf("%s: still sends on it", name)
		}
		if d := h.newest(vr.Key); d == nil || d.Active {
			t.Errorf("%s: addresses stay", name)
		}
		h.run(time.Minute)
		if len(h.out.Sends)+len(h.out.Announces) > 0 {
			t.Errorf("%s: sends later", name)
		}
	}
}

func TestPrimaryAddress(t *testing.T) {
	tests := []struct {
		name    string
		family  string // of the virtual addresses
		vips    []string
		addrs   []string
		primary string
	}{
		{"first", "4", []string{"10.0.0.100"}, []string{"10.0.0.2/24", "10.0.0.1/24"}, "10.0.0.2"},
		{"of the family", "4", []string{"10.0.0.100"}, []string{"2001:db8::1/64", "fe80::1/64", "10.0.0.1/24"}, "10.0.0.1"},
		{"not a single address", "4", []string{"10.0.0.100"}, []string{"10.0.0.5/32", "10.0.0.1/24"}, "10.0.0.1"},
		{"a single address if there is no other", "4", []string{"10.0.0.100"}, []string{"10.0.0.5/32"}, "10.0.0.5"},
		{"not link-local", "4", []string{"10.0.0.100"}, []string{"169.254.3.4/16", "10.0.0.1/24"}, "10.0.0.1"},
		{"not the owned virtual address", "4", []string{"10.0.0.100"}, []string{"10.0.0.100/24", "10.0.0.1/24"}, "10.0.0.1"},
		{"the owned virtual address if there is no other", "4", []string{"10.0.0.100"}, []string{"10.0.0.100/24"}, "10.0.0.100"},
		{"not loopback", "4", []string{"10.0.0.100"}, []string{"127.0.0.1/8"}, ""},
		{"none", "4", []string{"10.0.0.100"}, []string{"fe80::1/64"}, ""},
		{"link-local", "6", []string{"fe80::100", "2001:db8::100"}, []string{"10.0.0.1/24", "2001:db8::1/64", "fe80::1/64"}, "fe80::1"},
		{"no link-local", "6", []string{"fe80::100"}, []string{"2001:db8::1/64"}, ""},
		{"not the virtual link-local", "6", []string{"fe80::100"}, []string{"fe80::100/64", "fe80::1/64"}, "fe80::1"},
	}
	for _, tt := range tests {
		t.Run(tt.family+" "+tt.name, func(t *testing.T) {
			h := newHost(t)
			vr := group("eth0", 1, tt.vips...)
			h.apply(config(vr))
			h.link(ethernet(1, "eth0", tt.addrs...))
			if got := h.status(vr.Key).Local.Primary; got != addr(tt.primary) {
				t.Errorf("primary address %s, want %q", got, tt.primary)
			}
			var source netip.Addr
			for _, l := range h.out.Listens {
				source = l.Source
			}
			if source != addr(tt.primary) {
				t.Errorf("listens with %s, want %q", source, tt.primary)
			}
		})
	}
}

func TestPrimaryAddressStaysWhileItIsThere(t *testing.T) {
	h := newHost(t)
	vr := group("eth0", 1, "10.0.0.100")
	h.apply(config(vr))
	h.link(ethernet(1, "eth0", "10.0.0.2/24"))
	h.link(ethernet(1, "eth0", "10.0.0.3/24", "10.0.0.2/24"))
	if got := h.status(vr.Key).Local.Primary; got != addr("10.0.0.2") {
		t.Errorf("primary address became %s", got)
	}
	h.link(ethernet(1, "eth0", "10.0.0.3/24"))
	if got := h.status(vr.Key).Local.Primary; got != addr("10.0.0.3") {
		t.Errorf("primary address stayed %s", got)
	}
	h.wantState(vr.Key, vrrp.Backup, vrrp.CauseStartup)
}

func TestPrimaryAddressYieldsToNewVirtualAddress(t *testing.T) {
	h := newHost(t)
	one := group("eth0", 1, "10.0.0.100")
	h.link(ethernet(1, "eth0", "10.0.0.1/24", "10.0.0.2/24"))
	h.apply(config(one))
	h.apply(config(one, group("eth0", 2, "10.0.0.1")))
	if got := h.status(one.Key).Local.Primary; got != addr("10.0.0.2") {
		t.Errorf("primary address %s, want 10.0.0.2", got)
	}
	h.apply(config(one))
	if len(h.out.Listens) == 0 {
		t.Error("the listener does not follow")
	}

	// The same when the address is new to a virtual router that exists.
	h = newHost(t)
	h.link(ethernet(1, "eth0", "10.0.0.1/24", "10.0.0.2/24"))
	h.apply(config(one))
	if got := h.status(one.Key).Local.Primary; got != addr("10.0.0.1") {
		t.Errorf("primary address %s, want 10.0.0.1", got)
	}
	h.apply(config(with(one, func(vr *engine.VirtualRouter) { setAddresses(vr, "10.0.0.1") })))
	if got := h.status(one.Key).Local; got != (vrrp.Local{Primary: addr("10.0.0.2"), Owner: true}) {
		t.Errorf("local %+v, want 10.0.0.2 and the owner", got)
	}
}

func TestFormerVirtualAddressMayBecomePrimary(t *testing.T) {
	h := newHost(t)
	vr := group("eth0", 1, "10.0.0.1")
	h.link(ethernet(1, "eth0", "10.0.0.1/24", "10.0.0.2/24"))
	h.apply(config(vr))
	if got := h.status(vr.Key).Local.Primary; got != addr("10.0.0.2") {
		t.Errorf("primary address %s, want 10.0.0.2", got)
	}
	h.apply(config(with(vr, func(vr *engine.VirtualRouter) { setAddresses(vr, "10.0.0.100") })))
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	if got := h.status(vr.Key).Local; got != (vrrp.Local{Primary: addr("10.0.0.1")}) {
		t.Errorf("local %+v, want 10.0.0.1 and not its owner", got)
	}
	h.link(ethernet(1, "eth0", "10.0.0.1/24", "10.0.0.2/24"))
	h.link(ethernet(1, "eth0", "10.0.0.2/24", "10.0.0.1/24"))
	if got := h.status(vr.Key).Local.Primary; got != addr("10.0.0.1") {
		t.Errorf("primary address %s, want 10.0.0.1", got)
	}
}

func TestGroupsThatSwapAddresses(t *testing.T) {
	h := newHost(t)
	one, two := group("eth0", 1, "10.0.0.1"), group("eth0", 2, "10.0.0.100")
	h.link(ethernet(1, "eth0", "10.0.0.1/24", "10.0.0.2/24"))
	for range 2 {
		h.apply(config(two, one)) // one group gets the address before the other one loses it
		one.Addresses, two.Addresses = two.Addresses, one.Addresses
		one.Protocol.Addresses, two.Protocol.Addresses = two.Protocol.Addresses, one.Protocol.Addresses
		if got := h.status(one.Key).Local.Primary; got != addr("10.0.0.2") {
			t.Errorf("primary address %s, want 10.0.0.2", got)
		}
	}
}

func TestPrefixLength(t *testing.T) {
	tests := []struct {
		vip, want string
		addrs     []string
	}{
		{"10.0.0.100", "10.0.0.100/24", []string{"10.0.0.1/24"}},
		{"10.0.0.100", "10.0.0.100/16", []string{"10.0.0.1/16"}},
		{"10.0.0.100", "10.0.0.100/24", []string{"10.0.9.1/16", "10.0.0.1/24", "10.0.0.2/32"}},
		{"10.0.0.100", "10.0.0.100/32", []string{"192.0.2.1/24"}},
		{"10.0.0.100/28", "10.0.0.100/28", []string{"10.0.0.1/24"}},
		{"10.0.0.100/32", "10.0.0.100/32", []string{"10.0.0.1/24"}},
		{"fe80::100", "fe80::100/64", []string{"fe80::1/64"}},
		{"2001:db8::100", "2001:db8::100/128", []string{"fe80::1/64"}},
	}
	for _, tt := range tests {
		h := newHost(t)
		vr := group("eth0", 1, tt.vip)
		h.link(ethernet(1, "eth0", tt.addrs...))
		h.apply(config(vr))
		h.run(10 * time.Second)
		d := h.newest(vr.Key)
		if d == nil {
			t.Fatalf("%s on %v is not installed", tt.vip, tt.addrs)
		}
		if diff := cmp.Diff(prefixes(tt.want), d.Addrs, cmpAddr); diff != "" {
			t.Errorf("%s on %v (-want +got):\n%s", tt.vip, tt.addrs, diff)
		}
		if diff := cmp.Diff(prefixes(tt.want), h.status(vr.Key).Addresses, cmpAddr); diff != "" {
			t.Errorf("%s on %v: status (-want +got):\n%s", tt.vip, tt.addrs, diff)
		}
	}
}

func TestOwner(t *testing.T) {
	h := newHost(t)
	vr := group("eth0", 1, "10.0.0.1", "10.0.0.100")
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	h.apply(config(vr))
	h.wantState(vr.Key, vrrp.Master, vrrp.CauseOwner)
	if s := h.status(vr.Key); s.Priority != vrrp.PriorityOwner || !s.Local.Owner {
		t.Errorf("priority %d, owner %t", s.Priority, s.Local.Owner)
	}
	if diff := cmp.Diff([]uint8{255}, h.priorities()); diff != "" {
		t.Errorf("adverts (-want +got):\n%s", diff)
	}
	d := h.newest(vr.Key)
	if diff := cmp.Diff(prefixes("10.0.0.100/24"), d.Addrs, cmpAddr); diff != "" {
		t.Errorf("installs the interface's address (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(prefixes("10.0.0.1/24", "10.0.0.100/24"), h.out.Announces[0].Addrs, cmpAddr); diff != "" {
		t.Errorf("announces (-want +got):\n%s", diff)
	}
	// The address moves away: an ordinary Master from then on.
	h.link(ethernet(1, "eth0", "10.0.0.2/24"))
	if s := h.status(vr.Key); s.State != vrrp.Master || s.Priority != 100 {
		t.Errorf("%s with priority %d after the address has gone", s.State, s.Priority)
	}
	if diff := cmp.Diff(prefixes("10.0.0.1/24", "10.0.0.100/24"), h.newest(vr.Key).Addrs, cmpAddr); diff != "" {
		t.Errorf("installs (-want +got):\n%s", diff)
	}
}

// TestOwnerOnMacvlan checks that the kernel is asked to hide the interface's MAC of an owned address, but only for a macvlan
// and while the interface has the address.
func TestOwnerOnMacvlan(t *testing.T) {
	h := newHost(t)
	vr := group("eth0", 1, "10.0.0.1", "10.0.0.100")
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	h.apply(config(vr))
	if d := h.newest(vr.Key); len(d.Owned) > 0 {
		t.Errorf("on the interface itself, the owned addresses are %v", d.Owned)
	}
	vr.Type, vr.VIFName = engine.Macvlan, "vrrp1"
	h.apply(config(vr))
	d := h.newest(vr.Key)
	if diff := cmp.Diff([]netip.Addr{addr("10.0.0.1")}, d.Owned, cmpAddr); diff != "" || !d.Active {
		t.Errorf("owned (-want +got):\n%s", diff)
	}
	h.link(ethernet(1, "eth0", "10.0.0.2/24"))
	if d := h.newest(vr.Key); len(d.Owned) > 0 {
		t.Errorf("without the address, the owned addresses are %v", d.Owned)
	}
}

func TestSourceAndAddressOfAdverts(t *testing.T) {
	own, other, vmac := [6]byte{2, 0, 0, 0, 0, 1}, [6]byte{2, 9, 9, 9, 9, 9}, [6]byte{0, 0, 0x5e, 0, 1, 51}
	for name, tt := range map[string]struct {
		change func(*engine.VirtualRouter)
		mac    [2][6]byte // before and after the interface's own changes
	}{
		"ether":   {func(*engine.VirtualRouter) {}, [2][6]byte{own, other}},
		"vmac":    {func(vr *engine.VirtualRouter) { vr.VMAC = true }, [2][6]byte{vmac, vmac}},
		"macvlan": {func(vr *engine.VirtualRouter) { vr.Type, vr.VIFName = engine.Macvlan, "vrrp0" }, [2][6]byte{vmac, vmac}},
	} {
		h := newHost(t)
		vr := with(group("eth0", 51, "10.0.0.100"), tt.change)
		l := ethernet(1, "eth0", "10.0.0.1/24")
		h.link(l)
		h.apply(config(vr))
		for i, mac := range tt.mac {
			h.run(10 * time.Second)
			if len(h.out.Sends) == 0 || len(h.out.Announces) == 0 {
				t.Fatalf("%s: %d adverts, %d announcements", name, len(h.out.Sends), len(h.out.Announces))
			}
			s, a := h.out.Sends[0], h.out.Announces[0]
			if s.MAC != mac || s.Source != addr("10.0.0.1") || s.Link != 1 || s.Key != vr.Key {
				t.Errorf("%s: advert %+v, want from %x", name, s, mac)
			}
			if a.MAC != mac || a.Link != 1 {
				t.Errorf("%s: announcement %+v, want from %x", name, a, mac)
			}
			if i == 0 {
				if carrier := h.status(vr.Key).Carrier; (carrier == "vrrp0") != (name == "macvlan") {
					t.Errorf("%s: carrier %s", name, carrier)
				}
				l.MAC = other
				h.link(l)
				vr = with(vr, func(vr *engine.VirtualRouter) { vr.Protocol.Announce.Refresh = time.Second })
				h.apply(config(vr))
			}
		}
		if carrier := h.status(vr.Key).Carrier; name != "macvlan" && carrier != "eth0" {
			t.Errorf("%s: carrier %s", name, carrier)
		}
	}
}

// TestUrgentAdverts checks which adverts may wait, and how long: those for a Backup a hundredth of the interval of its Master.
func TestUrgentAdverts(t *testing.T) {
	h := newHost(t)
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	one, two := group("eth0", 1, "10.0.0.101"), group("eth0", 2, "10.0.0.102")
	want := func(what string, patience time.Duration, urgent ...uint8) {
		t.Helper()
		n := len(h.out.Listens)
		if n == 0 {
			t.Fatalf("%s: no listen", what)
		}
		if l := h.out.Listens[n-1]; l.Patience != patience || !slices.Equal(l.Urgent, urgent) {
			t.Errorf("%s: patience %s, urgent %v, want %s, %v", what, l.Patience, l.Urgent, patience, urgent)
		}
	}
	h.apply(config(one, two))
	hear := func(vr engine.VirtualRouter, priority uint8, interval time.Duration) {
		vr.Protocol.Interval = interval
		h.deliver(1, vrrp.IPv4, advert(&vr, priority, "10.0.0.9"))
	}
	want("Backups", 10*time.Millisecond)
	hear(two, 200, 300*time.Millisecond)
	want("a short interval", 3*time.Millisecond)
	hear(two, 200, 90*time.Millisecond)
	want("a very short interval", 10*time.Millisecond, 2)
	hear(two, 200, 40*time.Second)
	want("a long interval", 10*time.Millisecond)
	h.run(5 * time.Second)
	want("one Master", 10*time.Millisecond, 1)
	hear(two, 200, 40*time.Second)
	if n := len(h.out.Listens); n > 0 {
		t.Errorf("%d listens although nothing has changed", n)
	}
	hear(one, 250, time.Second)
	want("Backups again", 10*time.Millisecond)
}

func TestListen(t *testing.T) {
	h := newHost(t)
	h.link(ethernet(1, "eth0", "10.0.0.1/24", "fe80::1/64"))
	v4 := func(vrids ...uint8) engine.Listen {
		return engine.Listen{Link: 1, Family: vrrp.IPv4, VRIDs: vrids, Source: addr("10.0.0.1"), Filter: true, Patience: 10 * time.Millisecond}
	}
	one, two, six := group("eth0", 1, "10.0.0.101"), group("eth0", 2, "10.0.0.102"), group("eth0", 1, "fe80::101")
	open := func(vr *engine.VirtualRouter) { vr.SocketFilter = false }
	down := func(vr *engine.VirtualRouter) { vr.Shutdown = true }
	unicast := func(vr *engine.VirtualRouter) {
		vr.Protocol.Unicast = vrrp.UnicastConfig{Peers: []netip.Addr{addr("10.0.0.2")}, TTLMin: 255}
	}
	unfiltered := v4(1, 2)
	unfiltered.Filter = false
	anyTTL := v4(1, 2)
	anyTTL.AnyTTL = true
	for _, s := range []struct {
		name string
		cfg  engine.Config
		want []engine.Listen
	}{
		{"first", config(one), []engine.Listen{v4(1)}},
		{"same", config(one), nil},
		{"second", config(two, one), []engine.Listen{v4(1, 2)}},
		{"reordered", config(one, two), nil},
		{"IPv6", config(one, two, six), []engine.Listen{{Link: 1, Family: vrrp.IPv6, VRIDs: []uint8{1}, Source: addr("fe80::1"), Filter: true, Patience: 10 * time.Millisecond}}},
		{"one without a filter", config(with(one, open), two, six), []engine.Listen{unfiltered}},
		{"filter", config(one, two, six), []engine.Listen{v4(1, 2)}},
		{"unicast peers, whose TTL is checked", config(with(one, unicast), two, six), []engine.Listen{anyTTL}},
		{"multicast", config(one, two, six), []engine.Listen{v4(1, 2)}},
		{"shutdown", config(with(one, down), two, six), []engine.Listen{v4(2)}},
		{"no shutdown", config(one, two, six), []engine.Listen{v4(1, 2)}},
		{"restart", config(one, with(two, func(vr *engine.VirtualRouter) { vr.VMAC = true }), six), nil},
		{"removed", config(one), []engine.Listen{v4(1), {Link: 1, Family: vrrp.IPv6}}},
		{"last", config(), []engine.Listen{{Link: 1, Family: vrrp.IPv4}}},
		{"again", config(two), []engine.Listen{v4(2)}},
	} {
		h.apply(s.cfg)
		byFamily := func(a, b engine.Listen) int { return int(a.Family) - int(b.Family) }
		slices.SortFunc(h.out.Listens, byFamily)
		if diff := cmp.Diff(s.want, h.out.Listens, cmpAddr); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.name, diff)
		}
	}
	h.out = engine.Output{}
	h.core.Stop(h.now, &h.out)
	if diff := cmp.Diff([]engine.Listen{{Link: 1, Family: vrrp.IPv4}}, h.out.Listens, cmpAddr); diff != "" {
		t.Errorf("stop (-want +got):\n%s", diff)
	}
}

// When the interface of a Master gets a new MAC address, it is announced to hosts at once; the virtual MAC stays.
func TestMasterAnnouncesNewMAC(t *testing.T) {
	for _, kind := range []engine.InterfaceType{engine.Ether, engine.Macvlan} {
		t.Run(kind.String(), func(t *testing.T) {
			h := newHost(t)
			vr := group("eth0", 51, "10.0.0.100")
			if vr.Type = kind; kind == engine.Macvlan {
				vr.VIFName = "standby51"
			}
			l := ethernet(1, "eth0", "10.0.0.1/24")
			h.link(l)
			h.apply(config(vr))
			h.run(20 * time.Second)
			l.MAC = [6]byte{2, 0, 0, 0, 0, 99}
			h.link(l)
			if h.wantState(vr.Key, vrrp.Master, vrrp.CauseMasterDown); kind == engine.Macvlan {
				if len(h.out.Announces) != 0 {
					t.Errorf("announces %+v", h.out.Announces)
				}
				return
			}
			if a := h.out.Announces; len(a) != 1 || a[0].MAC != l.MAC {
				t.Errorf("announces %+v, want the new MAC", a)
			}
		})
	}
}
