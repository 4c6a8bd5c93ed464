// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"fmt"
	"time"

	"vrrpsh/engine/vrrp"
)

// Core owns the virtual routers. It is not safe for concurrent use.
//
// Time must not run backwards from one call to the next. After a pause without calls,
// the owner must deliver every waiting packet before it calls Expire: a router that was
// held up must listen before it asserts itself.
type Core struct {
	started time.Time
	stopped bool

	order  []*group // in configuration order
	groups map[Key]*group
	ports  map[string]*port // by configured interface name
	joined uint8            // number of ports created so far; gives each its turn
	links  map[int]*link    // by index
	named  map[string]*link // the same links, by name
	// applied counts the calls of Apply. It shows which groups the last configuration named.
	applied uint64

	timers   timers
	seq      uint64     // of the last Desired
	eventSeq uint64     // of the last Event
	occupied []*segment // segments whose virtual addresses have changed
	unheard  []*segment // segments whose Listen may have changed

	routing routing
	// leftovers says, for virtual routers that are no longer configured, why the kernel still has state of them.
	leftovers map[Key]string

	// inheritance is the state that Restore passes to the groups that it creates.
	inheritance map[Key]*groupMemory
	objects     []*object // the tracked objects, in configuration order
	objectNamed map[string]*object
	syncs       []*syncGroup
	unaligned   []*syncGroup // sync groups whose rules must be applied

	actions []vrrp.Action // reused by step
	advert  vrrp.Advertisement

	linkStatus []LinkStatus // shared with snapshots; nil when it has changed
}

// NewCore returns a Core without virtual routers.
func NewCore(now time.Time) *Core {
	return &Core{
		started: now,
		groups:  make(map[Key]*group),
		ports:   make(map[string]*port),
		links:   make(map[int]*link),
		named:   make(map[string]*link),
		timers:  timers{epoch: now},
	}
}

// Resign makes a Master give up once. It fails if key is not configured or
// not Master.
func (c *Core) Resign(now time.Time, key Key, out *Output) error {
	g, ok := c.groups[key]
	if !ok {
		return fmt.Errorf("%s is not configured", key)
	}
	if g.state != vrrp.Master {
		return fmt.Errorf("%s is not Master but %s", key, g.state)
	}
	c.step(now, g, vrrp.Event{Kind: vrrp.EventResign}, out)
	c.requestKernelState(g, out)
	c.alignAndListen(now, out)
	return nil
}

// ClearStatistics zeroes counters; see Control.
func (c *Core) ClearStatistics(now time.Time, match func(Key) bool) {
	for _, g := range c.order {
		if match == nil || match(g.cfg.Key) {
			g.counters, g.dropped, g.claimants = Counters{Since: now}, nil, nil
			for i := range g.peers {
				g.peers[i].Adverts = 0
			}
			g.status = nil
		}
	}
	if match != nil {
		return
	}
	for _, l := range c.links {
		l.unknownVRID = 0
		l.malformed = [vrrp.NumDropReasons]uint64{}
	}
	c.linkStatus = nil
}

// Stop shuts down every virtual router: each Master sends priority 0, and the kernel state
// is removed. Nothing starts again afterwards.
func (c *Core) Stop(now time.Time, out *Output) {
	c.stopped = true
	for _, g := range c.order {
		c.evaluate(now, g, out)
	}
	c.steer(now, out)
	c.listen(out)
}

// event appends an event of a virtual router, or of an interface when only
// key.Interface is set.
func (c *Core) event(now time.Time, kind EventKind, key Key, text string, out *Output) {
	c.eventSeq++
	out.Events = append(out.Events, Event{Seq: c.eventSeq, Time: now, Kind: kind, Key: key, Text: text})
}
