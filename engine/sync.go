// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"encoding/binary"
	"hash/fnv"
	"time"

	"vrrpsh/engine/vrrp"
)

// A syncGroup is a set of virtual routers that are Master together or not at all.
//
// The rules, in this order:
//
//  1. Members that are shut down or own their address do not take part: the former must not become
//     Master, and the latter cannot leave Master to another router.
//  2. All members advertise the lowest priority of any member, so that the election has the
//     same result on each link.
//  3. While a member cannot run, the others stay in Initialize.
//  4. When a member is no longer Master, the others resign.
//  5. While a member is Master, the others become Master at once.
//  6. Members become Master only when each of them would become Master by itself. A member whose
//     timer has expired waits while the others follow a Master.
//  7. A group that loses Master soon after winning it waits longer each time, and not as long as its
//     peer does. This ends the conflict between two routers that each win on a different link.
//
// The Core applies the rules before a call returns: no caller ever sees a divided group.
type syncGroup struct {
	name    string
	members []*group // in configuration order
	queued  bool     // in Core.unaligned

	priority uint8
	blocker  *group // a member that cannot run
	left     bool   // a member is no longer Master
	master   bool
	since    time.Time // when it became Master
	losses   int       // consecutive losses soon after it became Master
}

// SyncStatus is the visible state of a sync group.
type SyncStatus struct {
	Name    string
	Members []Key
	Master  bool
	// Blocker is the member that holds the others back, either because it cannot run or, in a
	// Backup, because it follows a Master. The zero Key if there is none.
	Blocker Key
	// Cause is why the Blocker cannot run; CauseNone if it follows a Master.
	Cause vrrp.Cause
}

// participates reports whether a group takes part in its sync group.
func (g *group) participates() bool { return !g.cfg.Shutdown && !(g.ready && g.local.Owner) }

// unalign queues a sync group: its rules are applied before the current call returns.
func (c *Core) unalign(s *syncGroup) {
	if s != nil && !s.queued {
		s.queued = true
		c.unaligned = append(c.unaligned, s)
	}
}

// alignAndListen applies the rules of queued sync groups and updates the Listens at the end of a call.
func (c *Core) alignAndListen(now time.Time, out *Output) {
	for len(c.unaligned) > 0 {
		s := c.unaligned[0]
		c.unaligned = c.unaligned[1:]
		s.queued = false
		if !c.stopped {
			c.align(now, s, out)
		}
	}
	c.listen(out)
}

// regroup puts the groups into their sync groups.
func (c *Core) regroup() {
	old := c.syncs
	c.syncs = nil
	for _, s := range old {
		s.members = nil // so that a dropped sync group has nothing left to align
	}
	var named map[string]*syncGroup
	for _, g := range c.order {
		name := g.cfg.SyncGroup
		if name == "" {
			continue // change has taken it out of the one before
		}
		s := named[name]
		if s == nil {
			if s = find(old, name); s == nil {
				s = &syncGroup{name: name}
			}
			if named == nil {
				named = make(map[string]*syncGroup)
			}
			named[name] = s
			c.syncs = append(c.syncs, s)
			c.unalign(s)
		}
		s.members = append(s.members, g)
		g.sync = s
	}
	for _, s := range c.syncs {
		s.priority = c.least(s)
	}
}

func find(list []*syncGroup, name string) *syncGroup {
	for _, s := range list {
		if s.name == name {
			return s
		}
	}
	return nil
}

// least returns the lowest priority of the members that take part.
func (c *Core) least(s *syncGroup) uint8 {
	least := uint8(unsetPriority)
	for _, g := range s.members {
		if p, _ := c.tracking(g); g.participates() {
			least = min(least, p)
		}
	}
	return min(least, vrrp.PriorityMax)
}

// align applies the rules.
func (c *Core) align(now time.Time, s *syncGroup, out *Output) {
	s.priority = c.least(s)
	s.blocker = nil
	for _, g := range s.members {
		if s.blocker == nil && g.participates() && c.hindrance(g) != vrrp.CauseNone {
			s.blocker = g
		}
	}
	for _, g := range s.members {
		g.status = nil
		c.evaluate(now, g, out)
	}
	masters, willing, all := s.count()
	switch {
	case s.blocker != nil || all == 0:
		s.left, s.master = false, false
	case s.left:
		s.left = false
		c.resignAll(now, s, out)
		s.master = false
	case masters == all:
		s.won(now)
	case masters > 0 || willing == all:
		s.won(now)
		for _, g := range s.members {
			if g.participates() && g.state == vrrp.Backup {
				c.step(now, g, vrrp.Event{Kind: vrrp.EventTakeOver}, out)
				c.requestKernelState(g, out)
			}
		}
	default:
		s.master = false
	}
}

// won records that the group is Master.
func (s *syncGroup) won(now time.Time) {
	if !s.master {
		s.master, s.since = true, now
	}
}

// count returns how many members are Master, how many are ready to become Master, and how many take part.
func (s *syncGroup) count() (masters, willing, all int) {
	for _, g := range s.members {
		if !g.participates() {
			continue
		}
		all++
		switch {
		case g.state == vrrp.Master:
			masters++
		case g.state == vrrp.Backup && g.willing:
			willing++
		}
	}
	return masters, willing, all
}

// resignAll makes the members that are still Master resign.
func (c *Core) resignAll(now time.Time, s *syncGroup, out *Output) {
	soon := false
	for _, g := range s.members {
		soon = soon || s.master && now.Sub(s.since) < g.router.Status().MasterDownInterval
	}
	if soon {
		s.losses++
	} else {
		s.losses = 0
	}
	for _, g := range s.members {
		if !g.participates() || g.state != vrrp.Master {
			continue
		}
		ev := vrrp.Event{Kind: vrrp.EventResign, Cause: vrrp.CauseSyncGroup}
		if s.losses > 1 {
			ev.Wait = patience(g, s.losses)
		}
		c.step(now, g, ev, out)
		c.requestKernelState(g, out)
	}
	s.left = false // set again by these resignations
}

// patience returns how long a group waits after repeated losses of Master. The wait depends on
// the address, so that two routers wait for different times.
func patience(g *group, losses int) time.Duration {
	h := fnv.New32a()
	addr := g.local.Primary.As16()
	_, _ = h.Write(addr[:])
	_, _ = h.Write(binary.BigEndian.AppendUint32(nil, uint32(losses)))
	down := g.router.Status().MasterDownInterval
	const most = 5
	spread := down << min(losses-1, most)
	return down + time.Duration(uint64(spread)*uint64(h.Sum32()>>16)>>16)
}

// syncStatus returns the visible state of the sync group of a group.
func (c *Core) syncStatus(g *group) *SyncStatus {
	s := g.sync
	if s == nil {
		return nil
	}
	status := &SyncStatus{Name: s.name, Master: s.master, Members: make([]Key, len(s.members))}
	masters, _, _ := s.count()
	for i, m := range s.members {
		status.Members[i] = m.cfg.Key
		if s.blocker == nil && masters == 0 && status.Blocker == (Key{}) && m.participates() &&
			!m.willing && s.someWilling() {
			status.Blocker = m.cfg.Key
		}
	}
	if s.blocker != nil {
		status.Blocker, status.Cause = s.blocker.cfg.Key, c.hindrance(s.blocker)
	}
	return status
}

// someWilling reports whether a member waits for the others.
func (s *syncGroup) someWilling() bool {
	_, willing, _ := s.count()
	return willing > 0
}
