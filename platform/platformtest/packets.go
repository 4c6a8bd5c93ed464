// SPDX-License-Identifier: GPL-3.0-only

package platformtest

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

func prefixOf(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

var packetScenarios = []scenario{
	{"adverts go out as the protocol requires", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		b.apply(standby(b.macvlan(1, vip)))
		_, link := b.open()
		// More frames than one system call sends, before and after the macvlan is up.
		frames := make([]platform.Frame, 200)
		for i := range frames {
			vrid := uint8(i + 1)
			frames[i] = platform.Frame{Link: link, MAC: virtualMAC(vrid), Source: source, Payload: message(vrid, 10, 9, 0, 254)}
		}
		for range 2 {
			if n, err := b.System().Send(frames); n != len(frames) || err != nil {
				t.Fatalf("sent %d of %d: %v", n, len(frames), err)
			}
			for i, f := range frames {
				p := b.hear(frame.Advert)
				want := frame.Packet{Kind: frame.Advert, Dst: frame.GroupMACIPv4, Src: f.MAC, EtherType: 0x0800,
					SrcAddr: source, DstAddr: frame.GroupIPv4, TTL: 255, TOS: 0xc0, Payload: f.Payload}
				if d := diff(want, p); d != "" {
					t.Fatalf("advert %d (-want +got):\n%s", i, d)
				}
			}
			b.apply(b.macvlan(1, vip))
		}
	}},
	{"adverts come in", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		_, link := b.open()
		b.say(message(7, 10, 9, 0, 254))
		b.say(message(8))
		got := b.receive(2)
		want := []platform.Packet{
			{Link: link, Src: peerIP, Dst: frame.GroupIPv4, TTL: 255, Payload: message(7, 10, 9, 0, 254)},
			{Link: link, Src: peerIP, Dst: frame.GroupIPv4, TTL: 255, Payload: message(8)},
		}
		if d := diff(want, got); d != "" {
			t.Errorf("received (-want +got):\n%s", d)
		}
	}},
	{"every packet has its interface", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		b.AddLink("downlink", netip.MustParsePrefix("10.8.0.1/24"))
		_, first := b.open()
		second := b.index("downlink")
		c, err := b.System().Open(second, platform.IPv4, netip.MustParseAddr("10.8.0.1"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		b.say(message(7)) // both are on the segment
		got := b.receive(2)
		slices.SortFunc(got, func(a, b platform.Packet) int { return a.Link - b.Link })
		if got[0].Link != min(first, second) || got[1].Link != max(first, second) {
			t.Errorf("received %v, want a packet of each of %d and %d", got, first, second)
		}
		frames := []platform.Frame{
			{Link: first, MAC: virtualMAC(1), Source: source, Payload: message(1)},
			{Link: second, MAC: virtualMAC(2), Source: netip.MustParseAddr("10.8.0.1"), Payload: message(2)},
			{Link: first, MAC: virtualMAC(3), Source: source, Payload: message(3)},
		}
		if n, err := b.System().Send(frames); n != len(frames) || err != nil {
			t.Fatalf("sent %d: %v", n, err)
		}
		for i, f := range frames {
			if p := b.hear(frame.Advert); p.SrcAddr != f.Source || p.Payload[1] != uint8(i+1) {
				t.Errorf("heard %+v, want VRID %d from %s", p, i+1, f.Source)
			}
		}
		if err := c.Listen(platform.Listen{VRIDs: []uint8{}}); err != nil {
			t.Fatal(err)
		}
		b.say(message(8))
		b.say(message(9))
		for _, p := range b.receive(2) {
			if p.Link != first {
				t.Errorf("received %v, but nothing is wanted there", p)
			}
		}
		// An interface that is gone does not keep the others from sending.
		b.DelLink("downlink")
		if n, err := b.System().Send(frames); n != 1 || !errors.Is(err, platform.ErrNoLink) {
			t.Errorf("sent %d, error %v, want one and no such interface", n, err)
		}
		if n, err := b.System().Send(frames[2:]); n != 1 || err != nil {
			t.Errorf("sent %d, error %v, want the last", n, err)
		}
	}},
	{"an advert from the virtual MAC of an active macvlan comes in once", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		b.apply(b.macvlan(7, vip))
		b.open()
		raw, err := frame.AppendAdvert(nil, &platform.Frame{MAC: virtualMAC(7), Source: peerIP, Payload: message(7)})
		if err != nil {
			t.Fatal(err)
		}
		b.Peer().Send(raw)
		b.say(message(8))
		got := b.receive(2)
		if len(got) != 2 || got[0].Payload[1] != 7 || got[1].Payload[1] != 8 {
			t.Errorf("received %v, want one packet of VRID 7 and one of VRID 8", got)
		}
	}},
	{"own adverts do not come in", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		_, link := b.open()
		if _, err := b.System().Send([]platform.Frame{{Link: link, MAC: virtualMAC(1), Source: source, Payload: message(1)}}); err != nil {
			t.Fatal(err)
		}
		b.hear(frame.Advert)
		b.say(message(2))
		if got := b.receive(1); got[0].Payload[1] != 2 {
			t.Errorf("received %v, want only the peer's packets", got)
		}
	}},
	{"the filter passes the given VRIDs", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		c, _ := b.open()
		for _, f := range []struct{ filter, sent, want []uint8 }{
			{nil, []uint8{3, 4, 255}, []uint8{3, 4, 255}},
			{[]uint8{4, 200}, []uint8{3, 4, 5, 199, 200, 201}, []uint8{4, 200}},
			{[]uint8{1, 31, 32, 33, 64, 255}, []uint8{0, 1, 31, 32, 33, 34, 63, 64, 254, 255}, []uint8{1, 31, 32, 33, 64, 255}},
			{[]uint8{9}, []uint8{4, 9}, []uint8{9}},
			{nil, []uint8{5}, []uint8{5}},
		} {
			if err := c.Listen(platform.Listen{VRIDs: f.filter}); err != nil {
				t.Fatal(err)
			}
			for _, v := range f.sent {
				b.say(message(v))
			}
			var got []uint8
			for _, p := range b.receive(len(f.want)) {
				got = append(got, p.Payload[1])
			}
			if !slices.Equal(got, f.want) {
				t.Errorf("filter %v, sent %v: received %v, want %v", f.filter, f.sent, got, f.want)
			}
		}
		if err := c.Listen(platform.Listen{VRIDs: []uint8{}}); err != nil {
			t.Fatal(err)
		}
		b.say(message(9))
		// A waiting packet does not pass a later filter.
		if err := c.Listen(platform.Listen{}); err != nil {
			t.Fatal(err)
		}
		b.say(message(1))
		b.say(message(2))
		b.waitFor()
		if err := c.Listen(platform.Listen{VRIDs: []uint8{2}}); err != nil {
			t.Fatal(err)
		}
		if got := b.receive(1); got[0].Payload[1] != 2 {
			t.Errorf("received VRID %d, which was queued before the filter, want 2", got[0].Payload[1])
		}
	}},
	{"announcements are heard", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		_, link := b.open()
		b.apply(b.macvlan(1, vip))
		a := make([]platform.Announcement, 150)
		addr := vip.Addr()
		for i := range a {
			a[i] = platform.Announcement{Link: link, MAC: virtualMAC(1), Addr: addr}
			addr = addr.Prev()
		}
		if n, err := b.System().Announce(a); n != len(a) || err != nil {
			t.Fatalf("announced %d of %d: %v", n, len(a), err)
		}
		for i := range a {
			p := b.hear(frame.ARP)
			want := frame.Packet{Kind: frame.ARP, Dst: frame.Broadcast, Src: a[i].MAC, EtherType: 0x0806,
				Operation: 1, SenderMAC: a[i].MAC, SenderIP: a[i].Addr, TargetIP: a[i].Addr}
			if d := diff(want, p); d != "" {
				t.Fatalf("announcement %d (-want +got):\n%s", i, d)
			}
		}
	}},
	{"nothing is sent on an interface that is down or gone", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		_, link := b.open()
		frames := []platform.Frame{{Link: link, MAC: virtualMAC(1), Source: source, Payload: message(1)}}
		b.SetUp(uplink, false)
		if n, err := b.System().Send(frames); n != 0 || err == nil {
			t.Errorf("down: sent %d, error %v", n, err)
		}
		b.SetUp(uplink, true)
		b.DelLink(uplink)
		if n, err := b.System().Send(frames); n != 0 || !errors.Is(err, platform.ErrNoLink) {
			t.Errorf("gone: sent %d, error %v, want no such interface", n, err)
		}
		if _, err := b.System().Announce([]platform.Announcement{{Link: link, MAC: virtualMAC(1), Addr: vip.Addr()}}); !errors.Is(err, platform.ErrNoLink) {
			t.Errorf("gone: announce error %v, want no such interface", err)
		}
	}},
	{"waiting ends by a packet, a wake and a deadline", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		s := b.System()
		b.open()
		wait := func(until time.Time) {
			t.Helper()
			if err := s.Wait(until); err != nil {
				t.Fatal(err)
			}
		}
		s.Wake()
		wait(time.Time{}) // would block forever without the wake
		for at := time.Now().Add(3 * time.Millisecond); time.Now().Before(at); {
			wait(at)
		}
		wait(time.Now().Add(-time.Hour))
		b.say(message(1))
		if got := b.receive(1); !bytes.Equal(got[0].Payload, message(1)) {
			t.Errorf("received %v", got)
		}
		woken := make(chan error)
		go func() { woken <- s.Wait(time.Time{}) }()
		s.Wake()
		if err := <-woken; err != nil {
			t.Error(err)
		}
	}},
}

// waitFor waits until a packet waits.
func (b *bench) waitFor() {
	b.t.Helper()
	if err := b.System().Wait(time.Now().Add(Patience)); err != nil {
		b.t.Fatal(err)
	}
}
