// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"time"

	"vrrpsh/engine/vrrp"
)

// Of the transitions of a virtual router flapLimit are told one by one in flapWindow. Of more, which anybody
// who can send adverts without authentication can provoke at any rate, one event tells
// at the end of each window. All of them are counted, numbered and kept in the history.
const (
	flapLimit  = 20
	flapWindow = 10 * time.Second
)

// flaps bounds how many transitions of a virtual router are told.
type flaps struct {
	from   time.Time  // of the window
	told   int        // in the window
	said   bool       // that there are too many
	was    vrrp.State // after the last that was told
	quiet  uint64     // how many were not told since
	tellAt time.Time  // zero: all were told
}

// note tells whether a transition is to be told one by one, and how many before it were not.
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

// summarize tells where transitions that were not told one by one have led to.
func (c *Core) summarize(now time.Time, g *group, out *Output) {
	f := &g.flaps
	c.eventSeq++
	out.Events = append(out.Events, Event{
		Seq: c.eventSeq, Time: now, Kind: EventFlaps, Key: g.cfg.Key, From: f.was, To: g.state, Cause: g.router.Status().Cause,
		Untold: f.quiet, Priority: g.router.Status().Priority, Addresses: g.prefixes,
	})
	// Should it go on, the next summary is due a window later.
	f.was, f.quiet, f.tellAt, f.from, f.told = g.state, 0, time.Time{}, now, flapLimit
}

// deadline returns when a virtual router must be looked at next; the zero time if never.
func (g *group) deadline() time.Time {
	at := g.router.Deadline()
	if tell := g.flaps.tellAt; !tell.IsZero() && (at.IsZero() || tell.Before(at)) {
		return tell
	}
	return at
}
