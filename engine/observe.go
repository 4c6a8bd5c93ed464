// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"slices"
	"time"

	"vrrpsh/engine/vrrp"
)

// Snapshot returns the state of everything. It shares the unchanged parts with the
// previous Snapshot.
func (c *Core) Snapshot(now time.Time) *Snapshot {
	s := &Snapshot{Time: now, Started: c.started, Routers: make([]*RouterStatus, len(c.order)), Links: c.linkStatuses(), Routes: c.routing.status, Tracks: c.trackStatuses()}
	for i, g := range c.order {
		if g.status == nil {
			g.status = c.observe(g)
		}
		s.Routers[i] = g.status
	}
	return s
}

// observe returns the state of one virtual router.
func (c *Core) observe(g *group) *RouterStatus {
	s := &RouterStatus{
		Config:     g.cfg,
		Status:     g.router.Status(),
		Carrier:    g.cfg.Interface,
		VirtualMAC: g.vmac,
		Addresses:  g.prefixes,
		Fault:      g.fault,
		SendFault:  g.sendFault(),
		Rivals:     g.rivals(),
		Counters:   g.counters,
		Dropped:    slices.Clone(g.dropped),
		History:    g.history.last(),
		Peers:      slices.Clone(g.peers),
		Tracked:    c.dependencies(g),
		Sync:       c.syncStatus(g),
	}
	if g.cfg.Type == Macvlan && g.state == vrrp.Master {
		s.Carrier = g.cfg.VIFName
	}
	if l := g.port.link; l != nil {
		s.LinkIndex, s.LinkMAC, s.AdvertMAC = l.Index, l.MAC, g.advertMAC(l)
	}
	if text := g.unusable(); text != "" {
		s.Fault = text
	}
	return s
}

// linkStatuses returns the state of the interfaces, sorted by index.
func (c *Core) linkStatuses() []LinkStatus {
	if c.linkStatus != nil {
		return c.linkStatus
	}
	c.linkStatus = make([]LinkStatus, 0, len(c.links))
	for _, l := range c.links {
		s := LinkStatus{Link: l.Link, UnknownVRID: l.unknownVRID, Malformed: l.malformed}
		if l.port != nil {
			s.Groups = l.port.groups
		}
		c.linkStatus = append(c.linkStatus, s)
	}
	slices.SortFunc(c.linkStatus, func(a, b LinkStatus) int { return a.Index - b.Index })
	return c.linkStatus
}
