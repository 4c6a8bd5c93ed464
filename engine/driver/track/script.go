// SPDX-License-Identifier: GPL-3.0-only

package track

import (
	"context"
	"fmt"
	"slices"
	"time"

	"vrrpsh/engine"
	"vrrpsh/platform/program"
)

// script runs the program of an object at every interval. It continues with the results of was, the earlier watch of that name,
// if that watch ran the same program.
func (w *Watcher) script(ctx context.Context, n, was *watch) {
	if w.o.Run == nil {
		return // the object stays pending
	}
	o, c := &n.object, &n.results
	if was != nil && slices.Equal(was.object.Script.Command, o.Script.Command) {
		<-was.ended
		*c = was.results
	}
	c.rise, c.fall = o.Rise, o.Fall
	p := program.Program{
		Command: o.Script.Command, UID: o.Script.UID, GID: o.Script.GID, Timeout: o.Script.Timeout,
		Env: []string{"VRRPSH_TRACK=" + o.Name},
	}
	var last engine.TrackResult
	for first := true; ; first = false {
		began := time.Now()
		said, err := w.o.Run(ctx, p)
		if ctx.Err() != nil {
			return
		}
		w.report(ctx, o, &last, first, c.count(said, err))
		// A program that takes longer than its interval must not occupy the processor all the time.
		if !Pause(ctx, max(o.Interval-time.Since(began), o.Interval/10)) {
			return
		}
	}
}

// counter derives the state from the results.
type counter struct {
	rise, fall int
	known, up  bool
	streak     int // results in a row that differ from the state
}

func (c *counter) count(said string, err error) engine.TrackResult {
	ok := err == nil
	need, doing := c.fall, "failing"
	if ok {
		need, doing = c.rise, "succeeding again"
	}
	switch {
	case !c.known:
		c.known, c.up = true, ok
	case ok == c.up:
		c.streak = 0
	default:
		if c.streak++; c.streak >= need {
			c.up, c.streak = ok, 0
		}
	}
	r := engine.TrackResult{Up: c.up}
	if err != nil {
		r.Reason = err.Error()
		if said != "" {
			r.Reason += " (" + said + ")"
		}
	}
	if c.streak > 0 {
		if r.Reason != "" {
			r.Reason = ": " + r.Reason
		}
		r.Reason = fmt.Sprintf("%s, %d of %d%s", doing, c.streak, need, r.Reason)
	}
	return r
}
