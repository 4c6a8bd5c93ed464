// SPDX-License-Identifier: GPL-3.0-only

package engine_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// claims returns the rivals of a virtual router as text.
func (h *host) claims(key engine.Key) []string {
	h.tb.Helper()
	var all []string
	for _, r := range h.status(key).Rivals {
		all = append(all, fmt.Sprintf("%s %s %d ×%d %s-%s", r.Kind, r.Addr, r.Priority, r.Adverts,
			h.now.Sub(r.Since).Round(time.Second), h.now.Sub(r.Heard).Round(time.Second)))
	}
	return all
}

// Other routers with a conflicting claim are reported once, and shown as long as they are heard.
func TestRivals(t *testing.T) {
	vr := group("eth0", 51, "10.0.0.100")
	backup := with(vr, func(vr *engine.VirtualRouter) { vr.Protocol.Priority = 10 })
	for _, tt := range []struct {
		name    string
		vr      engine.VirtualRouter
		own     string // the router's address
		adverts []vrrp.Packet
		state   vrrp.State
		from    int // the round in which the rival is reported, from 0
		told    string
		rivals  []string // after 10 rounds of a second
		gone    string
	}{
		{
			"of a Master", vr, "10.0.0.1/24", []vrrp.Packet{advert(&vr, 50, "10.0.0.9")},
			vrrp.Master, 2, "10.0.0.9 also claims to be Master, with priority 50: it does not hear this router",
			[]string{"master 10.0.0.9 50 ×10 10s-1s"}, "10.0.0.9 no longer claims to be Master",
		},
		{
			"of another Master", backup, "10.0.0.1/24", []vrrp.Packet{advert(&vr, 50, "10.0.0.8"), advert(&vr, 70, "10.0.0.9")},
			// The very first advert is that of the Master.
			vrrp.Backup, 3, "10.0.0.9 with priority 70 and 10.0.0.8 with priority 50 both claim to be Master: they do not hear each other",
			[]string{"master 10.0.0.9 70 ×10 10s-1s", "master 10.0.0.8 50 ×9 9s-1s"}, "",
		},
		{
			"that own the address", vr, "10.0.0.100/24", []vrrp.Packet{advert(&vr, 255, "10.0.0.9")},
			vrrp.Master, 0, "10.0.0.9 and this router both claim to own the virtual addresses: the higher primary address becomes Master",
			[]string{"owner 10.0.0.9 255 ×10 10s-1s"}, "10.0.0.9 no longer claims to own the virtual addresses",
		},
		{
			"of an owner", vr, "10.0.0.100/24", []vrrp.Packet{advert(&vr, 200, "10.0.0.9")},
			vrrp.Master, 2, "10.0.0.9 also claims to be Master, with priority 200: it does not hear this router",
			[]string{"master 10.0.0.9 200 ×10 10s-1s"}, "10.0.0.9 no longer claims to be Master",
		},
		{
			"with the same address", vr, "10.0.0.1/24", []vrrp.Packet{advert(&vr, 100, "10.0.0.1")},
			vrrp.Master, 2, "another router with this router's own address 10.0.0.1 claims to be Master with priority 100, or a loop returns adverts",
			[]string{"address 10.0.0.1 100 ×10 10s-1s"}, "no other router uses this router's own address 10.0.0.1 any more",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHost(t)
			h.link(ethernet(2, "eth0", tt.own))
			h.apply(config(tt.vr))
			if tt.state == vrrp.Master {
				h.run(10 * time.Second)
			}
			told := func() []string {
				return slices.DeleteFunc(h.texts(engine.EventFault), func(s string) bool { return strings.HasPrefix(s, "discarding") })
			}
			for i := range 10 {
				for _, p := range tt.adverts {
					h.deliver(2, vrrp.IPv4, p)
				}
				if n := len(told()); n != 0 != (i >= tt.from) {
					t.Errorf("by round %d, %d events reported it", i, n)
				}
				h.run(time.Second)
			}
			if got := h.status(tt.vr.Key).State; got != tt.state {
				t.Fatalf("state is %s", got)
			}
			if diff := cmp.Diff([]string{tt.told}, told()); diff != "" {
				t.Errorf("reported (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.rivals, h.claims(tt.vr.Key)); diff != "" {
				t.Errorf("rivals (-want +got):\n%s", diff)
			}
			// One of two Masters continues.
			for range 10 {
				if len(tt.adverts) > 1 {
					h.deliver(2, vrrp.IPv4, tt.adverts[1])
				}
				h.run(time.Second)
			}
			if got := h.claims(tt.vr.Key); got != nil {
				t.Errorf("rivals at the end: %q", got)
			}
			want := []string{tt.told, tt.gone}
			if tt.gone == "" {
				want[1] = "10.0.0.8 no longer claims to be Master"
			}
			if diff := cmp.Diff(want, told()); diff != "" {
				t.Errorf("reported (-want +got):\n%s", diff)
			}
		})
	}
}

// A Master that soon becomes Backup, a change of Master, and a Master that resigns are no rivals.
func TestNoRivals(t *testing.T) {
	h, vr := master(t)
	h.deliver(1, vrrp.IPv4, advert(&vr, 50, "10.0.0.9"))
	h.deliver(1, vrrp.IPv4, advert(&vr, 50, "10.0.0.9"))
	h.run(time.Second)
	h.deliver(1, vrrp.IPv4, advert(&vr, 200, "10.0.0.8"))
	for _, from := range []string{"10.0.0.8", "10.0.0.7", "10.0.0.8"} { // the Master changes
		for range 10 {
			h.run(time.Second)
			h.deliver(1, vrrp.IPv4, advert(&vr, 200, from))
			if got := h.claims(vr.Key); got != nil {
				t.Fatalf("rivals %q", got)
			}
		}
	}
	h.deliver(1, vrrp.IPv4, advert(&vr, 0, "10.0.0.8"))
	h.run(10 * time.Second)
	h.wantState(vr.Key, vrrp.Master, vrrp.CauseMasterResigned)
	for range 5 {
		h.deliver(1, vrrp.IPv4, advert(&vr, 50, "10.0.0.9"))
	}
	if got := h.claims(vr.Key); len(got) != 1 {
		t.Fatalf("rivals %q", got)
	}
	h.deliver(1, vrrp.IPv4, advert(&vr, 0, "10.0.0.9"))
	h.run(time.Second)
	if got := h.claims(vr.Key); got != nil {
		t.Errorf("rivals after it resigned: %q", got)
	}
}

// Adverts from any number of sources take a bounded amount of memory.
func TestRivalsAreBounded(t *testing.T) {
	h, vr := master(t)
	for i := range 250 {
		for range 3 {
			h.deliver(1, vrrp.IPv4, advert(&vr, 50, fmt.Sprintf("10.0.0.%d", 2+i)))
		}
	}
	if got := h.claims(vr.Key); len(got) != 8 {
		t.Errorf("rivals %q", got)
	}
}

// A Master that gives way to another one sends an advert if hosts know its own MAC address: the other
// Master may not have heard it, and must announce the addresses.
func TestLastWord(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*engine.VirtualRouter)
		want   []uint8 // priorities of the adverts
	}{
		{"the interface's MAC", func(vr *engine.VirtualRouter) { vr.Protocol.Lenient = true }, []uint8{100}},
		{"strict", func(vr *engine.VirtualRouter) { vr.Protocol.Lenient = false }, nil},
		{"virtual MAC", func(vr *engine.VirtualRouter) {
			vr.Protocol.Lenient, vr.Type, vr.VIFName = true, engine.Macvlan, "standby51"
		}, nil},
	} {
		h := newHost(t)
		vr := group("eth0", 51, "10.0.0.100")
		tt.change(&vr)
		h.link(ethernet(1, "eth0", "10.0.0.1/24"))
		h.apply(config(vr))
		h.run(10 * time.Second)
		h.deliver(1, vrrp.IPv4, advert(&vr, 200, "10.0.0.9"))
		h.wantState(vr.Key, vrrp.Backup, vrrp.CauseHigherPriority)
		var sent []uint8
		for _, s := range h.out.Sends {
			sent = append(sent, s.Payload[2])
		}
		if !slices.Equal(sent, tt.want) {
			t.Errorf("%s: adverts with the priorities %d were sent, want %d", tt.name, sent, tt.want)
		}
	}
}

// evil is the MAC address of a host that claims virtual addresses.
var evil = [6]byte{2, 0xbe, 0xef, 0, 0, 1}

func (h *host) claimed(index int, addr string, mac [6]byte, times uint64) {
	h.out = engine.Output{}
	h.core.Claimed(h.now, index, netip.MustParseAddr(addr), mac, times, &h.out)
	h.answer(0)
}

func (h *host) faults() []string {
	return slices.DeleteFunc(h.texts(engine.EventFault), func(s string) bool { return strings.HasPrefix(s, "discarding") })
}

// A host that claims a virtual address of a Master is counted at once, reported and shown when it cannot be the next Master, and gone
// when it was not heard for a minute.
func TestHostThatClaimsAnAddress(t *testing.T) {
	h, vr := master(t)
	h.claimed(1, "10.0.0.100", evil, 3)
	if got := h.status(vr.Key); got.Counters.Claims != 3 || len(got.Rivals) != 0 || len(h.faults()) != 0 {
		t.Errorf("at once: %d claims, rivals %+v, told of %q", got.Counters.Claims, got.Rivals, h.faults())
	}
	h.run(vrrp.ClaimPause)
	if len(h.out.Announces) == 0 {
		t.Error("nothing is announced")
	}
	h.claimed(1, "10.0.0.100", evil, 1)
	want := []engine.Rival{{Addr: netip.MustParseAddr("10.0.0.100"), Kind: engine.RivalARP, MAC: evil,
		Since: h.now.Add(-vrrp.ClaimPause), Heard: h.now, Adverts: 4}}
	if diff := cmp.Diff(want, h.status(vr.Key).Rivals, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("rivals (-want +got):\n%s", diff)
	}
	h.run(2 * time.Minute)
	if got := h.status(vr.Key).Rivals; got != nil {
		t.Errorf("in the end: %+v", got)
	}
	if diff := cmp.Diff([]string{
		"02:be:ef:00:00:01 also claims the virtual address 10.0.0.100, by ARP or Neighbor Discovery: hosts may send their traffic there",
		"02:be:ef:00:00:01 no longer claims the virtual address 10.0.0.100",
	}, h.faults()); diff != "" {
		t.Errorf("told of (-want +got):\n%s", diff)
	}
}

// A claim of an address that is not virtual any more is nobody's concern.
func TestClaimOfAnAddressThatGoes(t *testing.T) {
	h, vr := master(t)
	h.claimed(1, "10.0.0.100", evil, 1)
	h.run(time.Second)
	if got := h.claims(vr.Key); len(got) != 1 {
		t.Fatalf("rivals %q", got)
	}
	h.apply(config(with(vr, func(vr *engine.VirtualRouter) { setAddresses(vr, "10.0.0.101") })))
	if got := h.claims(vr.Key); got != nil {
		t.Errorf("rivals %q", got)
	}
}

// What is not another host's claim of a virtual address of a Master has no effect.
func TestNoClaims(t *testing.T) {
	h, vr := master(t)
	h.link(ethernet(2, "eth1", "10.0.1.1/24"))
	for _, c := range []struct {
		name  string
		index int
		addr  string
		mac   [6]byte
	}{
		{"the interface's own", 1, "10.0.0.100", ethernet(1, "eth0").MAC},
		{"the virtual MAC, of a peer or by a loop", 1, "10.0.0.100", [6]byte{0, 0, 0x5e, 0, 1, vr.VRID}},
		{"another address", 1, "10.0.0.101", evil},
		{"the interface's address", 1, "10.0.0.1", evil},
		{"another family", 1, "fe80::1", evil},
		{"another interface", 2, "10.0.0.100", evil},
		{"an unknown interface", 9, "10.0.0.100", evil},
	} {
		h.claimed(c.index, c.addr, c.mac, 1)
		h.run(time.Second)
		if got := h.status(vr.Key); got.Counters.Claims != 0 || got.Rivals != nil {
			t.Errorf("%s: %d claims, rivals %+v", c.name, got.Counters.Claims, got.Rivals)
		}
	}
	// The next Master, whose claim comes just before its advert, and that of a Backup.
	h.claimed(1, "10.0.0.100", evil, 5)
	h.run(vrrp.ClaimPause - time.Millisecond)
	h.deliver(1, vrrp.IPv4, advert(&vr, 200, "10.0.0.9"))
	h.wantState(vr.Key, vrrp.Backup, vrrp.CauseHigherPriority)
	before := h.status(vr.Key).Counters.Claims
	h.claimed(1, "10.0.0.100", evil, 5)
	h.run(time.Second)
	if got := h.status(vr.Key); got.Counters.Claims != before || got.Rivals != nil {
		t.Errorf("a Backup has %d claims, rivals %+v", got.Counters.Claims, got.Rivals)
	}
	if got := h.faults(); got != nil {
		t.Errorf("told of %q", got)
	}
}

// Claims with any number of MAC addresses are reported and take neither memory without end nor the place of other rivals.
func TestClaimsAreBounded(t *testing.T) {
	h, vr := master(t)
	for range 3 {
		h.deliver(1, vrrp.IPv4, advert(&vr, 50, "10.0.0.9"))
	}
	n := 0
	for range 500 { // ten seconds
		for range 64 {
			n++
			h.claimed(1, "10.0.0.100", [6]byte{2, 1, 0, byte(n >> 16), byte(n >> 8), byte(n)}, 1)
		}
		if n%(64*50) == 0 {
			h.deliver(1, vrrp.IPv4, advert(&vr, 50, "10.0.0.9"))
		}
		h.run(20 * time.Millisecond)
	}
	h.run(90 * time.Second) // told of once a minute
	h.claimed(1, "10.0.0.100", evil, 1)
	h.run(time.Second)
	s := h.status(vr.Key)
	if s.Counters.Claims != uint64(n)+1 {
		t.Errorf("%d claims, want %d", s.Counters.Claims, n+1)
	}
	told := h.faults()
	if len(told) < 2 || len(told) > 5 || !strings.Contains(strings.Join(told, "\n"), "also claims the virtual address 10.0.0.100") {
		t.Errorf("told of %q", told)
	}

	h, vr = master(t)
	for range 3 {
		h.deliver(1, vrrp.IPv4, advert(&vr, 50, "10.0.0.9"))
	}
	for i := range 100 {
		h.claimed(1, "10.0.0.100", [6]byte{2, 1, 0, 0, 0, byte(i)}, 1)
		h.run(20 * time.Millisecond)
	}
	got := h.claims(vr.Key)
	if len(got) != 8 || !strings.HasPrefix(got[0], "master 10.0.0.9 ") {
		t.Errorf("rivals %q", got)
	}
	// Other rivals take all the room.
	h, vr = master(t)
	for i := range 8 {
		for range 3 {
			h.deliver(1, vrrp.IPv4, advert(&vr, 50, fmt.Sprintf("10.0.0.%d", 2+i)))
		}
	}
	h.claimed(1, "10.0.0.100", evil, 1)
	h.run(time.Second)
	if got := h.claims(vr.Key); len(got) != 8 || strings.Contains(strings.Join(got, " "), "arp") {
		t.Errorf("rivals %q", got)
	}
	if got := h.status(vr.Key).Counters.Claims; got != 1 {
		t.Errorf("%d claims", got)
	}
}

// A claim that goes on costs no memory.
func TestClaimsDoNotAllocate(t *testing.T) {
	h, vr := master(t)
	addr := vr.Addresses[0].Addr
	out := engine.Output{}
	if n := testing.AllocsPerRun(1000, func() {
		h.core.Claimed(h.now, 1, addr, evil, 1, &out)
		out.Reset()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
