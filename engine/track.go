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

// TrackKind is what a tracked object looks at.
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

// MaxWeight is the largest weight, or decrement, that can make a difference: from the highest
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
	// Interval is how often a script is run, and a file read.
	Interval time.Duration
	// Rise is how many results in a row bring a script up, Fall how many bring it down. Its
	// first result counts at once.
	Rise, Fall int
	// Initial is what a script counts as until its first result.
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

// Equal tells whether two objects are configured alike.
func (o *TrackObject) Equal(p *TrackObject) bool {
	return o.Name == p.Name && o.Kind == p.Kind && o.Interface == p.Interface && o.Route == p.Route &&
		o.Script.Equal(&p.Script) && o.File == p.File && o.Interval == p.Interval &&
		o.Rise == p.Rise && o.Fall == p.Fall && o.Initial == p.Initial
}

// sameTarget tells whether two objects look at the same thing, be it at other times or with more patience.
func (o *TrackObject) sameTarget(p *TrackObject) bool {
	return o.Kind == p.Kind && o.Interface == p.Interface && o.Route == p.Route && o.File == p.File &&
		slices.Equal(o.Script.Command, p.Script.Command)
}

// TrackState is the state of a tracked object.
type TrackState uint8

// The states. An object that is pending has no result yet and holds nothing back.
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

// Tracking is how a virtual router depends on an object.
type Tracking struct {
	Object string
	// Decrement is what the priority loses while the object is down; 0: the virtual router is
	// held in Initialize then. A file's weight is added to the priority, whatever this is.
	Decrement uint8
}

// TrackResult is what was found out about an object.
type TrackResult struct {
	Up     bool
	Weight int    // of a file
	Reason string // why it is not up, or what else there is to say
}

// TrackStatus is what can be seen of a tracked object.
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

// TrackedStatus is what can be seen of an object that a virtual router depends on.
type TrackedStatus struct {
	Tracking
	Kind   TrackKind
	State  TrackState
	Weight int
	Reason string
}

// Effect is what the object does to the priority.
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

// Fails tells whether the object holds the virtual router in Initialize.
func (t *TrackedStatus) Fails() bool {
	return t.State == TrackDown && t.Decrement == 0 && t.Kind != TrackFile
}

// object is a tracked object.
type object struct {
	TrackStatus
	users []*group
	found bool // there was a result
}

// setTracks makes objects the configured ones. What has not changed keeps its state. It returns
// those that are new or changed; link must follow when the groups are known.
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
			case was != nil && was.found && was.Object.sameTarget(&cfg): // what was found out still holds
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

// SetTrack tells what was found out about an object. Results of another configuration than the
// running one mean nothing.
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

// tracked follows a change of an object. alignAndListen must follow.
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
		c.unalign(g.sync) // what it loses, all members lose
		c.evaluate(now, g, out)
	}
}

// trackText says for people what became of an object.
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

// trackLink follows an interface that virtual routers may depend on, wherever they run.
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

// dependencies returns the state of what a group depends on.
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

// tracking returns the priority that the tracked objects leave a group, between 1 and 254, and
// whether one of them holds it back.
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

// adjust gives the state machine the configuration that a group has now, with the priority that the tracked objects and
// the sync group leave it, and tells it whether it has to wait for the others there.
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

// protocol returns the configuration of the state machine, to be given to it.
func (g *group) protocol() *vrrp.Config {
	g.given = g.cfg
	cfg := g.cfg.Protocol
	cfg.Priority, cfg.Synced = g.priority, g.synced
	// Adverts from the virtual MAC teach switches anew by themselves, and strictly there is no such advert.
	cfg.LastWord = g.cfg.Type == Ether && !g.cfg.VMAC && cfg.Lenient
	return &cfg
}

// unsetPriority is more than any; it is the least of no priorities.
const unsetPriority = math.MaxUint8
