// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine/vrrp"
)

// RivalKind says what another router also claims.
type RivalKind uint8

// The kinds of rival.
const (
	RivalMaster  RivalKind = iota // to be Master, while this or a third router is Master
	RivalOwner                    // to own the virtual addresses, as this router does
	RivalAddress                  // this router's own address: a duplicate, or a loop that returns the adverts
	RivalARP                      // a virtual address of this Master, by ARP or Neighbor Discovery
)

// String returns "master", "owner", "address" or "arp".
func (k RivalKind) String() string {
	switch k {
	case RivalMaster:
		return "master"
	case RivalOwner:
		return "owner"
	case RivalAddress:
		return "address"
	case RivalARP:
		return "arp"
	default:
		return fmt.Sprintf("RivalKind(%d)", uint8(k))
	}
}

// Rival is a router that keeps claiming something that only one router can have, or a host that claims a virtual
// address.
type Rival struct {
	Addr     netip.Addr // RivalARP: the virtual address
	Kind     RivalKind
	MAC      [6]byte   // RivalARP: the Ethernet address that the host claims for it
	Priority uint8     // of its last advert
	Since    time.Time // when it was first heard; Heard: last heard
	Heard    time.Time
	Adverts  uint64 // from Since to Heard; RivalARP: ARP messages and Neighbor Advertisements
}

// claimsBefore is the number of adverts after which another router counts as a rival and is reported: by then
// it must have heard the other Master. A second owner of an address counts at once, since it is always a mistake.
const claimsBefore = 3

// contendPause is the minimum time between two events that report rivals of a group, and rivalLimit
// the maximum number of claimants that are kept: adverts can come from any number of sources.
const (
	contendPause = time.Minute
	rivalLimit   = 8
)

// A rival is gone after rivalIntervals of its advertisement intervals, but at least rivalRest, without an advert.
// By then no router takes it for the Master (RFC 9568 section 6.1).
const (
	rivalIntervals = 4
	rivalRest      = 5 * time.Second
	// claimRest is the same for a host that claims an address, which need not repeat that often.
	claimRest = time.Minute
)

// A claimant is a rival or a router that may become one.
type claimant struct {
	Rival
	gone time.Time // when it counts as gone, unless it is heard again
	told bool      // an event has reported it
	// sure is set if this router was still Master when the host could no longer be the next Master: RivalARP only.
	sure bool
}

// claim records a claim by the sender of the current advert, and reports it if the claim persists.
func (c *Core) claim(now time.Time, g *group, kind RivalKind, out *Output) {
	a := &c.advert
	r := g.claimant(now, Rival{Addr: a.Source, Kind: kind}) // never nil
	r.Priority, r.Heard, r.gone = a.Priority, now, now.Add(max(rivalIntervals*a.Interval, rivalRest))
	r.Adverts++
	c.contend(now, g, r, out)
}

// claimant returns the record of a claimant, and makes it if it does not exist yet. It returns nil if there is no room:
// a host that claims an address takes the place of another such host only, if that one was silent for rivalRest. Otherwise a flood of
// claims with changing MAC addresses would never be reported or shown, and would hide the other rivals.
func (g *group) claimant(now time.Time, who Rival) *claimant {
	i := slices.IndexFunc(g.claimants, func(r claimant) bool { return r.Addr == who.Addr && r.Kind == who.Kind && r.MAC == who.MAC })
	if i >= 0 {
		return &g.claimants[i]
	}
	who.Since = now
	if len(g.claimants) < rivalLimit {
		g.claimants = append(g.claimants, claimant{Rival: who})
		return &g.claimants[len(g.claimants)-1]
	}
	i = oldest(g.claimants, func(r *claimant) bool {
		return who.Kind != RivalARP || r.Kind == RivalARP && now.Sub(r.Heard) >= rivalRest
	})
	if i < 0 {
		return nil
	}
	g.claimants[i] = claimant{Rival: who}
	return &g.claimants[i]
}

// contend reports a claimant if it is a rival, unless it was reported already, or another rival less than contendPause ago.
func (c *Core) contend(now time.Time, g *group, r *claimant, out *Output) {
	if r.told || !g.competes(r) || !g.contended.IsZero() && now.Sub(g.contended) < contendPause {
		return
	}
	g.contended = now
	text := g.rivalText(r)
	for j := range g.claimants {
		if o := &g.claimants[j]; o == r || g.state != vrrp.Master && o.Kind == RivalMaster && g.competes(o) {
			o.told = true // the text names both
		}
	}
	c.event(now, EventFault, g.cfg.Key, text, out)
}

// Claimed handles a claim by ARP or Neighbor Discovery, made so many times since the last call: an address of this
// interface's network has that MAC address. If the address is a virtual address of a Master, it is announced again.
func (c *Core) Claimed(now time.Time, index int, addr netip.Addr, mac [6]byte, times uint64, out *Output) {
	l := c.links[index]
	if l == nil || l.port == nil || mac == l.MAC {
		return
	}
	s := l.port.segments[familyIndex(vrrp.FamilyOf(addr))]
	if s == nil || s.virtual[addr] == 0 {
		return
	}
	for _, g := range s.groups {
		if g.state != vrrp.Master || !g.active || mac == g.vmac || !g.hasAddress(addr) {
			continue
		}
		g.counters.Claims += times
		if r := g.claimant(now, Rival{Addr: addr, Kind: RivalARP, MAC: mac}); r != nil {
			r.Heard, r.gone = now, now.Add(claimRest)
			r.Adverts += times
		}
		c.step(now, g, vrrp.Event{Kind: vrrp.EventClaimed}, out)
		c.requestKernelStateIfAsked(g, out)
	}
}

func (g *group) hasAddress(addr netip.Addr) bool {
	return slices.ContainsFunc(g.cfg.Addresses, func(a Address) bool { return a.Addr == addr })
}

// reportHosts reports the hosts that have claimed a virtual address long enough ago that this router would no longer be Master
// if the next Master had claimed it.
func (c *Core) reportHosts(now time.Time, g *group, out *Output) {
	for i := range g.claimants {
		if r := &g.claimants[i]; r.Kind == RivalARP && now.Sub(r.Since) >= vrrp.ClaimPause {
			r.sure = true
			c.contend(now, g, r, out)
		}
	}
}

// MasterAddresses returns the virtual addresses of the Masters, sorted and without duplicates.
func (c *Core) MasterAddresses() []netip.Addr {
	var all []netip.Addr
	for _, g := range c.order {
		if g.state == vrrp.Master && g.active {
			for _, a := range g.cfg.Addresses {
				all = append(all, a.Addr)
			}
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}

// oldest returns the index of the claimant that has been silent the longest, of those that may be replaced; -1 if there is none.
func oldest(all []claimant, replaceable func(*claimant) bool) int {
	at := -1
	for i := range all {
		if r := &all[i]; replaceable(r) && (at < 0 || r.Heard.Before(all[at].Heard)) {
			at = i
		}
	}
	return at
}

// competes reports whether a claimant is a rival.
func (g *group) competes(r *claimant) bool {
	switch {
	case r.Kind == RivalOwner:
		return true
	case r.Kind == RivalARP:
		return r.sure
	case r.Adverts < claimsBefore:
		return false
	case r.Kind == RivalMaster && g.state != vrrp.Master:
		return g.third(r) != nil
	default:
		return true
	}
}

// third returns another router that claims to be Master besides claimant r; nil if there is none.
func (g *group) third(r *claimant) *claimant {
	for i := range g.claimants {
		if o := &g.claimants[i]; o != r && o.Kind == RivalMaster && o.Addr != r.Addr && o.Adverts >= claimsBefore {
			return o
		}
	}
	return nil
}

// rivalText describes a rival.
func (g *group) rivalText(r *claimant) string {
	switch {
	case r.Kind == RivalOwner:
		return fmt.Sprintf("%s and this router both claim to own the virtual addresses: the higher primary address becomes Master", r.Addr)
	case r.Kind == RivalARP:
		return fmt.Sprintf("%s also claims the virtual address %s, by ARP or Neighbor Discovery: hosts may send their traffic there", net.HardwareAddr(r.MAC[:]), r.Addr)
	case r.Kind == RivalAddress:
		return fmt.Sprintf("another router with this router's own address %[2]s claims to be Master with priority %[1]d, or a loop returns adverts", r.Priority, r.Addr)
	case g.state == vrrp.Master:
		return fmt.Sprintf("%s also claims to be Master, with priority %d: it does not hear this router", r.Addr, r.Priority)
	default:
		o := g.third(r)
		return fmt.Sprintf("%s with priority %d and %s with priority %d both claim to be Master: they do not hear each other", o.Addr, o.Priority, r.Addr, r.Priority)
	}
}

// overheard records an advert that a Backup has accepted. If accepted adverts alternate between two
// sources, there are two Masters; after a change of Master they do not alternate.
func (c *Core) overheard(now time.Time, g *group, before netip.Addr, out *Output) {
	if len(g.claimants) > 0 || before.IsValid() && before != c.advert.Source {
		c.claim(now, g, RivalMaster, out)
	}
}

// noteClaimantGone records that the sender of the current advert has resigned.
func (c *Core) noteClaimantGone(now time.Time, g *group) {
	for i := range g.claimants {
		if r := &g.claimants[i]; r.Addr == c.advert.Source {
			r.gone = now
		}
	}
}

// retire forgets the claimants that are gone, and reports the end of those that an event had reported. Every
// running virtual router has a timer or receives adverts, so retire is called in time.
func (c *Core) retire(now time.Time, g *group, out *Output) {
	masters := 0
	for i := range g.claimants {
		r := &g.claimants[i]
		if now.Before(r.gone) {
			if r.Kind == RivalMaster {
				masters++
			}
			continue
		}
		if r.told {
			c.event(now, EventFault, g.cfg.Key, goneText(&r.Rival), out)
		}
	}
	// The only Master that a Backup hears has no rival.
	alone := g.state != vrrp.Master && masters == 1
	g.forget(func(r *claimant) bool {
		return !now.Before(r.gone) || alone && r.Kind == RivalMaster && r.Adverts >= claimsBefore
	})
}

func goneText(r *Rival) string {
	switch r.Kind {
	case RivalOwner:
		return fmt.Sprintf("%s no longer claims to own the virtual addresses", r.Addr)
	case RivalARP:
		return fmt.Sprintf("%s no longer claims the virtual address %s", net.HardwareAddr(r.MAC[:]), r.Addr)
	case RivalAddress:
		return fmt.Sprintf("no other router uses this router's own address %s any more", r.Addr)
	default:
		return fmt.Sprintf("%s no longer claims to be Master", r.Addr)
	}
}

// forget drops claimants without an event.
func (g *group) forget(which func(*claimant) bool) {
	kept := g.claimants[:0] // not by slices.DeleteFunc, which would allocate each claimant
	for i := range g.claimants {
		if r := &g.claimants[i]; !which(r) {
			kept = append(kept, *r)
		}
	}
	clear(g.claimants[len(kept):])
	g.claimants = kept
}

// dropOutdatedClaimants drops the claimants that a change of state or of this router's addresses has made irrelevant.
func (g *group) dropOutdatedClaimants() {
	g.forget(func(r *claimant) bool {
		switch r.Kind {
		case RivalOwner:
			return !g.ready || !g.local.Owner
		case RivalAddress:
			return !g.ready || g.local.Primary != r.Addr
		default:
			return true
		}
	})
}

// rivals returns the rivals for a snapshot; nil if there are none.
func (g *group) rivals() []Rival {
	var all []Rival
	for i := range g.claimants {
		if r := &g.claimants[i]; g.competes(r) {
			all = append(all, r.Rival)
		}
	}
	return all
}
