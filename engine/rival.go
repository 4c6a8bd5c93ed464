// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine/vrrp"
)

// RivalKind says what it is that another router claims, too.
type RivalKind uint8

// The kinds of rival.
const (
	RivalMaster  RivalKind = iota // to be Master, while this router or a third one is
	RivalOwner                    // to own the virtual addresses, as this router does
	RivalAddress                  // this router's own address: a twin, or a loop that brings the adverts back
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

// Rival is a router that goes on claiming what only one can have.
type Rival struct {
	Addr     netip.Addr
	Kind     RivalKind
	Priority uint8     // of its last advert
	Since    time.Time // when it was heard first, and last
	Heard    time.Time
	Adverts  uint64 // in this time
}

// claimsBefore is how many adverts another router may send before it counts as a rival and is told of: it
// must have heard the other Master by then. Two owners of an address are a mistake at once.
const claimsBefore = 3

// contendPause is the least time between two events that tell of rivals of a group: their adverts
// can come from any number of sources. rivalLimit bounds how many of these are kept.
const (
	contendPause = time.Minute
	rivalLimit   = 8
)

// A rival is gone when it was not heard for rivalIntervals of its intervals, after which nobody takes it for
// the Master (RFC 9568 section 6.1), and for rivalRest at least.
const (
	rivalIntervals = 4
	rivalRest      = 5 * time.Second
)

// A claimant is a router that is a rival, or may become one.
type claimant struct {
	Rival
	gone time.Time // when, unless it is heard again
	told bool      // by an event
}

// claim notes that the sender of the advert at hand claims something, and tells of it if that goes on.
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

// oldest returns which of some claimants was not heard for the longest time.
func oldest(all []claimant) int {
	at := 0
	for i := range all {
		if all[i].Heard.Before(all[at].Heard) {
			at = i
		}
	}
	return at
}

// competes tells whether a claimant is a rival.
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

// third returns another router that is Master beside a claimant.
func (g *group) third(r *claimant) *claimant {
	for i := range g.claimants {
		if o := &g.claimants[i]; o != r && o.Kind == RivalMaster && o.Addr != r.Addr && o.Adverts >= claimsBefore {
			return o
		}
	}
	return nil
}

// rivalText tells of a rival.
func (g *group) rivalText(r *claimant) string {
	switch {
	case r.Kind == RivalOwner:
		return fmt.Sprintf("%s says that it owns the virtual addresses, as this router does: the higher primary address becomes Master", r.Addr)
	case r.Kind == RivalAddress:
		return fmt.Sprintf("another router claims to be Master with priority %d and this router's own address %s, or a loop brings adverts back", r.Priority, r.Addr)
	case g.state == vrrp.Master:
		return fmt.Sprintf("%s also claims to be Master, with priority %d: it does not hear this router", r.Addr, r.Priority)
	default:
		o := g.third(r)
		return fmt.Sprintf("%s with priority %d and %s with priority %d both claim to be Master: they do not hear each other", o.Addr, o.Priority, r.Addr, r.Priority)
	}
}

// overheard notes an advert that a Backup has accepted. There are two Masters if they come from
// two sources in turn; after a change of Master they do not.
func (c *Core) overheard(now time.Time, g *group, before netip.Addr, out *Output) {
	if len(g.claimants) > 0 || before.IsValid() && before != c.advert.Source {
		c.claim(now, g, RivalMaster, out)
	}
}

// noteClaimantGone notes that the sender of the advert at hand has resigned.
func (c *Core) noteClaimantGone(now time.Time, g *group) {
	for i := range g.claimants {
		if r := &g.claimants[i]; r.Addr == c.advert.Source {
			r.gone = now
		}
	}
}

// retire forgets the claimants that are gone, and tells of those that were told of. Every virtual router
// that runs has a timer or adverts that make it look in time.
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
		return fmt.Sprintf("%s does not say any more that it owns the virtual addresses", r.Addr)
	case RivalAddress:
		return fmt.Sprintf("no other router has this router's own address %s any more", r.Addr)
	default:
		return fmt.Sprintf("%s does not claim to be Master any more", r.Addr)
	}
}

// forget drops claimants without telling of it.
func (g *group) forget(which func(*claimant) bool) {
	g.claimants = slices.DeleteFunc(g.claimants, func(r claimant) bool { return which(&r) })
}

// dropOutdatedClaimants drops the claimants that a change of state or of the own addresses makes meaningless.
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

// rivals returns those that are told of in a snapshot; nil if there are none.
func (g *group) rivals() []Rival {
	var all []Rival
	for i := range g.claimants {
		if r := &g.claimants[i]; g.competes(r) {
			all = append(all, r.Rival)
		}
	}
	return all
}
