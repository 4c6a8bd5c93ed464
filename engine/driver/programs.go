// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"time"

	"vrrpsh/engine"
)

// How long the end waits for hooks that have something to tell: no peer waits for it when the router
// stops, and all do when another process takes over.
const (
	hookGrace = 3 * time.Second
	hookHaste = 50 * time.Millisecond
	// scriptGrace is how long scripts that were killed are waited for.
	scriptGrace = time.Second
)

// tracked tells the Core what was found out about an object.
func (d *Driver) tracked(o *engine.TrackObject, r engine.TrackResult) {
	d.mail.post(d.system, func(l *loop, now time.Time) {
		l.core.SetTrack(now, o, r, &l.out)
		l.take(now)
	})
}

// hookFailed logs a hook that failed.
func (d *Driver) hookFailed(name, said string, err error) {
	args := []any{"hook", name, "error", err}
	if said != "" {
		args = append(args, "output", said)
	}
	d.journal.warn("a notification failed", args...)
}
