// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"vrrpsh/engine"
	"vrrpsh/platform"
)

// Apply implements engine.Applier. It first opens the missing sockets, then gives
// the Core the configuration and waits for the kernel's answers. An interface that does not
// exist is not an error: its virtual routers wait for it. Apply serializes
// its calls. When ctx ends early, the old configuration is being restored.
func (d *Driver) Apply(ctx context.Context, cfg engine.Config) error {
	return d.exclusively(ctx, func() error {
		var old engine.Config
		err := d.phase(ctx, func(l *loop, _ time.Time) {
			old = l.config
			l.prepare(cfg)
		})
		if err != nil {
			return err
		}
		if err = d.phase(ctx, func(l *loop, now time.Time) { l.adopt(now, cfg) }); err != nil {
			// The first error is the one that matters. Apply waits for the answers of
			// the old configuration as long as the caller waits.
			_ = d.phase(ctx, func(l *loop, now time.Time) { l.adopt(now, old) })
		}
		return err
	})
}

// Begin is Apply for a router that starts: what the kernel refuses is retried, and does not keep the rest from running. The error
// is the first refusal.
func (d *Driver) Begin(ctx context.Context, cfg engine.Config) error {
	return d.exclusively(ctx, func() error {
		sockets := d.phase(ctx, func(l *loop, _ time.Time) { l.prepare(cfg) })
		return cmp.Or(sockets, d.phase(ctx, func(l *loop, now time.Time) { l.adopt(now, cfg) }))
	})
}

// Applier returns what gives a program's engine its configurations. The first one of a program that is no successor is given by Begin:
// a virtual router that the kernel refuses does not keep the others from running; refused is told. A router that lacks a capability
// does not start, as no virtual router could run. A successor that is refused something gives back to its predecessor
// instead, and a commit is taken back.
func (d *Driver) Applier(successor bool, refused func(error)) func(context.Context, engine.Config) error {
	begun := successor
	return func(ctx context.Context, cfg engine.Config) error {
		if begun {
			return d.Apply(ctx, cfg)
		}
		begun = true
		err := d.Begin(ctx, cfg)
		if err == nil || ctx.Err() != nil || errors.Is(err, ErrStopped) || errors.Is(err, fs.ErrPermission) {
			return err
		}
		refused(err)
		return nil
	}
}

// exclusively calls apply while no other Apply runs.
func (d *Driver) exclusively(ctx context.Context, apply func() error) error {
	if err := d.await(ctx, d.applying); err != nil {
		return err
	}
	defer func() { d.applying <- struct{}{} }()
	err := apply()
	d.mail.post(d.system, func(l *loop, now time.Time) { l.endApply(now) })
	return err
}

// phase has the loop carry out a part of Apply and waits for its answers.
func (d *Driver) phase(ctx context.Context, part operation) error {
	w := newWaiter()
	err := d.do(ctx, func(l *loop, now time.Time) {
		l.waiter = w
		part(l, now)
		w.check()
	})
	if err != nil {
		return err
	}
	if err := d.await(ctx, w.done); err != nil {
		return err
	}
	return w.err
}

// prepare opens the sockets that cfg needs. The running configuration keeps its sockets.
func (l *loop) prepare(cfg engine.Config) {
	l.needs = needsOf(l.config, cfg)
	for _, index := range l.indexes() {
		link := l.links[index]
		for _, key := range l.open(&link) {
			l.waiter.sockets[key] = true
		}
	}
}

// adopt gives the Core a configuration.
func (l *loop) adopt(now time.Time, cfg engine.Config) {
	l.config = cfg
	l.driver.hooks.Set(cfg.Hooks)
	l.core.Apply(now, cfg, &l.out)
	l.driver.tracker.Set(cfg.Tracks)
	for i := range l.out.Desired {
		l.waiter.desired[l.out.Desired[i].Key] = l.out.Desired[i].Seq
	}
	for i := range l.out.Routes {
		l.waiter.routes = l.out.Routes[i].Seq
	}
	l.take(now)
}

// endApply ends an Apply, however it went.
func (l *loop) endApply(now time.Time) {
	l.waiter = nil
	l.needs = needsOf(l.config)
	l.forgetFailing()
	l.flush(now) // send the last adverts of removed virtual routers
	l.prune()
	for _, index := range l.indexes() {
		l.show(now, index) // sockets that could not be opened may no longer be needed
	}
}

// reached tells the Core the results of its Desireds.
func (l *loop) reached(now time.Time, list []outcome) {
	for i := range list {
		o := &list[i]
		l.core.Installed(now, o.desired.Key, o.desired.Seq, o.err, &l.out)
		l.take(now)
		l.waiter.installed(o)
		if o.err != nil {
			l.reconciler.refused(now)
		}
	}
}

// routed tells the Core the results of its routes.
func (l *loop) routed(now time.Time, r engine.DesiredRoutes, errs []error) {
	l.core.RoutesInstalled(now, r.Seq, errs, &l.out)
	l.take(now)
	l.waiter.routed(r, errs)
}

// waiter holds the answers that an Apply waits for. The loop fills it, sets err and
// closes done when no answer is missing.
type waiter struct {
	sockets map[socketKey]bool
	desired map[engine.Key]uint64
	routes  uint64 // Seq of the routes; 0: none
	err     error
	done    chan struct{}
	over    bool
}

func newWaiter() *waiter {
	return &waiter{sockets: make(map[socketKey]bool), desired: make(map[engine.Key]uint64), done: make(chan struct{})}
}

// socket and installed record an answer. A missing interface is not an error.
func (w *waiter) socket(key socketKey, err error) {
	if w == nil || !w.sockets[key] {
		return
	}
	delete(w.sockets, key)
	if err != nil && !errors.Is(err, platform.ErrNoLink) {
		w.fail(fmt.Errorf("open %s sockets: %w", key.family, err))
	}
	w.check()
}

func (w *waiter) installed(o *outcome) {
	if w == nil {
		return
	}
	seq, waited := w.desired[o.desired.Key]
	if !waited || o.desired.Seq < seq {
		return
	}
	delete(w.desired, o.desired.Key)
	// A failed removal is a fault, but the old configuration could not repair it.
	if o.err != nil && o.desired.Present && !errors.Is(o.err, platform.ErrNoLink) {
		w.fail(fmt.Errorf("%s: %w", o.desired.Key, o.err))
	}
	w.check()
}

// routed records an answer. A route that the kernel refuses is retried later; only a route that
// this system does not support is an error.
func (w *waiter) routed(r engine.DesiredRoutes, errs []error) {
	if w == nil || w.routes == 0 || r.Seq < w.routes {
		return
	}
	w.routes = 0
	for i, err := range errs {
		if errors.Is(err, platform.ErrUnsupported) {
			w.fail(fmt.Errorf("static route %s: %w", r.Routes[i], err))
		}
	}
	w.check()
}

func (w *waiter) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// check ends the wait when nothing is left to wait for.
func (w *waiter) check() {
	if !w.over && len(w.sockets) == 0 && len(w.desired) == 0 && w.routes == 0 {
		w.over = true
		close(w.done)
	}
}
