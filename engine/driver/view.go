// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"context"
	"runtime"
	"time"

	"vrrpsh/engine"
	"vrrpsh/platform"
)

// Snapshot implements engine.View. Simultaneous requests share one snapshot.
func (d *Driver) Snapshot(ctx context.Context) (*engine.Snapshot, error) {
	answer := make(chan *engine.Snapshot, 1)
	if !d.mail.ask(d.system, answer) {
		return nil, ErrStopped
	}
	return await(ctx, d, answer)
}

// Subscribe implements engine.View. The channel is closed by stop and when the driver stops.
func (d *Driver) Subscribe() (events <-chan engine.Event, stop func()) {
	return d.events.Subscribe(subscriberQueue)
}

// Resign implements engine.Control.
func (d *Driver) Resign(ctx context.Context, key engine.Key) error {
	result := make(chan error, 1)
	err := d.do(ctx, func(l *loop, now time.Time) {
		result <- l.core.Resign(now, key, &l.out)
		l.take(now)
	})
	if err != nil {
		return err
	}
	return <-result
}

// ClearStatistics implements engine.Control. The driver's loop calls match, which must
// be quick and must not call the driver.
func (d *Driver) ClearStatistics(ctx context.Context, match func(engine.Key) bool) error {
	return d.do(ctx, func(l *loop, now time.Time) { l.core.ClearStatistics(now, match) })
}

// OnThread calls f on the driver's operating system thread, which no longer changes from now on, and returns
// the error of f. f must be quick: no advert is sent meanwhile.
func (d *Driver) OnThread(ctx context.Context, f func() error) error {
	result := make(chan error, 1)
	if err := d.do(ctx, func(l *loop, _ time.Time) {
		if !l.keeps {
			l.keeps = true
			runtime.LockOSThread()
			if k, ok := d.system.(platform.ThreadKeeper); ok {
				k.KeepThread()
			}
		}
		result <- f()
	}); err != nil {
		return err
	}
	return <-result
}
