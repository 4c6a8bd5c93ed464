package engine

import (
	"math"
	"time"

	"vrrpsh/engine/vrrp"
)

// An advert may be sent before it is due, together with others, by this part of
// its interval, and never by more than maxSlack.
const (
	slackPart = 200 // 0.5 %
	maxSlack  = 5 * time.Millisecond
)

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

// Expire fires every timer that is due.
//
// When there is one, the adverts that are due very soon are sent with it, so that
// many virtual routers share a wake-up: those with at most 0.5 % of their interval, and
// no more than 5 ms, left. They count as sent when they were due, so the interval keeps its
// length. No other timer is ever early.
func (c *Core) Expire(now time.Time, out *Output) {
	if !now.Before(c.routing.retryAt) {
		c.routeRetry(out)
	}
	at := c.timers.offset(now)
	fired := false
	for g := c.timers.first(); g != nil && g.due <= at; g = c.timers.first() {
		c.step(now, g, vrrp.Event{Kind: vrrp.EventTimer}, out)
		c.settle(g, out)
		fired = true
	}
	if !fired {
		return
	}
	c.early = c.timers.within(at+int64(maxSlack), c.early[:0])
	for _, g := range c.early {
		if g.state != vrrp.Master || g.due-at > int64(slack(g.cfg.Protocol.Interval)) {
			continue
		}
		if due := g.router.NextAdvertAt(); c.timers.offset(due) == g.due {
			c.step(due, g, vrrp.Event{Kind: vrrp.EventTimer}, out)
			c.settle(g, out)
		}
	}
	if len(c.unaligned) > 0 {
		c.conclude(now, out)
	}
}

// slack returns how much too early an advert may be.
func slack(interval time.Duration) time.Duration {
	return min(interval/slackPart, maxSlack)
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

// set gives a group a deadline; the zero time is none.
func (t *timers) set(g *group, deadline time.Time) {
	g.due = never
	if !deadline.IsZero() {
		g.due = t.offset(deadline)
	}
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

// within appends the groups that are due until limit, in no order.
func (t *timers) within(limit int64, to []*group) []*group {
	return t.below(0, limit, to)
}

func (t *timers) below(i int, limit int64, to []*group) []*group {
	if i >= len(t.heap) || t.heap[i].due > limit {
		return to
	}
	if g := t.heap[i].group; g.due <= limit {
		to = append(to, g)
	}
	to = t.below(2*i+1, limit, to)
	return t.below(2*i+2, limit, to)
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
