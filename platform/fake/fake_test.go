// SPDX-License-Identifier: GPL-3.0-only

package fake_test

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"vrrpsh/platform"
	"vrrpsh/platform/fake"
	"vrrpsh/platform/frame"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	vip  = netip.MustParsePrefix("10.0.0.100/24")
	vmac = [6]byte{0, 0, 0x5e, 0, 1, 7}
)

// box is a router with a System on it.
type box struct {
	*fake.Router
	system *fake.System
	conn   platform.Conn
	index  int
}

func newBox(t *testing.T, l *fake.LAN, name, addr string) *box {
	t.Helper()
	b := &box{Router: l.AddRouter(name, netip.MustParsePrefix(addr))}
	b.system = b.Boot()
	b.index = b.Links()[0].Index
	var err error
	if b.conn, err = b.system.Open(b.index, platform.IPv4, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	return b
}

// hold installs or removes the virtual address.
func (b *box) hold(t *testing.T, active bool) {
	t.Helper()
	for _, err := range b.system.Apply([]platform.Attachment{{
		ID: platform.ID{Link: "eth0", Family: platform.IPv4, VRID: 7}, Link: b.index, Macvlan: true, Name: "vrrp7",
		MAC: vmac, Addrs: []netip.Prefix{vip}, Present: true, Active: active,
	}}) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (b *box) advertise(t *testing.T) {
	t.Helper()
	f := platform.Frame{Link: b.index, MAC: vmac, Source: netip.MustParseAddr("10.0.0.1"), Payload: []byte{0x31, 7, 100, 0}}
	if n, err := b.system.Send([]platform.Frame{f}); n != 1 || err != nil {
		t.Fatalf("sent %d: %v", n, err)
	}
}

func ping(h *fake.Host) string {
	by, _, _ := h.Ping(vip.Addr())
	return by
}

// The adverts of the new Master move the virtual MAC in the switch: a host keeps working without
// noticing.
func TestSwitchLearns(t *testing.T) {
	lan := fake.NewLAN()
	h := lan.AddHost("host")
	r1, r2 := newBox(t, lan, "r1", "10.0.0.1/24"), newBox(t, lan, "r2", "10.0.0.2/24")
	if got := ping(h); got != "" {
		t.Errorf("answered by %s, want no answer", got)
	}
	r1.hold(t, true)
	if by, mac, ok := h.Ping(vip.Addr()); !ok || by != "r1" || mac != vmac {
		t.Errorf("answered by %q at %x", by, mac)
	}
	if err := r1.Cut("eth0"); err != nil {
		t.Fatal(err)
	}
	r2.hold(t, true)
	if got := ping(h); got != "" {
		t.Errorf("answered by %s, while the switch has the MAC at the cut port", got)
	}
	r2.advertise(t)
	if got := ping(h); got != "r2" {
		t.Errorf("answered by %q, want r2", got)
	}
	r2.hold(t, false)
	if got := ping(h); got != "" {
		t.Errorf("answered by %s, which no longer has the address", got)
	}
}

func TestNeighborCache(t *testing.T) {
	lan := fake.NewLAN()
	h := lan.AddHost("host")
	r1, r2 := newBox(t, lan, "r1", "10.0.0.1/24"), newBox(t, lan, "r2", "10.0.0.2/24")
	ether := func(b *box, active bool) {
		b.system.Apply([]platform.Attachment{{
			ID: platform.ID{Link: "eth0", Family: platform.IPv4, VRID: 7}, Link: b.index,
			Addrs: []netip.Prefix{vip}, Present: true, Active: active,
		}})
	}
	ether(r1, true)
	if got := ping(h); got != "r1" {
		t.Fatalf("answered by %q, want r1", got)
	}
	ether(r1, false)
	ether(r2, true)
	if got := ping(h); got != "" {
		t.Errorf("answered by %s, though the host has r1's MAC", got)
	}
	mac := r2.Links()[0].MAC
	if _, err := r2.system.Announce([]platform.Announcement{{Link: r2.index, MAC: mac, Addr: vip.Addr()}}); err != nil {
		t.Fatal(err)
	}
	if got, _ := h.Neighbor(vip.Addr()); got != mac || ping(h) != "r2" {
		t.Errorf("after r2's announcement the host has %x, want %x", got, mac)
	}
	// Without an announcement a host resolves the address again after a while.
	ether(r2, false)
	ether(r1, true)
	lost := 0
	for ping(h) != "r1" {
		if lost++; lost > 10 {
			t.Fatal("the host never asks again")
		}
	}
	if lost == 0 {
		t.Error("the host asked again before anything was lost")
	}
}

func TestReceiveQueueIsBounded(t *testing.T) {
	lan := fake.NewLAN()
	r1, r2 := newBox(t, lan, "r1", "10.0.0.1/24"), newBox(t, lan, "r2", "10.0.0.2/24")
	r2.SetFaults(fake.Faults{Queue: 10})
	for range 25 {
		r1.advertise(t)
	}
	p := make([]platform.Packet, 100)
	if n, err := r2.system.Recv(p); n != 10 || err != nil {
		t.Errorf("received %d: %v", n, err)
	}
	if n, err := r2.system.Recv(p); n != 0 || err != nil {
		t.Errorf("received %d more: %v", n, err)
	}
	r1.advertise(t)
	if n, _ := r2.system.Recv(p); n != 1 || p[0].TTL != frame.TTL {
		t.Errorf("received %d, TTL %d", n, p[0].TTL)
	}
}

func TestLossAndSeveralLANs(t *testing.T) {
	lan := fake.NewLAN()
	other := lan.Sibling()
	r1, r2, r3 := newBox(t, lan, "r1", "10.0.0.1/24"), newBox(t, lan, "r2", "10.0.0.2/24"), newBox(t, other, "r3", "10.0.0.3/24")
	p := make([]platform.Packet, 10)
	received := func() (n2, n3 int) {
		r1.advertise(t)
		n2, _ = r2.system.Recv(p)
		n3, _ = r3.system.Recv(p)
		return n2, n3
	}
	if n2, n3 := received(); n2 != 1 || n3 != 0 {
		t.Errorf("r2 received %d, r3 on another LAN %d", n2, n3)
	}
	lan.SetDrop(func(from, to string) bool { return from == "r1" && to == "r2" })
	if n2, _ := received(); n2 != 0 {
		t.Error("r2 received a lost frame")
	}
	lan.SetDrop(nil)
	r3.AddLink(lan, "eth1")
	if _, err := r3.system.Open(r3.Links()[1].Index, platform.IPv4, netip.Addr{}); err != nil {
		t.Fatal(err)
	}
	r1.advertise(t)
	if err := r3.system.Wait(time.Time{}); err != nil {
		t.Errorf("r3 with a link on both: %v", err)
	}
}

// Wait, a slow kernel and a pause use the time of the bubble.
func TestVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := fake.NewLAN()
		r1, r2 := newBox(t, lan, "r1", "10.0.0.1/24"), newBox(t, lan, "r2", "10.0.0.2/24")
		start := time.Now()
		r2.SetFaults(fake.Faults{ApplyTime: time.Hour})
		r2.hold(t, true)
		if took := time.Since(start); took != time.Hour {
			t.Errorf("Apply took %s", took)
		}
		until := time.Now().Add(time.Minute)
		if err := r2.system.Wait(until); err != nil || !time.Now().Equal(until) {
			t.Errorf("waited until %s, want %s: %v", time.Now(), until, err)
		}
		r2.Pause()
		r1.advertise(t)
		paused := time.Now()
		go func() {
			time.Sleep(time.Minute)
			r2.Resume()
		}()
		if err := r2.system.Wait(time.Now()); err != nil || time.Since(paused) != time.Minute {
			t.Errorf("a paused program continued after %s: %v", time.Since(paused), err)
		}
		if n, err := r2.system.Recv(make([]platform.Packet, 1)); n != 1 || err != nil {
			t.Errorf("received %d of the packets sent during the pause: %v", n, err)
		}
	})
}

func TestKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lan := fake.NewLAN()
		r1 := newBox(t, lan, "r1", "10.0.0.1/24")
		r1.hold(t, true)
		waited := make(chan error)
		go func() { waited <- r1.system.Wait(time.Time{}) }()
		synctest.Wait()
		r1.Kill()
		if err := <-waited; !errors.Is(err, fake.ErrKilled) {
			t.Errorf("Wait: %v", err)
		}
		if _, err := r1.system.Send(make([]platform.Frame, 1)); !errors.Is(err, fake.ErrKilled) {
			t.Errorf("Send: %v", err)
		}
		if err := r1.system.Close(); !errors.Is(err, fake.ErrKilled) {
			t.Errorf("Close: %v", err)
		}
		if !r1.Has(vip.Addr()) {
			t.Error("the kernel lost the address with the program")
		}
		if err := r1.Boot().Recover(); err != nil || r1.Has(vip.Addr()) {
			t.Errorf("after recovery (%v) the address is there: %t", err, r1.Has(vip.Addr()))
		}
	})
}
