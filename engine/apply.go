// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"fmt"
	"time"

	"vrrpsh/engine/vrrp"
)

// An edit is what Apply has to do to one group.
type edit struct {
	group    *group // nil: to be created
	to       *VirtualRouter
	settings settings // the ones that differ
}

// Apply makes cfg the running configuration, touching only what differs (see Plan). A
// Master that is removed or restarted sends priority 0.
func (c *Core) Apply(now time.Time, cfg Config, out *Output) {
	text := c.apply(now, cfg, out)
	c.event(now, EventConfig, Key{}, text, out)
}

// apply returns a summary for people.
func (c *Core) apply(now time.Time, cfg Config, out *Output) string {
	edits, removed, reordered := c.edits(cfg)
	fresh, retracked := c.setTracks(now, cfg.Tracks)
	if len(edits) == 0 && len(removed) == 0 && !retracked {
		if reordered {
			c.reorder(cfg)
			c.depend()
		}
		c.setRoutes(now, cfg.Routes, out)
		return "configuration applied, no virtual router changed"
	}
	for _, g := range removed {
		g.sync = nil
		c.remove(now, g, out)
	}
	var counts [Removed]int
	for i := range edits {
		e := &edits[i]
		vr := *e.to // a copy, so that the rest of cfg can be freed
		if e.group == nil {
			counts[Created]++
			e.group = c.create(now, &vr)
		} else {
			counts[e.settings.kind()]++
			c.change(now, e.group, &vr, e.settings, out)
		}
	}

	c.reorder(cfg)
	c.depend()
	c.regroup()

	// The primary address of an interface depends on the virtual addresses of all its
	// groups, so this waits until they are known.
	for i := range edits {
		edits[i].group.resolve()
	}
	for i, s := range c.occupied {
		c.occupied[i] = nil
		if s.choose() {
			s.ask(c)
			for _, g := range s.groups {
				c.evaluate(now, g, out)
			}
		}
	}
	c.occupied = c.occupied[:0]
	for i := range edits {
		c.evaluate(now, edits[i].group, out)
	}
	for _, o := range fresh {
		for _, g := range o.users {
			g.status = nil
			c.evaluate(now, g, out)
		}
	}
	for _, g := range removed {
		c.tidy(g.port)
	}
	c.setRoutes(now, cfg.Routes, out)
	c.alignAndListen(now, out)
	return fmt.Sprintf("configuration applied: %d created, %d changed in place, %d restarted, %d removed",
		counts[Created], counts[ChangedInPlace], counts[Restarted], len(removed))
}

// edits compares a configuration with the running one.
func (c *Core) edits(cfg Config) (edits []edit, removed []*group, reordered bool) {
	c.applied++
	for i := range cfg.Routers {
		vr := &cfg.Routers[i]
		var g *group
		if i < len(c.order) && c.order[i].cfg.Key == vr.Key {
			g = c.order[i] // the order rarely changes
		} else {
			g = c.groups[vr.Key]
			reordered = true
		}
		if g == nil {
			edits = append(edits, edit{to: vr})
			continue
		}
		g.applied = c.applied
		if s := compare(g.cfg, vr); s != 0 {
			edits = append(edits, edit{group: g, to: vr, settings: s})
		}
	}
	if !reordered && len(cfg.Routers) == len(c.order) {
		return edits, nil, false
	}
	for _, g := range c.order {
		if g.applied != c.applied {
			removed = append(removed, g)
		}
	}
	return edits, removed, reordered
}

// reorder puts the groups in the order of the configuration.
func (c *Core) reorder(cfg Config) {
	order := make([]*group, len(cfg.Routers))
	for i := range cfg.Routers {
		order[i] = c.groups[cfg.Routers[i].Key]
	}
	c.order = order
}

// create makes a group that does not run yet.
func (c *Core) create(now time.Time, vr *VirtualRouter) *group {
	g := &group{
		cfg:     vr,
		vmac:    vrrp.VirtualMAC(vr.Family, vr.VRID),
		applied: c.applied,
		slot:    -1,
		due:     never,

		counters: Counters{Since: now},
	}
	g.priority, _ = c.tracking(g)
	g.router = vrrp.New(*g.protocol())
	g.setPeers()
	if m, ok := c.inheritance[vr.Key]; ok {
		c.inherit(now, g, m)
	}
	delete(c.leftovers, vr.Key) // what is still in the kernel may be what it needs
	c.groups[vr.Key] = g
	c.join(g)
	return g
}

// change gives a group a new configuration, in place if possible.
func (c *Core) change(now time.Time, g *group, vr *VirtualRouter, what settings, out *Output) {
	if what&setSyncGroup != 0 || vr.Shutdown {
		g.sync = nil // the other members must not follow what happens to it now
	}
	if what.kind() == Restarted {
		if g.ready {
			c.hold(now, g, vrrp.CauseReconfigured, out)
		}
		g.ready, g.cause = false, vrrp.CauseNone
		g.recover()
	}
	if what&setAddresses != 0 {
		c.occupy(g.segment, g.cfg.Addresses, -1)
		c.occupy(g.segment, vr.Addresses, +1)
	}
	if what&(setFilter|setUnicast) != 0 {
		g.segment.ask(c)
	}
	g.cfg, g.status = vr, nil
	if what&setUnicast != 0 {
		g.setPeers()
	}
	g.reported, g.tolerated, g.dropped = 0, 0, nil
	if what.kind() == Restarted {
		g.router = vrrp.New(*g.protocol())
		g.willing = false
	} else {
		c.retry(now, g, out)
	}
}

// remove ends a group.
func (c *Core) remove(now time.Time, g *group, out *Output) {
	if g.ready {
		c.hold(now, g, vrrp.CauseShutdown, out)
	}
	g.removed = true
	c.requestKernelState(g, out)
	c.timers.remove(g)
	c.leave(g)
	delete(c.groups, g.cfg.Key)
}
