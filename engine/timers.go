// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"math"
	"math/bits"
	"time"

	"vrrpsh/engine/vrrp"
)

// A Master's advert may be sent before it is due, by this part of its interval, and never by more than maxSlack.
const (
	slackPart = 200 // 0.5 %
	maxSlack  = 5 * time.Millisecond
)

// turns is how many parts of an interval there are for interfaces to send their adverts in.
const turns = 256

// turnOf returns the turn of the nth interface: however many there are, they are spread evenly.
func turnOf(n uint8) uint8 { return bits.Reverse8(n) }

// Deadline returns when Expire must be called next; the zero time if never.
func (c *Core) Deadline() time.Time {
	g := c.timers.first()
	if g == nil {
		return c.routing.retryAt
	}
	at := c.timers.epoch.Add(time.Duration(g.due))
	if retry := c.routing.retryAt; !retry.IsZero() && retry.Before(at) {
		return retry
	}
	return at
}

// Expire fires every timer that is due. Adverts are due early enough for many virtual routers to share a
// wake-up (see early); no other timer is.
func (c *Core) Expire(now time.Time, out *Output) {
	if !now.Before(c.routing.retryAt) {
		c.routeRetry(out)
	}
	at := c.timers.offset(now)
	fired := false
	for g := c.timers.first(); g != nil && g.due <= at; g = c.timers.first() {
		c.step(now, g, vrrp.Event{Kind: vrrp.EventTimer, Early: g.early}, out)
		c.requestKernelStateIfAsked(g, out)
		fired = true
	}
	if fired && len(c.unaligned) > 0 {
		c.alignAndListen(now, out)
	}
}

// schedule sets the timer of a group to what it waits for next.
func (c *Core) schedule(g *group) {
	g.early = 0
	at := g.deadline()
	if at.IsZero() {
		c.timers.set(g, never)
		return
	}
	due := c.timers.offset(at)
	if g.state == vrrp.Master {
		advert := c.timers.offset(g.router.NextAdvertAt())
		g.early = early(advert, g.cfg.Protocol.Interval, g.port.turn)
		due = min(due, advert-int64(g.early))
	}
	c.timers.set(g, due)
}

// early returns how long before it is due an advert is sent, so that all Masters with one interval on an interface
// come to send theirs at the same moments, once in each interval since the start of the Core: whenever they became
// Master, hundreds of adverts then cost one wake-up, and few system calls. The interfaces take turns within the
// interval: the adverts of all of them in one burst would keep each other, and everything else, waiting.
//
// An advert is never late for that, and early by no more than the slack. It goes out at the last
// multiple of the slack before it is due, so that those that are still on their way share wake-ups too;
// after at most 200 intervals all have arrived. The intervals are that much shorter until then and exact afterwards.
func early(due int64, interval time.Duration, turn uint8) time.Duration {
	slack := int64(min(interval/slackPart, maxSlack))
	if slack == 0 {
		return 0
	}
	due -= int64(interval) / slack * int64(turn) / turns * slack
	if due <= 0 {
		return 0
	}
	past := due % int64(interval) // since the moment that is aimed at
	if past <= slack {
		return time.Duration(past)
	}
	return time.Duration((past-1)%slack + 1)
}

// never is the due time of a group without a running timer.
const never = math.MaxInt64

// timers is a heap of the groups by deadline. It is lazy: a deadline that moves
// later, as it does with every advert that a Backup hears, leaves the heap as it is until
// the group comes to the top. An entry is therefore at or before its group's due time.
type timers struct {
	epoch time.Time
	heap  []timer
}

type timer struct {
	due   int64
	group *group
}

// offset returns a time as the heap keeps it, in nanoseconds from the epoch.
func (t *timers) offset(at time.Time) int64 { return int64(at.Sub(t.epoch)) }

// set gives a group a deadline, or never.
func (t *timers) set(g *group, due int64) {
	g.due = due
	switch {
	case g.slot >= 0:
		if g.due < t.heap[g.slot].due {
			t.heap[g.slot].due = g.due
			t.up(g.slot)
		}
	case g.due != never:
		g.slot = len(t.heap)
		t.heap = append(t.heap, timer{g.due, g})
		t.up(g.slot)
	}
}

// remove takes a group out of the heap.
func (t *timers) remove(g *group) {
	i := g.slot
	if i < 0 {
		return
	}
	last := len(t.heap) - 1
	e := t.heap[last]
	t.heap[last] = timer{}
	t.heap = t.heap[:last]
	g.slot = -1
	if i < last {
		t.put(i, e)
		t.down(i)
		t.up(e.group.slot)
	}
}

// first returns the group that is due first, nil if none is.
func (t *timers) first() *group {
	for len(t.heap) > 0 {
		top := &t.heap[0]
		switch g := top.group; {
		case g.due == top.due:
			return g
		case g.due == never:
			t.remove(g)
		default:
			top.due = g.due
			t.down(0)
		}
	}
	return nil
}

// up moves the entry at i to its place, if that is nearer to the top.
func (t *timers) up(i int) {
	e := t.heap[i]
	for i > 0 {
		parent := (i - 1) / 2
		if t.heap[parent].due <= e.due {
			break
		}
		t.put(i, t.heap[parent])
		i = parent
	}
	t.put(i, e)
}

// down moves the entry at i to its place, if that is further from the top.
func (t *timers) down(i int) {
	e := t.heap[i]
	for {
		least := 2*i + 1
		if least >= len(t.heap) {
			break
		}
		if right := least + 1; right < len(t.heap) && t.heap[right].due < t.heap[least].due {
			least = right
		}
		if e.due <= t.heap[least].due {
			break
		}
		t.put(i, t.heap[least])
		i = least
	}
	t.put(i, e)
}

func (t *timers) put(i int, e timer) {
	t.heap[i] = e
	e.group.slot = i
}
