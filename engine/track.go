// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine/vrrp"
)

// TrackKind is the kind of thing that a tracked object observes.
type TrackKind uint8

// The kinds of tracked objects.
const (
	TrackInterface TrackKind = iota // an interface is up
	TrackRoute                      // the kernel has a route
	TrackScript                     // a program ends with status 0
	TrackFile                       // a file holds a weight
)

// String returns "interface", "route", "script" or "file".
func (k TrackKind) String() string {
	switch k {
	case TrackInterface:
		return "interface"
	case TrackRoute:
		return "route"
	case TrackScript:
		return "script"
	case TrackFile:
		return "file"
	default:
		return fmt.Sprintf("TrackKind(%d)", uint8(k))
	}
}

// MaxWeight is the largest weight or decrement that can have an effect: the distance from the highest
// priority to the lowest.
const MaxWeight = vrrp.PriorityMax - vrrp.PriorityMin

// TrackObject configures something that virtual routers depend on.
type TrackObject struct {
	Name      string
	Kind      TrackKind
	Interface string       // TrackInterface
	Route     netip.Prefix // TrackRoute
	Script    Program      // TrackScript
	File      string       // TrackFile
	// Interval is the time between two runs of a script or two reads of a file.
	Interval time.Duration
	// Rise is the number of consecutive successes that bring a script up, Fall the number of
	// consecutive failures that bring it down. The first result counts at once.
	Rise, Fall int
	// Initial is the state of a script until its first result.
	Initial TrackState
}

// Target returns what is tracked, as a phrase: "interface eth1".
func (o *TrackObject) Target() string {
	switch o.Kind {
	case TrackInterface:
		return "interface " + o.Interface
	case TrackRoute:
		return "route " + o.Route.String()
	case TrackScript:
		return "script " + o.Script.Command[0]
	case TrackFile:
		return "file " + o.File
	default:
		return o.Kind.String()
	}
}

// Equal reports whether two objects have the same configuration.
func (o *TrackObject) Equal(p *TrackObject) bool {
	return o.Name == p.Name && o.Kind == p.Kind && o.Interface == p.Interface && o.Route == p.Route &&
		o.Script.Equal(&p.Script) && o.File == p.File && o.Interval == p.Interval &&
		o.Rise == p.Rise && o.Fall == p.Fall && o.Initial == p.Initial
}

// sameTarget reports whether two objects observe the same thing, even with different Interval, Rise or Fall.
func (o *TrackObject) sameTarget(p *TrackObject) bool {
	return o.Kind == p.Kind && o.Interface == p.Interface && o.Route == p.Route && o.File == p.File &&
		slices.Equal(o.Script.Command, p.Script.Command)
}

// TrackState is the state of a tracked object.
type TrackState uint8

// The states. A pending object has no result yet and holds no virtual router back.
const (
	TrackPending TrackState = iota
	TrackUp
	TrackDown
)

// String returns "pending", "up" or "down".
func (s TrackState) String() string {
	switch s {
	case TrackPending:
		return "pending"
	case TrackUp:
		return "up"
	case TrackDown:
		return "down"
	default:
		return fmt.Sprintf("TrackState(%d)", uint8(s))
	}
}

// Tracking describes how a virtual router depends on an object.
type Tracking struct {
	Object string
	// Decrement is subtracted from the priority while the object is down; 0 holds the virtual router
	// in Initialize instead. A file's weight is added to the priority, regardless of Decrement.
	Decrement uint8
}

// TrackResult is the result of one check of an object.
type TrackResult struct {
	Up     bool
	Weight int    // of a file
	Reason string // why it is not up, or another remark
}

// TrackStatus is the visible state of a tracked object.
type TrackStatus struct {
	Object *TrackObject // read only
	State  TrackState
	Weight int
	Reason string
	Since  time.Time // of the last change
	// Changes counts how often it went up or down.
	Changes uint64
	Users   []Key // virtual routers that depend on it, in configuration order
}

// TrackedStatus is the visible state of an object that a virtual router depends on.
type TrackedStatus struct {
	Tracking
	Kind   TrackKind
	State  TrackState
	Weight int
	Reason string
}

// Effect returns the change that the object makes to the priority.
func (t *TrackedStatus) Effect() int {
	switch {
	case t.Kind == TrackFile:
		return t.Weight
	case t.State == TrackDown:
		return -int(t.Decrement)
	default:
		return 0
	}
}

// Fails reports whether the object holds the virtual router in Initialize.
func (t *TrackedStatus) Fails() bool {
	return t.State == TrackDown && t.Decrement == 0 && t.Kind != TrackFile
}

// object is a tracked object.
type object struct {
	TrackStatus
	users []*group
	found bool // there was a result
}

// setTracks replaces the tracked objects. Unchanged objects keep their state. It returns
// the new or changed objects. depend must follow when the groups are known.
func (c *Core) setTracks(now time.Time, list []TrackObject) (fresh []*object, changed bool) {
	old := c.objects
	if len(list) == 0 && len(old) == 0 {
		return nil, false
	}
	c.objects = make([]*object, len(list))
	c.objectNamed = make(map[string]*object, len(list))
	known := make(map[string]*object, len(old))
	for _, o := range old {
		known[o.Object.Name] = o
	}
	for i := range list {
		cfg := list[i]
		o := known[cfg.Name]
		if o == nil || !o.Object.Equal(&cfg) {
			was := o
			o = &object{TrackStatus: TrackStatus{Object: &cfg, Since: now, State: cfg.Initial}}
			switch {
			case was != nil && was.found && was.Object.sameTarget(&cfg): // the last result still holds
				o.TrackStatus, o.found = was.TrackStatus, true
				o.Object = &cfg
			case cfg.Kind == TrackInterface:
				o.State, o.Reason = c.linkState(cfg.Interface)
			}
			fresh = append(fresh, o)
		}
		c.objects[i], c.objectNamed[cfg.Name] = o, o
	}
	return fresh, len(fresh) > 0 || len(list) != len(old)
}

// depend links the objects with the groups that depend on them.
func (c *Core) depend() {
	if len(c.objects) == 0 {
		return
	}
	for _, o := range c.objects {
		o.users, o.Users = nil, nil
	}
	for _, g := range c.order {
		for _, t := range g.cfg.Track {
			if o := c.objectNamed[t.Object]; o != nil {
				o.users, o.Users = append(o.users, g), append(o.Users, g.cfg.Key)
			}
		}
	}
}

// SetTrack reports the result of a check. The Core ignores results for any configuration but the
// running one.
func (c *Core) SetTrack(now time.Time, cfg *TrackObject, r TrackResult, out *Output) {
	o := c.objectNamed[cfg.Name]
	if o == nil || !o.Object.Equal(cfg) || c.stopped {
		return
	}
	o.found = true
	state := TrackDown
	if r.Up {
		state = TrackUp
	}
	c.tracked(now, o, state, r.Weight, r.Reason, out)
	c.alignAndListen(now, out)
}

// tracked updates an object and the groups that depend on it. alignAndListen must follow.
func (c *Core) tracked(now time.Time, o *object, state TrackState, weight int, reason string, out *Output) {
	weight = min(max(weight, -MaxWeight), MaxWeight)
	if o.State == state && o.Weight == weight && o.Reason == reason {
		return
	}
	if o.State != state || o.Weight != weight {
		if o.State != TrackPending || state != TrackUp || weight != 0 {
			c.event(now, EventTrack, Key{}, trackText(o.Object, state, weight, reason), out)
		}
		o.Changes++
		o.Since = now
	}
	o.State, o.Weight, o.Reason = state, weight, reason
	for _, g := range o.users {
		g.status = nil
		c.unalign(g.sync) // all members advertise the lowest priority
		c.evaluate(now, g, out)
	}
}

// trackText describes the new state of an object for people.
func trackText(o *TrackObject, state TrackState, weight int, reason string) string {
	text := fmt.Sprintf("tracked object %s (%s) is %s", o.Name, o.Target(), state)
	if o.Kind == TrackFile && state == TrackUp {
		text = fmt.Sprintf("tracked object %s (%s) weighs %+d", o.Name, o.Target(), weight)
	}
	if reason != "" {
		text += ": " + reason
	}
	return text
}

// trackLink updates the objects that track an interface.
func (c *Core) trackLink(now time.Time, name string, out *Output) {
	for _, o := range c.objects {
		if o.Object.Kind == TrackInterface && o.Object.Interface == name {
			state, reason := c.linkState(name)
			c.tracked(now, o, state, 0, reason, out)
		}
	}
}

func (c *Core) linkState(name string) (TrackState, string) {
	switch l := c.named[name]; {
	case l == nil:
		return TrackDown, "interface missing"
	case !l.Up:
		return TrackDown, "interface down"
	default:
		return TrackUp, ""
	}
}

// trackStatuses returns the state of the objects in configuration order.
func (c *Core) trackStatuses() []TrackStatus {
	if len(c.objects) == 0 {
		return nil
	}
	list := make([]TrackStatus, len(c.objects))
	for i, o := range c.objects {
		list[i] = o.TrackStatus
		list[i].Users = slices.Clone(o.Users)
	}
	return list
}

// dependencies returns the state of the objects that a group depends on.
func (c *Core) dependencies(g *group) []TrackedStatus {
	if len(g.cfg.Track) == 0 {
		return nil
	}
	list := make([]TrackedStatus, 0, len(g.cfg.Track))
	for _, t := range g.cfg.Track {
		if o := c.objectNamed[t.Object]; o != nil {
			list = append(list, TrackedStatus{
				Tracking: t, Kind: o.Object.Kind, State: o.State, Weight: o.Weight, Reason: o.Reason,
			})
		}
	}
	return list
}

// tracking returns the priority of a group after the effect of its tracked objects, between 1 and 254,
// and whether an object holds the group in Initialize.
func (c *Core) tracking(g *group) (priority uint8, fails bool) {
	p := int(g.cfg.Protocol.Priority)
	for _, t := range g.cfg.Track {
		o := c.objectNamed[t.Object]
		if o == nil {
			continue
		}
		s := TrackedStatus{Tracking: t, Kind: o.Object.Kind, State: o.State, Weight: o.Weight}
		p += s.Effect()
		fails = fails || s.Fails()
	}
	return uint8(min(max(p, vrrp.PriorityMin), vrrp.PriorityMax)), fails
}

// adjust passes a changed configuration to the state machine: the group's own, the priority after the effect of the
// tracked objects and the sync group, and whether the group must wait for the other members.
func (c *Core) adjust(now time.Time, g *group, out *Output) {
	priority, _ := c.tracking(g)
	synced := g.sync != nil && g.participates()
	if synced {
		priority = g.sync.priority
	}
	if priority == g.priority && synced == g.synced && g.given == g.cfg {
		return
	}
	g.priority, g.synced = priority, synced
	c.step(now, g, vrrp.Event{Kind: vrrp.EventConfigure, Config: g.protocol()}, out)
}

// protocol returns the configuration for the state machine. The caller must pass it on.
func (g *group) protocol() *vrrp.Config {
	g.given = g.cfg
	cfg := g.cfg.Protocol
	cfg.Priority, cfg.Synced = g.priority, g.synced
	// Adverts from the virtual MAC already make switches relearn its port, and strict mode sends no such last advert.
	cfg.LastWord = g.cfg.Type == Ether && !g.cfg.VMAC && cfg.Lenient
	return &cfg
}

// unsetPriority is higher than any tracked priority: the minimum of an empty set.
const unsetPriority = math.MaxUint8
