// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/driver"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
	"vrrpsh/platform/frame"
	"vrrpsh/platform/platformtest"
)

// TestAWholeRouter runs the router's engine on the machine: it becomes Master, is preempted by a better
// router on the segment, and leaves nothing behind.
func TestAWholeRouter(t *testing.T) {
	b := newBench(t)
	d := driver.New(driver.Options{System: b.system})
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	protocol := vrrp.Config{
		Version: vrrp.V3, Family: vrrp.IPv4, VRID: 7, Priority: 200, Preempt: true,
		Interval: 50 * time.Millisecond, Addresses: []netip.Addr{vip.Addr()},
		Announce: vrrp.AnnounceConfig{Repeat: 1},
	}
	err := d.Apply(ctx, engine.Config{Routers: []engine.VirtualRouter{{
		Key:      engine.Key{Interface: "em0", Family: vrrp.IPv4, VRID: 7},
		Protocol: protocol, Addresses: []engine.Address{{Addr: vip.Addr()}}, VMAC: true,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	virtual := frame.MAC{0, 0, 0x5e, 0, 1, 7}
	advert := b.hear(t, frame.Advert)
	if advert.Src != virtual || advert.SrcAddr != primary.Addr() || advert.Payload[1] != 7 || advert.Payload[2] != 200 {
		t.Errorf("received the advert %+v", advert)
	}
	if arp := b.hear(t, frame.ARP); !arp.Gratuitous() || arp.SenderIP != vip.Addr() || arp.SenderMAC != virtual {
		t.Errorf("received the ARP %+v, want a gratuitous one", arp)
	}
	b.has("as Master", "em0", "10.9.0.1/24", "10.9.0.254/32")
	if got := b.mac("em0"); got != virtual {
		t.Errorf("as Master the address is %x, want %x", got, virtual)
	}

	peer := netip.MustParseAddr("10.9.0.2")
	raw, err := frame.AppendAdvert(nil, &platform.Frame{MAC: virtual, Source: peer,
		Payload: vrrp.AppendMessage(nil, &protocol, 254, vrrp.FormPseudoHeader, peer, frame.GroupIPv4)})
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(platformtest.Patience); ; {
		b.machine.transmit(raw)
		b.machine.mu.Lock()
		left := len(b.machine.named("em0").addrs) == 1
		b.machine.mu.Unlock()
		if left {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a better router did not preempt this one")
		}
		b.machine.Receive(10 * time.Millisecond)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	b.has("at the end", "em0", "10.9.0.1/24")
	if got, own := b.mac("em0"), ([6]byte{2, 0, 0, 0, 1, 1}); got != own {
		t.Errorf("at the end the address is %x, want %x", got, own)
	}
}

// hear returns the next frame of a kind that the peer hears.
func (b bench) hear(t *testing.T, kind frame.Kind) frame.Packet {
	t.Helper()
	for {
		raw, ok := b.machine.Receive(platformtest.Patience)
		if !ok {
			t.Fatalf("the peer received no %s", kind)
		}
		if p, err := frame.Parse(raw); err == nil && p.Kind == kind {
			return p
		}
	}
}
