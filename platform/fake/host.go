// SPDX-License-Identifier: GPL-3.0-only

package fake

import (
	"net/netip"

	"vrrpsh/platform/frame"
)

// probes is how many echo requests a host loses before it resolves the address again.
const probes = 3

// Host is a station that is not a router. It has a neighbor cache, which gratuitous ARP
// and unsolicited Neighbor Advertisements change.
type Host struct {
	net   *network
	name  string
	mac   mac
	port  *port
	cache map[netip.Addr]*neighbor
}

type neighbor struct {
	mac  mac
	lost int // echo requests without an answer
}

// AddHost adds a host to the LAN.
func (l *LAN) AddHost(name string) *Host {
	l.net.mu.Lock()
	defer l.net.mu.Unlock()
	h := &Host{net: l.net, name: name, mac: l.net.newMAC(), cache: make(map[netip.Addr]*neighbor)}
	h.port = l.plug(h)
	return h
}

// Ping sends an echo request to an address of the LAN. It returns the name of the station that
// answers and the MAC of the request's destination, which comes from the cache, even without an answer.
func (h *Host) Ping(addr netip.Addr) (by string, mac [6]byte, ok bool) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	n := h.cache[addr]
	if n == nil {
		m, found := h.port.ask(h.mac, addr)
		if !found {
			return "", m, false
		}
		n = &neighbor{mac: m}
		h.cache[addr] = n
	}
	by, ok = h.port.echo(n.mac, addr)
	if ok {
		n.lost = 0
	} else if n.lost++; n.lost == probes {
		delete(h.cache, addr)
	}
	return by, n.mac, ok
}

// Neighbor returns the MAC that the host's neighbor cache has for an address.
func (h *Host) Neighbor(addr netip.Addr) (mac [6]byte, ok bool) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	if n := h.cache[addr]; n != nil {
		return n.mac, true
	}
	return mac, false
}

// Forget removes an address from the host's neighbor cache.
func (h *Host) Forget(addr netip.Addr) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	delete(h.cache, addr)
}

// Send puts a frame on the LAN, right or wrong.
func (h *Host) Send(b []byte) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.port.send(b)
}

func (h *Host) stationName() string { return h.name }

func (h *Host) receive(f *Frame) {
	p := &f.Packet
	if !p.Gratuitous() && p.Kind != frame.NeighborAdvertisement {
		return
	}
	// Like most kernels by default: only existing entries change.
	if n := h.cache[p.TargetIP]; n != nil {
		n.mac, n.lost = p.SenderMAC, 0
	}
}

func (h *Host) resolve(netip.Addr) (mac, bool) { return mac{}, false }
func (h *Host) answers(mac, netip.Addr) bool   { return false }
