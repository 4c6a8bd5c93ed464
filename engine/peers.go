// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine/vrrp"
)

// UnicastPeer is what can be seen of a router that adverts are exchanged with instead of the multicast group.
type UnicastPeer struct {
	Addr netip.Addr
	// LastHeard is when its last advert was accepted, Priority what that said, Adverts how many there were. They
	// are zero as long as it was not heard.
	LastHeard time.Time
	Priority  uint8
	Adverts   uint64
}

// setPeers makes the configured peers those that are watched. What is known of one that stays is kept.
func (g *group) setPeers() {
	want := g.cfg.Protocol.Unicast.Peers
	if len(want) == 0 {
		g.peers = nil
		return
	}
	peers := make([]UnicastPeer, len(want))
	for i, addr := range want {
		peers[i].Addr = addr
		if was := g.watched(addr); was != nil {
			peers[i] = *was
		}
	}
	g.peers = peers
}

// watched returns what is known of a peer; nil if it is none.
func (g *group) watched(addr netip.Addr) *UnicastPeer {
	i := slices.IndexFunc(g.peers, func(p UnicastPeer) bool { return p.Addr == addr })
	if i < 0 {
		return nil
	}
	return &g.peers[i]
}

// heard notes an advert that was accepted.
func (g *group) heard(now time.Time, a *vrrp.Advertisement) {
	if p := g.watched(a.Source); p != nil {
		p.LastHeard, p.Priority = now, a.Priority
		p.Adverts++
	}
}
