// SPDX-License-Identifier: GPL-3.0-only

package fake

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"vrrpsh/platform/frame"
)

// mac is an Ethernet address.
type mac = [6]byte

// network is shared by a LAN and its siblings: one lock for everything
// on them.
type network struct {
	mu   sync.Mutex
	macs uint16 // number of MACs given to stations
	now  func() time.Time
}

func (n *network) newMAC() mac {
	n.macs++
	return mac{0x02, 0, 0, 0, byte(n.macs >> 8), byte(n.macs)}
}

// LAN is an Ethernet with a switch that learns. Frames take no time.
type LAN struct {
	net   *network
	ports []*port
	learn map[mac]*port
	taps  []*tap
	drop  func(from, to string) bool
	carry func(from, to string, b []byte, deliver func(b []byte))
}

// NewLAN returns a LAN without stations.
func NewLAN() *LAN { return newLAN(&network{now: time.Now}) }

// Sibling returns another LAN. The same routers can have links to both.
func (l *LAN) Sibling() *LAN { return newLAN(l.net) }

func newLAN(n *network) *LAN { return &LAN{net: n, learn: make(map[mac]*port)} }

// SetDrop makes the LAN lose the frames for which drop returns true; nil: none. The arguments of drop are the
// names of the sending and the receiving station. It must not call into this package.
func (l *LAN) SetDrop(drop func(from, to string) bool) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	l.drop = drop
}

// SetClock makes now the clock of this LAN and its siblings.
func (l *LAN) SetClock(now func() time.Time) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	l.net.now = now
}

// SetCarry makes carry bring the frames from one station to another, in place of the LAN, which takes no time for it: it calls
// deliver, later, as often as it likes. carry must not call into this package, and must copy b.
func (l *LAN) SetCarry(carry func(from, to string, b []byte, deliver func(b []byte))) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	l.carry = carry
}

// Frame is a frame that a station sent.
type Frame struct {
	Time  time.Time
	From  string // name of the station
	Bytes []byte // valid during the call only
	// Packet is the parsed frame; its Kind is Other when it is malformed.
	Packet frame.Packet
}

type tap struct{ fn func(Frame) }

// Tap calls fn with every frame that enters the switch until stop is called. fn must be quick and
// must not call into this package.
func (l *LAN) Tap(fn func(Frame)) (stop func()) {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	t := &tap{fn}
	l.taps = append(l.taps, t)
	return func() {
		l.net.mu.Lock()
		defer l.net.mu.Unlock()
		l.taps = slices.DeleteFunc(l.taps, func(o *tap) bool { return o == t })
	}
}

// station is a device connected to a port. Its methods are called with the network locked.
type station interface {
	stationName() string
	// receive handles a frame to a group, to this station, or to a MAC unknown to the switch.
	receive(f *Frame)
	// resolve answers an ARP or Neighbor Discovery request.
	resolve(addr netip.Addr) (mac, bool)
	// answers reports whether the station answers an echo request to the address in a frame to dst.
	answers(dst mac, addr netip.Addr) bool
}

// port is the switch port of a station's link.
type port struct {
	lan       *LAN
	station   station
	unplugged bool // both ends see no carrier
	silent    bool // frames are lost, without either end noticing
}

func (l *LAN) plug(s station) *port {
	p := &port{lan: l, station: s}
	l.ports = append(l.ports, p)
	return p
}

// pull removes the port.
func (p *port) pull() {
	p.forget()
	p.lan.ports = slices.DeleteFunc(p.lan.ports, func(o *port) bool { return o == p })
}

// forget makes the switch forget what it learned on the port.
func (p *port) forget() {
	for m, o := range p.lan.learn {
		if o == p {
			delete(p.lan.learn, m)
		}
	}
}

func (p *port) dead() bool { return p.unplugged || p.silent }

// reaches reports whether a frame gets from one port to another.
func (p *port) reaches(to *port) bool {
	return p != to && !p.dead() && !to.dead() &&
		(p.lan.drop == nil || !p.lan.drop(p.station.stationName(), to.station.stationName()))
}

// send sends a frame to all other ports, or to the port where the switch learned
// the destination.
func (p *port) send(b []byte) {
	if p.dead() || len(b) < 14 {
		return
	}
	l := p.lan
	f := p.frame(b)
	l.learn[f.Packet.Src] = p
	for _, t := range l.taps {
		t.fn(f)
	}
	var only *port
	if f.Packet.Dst[0]&1 == 0 { // not a group address
		only = l.learn[f.Packet.Dst]
	}
	for _, to := range l.ports {
		switch {
		case only != nil && to != only || !p.reaches(to):
		case l.carry != nil:
			l.carry(f.From, to.station.stationName(), b, func(b []byte) { p.deliver(to, b) })
		default:
			to.station.receive(&f)
		}
	}
}

// frame returns a frame that is sent from a port.
func (p *port) frame(b []byte) Frame {
	f := Frame{Time: p.lan.net.now(), From: p.station.stationName(), Bytes: b}
	if packet, err := frame.Parse(b); err == nil {
		f.Packet = packet
	} else {
		f.Packet = frame.Packet{Dst: mac(b[:6]), Src: mac(b[6:12])}
	}
	return f
}

// deliver brings a frame that was under way to a port, if that is still plugged in.
func (p *port) deliver(to *port, b []byte) {
	p.lan.net.mu.Lock()
	defer p.lan.net.mu.Unlock()
	if !to.dead() && slices.Contains(p.lan.ports, to) {
		f := p.frame(b)
		to.station.receive(&f)
	}
}

// ask resolves an address as seen from a port whose station has the MAC own.
func (p *port) ask(own mac, addr netip.Addr) (mac, bool) {
	if p.dead() {
		return mac{}, false
	}
	p.lan.learn[own] = p
	for _, to := range p.lan.ports {
		if !p.reaches(to) || !to.reaches(p) {
			continue
		}
		if m, ok := to.station.resolve(addr); ok {
			p.lan.learn[m] = to
			return m, true
		}
	}
	return mac{}, false
}

// echo sends an echo request in a frame to dst and returns who answered.
func (p *port) echo(dst mac, addr netip.Addr) (by string, ok bool) {
	if p.dead() {
		return "", false
	}
	learned := p.lan.learn[dst]
	for _, to := range p.lan.ports {
		if learned != nil && to != learned {
			continue
		}
		if p.reaches(to) && to.reaches(p) && to.station.answers(dst, addr) {
			return to.station.stationName(), true
		}
	}
	return "", false
}
