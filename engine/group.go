// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"vrrpsh/engine/vrrp"
)

// A group is one configured virtual router.
type group struct {
	cfg     *VirtualRouter
	router  *vrrp.Router
	port    *port
	segment *segment
	vmac    [6]byte
	// applied is Core.applied at the time when a configuration last named the group.
	applied uint64

	slot int   // in the heap of timers; -1: none
	due  int64 // when the first timer is due; see timers
	// early is how long before its due time the next advert is sent.
	early time.Duration

	sync     *syncGroup // nil: none
	priority uint8      // after the effect of the tracked objects and the sync group
	synced   bool       // waits for the other members of the sync group
	// given is the configuration last passed to the state machine, together with priority and synced.
	given   *VirtualRouter
	willing bool // would become Master, but waits for the sync group

	state vrrp.State
	// ready is true if the virtual router can run, with local; otherwise cause says what is missing.
	ready bool
	cause vrrp.Cause
	local vrrp.Local
	// peer sent the last advert that was accepted in this state.
	peer         netip.Addr
	peerPriority uint8
	peers        []UnicastPeer // in the order of the configuration

	prefixes []netip.Prefix // of cfg.Addresses; never changed in place

	active           bool    // the addresses must be installed
	desired          Desired // the last one sent to the driver; Seq 0: none
	kernelStateAsked bool    // requestKernelState must ask even if nothing has changed
	removed          bool    // no longer in the configuration
	pending          bool    // desired has no answer yet
	lostMore         bool    // something was lost while pending
	repairs          repairs

	patience time.Duration // how long received adverts may wait; 0: not at all

	mute   bool   // cannot send, and an event said so
	unsent string // why the last failed advert could not be sent

	fault       string
	faultActive bool // the fault concerns the addresses of a Master

	reported  uint32 // drop reasons that an event has reported, one bit each
	tolerated uint32 // the same for tolerated mismatches

	counters Counters
	dropped  []DroppedAdvert
	history  history
	flaps    flaps
	// claimants are the rivals and possible rivals; contended is when an event last reported a rival.
	claimants []claimant
	contended time.Time

	status *RouterStatus // shared with snapshots; nil when it has changed
}

// step passes one event to the state machine. requestKernelState must follow, or requestKernelStateIfAsked if only the
// state of the virtual router has changed.
func (c *Core) step(now time.Time, g *group, ev vrrp.Event, out *Output) {
	if len(g.claimants) > 0 {
		c.retire(now, g, out)
	}
	c.actions = g.router.Step(now, ev, c.actions[:0])
	for i := range c.actions {
		switch a := &c.actions[i]; a.Kind {
		case vrrp.ActionSend:
			g.send(a.Priority, out)
		case vrrp.ActionInstall:
			g.active, g.kernelStateAsked = true, true
		case vrrp.ActionWithdraw:
			g.active, g.kernelStateAsked = false, true
		case vrrp.ActionAnnounce:
			g.announce(out)
		case vrrp.ActionTransition:
			c.transition(now, g, a, ev.Advert, out)
		}
	}
	if len(g.claimants) > 0 {
		c.reportHosts(now, g, out)
	}
	if at := g.flaps.tellAt; !at.IsZero() && !now.Before(at) {
		c.summarize(now, g, out)
	}
	c.schedule(g)
	g.status = nil
	c.notePatience(g)
	c.noteMute(now, g, out)
	if willing := g.router.Willing(); willing != g.willing {
		g.willing = willing
		c.unalign(g.sync)
	}
}

// send asks for an advert, if there is an interface to send it on.
func (g *group) send(priority uint8, out *Output) {
	l := g.port.link
	if l == nil || !l.Up {
		return
	}
	g.counters.AdvertsSent++
	if priority == vrrp.PriorityResign {
		g.counters.PriorityZeroSent++
	}
	send := Send{Key: g.cfg.Key, Link: l.Index, Source: g.local.Primary, MAC: g.advertMAC(l), Priority: priority}
	if u := &g.cfg.Protocol.Unicast; u.Enabled() {
		for i, peer := range u.Peers {
			send.More = i < len(u.Peers)-1
			send.Peer, send.Payload = peer, g.router.MessageTo(priority, peer)
			out.Sends = append(out.Sends, send)
		}
		return
	}
	send.Payload = g.router.Message(priority)
	out.Sends = append(out.Sends, send)
}

// announce asks for announcements of all addresses.
func (g *group) announce(out *Output) {
	l := g.port.link
	if l == nil || !l.Up {
		return
	}
	out.Announces = append(out.Announces, Announce{
		Key:    g.cfg.Key,
		Link:   l.Index,
		MAC:    g.mac(l),
		Addrs:  g.prefixes,
		Router: l.ForwardsIPv6,
	})
}

// mac returns the Ethernet address that the virtual addresses resolve to.
func (g *group) mac(l *link) [6]byte {
	if g.cfg.Type == Macvlan || g.cfg.VMAC {
		return g.vmac
	}
	return l.MAC
}

// advertMAC returns the Ethernet source address of adverts.
func (g *group) advertMAC(l *link) [6]byte {
	if g.cfg.AdvertMAC == AdvertFromInterface {
		return l.MAC
	}
	return g.mac(l)
}

// transition records a change of state and reports it in an event.
func (c *Core) transition(now time.Time, g *group, a *vrrp.Action, advert *vrrp.Advertisement, out *Output) {
	if g.sync != nil {
		g.sync.left = g.sync.left || a.From == vrrp.Master && g.participates()
		c.unalign(g.sync)
	}
	g.state = a.To
	g.dropOutdatedClaimants()
	g.counters.Transitions[a.Cause]++
	if a.To == vrrp.Master {
		g.counters.BecameMaster++
		c.routing.masters++
	}
	if a.From == vrrp.Master {
		c.routing.masters--
	}
	t := Transition{Time: now, From: a.From, To: a.To, Cause: a.Cause}
	text := ""
	switch {
	case !g.peer.IsValid():
	case advert != nil, a.Cause == vrrp.CauseMasterResigned, a.Cause == vrrp.CausePreempt:
		t.Peer, t.Priority = g.peer, g.peerPriority
		text = "heard "
	case a.Cause == vrrp.CauseMasterDown:
		text = "last heard "
	}
	if text != "" {
		text += g.peer.String() + " with priority " + strconv.Itoa(int(g.peerPriority))
	}
	if advert == nil {
		g.peer = netip.Addr{}
	}
	g.history.add(t)
	tell, untold := g.flaps.note(now, a.To, a.Cause == vrrp.CauseShutdown)
	if !tell {
		g.counters.Untold++
	}
	if !tell && !g.flaps.said {
		g.flaps.said = true
		text := fmt.Sprintf("more than %d transitions in %s: further transitions are summarised every %[2]s", flapLimit, flapWindow)
		c.event(now, EventFault, g.cfg.Key, text, out)
	}
	c.routing.quiet = !tell
	c.eventSeq++
	out.Events = append(out.Events, Event{
		Seq: c.eventSeq, Time: now, Kind: EventTransition, Key: g.cfg.Key,
		From: a.From, To: a.To, Cause: a.Cause, Text: text, Quiet: !tell, Untold: untold,
		Priority: g.router.Status().Priority, Addresses: g.prefixes,
	})
	if len(c.routing.status) > 0 {
		c.steer(now, out)
	}
}

// evaluate starts or stops the virtual router if its ability to run, or its local addresses, have changed.
func (c *Core) evaluate(now time.Time, g *group, out *Output) {
	c.adjust(now, g, out)
	if cause := c.obstacle(g); cause != vrrp.CauseNone {
		if g.ready || g.cause != cause {
			c.hold(now, g, cause, out)
		}
	} else {
		local := vrrp.Local{Primary: g.primary(), Owner: g.owner()}
		if !g.ready || g.local != local {
			if g.cause == vrrp.CauseNoAddress { // for example because IPv6 was disabled
				c.retry(now, g, out)
			}
			g.ready, g.cause, g.local = true, vrrp.CauseNone, local
			g.dropOutdatedClaimants()
			g.segment.ask(c)
			c.unalign(g.sync)
			c.step(now, g, vrrp.Event{Kind: vrrp.EventUp, Local: local}, out)
		}
	}
	c.requestKernelState(g, out)
}

// hold keeps a virtual router in Initialize.
func (c *Core) hold(now time.Time, g *group, cause vrrp.Cause, out *Output) {
	g.ready, g.cause = false, cause
	g.segment.ask(c)
	c.unalign(g.sync)
	if text := g.unusable(); text != "" {
		c.event(now, EventFault, g.cfg.Key, text, out)
	}
	c.step(now, g, vrrp.Event{Kind: vrrp.EventDown, Cause: cause}, out)
}

// obstacle says why a virtual router cannot or must not run; CauseNone if it can.
func (c *Core) obstacle(g *group) vrrp.Cause {
	cause := c.hindrance(g)
	if cause == vrrp.CauseNone && g.sync != nil && g.sync.blocker != nil && g.participates() {
		return vrrp.CauseSyncGroup
	}
	return cause
}

// hindrance says why a virtual router cannot run, regardless of the other members of its sync group.
func (c *Core) hindrance(g *group) vrrp.Cause {
	l := g.port.link
	switch {
	case c.stopped || g.removed || g.cfg.Shutdown:
		return vrrp.CauseShutdown
	case l == nil:
		return vrrp.CauseNoLink
	case g.unsuitable() != "":
		return vrrp.CauseUnsuitable
	case !l.Up:
		return vrrp.CauseLinkDown
	case g.deaf() != "":
		return vrrp.CauseDeaf
	case !g.primary().IsValid():
		return vrrp.CauseNoAddress
	}
	if _, fails := c.tracking(g); fails {
		return vrrp.CauseTracking
	}
	return vrrp.CauseNone
}

// openVSwitch is the device that Linux reports as the master of every Open vSwitch port, whatever its bridge.
const openVSwitch = "ovs-system"

// unusable says for people why the interface cannot be used as it is; empty if it can be used or is merely down.
func (g *group) unusable() string {
	switch g.cause {
	case vrrp.CauseUnsuitable:
		return g.unsuitable()
	case vrrp.CauseDeaf:
		return "cannot receive adverts: " + g.deaf()
	default:
		return ""
	}
}

// unsuitable says why the virtual router cannot run on an interface of this kind; empty if it can.
func (g *group) unsuitable() string {
	switch l := g.port.link; {
	case l == nil:
		return ""
	case !l.Ethernet:
		return l.Name + " is not an Ethernet interface: VRRP cannot run on it"
	case l.PortOf == openVSwitch:
		return l.Name + " is a port of Open vSwitch: run on the bridge itself"
	case l.PortOf != "":
		return fmt.Sprintf("%s is a port of %s: run on %[2]s", l.Name, l.PortOf)
	case l.Macvlan && (g.cfg.VMAC || g.cfg.Type == Macvlan):
		// Frames from a MAC address that belongs to a macvlan of a device reach no macvlan of that device.
		return l.Name + " is itself a macvlan, where Masters with the virtual MAC address do not hear each other: use iftype ether without vmac"
	default:
		return ""
	}
}

// deaf says why adverts cannot be received; empty if they can.
func (g *group) deaf() string {
	switch l := g.port.link; {
	case l == nil:
		return ""
	case g.cfg.Family == vrrp.IPv6:
		return l.DeafIPv6
	default:
		return l.DeafIPv4
	}
}

// primary returns the source address of the adverts; invalid if the interface does not have it.
func (g *group) primary() netip.Addr {
	source := g.cfg.Protocol.Unicast.Source
	if source.IsValid() && !g.port.link.owns(source) {
		return netip.Addr{}
	}
	if source.IsValid() {
		return source
	}
	return g.segment.primary
}

// owner reports whether the interface owns one of the virtual addresses
// (IPvX_Address_Owner, RFC 9568 section 1.7).
func (g *group) owner() bool {
	for _, a := range g.cfg.Addresses {
		if g.port.link.owns(a.Addr) {
			return true
		}
	}
	return false
}

// resolve gives the virtual addresses their prefix lengths. evaluate must follow.
func (g *group) resolve() {
	prefixes := make([]netip.Prefix, len(g.cfg.Addresses))
	for i, a := range g.cfg.Addresses {
		bits := a.Bits
		if bits < 0 {
			bits = connected(g.port.link, a.Addr)
		}
		prefixes[i] = netip.PrefixFrom(a.Addr, bits)
	}
	if !slices.Equal(prefixes, g.prefixes) {
		g.prefixes = prefixes
		g.forget(func(r *claimant) bool { return r.Kind == RivalARP && !g.hasAddress(r.Addr) })
	}
}

// connected returns the prefix length of the interface's most specific subnet that contains an
// address, or the full length without one.
func connected(l *link, addr netip.Addr) int {
	bits := -1
	if l != nil {
		for _, p := range l.Addrs {
			if !p.IsSingleIP() && p.Bits() > bits && p.Contains(addr) {
				bits = p.Bits()
			}
		}
	}
	if bits < 0 {
		return addr.BitLen()
	}
	return bits
}
