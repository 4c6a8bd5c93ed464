// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"fmt"
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
)

// String returns "master", "owner" or "address".
func (k RivalKind) String() string {
	switch k {
	case RivalMaster:
		return "master"
	case RivalOwner:
		return "owner"
	case RivalAddress:
		return "address"
	default:
		return fmt.Sprintf("RivalKind(%d)", uint8(k))
	}
}

// Rival is a router that keeps claiming something that only one router can have.
type Rival struct {
	Addr     netip.Addr
	Kind     RivalKind
	Priority uint8     // of its last advert
	Since    time.Time // when it was first heard; Heard: last heard
	Heard    time.Time
	Adverts  uint64 // from Since to Heard
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
)

// A claimant is a rival or a router that may become one.
type claimant struct {
	Rival
	gone time.Time // when it counts as gone, unless it is heard again
	told bool      // an event has reported it
}

// claim records a claim by the sender of the current advert, and reports it if the claim persists.
func (c *Core) claim(now time.Time, g *group, kind RivalKind, out *Output) {
	a := &c.advert
	i := slices.IndexFunc(g.claimants, func(r claimant) bool { return r.Addr == a.Source && r.Kind == kind })
	if i < 0 {
		i = len(g.claimants)
		if i == rivalLimit {
			i = oldest(g.claimants)
		} else {
			g.claimants = append(g.claimants, claimant{})
		}
		g.claimants[i] = claimant{Rival: Rival{Addr: a.Source, Kind: kind, Since: now}}
	}
	r := &g.claimants[i]
	r.Priority, r.Heard, r.gone = a.Priority, now, now.Add(max(rivalIntervals*a.Interval, rivalRest))
	r.Adverts++
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

// oldest returns the index of the claimant that has been silent the longest.
func oldest(all []claimant) int {
	at := 0
	for i := range all {
		if all[i].Heard.Before(all[at].Heard) {
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
	case RivalAddress:
		return fmt.Sprintf("no other router uses this router's own address %s any more", r.Addr)
	default:
		return fmt.Sprintf("%s no longer claims to be Master", r.Addr)
	}
}

// forget drops claimants without an event.
func (g *group) forget(which func(*claimant) bool) {
	g.claimants = slices.DeleteFunc(g.claimants, func(r claimant) bool { return which(&r) })
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
