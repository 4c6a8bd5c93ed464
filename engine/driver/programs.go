// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"time"

	"vrrpsh/engine"
)

// How long Run waits at its end for hooks with waiting events: hookGrace when the router stops, because no peer
// waits then; hookHaste when another process takes over, because all peers wait.
const (
	hookGrace = 3 * time.Second
	hookHaste = 50 * time.Millisecond
	// scriptGrace is how long Run waits for killed scripts.
	scriptGrace = time.Second
)

// tracked tells the Core the result of a tracked object.
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
