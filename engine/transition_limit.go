// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"time"

	"vrrpsh/engine/vrrp"
)

// At most flapLimit transitions of a virtual router in flapWindow are reported one by one. One event at the
// end of each window reports all others: without authentication, anybody who can send adverts can provoke
// transitions at any rate. All transitions are counted, numbered and kept in the history.
const (
	flapLimit  = 20
	flapWindow = 10 * time.Second
)

// flaps limits how many transitions of a virtual router are reported one by one.
type flaps struct {
	from   time.Time  // start of the window
	told   int        // reported in the window
	said   bool       // an event said that there are too many
	was    vrrp.State // after the last reported transition
	quiet  uint64     // transitions not reported since then
	tellAt time.Time  // when to report them; zero: none
}

// note returns whether to report a transition by itself, and how many before it were not reported.
func (f *flaps) note(now time.Time, to vrrp.State, always bool) (tell bool, untold uint64) {
	if f.quiet == 0 && now.Sub(f.from) >= flapWindow {
		f.from, f.told, f.said = now, 0, false
	}
	if !always && (f.quiet > 0 || f.told >= flapLimit) {
		f.quiet++
		f.tellAt = f.from.Add(flapWindow)
		return false, 0
	}
	untold = f.quiet
	f.told++
	f.was, f.quiet, f.tellAt = to, 0, time.Time{}
	return true, untold
}

// summarize reports the outcome of transitions that were not reported one by one.
func (c *Core) summarize(now time.Time, g *group, out *Output) {
	f := &g.flaps
	c.eventSeq++
	out.Events = append(out.Events, Event{
		Seq: c.eventSeq, Time: now, Kind: EventFlaps, Key: g.cfg.Key, From: f.was, To: g.state, Cause: g.router.Status().Cause,
		Untold: f.quiet, Priority: g.router.Status().Priority, Addresses: g.prefixes,
	})
	// If the transitions continue, the next summary is due one window later.
	f.was, f.quiet, f.tellAt, f.from, f.told = g.state, 0, time.Time{}, now, flapLimit
}

// deadline returns when a virtual router needs its next step; the zero time if never.
func (g *group) deadline() time.Time {
	at := g.router.Deadline()
	if tell := g.flaps.tellAt; !tell.IsZero() && (at.IsZero() || tell.Before(at)) {
		return tell
	}
	return at
}
