package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine/vrrp"
)

// Handover is everything that a Core knows and another one, in the process that takes its place,
// needs to go on without a transition. It is data that survives being written as JSON; what
// could be numbered otherwise by another release is named in it.
type Handover struct {
	Config   Config
	Started  time.Time
	EventSeq uint64
	Groups   []groupMemory
	Links    []linkMemory
	Routes   []RouteStatus
	Tracks   []trackMemory // in the order of Config.Tracks
}

// trackMemory is what a Handover says of a tracked object.
type trackMemory struct {
	State   TrackState
	Weight  int
	Reason  string
	Since   time.Time
	Changes uint64
}

// groupMemory is what a Handover says of a virtual router.
type groupMemory struct {
	Key          Key
	Protocol     vrrp.Memory
	Peer         netip.Addr
	PeerPriority uint8
	Repairs      []time.Time // oldest first
	Counters     Counters    // those by reason are in Dropped and Tolerated
	Dropped      map[string]uint64
	Tolerated    map[string]uint64
	History      []Transition
}

// linkMemory is what a Handover says of an interface.
type linkMemory struct {
	Index       int
	UnknownVRID uint64
	Malformed   map[string]uint64
}

// byName returns counters by the names of their reasons, without zeros.
func byName(counters *[vrrp.NumDropReasons]uint64) map[string]uint64 {
	m := make(map[string]uint64)
	for reason, n := range counters {
		if n > 0 {
			m[vrrp.DropReason(reason).String()] = n
		}
	}
	return m
}

// byReason undoes byName. Reasons that this release does not know are left out.
func byReason(m map[string]uint64) (counters [vrrp.NumDropReasons]uint64) {
	for reason := range counters {
		counters[reason] = m[vrrp.DropReason(reason).String()]
	}
	return counters
}

// Handover returns what Restore needs. The Core must not be called any more if that is used.
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
			Repairs: g.repairs.made(), Counters: g.counters, History: g.history.last(),
			Dropped: byName(&g.counters.Dropped), Tolerated: byName(&g.counters.Tolerated),
		}
		m.Counters.Dropped, m.Counters.Tolerated = [vrrp.NumDropReasons]uint64{}, [vrrp.NumDropReasons]uint64{}
		h.Groups = append(h.Groups, m)
	}
	for _, l := range c.links {
		h.Links = append(h.Links, linkMemory{l.Index, l.unknownVRID, byName(&l.malformed)})
	}
	return h
}

// Restore makes a new Core, which knows the interfaces but has no configuration yet, go on where another
// one has stopped. Masters are Masters, and ask for what they have in the kernel; what can
// not go on, since its interface is gone for example, changes its state now. A new
// configuration can be applied afterwards.
func (c *Core) Restore(now time.Time, h *Handover, out *Output) {
	c.started, c.eventSeq = h.Started, h.EventSeq
	c.inheritance = make(map[Key]*groupMemory, len(h.Groups))
	for i := range h.Groups {
		c.inheritance[h.Groups[i].Key] = &h.Groups[i]
	}
	c.setTracks(now, h.Config.Tracks)
	for i, m := range h.Tracks {
		o := c.objects[i]
		o.Since, o.Changes = m.Since, m.Changes
		if o.Object.Kind != TrackInterface { // those are known
			o.State, o.Weight, o.Reason = m.State, m.Weight, m.Reason
		}
	}
	for _, m := range h.Links {
		if l := c.links[m.Index]; l != nil {
			l.unknownVRID, l.malformed = m.UnknownVRID, byReason(m.Malformed)
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

// inherit lets a new group go on where its predecessor has stopped.
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
	for _, at := range m.Repairs {
		g.repairs.note(now.Add(min(at.Sub(now), 0)))
	}
	g.counters = m.Counters
	g.counters.Dropped, g.counters.Tolerated = byReason(m.Dropped), byReason(m.Tolerated)
	g.history.all = slices.Clone(m.History)
}
