// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine/vrrp"
)

// Handover is the state that the Core of the next process needs to continue without a transition.
// It survives encoding as JSON. Values that another release may number differently are stored by
// name. Other releases read it: see TestHandoverFields of the driver before changing a name.
type Handover struct {
	// At is the wall-clock time of the hand-over, on the same clock as all other times; zero: written by an earlier release.
	At       time.Time
	Config   Config
	Started  time.Time
	EventSeq uint64
	Groups   []groupMemory
	Links    []linkMemory
	Routes   []RouteStatus
	Tracks   []trackMemory // in the order of Config.Tracks
}

// trackMemory is the state of a tracked object in a Handover.
type trackMemory struct {
	State   TrackState
	Weight  int
	Reason  string
	Since   time.Time
	Changes uint64
}

// groupMemory is the state of a virtual router in a Handover.
type groupMemory struct {
	Key          Key
	Protocol     vrrp.Memory
	Peer         netip.Addr
	PeerPriority uint8
	Repairs      []time.Time // oldest first
	Fault        string
	FaultActive  bool
	Counters     Counters // without the counters by reason or cause, which follow
	Dropped      map[string]uint64
	Tolerated    map[string]uint64
	Transitions  map[string]uint64
	History      []Transition
	Peers        []UnicastPeer
}

// linkMemory is the state of an interface in a Handover.
type linkMemory struct {
	Index       int
	UnknownVRID uint64
	Malformed   map[string]uint64
}

// named is the type of a counter index: a drop reason or a cause.
type named interface {
	~uint8
	String() string
}

// byName returns the nonzero counters of a slice indexed by N, keyed by the name of the index.
func byName[N named](counters []uint64) map[string]uint64 {
	m := make(map[string]uint64)
	for i, n := range counters {
		if n > 0 {
			m[N(i).String()] = n
		}
	}
	return m
}

// fromNames undoes byName. It ignores names that this release does not know.
func fromNames[N named](counters []uint64, m map[string]uint64) {
	for i := range counters {
		counters[i] = m[N(i).String()]
	}
}

// clockStep is the smallest difference between two readings that shows that a wall clock was set: two clocks are never read at
// the same moment.
const clockStep = 10 * time.Millisecond

// Rebase converts every time to another clock; from and to are readings of the old and the new clock at the same
// moment. Durations measured by one clock stay right when it is set; the differences of its readings then do not.
func (h *Handover) Rebase(from, to time.Time) {
	h.At = from
	for _, t := range h.moments() {
		if t.IsZero() {
			continue
		}
		moved := to.Add(t.Sub(from))
		if step := moved.Round(0).Sub(t.Round(0)); step.Abs() < clockStep { // nobody has set it
			moved = t.Round(0)
		}
		*t = moved
	}
}

// moments returns all times in a Handover.
func (h *Handover) moments() []*time.Time {
	all := []*time.Time{&h.At, &h.Started}
	for i := range h.Tracks {
		all = append(all, &h.Tracks[i].Since)
	}
	for i := range h.Groups {
		m := &h.Groups[i]
		p := &m.Protocol
		all = append(all, &p.Since, &p.PreemptSet, &p.HoldUntil, &p.LastHeard, &m.Counters.Since)
		for j := range m.Repairs {
			all = append(all, &m.Repairs[j])
		}
		for j := range m.History {
			all = append(all, &m.History[j].Time)
		}
		for j := range m.Peers {
			all = append(all, &m.Peers[j].LastHeard)
		}
	}
	return all
}

// Handover returns the state that Restore needs. Once the result is used, this Core must not be called again.
func (c *Core) Handover() Handover {
	h := Handover{Started: c.started, EventSeq: c.eventSeq, Routes: c.routing.status}
	for _, r := range c.routing.status {
		h.Config.Routes = append(h.Config.Routes, r.StaticRoute)
	}
	for _, o := range c.objects {
		h.Config.Tracks = append(h.Config.Tracks, *o.Object)
		h.Tracks = append(h.Tracks, trackMemory{o.State, o.Weight, o.Reason, o.Since, o.Changes})
	}
	for _, g := range c.order {
		h.Config.Routers = append(h.Config.Routers, *g.cfg)
		m := groupMemory{
			Key: g.cfg.Key, Protocol: g.router.Memory(), Peer: g.peer, PeerPriority: g.peerPriority,
			Repairs: g.repairs.made(), Fault: g.fault, FaultActive: g.faultActive, Counters: g.counters, History: g.history.last(), Peers: g.peers,
			Dropped:     byName[vrrp.DropReason](g.counters.Dropped[:]),
			Tolerated:   byName[vrrp.DropReason](g.counters.Tolerated[:]),
			Transitions: byName[vrrp.Cause](g.counters.Transitions[:]),
		}
		clear(m.Counters.Dropped[:])
		clear(m.Counters.Tolerated[:])
		clear(m.Counters.Transitions[:])
		h.Groups = append(h.Groups, m)
	}
	for _, l := range c.links {
		h.Links = append(h.Links, linkMemory{l.Index, l.unknownVRID, byName[vrrp.DropReason](l.malformed[:])})
	}
	return h
}

// Restore makes a new Core continue where another one stopped. The new Core must know the interfaces
// but have no configuration yet. Masters stay Master and ask for the kernel state that they already have.
// A virtual router that cannot continue, for example because its interface is gone, changes its state now.
// A new configuration can be applied afterwards.
func (c *Core) Restore(now time.Time, h *Handover, out *Output) {
	c.started, c.eventSeq = h.Started, h.EventSeq
	c.inheritance = make(map[Key]*groupMemory, len(h.Groups))
	for i := range h.Groups {
		c.inheritance[h.Groups[i].Key] = &h.Groups[i]
	}
	c.setTracks(now, h.Config.Tracks)
	for i, m := range h.Tracks {
		o := c.objects[i]
		o.Since, o.Changes, o.found = m.Since, m.Changes, m.Changes > 0
		if o.Object.Kind != TrackInterface { // the state of interfaces is known
			o.State, o.Weight, o.Reason = m.State, m.Weight, m.Reason
		}
	}
	for _, m := range h.Links {
		if l := c.links[m.Index]; l != nil {
			l.unknownVRID = m.UnknownVRID
			fromNames[vrrp.DropReason](l.malformed[:], m.Malformed)
		}
	}
	c.routing.status = h.Routes
	c.apply(now, h.Config, out)
	c.inheritance = nil
	if len(c.routing.status) > 0 {
		c.routeAgain(out)
	}
	text := fmt.Sprintf("restarted: %d virtual routers taken over, Master of %d", len(c.order), c.routing.masters)
	c.event(now, EventConfig, Key{}, text, out)
}

// inherit makes a new group continue where its predecessor stopped.
func (c *Core) inherit(now time.Time, g *group, m *groupMemory) {
	g.router = vrrp.Restore(now, *g.protocol(), m.Protocol)
	g.state, g.local = m.Protocol.State, m.Protocol.Local
	switch g.state {
	case vrrp.Initialize:
		g.cause = m.Protocol.Cause
	case vrrp.Backup:
	case vrrp.Master:
		g.active = true
		c.routing.masters++
	}
	g.peer, g.peerPriority = m.Peer, m.PeerPriority
	g.fault, g.faultActive = m.Fault, m.FaultActive
	for _, at := range m.Repairs {
		g.repairs.note(now.Add(min(at.Sub(now), 0)))
	}
	g.counters = m.Counters
	if g.counters.Since.IsZero() { // written by an earlier release
		g.counters.Since = c.started
	}
	fromNames[vrrp.DropReason](g.counters.Dropped[:], m.Dropped)
	fromNames[vrrp.DropReason](g.counters.Tolerated[:], m.Tolerated)
	fromNames[vrrp.Cause](g.counters.Transitions[:], m.Transitions)
	g.history.all = slices.Clone(m.History)
	for i := range m.Peers {
		was := &m.Peers[i]
		if p := g.watched(was.Addr); p != nil {
			*p = *was
			if !was.LastHeard.IsZero() { // gets the monotonic clock reading of now
				p.LastHeard = now.Add(min(was.LastHeard.Sub(now), 0))
			}
		}
	}
}
