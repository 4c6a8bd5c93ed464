// SPDX-License-Identifier: GPL-3.0-only

package engine_test

import (
	"fmt"
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
