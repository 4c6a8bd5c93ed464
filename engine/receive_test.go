// SPDX-License-Identifier: GPL-3.0-only

package engine_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// count returns an array of counters with n for one reason.
func count(r vrrp.DropReason, n uint64) (c [vrrp.NumDropReasons]uint64) {
	c[r] = n
	return c
}

func TestDiscardedPackets(t *testing.T) {
	vr := group("eth0", 51, "10.0.0.100")
	v2 := with(vr, func(vr *engine.VirtualRouter) {
		vr.Protocol.Version, vr.Protocol.AuthType, vr.Protocol.Secret = vrrp.V2, vrrp.AuthSimple, "secret"
	})
	strict := with(vr, func(vr *engine.VirtualRouter) { vr.Protocol.Lenient = false })
	changed := func(vr engine.VirtualRouter, change func(*engine.VirtualRouter)) vrrp.Packet {
		vr = with(vr, change)
		return advert(&vr, 200, "10.0.0.2")
	}
	ttl := advert(&vr, 200, "10.0.0.2")
	ttl.TTL = 254
	short := advert(&vr, 200, "10.0.0.2")
	short.Payload = short.Payload[:9]
	broken := advert(&vr, 200, "10.0.0.2")
	broken.Payload[6] ^= 1
	carp := ttl
	carp.TTL, carp.Payload = vrrp.TTL, append([]byte{0x21, 51, 0, 7}, make([]byte, 32)...)

	ah := advert(&v2, 200, "10.0.0.2")
	ah.AH = true

	for _, tt := range []struct {
		vr     engine.VirtualRouter
		p      vrrp.Packet
		reason vrrp.DropReason
	}{
		{vr, ttl, vrrp.DropTTL},
		{vr, short, vrrp.DropLength},
		{vr, carp, vrrp.DropCARP},
		{v2, ah, vrrp.DropAH},
		{strict, changed(vr, func(vr *engine.VirtualRouter) { vr.Protocol.Addresses = nil }), vrrp.DropNoAddresses},
		{vr, advert(&v2, 200, "10.0.0.2"), vrrp.DropVersion},
		{vr, broken, vrrp.DropChecksum},
		{vr, advert(&vr, 200, "10.0.0.1"), vrrp.DropOwn},
		{v2, changed(v2, func(vr *engine.VirtualRouter) { vr.Protocol.AuthType = vrrp.AuthNone }), vrrp.DropAuthType},
		{v2, changed(v2, func(vr *engine.VirtualRouter) { vr.Protocol.Secret = "public" }), vrrp.DropAuth},
		{strict, changed(vr, inPlace["vips"]), vrrp.DropAddressList},
	} {
		t.Run(tt.reason.String(), func(t *testing.T) {
			h := newHost(t)
			h.link(ethernet(1, "eth0", "10.0.0.1/24"))
			h.apply(config(tt.vr))
			before := h.status(tt.vr.Key)
			for range 3 {
				h.run(time.Second)
				h.deliver(1, vrrp.IPv4, tt.p)
			}
			got := h.status(tt.vr.Key)
			if diff := cmp.Diff(count(tt.reason, 3), got.Counters.Dropped); diff != "" {
				t.Errorf("counters (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before.Status, got.Status, cmpAddr); diff != "" {
				t.Errorf("changes the state (-before +after):\n%s", diff)
			}
			text := h.texts(engine.EventFault)
			if len(text) > 1 && tt.reason == vrrp.DropOwn {
				text = text[:1] // the other reports that the rival persists: see TestRivals
			}
			if len(text) != 1 || !strings.Contains(text[0], tt.p.Src.String()) {
				t.Errorf("reported %q, want it once", text)
			}
			if strings.Contains(text[0], "secret") || strings.Contains(text[0], "public") {
				t.Errorf("reveals the secret: %q", text)
			}
		})
	}
}

func TestToleratedMismatch(t *testing.T) {
	h := newHost(t)
	vr := group("eth0", 51, "10.0.0.100")
	vr.Protocol.Version = vrrp.V2
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	h.apply(config(vr))
	other := with(vr, func(vr *engine.VirtualRouter) {
		inPlace["vips"](vr)
		vr.Protocol.Interval = 2 * time.Second
	})
	for range 3 {
		h.deliver(1, vrrp.IPv4, advert(&other, 200, "10.0.0.2"))
	}
	want := count(vrrp.DropInterval, 3)
	want[vrrp.DropAddressList] = 3
	c := h.status(vr.Key).Counters
	if diff := cmp.Diff(want, c.Tolerated); diff != "" || c.AdvertsReceived != 3 {
		t.Errorf("%d received (-want +got):\n%s", c.AdvertsReceived, diff)
	}
	if text := h.texts(engine.EventFault); len(text) != 2 {
		t.Errorf("reported %q, want each once", text)
	}
}

// TestToleratedAddresses covers adverts of peers that send no addresses, or declare another number than they
// send.
func TestToleratedAddresses(t *testing.T) {
	none := func(vr *engine.VirtualRouter) { vr.Protocol.Addresses = nil }
	fewer := func(p vrrp.Packet) vrrp.Packet {
		p.Payload[3] += 2
		binary.BigEndian.PutUint16(p.Payload[6:], binary.BigEndian.Uint16(p.Payload[6:])-2) // keeps the sum
		return p
	}
	for _, tt := range []struct {
		name   string
		alter  func(*engine.VirtualRouter)
		packet func(vrrp.Packet) vrrp.Packet
		reason vrrp.DropReason
		told   string
	}{
		{"no addresses", none, nil, vrrp.DropAddressList, "they have no addresses"},
		{"fewer than counted", func(*engine.VirtualRouter) {}, fewer, vrrp.DropLength, "they declare 3 addresses but contain 1"},
	} {
		h := newHost(t)
		vr := group("eth0", 51, "10.0.0.100")
		vr.Protocol.Version = vrrp.V2
		h.link(ethernet(1, "eth0", "10.0.0.1/24"))
		h.apply(config(vr))
		other := with(vr, tt.alter)
		for range 3 {
			p := advert(&other, 200, "10.0.0.2")
			if tt.packet != nil {
				p = tt.packet(p)
			}
			h.deliver(1, vrrp.IPv4, p)
		}
		s := h.status(vr.Key)
		if s.Counters.Tolerated != count(tt.reason, 3) || s.Counters.AdvertsReceived != 3 || s.MasterAddr != addr("10.0.0.2") {
			t.Errorf("%s: tolerated %v, %d received, Master %s", tt.name, s.Counters.Tolerated, s.Counters.AdvertsReceived, s.MasterAddr)
		}
		if text := h.texts(engine.EventFault); len(text) != 1 || !strings.Contains(text[0], tt.told) {
			t.Errorf("%s: reported %q, want %q once", tt.name, text, tt.told)
		}
	}
}

func TestForeignVirtualRouters(t *testing.T) {
	h := newHost(t)
	vr := group("eth0", 51, "10.0.0.100")
	h.link(ethernet(1, "eth0", "10.0.0.1/24", "fe80::1/64"))
	h.apply(config(vr))
	foreign, six := group("eth0", 77, "10.0.0.177"), group("eth0", 51, "fe80::100")
	broken := advert(&foreign, 200, "10.0.0.9")
	broken.Payload[6] ^= 1
	for range 3 {
		h.deliver(1, vrrp.IPv4, advert(&foreign, 200, "10.0.0.9"))
		h.deliver(1, vrrp.IPv4, broken)
		h.deliver(1, vrrp.IPv4, vrrp.Packet{TTL: vrrp.TTL, Src: addr("10.0.0.9"), Payload: []byte{0x31}})
		h.deliver(1, vrrp.IPv6, advert(&six, 200, "fe80::9"))
	}
	h.deliver(9, vrrp.IPv4, advert(&vr, 200, "10.0.0.9")) // of an interface that is gone

	want := count(vrrp.DropChecksum, 3)
	want[vrrp.DropLength] = 3
	l := h.core.Snapshot(h.now).Links[0]
	if diff := cmp.Diff(want, l.Malformed); diff != "" || l.UnknownVRID != 6 {
		t.Errorf("%d of unknown VRIDs, want 6; malformed (-want +got):\n%s", l.UnknownVRID, diff)
	}
	told := slices.DeleteFunc(h.texts(engine.EventLink), func(s string) bool { return !strings.Contains(s, "group 77") })
	if len(told) != 1 || !strings.Contains(told[0], "10.0.0.9") {
		t.Errorf("reported %q, want it once", told)
	}
	if c := h.status(vr.Key).Counters; c.AdvertsReceived != 0 || c.Dropped != count(vrrp.DropNone, 0) {
		t.Errorf("counted for the other group: %+v", c)
	}

	// After the group was configured and removed again, it is reported again.
	h.apply(config(vr, foreign))
	h.deliver(1, vrrp.IPv4, advert(&foreign, 200, "10.0.0.9"))
	if n := h.status(foreign.Key).Counters.AdvertsReceived; n != 1 {
		t.Errorf("%d adverts received", n)
	}
	h.apply(config(vr))
	h.deliver(1, vrrp.IPv4, advert(&foreign, 200, "10.0.0.9"))
	if len(h.out.Events) != 1 {
		t.Errorf("events %+v", h.out.Events)
	}
}

func TestShutGroupDoesNotListen(t *testing.T) {
	h := newHost(t)
	vr := group("eth0", 51, "10.0.0.100")
	vr.Shutdown = true
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	h.apply(config(vr))
	h.deliver(1, vrrp.IPv4, advert(&vr, 200, "10.0.0.2"))
	if diff := cmp.Diff(count(vrrp.DropVRID, 1), h.status(vr.Key).Counters.Dropped); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHistory(t *testing.T) {
	h, vr := master(t)
	h.deliver(1, vrrp.IPv4, advert(&vr, 200, "10.0.0.2"))
	h.run(500 * time.Millisecond)
	h.deliver(1, vrrp.IPv4, advert(&vr, 0, "10.0.0.2"))
	h.run(time.Second)
	h.deliver(1, vrrp.IPv4, advert(&vr, 100, "10.0.0.3"))
	h.deliver(1, vrrp.IPv4, advert(&vr, 50, "10.0.0.4"))
	h.run(time.Minute)

	peer := addr("10.0.0.2")
	want := []engine.Transition{
		{From: vrrp.Initialize, To: vrrp.Backup, Cause: vrrp.CauseStartup},
		{From: vrrp.Backup, To: vrrp.Master, Cause: vrrp.CauseMasterDown},
		{From: vrrp.Master, To: vrrp.Backup, Cause: vrrp.CauseHigherPriority, Peer: peer, Priority: 200},
		{From: vrrp.Backup, To: vrrp.Master, Cause: vrrp.CauseMasterResigned, Peer: peer, Priority: 0},
		{From: vrrp.Master, To: vrrp.Backup, Cause: vrrp.CauseHigherAddress, Peer: addr("10.0.0.3"), Priority: 100},
		{From: vrrp.Backup, To: vrrp.Master, Cause: vrrp.CausePreempt, Peer: addr("10.0.0.4"), Priority: 50},
	}
	texts := []string{
		"", "", "heard 10.0.0.2 with priority 200", "heard 10.0.0.2 with priority 0",
		"heard 10.0.0.3 with priority 100", "heard 10.0.0.4 with priority 50",
	}
	if diff := cmp.Diff(texts, h.texts(engine.EventTransition)); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
	untimed := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Time" }, cmp.Ignore())
	got := h.status(vr.Key)
	if diff := cmp.Diff(want, got.History, cmpAddr, untimed); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if last := got.History[len(got.History)-1]; last.Time != got.Since {
		t.Errorf("last transition at %s, in the state since %s", last.Time, got.Since)
	}
	if c := got.Counters; c.BecameMaster != 3 || c.PriorityZeroReceived != 1 || c.AdvertsReceived != 4 {
		t.Errorf("counters %+v", c)
	}
}

func TestSilentMasterIsNamed(t *testing.T) {
	h, vr := master(t)
	h.deliver(1, vrrp.IPv4, advert(&vr, 200, "10.0.0.2"))
	h.run(10 * time.Second)
	h.wantState(vr.Key, vrrp.Master, vrrp.CauseMasterDown)
	if err := h.core.Resign(h.now, vr.Key, &h.out); err != nil {
		t.Fatal(err)
	}
	h.answer(0)
	h.run(10 * time.Second) // no advert was heard this time
	want := []string{"", "", "heard 10.0.0.2 with priority 200", "last heard 10.0.0.2 with priority 200", "", ""}
	if diff := cmp.Diff(want, h.texts(engine.EventTransition)); diff != "" {
		t.Errorf("texts (-want +got):\n%s", diff)
	}
}

// Adverts of an owner from many addresses do not fill the log.
func TestRivalsAreNotToldOfAtAnyRate(t *testing.T) {
	h := newHost(t)
	vr := group("eth0", 1, "10.0.0.200")
	h.link(ethernet(1, "eth0", "10.0.0.200/24"))
	h.apply(config(vr))
	h.wantState(vr.Key, vrrp.Master, vrrp.CauseOwner)
	for i := range 100 {
		h.deliver(1, vrrp.IPv4, advert(&vr, 255, fmt.Sprintf("10.0.0.%d", 1+i%7)))
		h.run(100 * time.Millisecond)
	}
	if texts := h.texts(engine.EventFault); len(texts) != 1 {
		t.Errorf("%d events within ten seconds, want one: %.3q", len(texts), texts)
	}
	h.run(time.Minute)
	h.deliver(1, vrrp.IPv4, advert(&vr, 255, "10.0.0.99"))
	if texts := h.texts(engine.EventFault); len(texts) != 3 { // one reports the end of the first
		t.Errorf("%d events after a minute, want three: %.3q", len(texts), texts)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	h, vr := master(t)
	for i := range 100 {
		h.deliver(1, vrrp.IPv4, advert(&vr, 200, "10.0.0.2"))
		h.run(10 * time.Second)
		hist := h.status(vr.Key).History
		if want := min(32, 2+2*(i+1)); len(hist) != want {
			t.Fatalf("%d transitions are kept, want %d", len(hist), want)
		}
		for j := 1; j < len(hist); j++ {
			if hist[j].From != hist[j-1].To || hist[j].Time.Before(hist[j-1].Time) {
				t.Fatalf("%+v does not follow %+v", hist[j], hist[j-1])
			}
		}
	}
}

func TestEventsAreNumberedWithoutGaps(t *testing.T) {
	h := manyHost(t, 10)
	h.masters()
	h.apply(config())
	h.unlink(1)
	if len(h.events) < 30 {
		t.Fatalf("%d events", len(h.events))
	}
	for i, e := range h.events {
		if e.Seq != uint64(i+1) {
			t.Fatalf("event %d has number %d", i+1, e.Seq)
		}
	}
}

// TestIntervalOfZero checks that version 3, which accepts every interval, says which one it discards.
func TestIntervalOfZero(t *testing.T) {
	h := newHost(t)
	vr := group("eth0", 51, "10.0.0.100")
	vr.Protocol.Version = vrrp.V3
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	h.apply(config(vr))
	other := with(vr, func(vr *engine.VirtualRouter) { vr.Protocol.Interval = 0 })
	h.deliver(1, vrrp.IPv4, advert(&other, 200, "10.0.0.2"))
	if text := h.texts(engine.EventFault); len(text) != 1 || !strings.Contains(text[0], "their advertisement interval is 0") {
		t.Errorf("reported %q", text)
	}
}
