// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"math"
	"math/bits"
	"time"

	"vrrpsh/engine/vrrp"
)

// A Master may send an advert early, by at most 1/slackPart of its interval and at most maxSlack.
const (
	slackPart = 50 // 2 %
	maxSlack  = 20 * time.Millisecond
)

// turns is the number of parts of an interval; each interface sends its adverts in one of them. Each wakes the sender and all
// receivers, and each is a burst that delays everything else.
const turns = 16

// turnOf returns the turn of the nth interface. It spreads any number of interfaces evenly.
func turnOf(n uint8) uint8 { return bits.Reverse8(n%turns) / (256 / turns) }

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

// Expire fires every timer that is due. Advert timers fire slightly early so that many virtual routers share a
// wake-up (see early); no other timer fires early.
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
	if fired {
		c.alignAndListen(now, out)
	}
}

// schedule sets the timer of a group to its next deadline.
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

// early returns how long before its due time to send an advert. It makes all Masters with the same interval on an
// interface converge on the same moment, once per interval since the start of the Core, no matter when they became
// Master. Hundreds of adverts then cost one wake-up and few system calls. The interfaces take turns within the
// interval, because one burst of all adverts would delay the adverts and everything else.
//
// This never makes an advert late, and never early by more than the slack. An advert goes out at the last multiple
// of the slack before its due time, so that Masters that have not converged yet share wake-ups too: there are at most fifty
// in an interval, on however many interfaces. After at most 50 intervals all have converged. Until then the intervals are shorter by the time sent early; then they are exact.
func early(due int64, interval time.Duration, turn uint8) time.Duration {
	slack := int64(min(interval/slackPart, maxSlack))
	if slack == 0 {
		return 0
	}
	due -= int64(interval) / slack * int64(turn) / turns * slack
	if due <= 0 {
		return 0
	}
	past := due % int64(interval) // since the common moment
	if past <= slack {
		return time.Duration(past)
	}
	return time.Duration((past-1)%slack + 1)
}

// never is the due time of a group without a running timer.
const never = math.MaxInt64

// timers is a heap of the groups by deadline. It is lazy: when a deadline moves later, as with
// every advert that a Backup receives, the heap stays unchanged until the group reaches the
// top. An entry is therefore at or before its group's due time.
type timers struct {
	epoch time.Time
	heap  []timer
}

type timer struct {
	due   int64
	group *group
}

// offset returns a time in the unit of the heap: nanoseconds since the epoch.
func (t *timers) offset(at time.Time) int64 { return int64(at.Sub(t.epoch)) }

// set sets the deadline of a group; never means none.
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

// first returns the group with the earliest deadline; nil if there is none.
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

// up moves the entry at i towards the top, to its place.
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

// down moves the entry at i away from the top, to its place.
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
