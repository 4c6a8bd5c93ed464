// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine/driver/track"
	"vrrpsh/platform"
)

const (
	// claimSettle is the delay from a change of the Masters to the change of the watched addresses: thousands of virtual
	// routers may become Master at once.
	claimSettle = 100 * time.Millisecond
	// claimRetry is the pause after a failure before claims are watched again.
	claimRetry = 10 * time.Second
)

// claimWatch watches other hosts' claims of the addresses of Masters. A nil claimWatch does nothing.
type claimWatch struct {
	watcher platform.ClaimWatcher
	changed chan struct{} // holds a value when the Masters or their addresses may have changed
	fault   string        // the fault that was logged
}

func newClaimWatch(s platform.System) *claimWatch {
	watcher, ok := s.(platform.ClaimWatcher)
	if !ok {
		return nil
	}
	return &claimWatch{watcher: watcher, changed: make(chan struct{}, 1)}
}

// change notes that the Masters or their addresses may have changed.
func (w *claimWatch) change() {
	if w == nil {
		return
	}
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// run watches claims until ctx ends.
func (w *claimWatch) run(ctx context.Context, d *Driver) {
	if w == nil {
		return
	}
	var watched []netip.Addr
	stop := func() {}
	defer func() { stop() }()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.changed:
		}
		if !track.Pause(ctx, claimSettle) {
			return
		}
		addrs, err := d.masterAddresses(ctx)
		if err != nil {
			return // the driver ends
		}
		if slices.Equal(addrs, watched) {
			continue
		}
		stop()
		stop, watched = func() {}, addrs
		if len(addrs) > 0 {
			stop = w.watch(ctx, d, addrs)
		}
	}
}

// watch watches claims of addresses until stop is called. stop waits for the end.
func (w *claimWatch) watch(ctx context.Context, d *Driver, addrs []netip.Addr) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	group := start(func() {
		for ctx.Err() == nil {
			began := time.Now()
			err := w.watcher.WatchClaims(ctx, addrs, d.claimed)
			if err == nil || ctx.Err() != nil {
				return
			}
			if err.Error() != w.fault || time.Since(began) > claimRetry {
				w.fault = err.Error()
				d.journal.warn("cannot watch for other hosts that claim virtual addresses; trying again", "error", err)
			}
			track.Pause(ctx, claimRetry)
		}
	})
	return func() { cancel(); group.Wait() }
}

// claimed passes claims to the Core.
func (d *Driver) claimed(batch []platform.Claim) {
	d.mail.post(d.system, func(l *loop, now time.Time) {
		for i := range batch {
			c := &batch[i]
			l.core.Claimed(now, c.Link, c.Addr, c.MAC, c.Times, &l.out)
			l.take(now)
		}
	})
}

// masterAddresses returns the virtual addresses of the Masters.
func (d *Driver) masterAddresses(ctx context.Context) ([]netip.Addr, error) {
	answer := make(chan []netip.Addr, 1)
	if err := d.do(ctx, func(l *loop, _ time.Time) { answer <- l.core.MasterAddresses() }); err != nil {
		return nil, err
	}
	return <-answer, nil
}
