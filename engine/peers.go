// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine/vrrp"
)

// UnicastPeer is the visible state of a router that exchanges adverts with this one by unicast.
type UnicastPeer struct {
	Addr netip.Addr
	// LastHeard is the time of its last accepted advert, Priority the priority in that advert, and Adverts the
	// number of accepted adverts. All are zero until the first one.
	LastHeard time.Time
	Priority  uint8
	Adverts   uint64
}

// setPeers watches the configured peers. Peers that were watched before keep their state.
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

// watched returns the state of a peer; nil if addr is not a peer.
func (g *group) watched(addr netip.Addr) *UnicastPeer {
	i := slices.IndexFunc(g.peers, func(p UnicastPeer) bool { return p.Addr == addr })
	if i < 0 {
		return nil
	}
	return &g.peers[i]
}

// heard records an accepted advert.
func (g *group) heard(now time.Time, a *vrrp.Advertisement) {
	if p := g.watched(a.Source); p != nil {
		p.LastHeard, p.Priority = now, a.Priority
		p.Adverts++
	}
}
