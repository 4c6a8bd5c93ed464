// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vrrpsh/engine/vrrp"
)

// A link is an interface of the host.
type link struct {
	Link
	port        *port // nil if nothing is configured for its name
	unknownVRID uint64
	malformed   [vrrp.NumDropReasons]uint64
}

// owns reports whether the interface itself has an address.
func (l *link) owns(addr netip.Addr) bool {
	return slices.ContainsFunc(l.Addrs, func(p netip.Prefix) bool { return p.Addr() == addr })
}

// A port is a configured interface, whether it exists or not.
type port struct {
	name     string
	link     *link // nil while there is no such interface
	groups   int
	turn     uint8       // the part of the interval in which its Masters send adverts; see early
	segments [2]*segment // by familyIndex; nil: no groups
}

// A segment is one family of a port.
type segment struct {
	port    *port
	family  vrrp.Family
	groups  []*group           // by VRID
	slots   [256]uint8         // one more than the index in groups, by VRID; 0: none
	virtual map[netip.Addr]int // the number of groups of each virtual address
	primary netip.Addr         // invalid: none
	foreign [4]uint64          // foreign VRIDs that an event has reported, a bit each
	heard   Listen             // the last one sent to the driver; without VRIDs: socket closed

	occupied bool // in Core.occupied
	asked    bool // in Core.unheard
}

// group returns the group with a VRID; nil if there is none.
func (s *segment) group(vrid uint8) *group {
	if i := s.slots[vrid]; i > 0 {
		return s.groups[i-1]
	}
	return nil
}

func (s *segment) put(g *group) {
	at, _ := slices.BinarySearchFunc(s.groups, g.cfg.VRID, func(o *group, vrid uint8) int { return int(o.cfg.VRID) - int(vrid) })
	s.groups = slices.Insert(s.groups, at, g)
	s.number(at)
}

func (s *segment) take(g *group) {
	at := int(s.slots[g.cfg.VRID]) - 1
	s.groups = slices.Delete(s.groups, at, at+1)
	s.slots[g.cfg.VRID] = 0
	s.number(at)
}

// number sets the slots of the groups from the nth on. A segment has at most 255 groups.
func (s *segment) number(n int) {
	for i, g := range s.groups[n:] {
		s.slots[g.cfg.VRID] = uint8(n + i + 1)
	}
}

func familyIndex(f vrrp.Family) int {
	if f == vrrp.IPv6 {
		return 1
	}
	return 0
}

// join puts a group on its port.
func (c *Core) join(g *group) {
	name := g.cfg.Interface
	p := c.ports[name]
	if p == nil {
		p = &port{name: name, link: c.named[name], turn: turnOf(c.joined)}
		c.joined++
		if p.link != nil {
			p.link.port = p
		}
		c.ports[name] = p
	}
	i := familyIndex(g.cfg.Family)
	s := p.segments[i]
	if s == nil {
		s = &segment{port: p, family: g.cfg.Family, virtual: make(map[netip.Addr]int)}
		p.segments[i] = s
	}
	g.port, g.segment = p, s
	p.groups++
	s.put(g)
	s.foreign[g.cfg.VRID/64] &^= 1 << (g.cfg.VRID % 64)
	c.occupy(s, g.cfg.Addresses, +1)
	c.linkStatus = nil
}

// leave takes a group off its port.
func (c *Core) leave(g *group) {
	g.port.groups--
	g.segment.take(g)
	c.occupy(g.segment, g.cfg.Addresses, -1)
	g.segment.ask(c)
	c.linkStatus = nil
}

// tidy forgets a port without groups.
func (c *Core) tidy(p *port) {
	if p.groups > 0 {
		return
	}
	if p.link != nil {
		p.link.port = nil
	}
	delete(c.ports, p.name)
}

// occupy adds n to the use counts of virtual addresses. choose must follow.
func (c *Core) occupy(s *segment, addrs []Address, n int) {
	for _, a := range addrs {
		if s.virtual[a.Addr] += n; s.virtual[a.Addr] == 0 {
			delete(s.virtual, a.Addr)
		}
	}
	if !s.occupied {
		s.occupied = true
		c.occupied = append(c.occupied, s)
	}
}

// SetLink reports a new or changed interface. A changed one may have a new name.
func (c *Core) SetLink(now time.Time, info Link, out *Output) {
	l := c.links[info.Index]
	if l == nil {
		l = &link{}
		c.links[info.Index] = l
	} else if l.Equal(&info) {
		return
	}
	c.linkStatus = nil
	was := l.Link
	l.Link = info
	l.Addrs = slices.Clone(info.Addrs)
	if was.Name != l.Name {
		c.unname(now, l, was.Name, out)
		if other := c.named[l.Name]; other != nil {
			c.unname(now, other, l.Name, out) // its removal has not been reported yet
		}
		c.named[l.Name] = l
		if p := c.ports[l.Name]; p != nil {
			p.link, l.port = l, p
		}
	}
	if l.port != nil {
		c.event(now, EventLink, Key{Interface: l.Name}, difference(&was, &l.Link), out)
		if was.MAC != l.MAC {
			l.port.reintroduce()
		}
		c.changed(now, l.port, out)
	}
	c.routeRetry(out)
	c.trackLink(now, l.Name, out)
	if was.Name != "" && (was.Name != l.Name || was.MAC != l.MAC || was.MTU != l.MTU || was.Up && !l.Up) {
		c.freed(now, &was, out)
	}
	c.alignAndListen(now, out)
}

// reintroduce announces again the addresses that resolve to the interface's own MAC address, because that has
// changed. It does so by asking the kernel for confirmation that they are installed. changed must follow.
func (p *port) reintroduce() {
	for _, s := range p.segments {
		if s == nil {
			continue
		}
		for _, g := range s.groups {
			if g.desired.Active && g.mac(p.link) == p.link.MAC {
				g.kernelStateAsked = true
			}
		}
	}
}

// RemoveLink reports that an interface is gone.
func (c *Core) RemoveLink(now time.Time, index int, out *Output) {
	if l := c.links[index]; l != nil {
		c.ForgetLink(now, index, out)
		c.freed(now, &l.Link, out)
		c.alignAndListen(now, out)
	}
}

// ForgetLink reports that an interface is not the host's but was created by this router.
func (c *Core) ForgetLink(now time.Time, index int, out *Output) {
	l := c.links[index]
	if l == nil {
		return
	}
	delete(c.links, index)
	c.linkStatus = nil
	c.unname(now, l, l.Name, out)
	c.alignAndListen(now, out)
}

// unname removes the name of an interface.
func (c *Core) unname(now time.Time, l *link, name string, out *Output) {
	if c.named[name] == l {
		delete(c.named, name)
	}
	if p := l.port; p != nil {
		p.link, l.port = nil, nil
		c.event(now, EventLink, Key{Interface: name}, "interface missing", out)
		c.changed(now, p, out)
	}
	c.trackLink(now, name, out)
}

// changed updates the groups of a port after its interface has changed.
func (c *Core) changed(now time.Time, p *port, out *Output) {
	for _, s := range p.segments {
		if s == nil {
			continue
		}
		s.choose()
		s.ask(c)
		for _, g := range s.groups {
			g.status = nil
			g.resolve()
			c.evaluate(now, g, out)
		}
	}
}

// Equal reports whether two states of an interface are the same.
func (l *Link) Equal(other *Link) bool {
	return l.Index == other.Index && l.Name == other.Name && l.MAC == other.MAC && l.MTU == other.MTU && l.Up == other.Up &&
		l.Ethernet == other.Ethernet && l.ForwardsIPv6 == other.ForwardsIPv6 && l.Parent == other.Parent && l.Macvlan == other.Macvlan &&
		l.PortOf == other.PortOf && l.DeafIPv4 == other.DeafIPv4 && l.DeafIPv6 == other.DeafIPv6 && slices.Equal(l.Addrs, other.Addrs)
}

// difference says what is new about an interface.
func difference(was, is *Link) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	state := map[bool]string{true: "up", false: "down"}
	switch {
	case was.Name == "":
		return "interface found, " + state[is.Up]
	case was.Name != is.Name:
		add("interface found, renamed from %s", was.Name)
	}
	if was.Up != is.Up {
		add("interface %s", state[is.Up])
	}
	switch {
	case was.PortOf == is.PortOf:
	case is.PortOf != "":
		add("interface is a port of %s", is.PortOf)
	default:
		add("interface is no longer a port of %s", was.PortOf)
	}
	if was.MAC != is.MAC {
		add("MAC address changed from %x to %x", was.MAC, is.MAC)
	}
	if !slices.Equal(was.Addrs, is.Addrs) {
		add("addresses changed from %v to %v", was.Addrs, is.Addrs)
	}
	if was.ForwardsIPv6 != is.ForwardsIPv6 {
		add("IPv6 forwarding %s", map[bool]string{true: "on", false: "off"}[is.ForwardsIPv6])
	}
	if was.MTU != is.MTU {
		add("MTU changed from %d to %d", was.MTU, is.MTU)
	}
	if len(parts) == 0 {
		return "interface changed"
	}
	return strings.Join(parts, ", ")
}

// choose selects the primary address and reports whether it has changed.
func (s *segment) choose() bool {
	s.occupied = false
	was := s.primary
	s.primary = netip.Addr{}
	if s.port.link == nil {
		return was.IsValid()
	}
	best := unsuitable
	for _, p := range s.port.link.Addrs {
		addr := p.Addr().WithZone("")
		rank := s.rank(p, addr)
		// Among equally ranked addresses the present one stays; otherwise the first one wins.
		if rank < best || rank == best && rank != unsuitable && addr == was {
			s.primary, best = addr, rank
		}
	}
	return s.primary != was
}

// How well an address serves as the source of adverts, best first.
const (
	suitable   = iota
	secondBest // a /32 or link-local IPv4 address: rarely what peers expect
	virtual    // a virtual address that the interface owns
	unsuitable
)

// rank judges a candidate for the primary address.
func (s *segment) rank(p netip.Prefix, addr netip.Addr) int {
	switch {
	case vrrp.FamilyOf(addr) != s.family,
		!addr.IsLinkLocalUnicast() && (s.family == vrrp.IPv6 || !addr.IsGlobalUnicast()):
		return unsuitable
	case s.virtual[addr] > 0:
		return virtual
	case s.family == vrrp.IPv4 && (p.IsSingleIP() || addr.IsLinkLocalUnicast()):
		return secondBest
	default:
		return suitable
	}
}
