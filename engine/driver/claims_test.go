// SPDX-License-Identifier: GPL-3.0-only

package driver_test

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
	"vrrpsh/platform/fake"
	"vrrpsh/platform/frame"
)

// evil claims the virtual address, as a host does that has it by mistake or means to be the gateway.
func (l *lab) evil(t *testing.T) (claim func(), mac [6]byte) {
	t.Helper()
	h := l.AddHost("evil")
	mac = [6]byte{0x02, 0xbe, 0xef, 0, 0, 1}
	b, err := frame.AppendAnnouncement(nil, &platform.Announcement{MAC: mac, Addr: virtual})
	if err != nil {
		t.Fatal(err)
	}
	return func() { h.Send(b) }, mac
}

// TestClaimsAreAnswered: a host that says to have the virtual address of a Master does not keep the others, is shown and told of, and gets
// no more answers than there may be.
func TestClaimsAreAnswered(t *testing.T) {
	for name, edit := range map[string]func(*engine.VirtualRouter){"ether": func(*engine.VirtualRouter) {}, "macvlan": macvlan("v0")} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				lab := newLab()
				r1 := lab.router(t, 1)
				r1.apply(group(51, 200, edit))
				claim, mac := lab.evil(t)
				events, stop := r1.Subscribe()
				defer stop()
				sleep(10 * time.Second)
				lab.wantAnswer(t, "r1")
				own, _ := lab.host.Neighbor(virtual)
				claim()
				if now, _ := lab.host.Neighbor(virtual); now != mac {
					t.Fatalf("the host has not followed: %x", now)
				}
				sleep(150 * time.Millisecond)
				if now, _ := lab.host.Neighbor(virtual); now != own {
					t.Errorf("after the answer the host has %x, want %x", now, own)
				}
				s := r1.status()
				if len(s.Rivals) != 1 || s.Rivals[0].Kind != engine.RivalARP || s.Rivals[0].MAC != mac || s.Rivals[0].Addr != virtual || s.Counters.Claims != 1 {
					t.Errorf("rivals %+v, %d claims", s.Rivals, s.Counters.Claims)
				}
				// A flood.
				announced := 0
				untap := lab.Tap(func(f fake.Frame) {
					if f.From == "r1" && f.Packet.Gratuitous() {
						announced++
					}
				})
				for range 1000 {
					claim()
					sleep(10 * time.Millisecond)
				}
				untap()
				if announced < 5 || announced > 20 { // rounds of five, one in five seconds
					t.Errorf("%d announcements in ten seconds of claims", announced)
				}
				r1.wantState(vrrp.Master)
				if s := r1.status(); s.Counters.Claims != 1001 || len(s.Rivals) != 1 || s.Rivals[0].Adverts != 1001 {
					t.Errorf("%d claims, rivals %+v", s.Counters.Claims, s.Rivals)
				}
				sleep(2 * time.Minute)
				if s := r1.status(); len(s.Rivals) != 0 {
					t.Errorf("two minutes later there are %+v", s.Rivals)
				}
				var told []string
				for len(events) > 0 {
					if e := <-events; e.Kind == engine.EventFault {
						told = append(told, e.Text)
					}
				}
				if who := net.HardwareAddr(mac[:]).String(); len(told) != 2 || !strings.Contains(told[0], who+" also claims the virtual address 10.0.0.100") ||
					!strings.Contains(told[1], "no longer claims the virtual address 10.0.0.100") {
					t.Errorf("told is %q", told)
				}
			})
		})
	}
}

// TestTheNextMasterClaimsNothing: when the Master changes, announcements of the addresses are nobody's claims, and a Backup hears none.
func TestTheNextMasterClaimsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1, r2 := lab.router(t, 1), lab.router(t, 2)
		r1.apply(group(51, 200))
		r2.apply(group(51, 100))
		events, stop := r1.Subscribe()
		defer stop()
		sleep(10 * time.Second)
		lab.wantAnswer(t, "r1")
		for range 3 {
			r2.apply(group(51, 250)) // it preempts
			sleep(10 * time.Second)
			r2.wantState(vrrp.Master)
			lab.wantAnswer(t, "r2")
			if now, _ := lab.host.Neighbor(virtual); now != r2.Links()[0].MAC {
				t.Errorf("the host has %x", now)
			}
			r2.apply(group(51, 100))
			sleep(10 * time.Second)
			r1.wantState(vrrp.Master)
			lab.wantAnswer(t, "r1")
		}
		before := r2.status().Counters.Claims
		claim, _ := lab.evil(t)
		for range 10 {
			claim()
			sleep(time.Second)
		}
		if s := r2.status(); len(s.Rivals) != 0 || s.Counters.Claims != before {
			t.Errorf("the Backup has rivals %+v and counts %d claims", s.Rivals, s.Counters.Claims-before)
		}
		for len(events) > 0 {
			if e := <-events; e.Kind == engine.EventFault && strings.Contains(e.Text, "claims the virtual address") && !strings.Contains(e.Text, "02:be:ef") {
				t.Errorf("told is %q", e.Text)
			}
		}
	})
}

// TestMastersWithTheSameAddress: two Masters that do not hear each other's adverts, and have the same virtual address, do not answer each
// other's announcements for ever at a high rate.
func TestMastersWithTheSameAddress(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1, r2 := lab.router(t, 1), lab.router(t, 2)
		r1.apply(group(51, 200))
		r2.apply(group(52, 200))
		sleep(10 * time.Minute)
		var announced atomic.Int64
		defer lab.Tap(func(f fake.Frame) {
			if f.Packet.Gratuitous() {
				announced.Add(1)
			}
		})()
		sleep(10 * time.Minute)
		r1.wantState(vrrp.Master)
		if n := announced.Load(); n > 10*2*5 { // each of them a round of five in a minute
			t.Errorf("%d announcements in ten minutes", n)
		}
		if got := r1.status().Rivals; len(got) != 1 || got[0].Kind != engine.RivalARP || got[0].MAC != r2.Links()[0].MAC {
			t.Errorf("rivals %+v", got)
		}
	})
}
