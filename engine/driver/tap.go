// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// tapQueue is the number of packets that wait for a reader before further ones are lost.
const tapQueue = 1024

// tapPeriod is how long packets may wait at most while somebody reads them.
const tapPeriod = time.Millisecond

// taps holds the readers of packets. The loop reads the list without a lock.
type taps struct {
	list  atomic.Pointer[[]*tap] // nil while there is no reader; never changed in place
	mu    sync.Mutex             // guards changes of the list
	ended bool
}

type tap struct {
	match   func(iface string, family vrrp.Family, vrid uint8) bool
	packets chan engine.TappedPacket
	lost    atomic.Uint64
	mu      sync.Mutex // keeps packets from being closed during a send
	closed  bool
}

var _ engine.Tap = (*Driver)(nil)

// Tap implements engine.Tap. The channel is closed by stop and when the driver stops.
func (d *Driver) Tap(match func(iface string, family vrrp.Family, vrid uint8) bool) (<-chan engine.TappedPacket, func() uint64, func()) {
	t := &tap{match: match, packets: make(chan engine.TappedPacket, tapQueue)}
	d.taps.mu.Lock()
	defer d.taps.mu.Unlock()
	if d.taps.ended {
		t.close()
	} else {
		d.taps.change(func(list []*tap) []*tap { return append(list, t) })
	}
	return t.packets, func() uint64 { return t.lost.Swap(0) }, func() { d.taps.remove(t) }
}

// change replaces the list. The caller must hold the lock.
func (s *taps) change(f func([]*tap) []*tap) {
	var list []*tap
	if old := s.list.Load(); old != nil {
		list = slices.Clone(*old)
	}
	if list = f(list); len(list) == 0 {
		s.list.Store(nil)
	} else {
		s.list.Store(&list)
	}
}

func (s *taps) remove(t *tap) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change(func(list []*tap) []*tap {
		return slices.DeleteFunc(list, func(other *tap) bool { return other == t })
	})
	t.close()
}

// end closes all taps. Later taps are closed at once.
func (s *taps) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.change(func(list []*tap) []*tap {
		for _, t := range list {
			t.close()
		}
		return nil
	})
}

func (t *tap) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.closed = true
		close(t.packets)
	}
}

// show gives a packet to the tap. It copies the payload, which the loop reuses.
func (t *tap) show(p engine.TappedPacket) {
	vrid, _ := vrrp.PeekVRID(p.Packet.Payload)
	if !t.match(p.Interface, p.Family, vrid) {
		return
	}
	p.Packet.Payload = slices.Clone(p.Packet.Payload)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	select {
	case t.packets <- p:
	default:
		t.lost.Add(1)
	}
}

// tapReceived shows a packet that the Core has judged.
func (l *loop) tapReceived(list []*tap, now time.Time, link int, family vrrp.Family, p *vrrp.Packet, drop vrrp.DropReason) {
	for _, t := range list {
		t.show(engine.TappedPacket{
			Time: now, Interface: l.links[link].Name, Family: family, Packet: *p, Drop: drop,
		})
	}
}

// tapSending shows an advert that is about to be sent.
func (l *loop) tapSending(list []*tap, now time.Time, n *engine.Send) {
	for _, t := range list {
		t.show(engine.TappedPacket{
			Time: now, Interface: n.Key.Interface, Family: n.Key.Family, Sent: true,
			Packet: vrrp.Packet{Src: n.Source, Dst: vrrp.Group(n.Key.Family), TTL: vrrp.TTL, Payload: n.Payload},
		})
	}
}
