// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/driver/hook"
	"vrrpsh/engine/driver/track"
	"vrrpsh/platform"
	"vrrpsh/platform/feed"
	"vrrpsh/platform/program"
)

// ErrStopped means that the driver no longer runs.
var ErrStopped = errors.New("the router has stopped")

// Options configure a Driver.
type Options struct {
	// System is closed when Run ends.
	System platform.System
	// Logger gets the events and other messages; nil: nothing is logged. A separate
	// goroutine calls it, so that it never delays an advert.
	Logger *slog.Logger
	// Handover is the state that an earlier Driver handed over; nil: this Driver starts anew.
	Handover *Handover
	// Run runs the programs of tracked objects and hooks; nil: no program runs, as in a simulation.
	Run func(context.Context, program.Program) (string, error)
	// Uptime is a clock that is never set and that goes on from one process to the next. A hand-over uses it in place of the
	// wall clock; nil: there is none.
	Uptime func() time.Duration
	// Now is the clock that the deadlines of System.Wait refer to; nil: time.Now.
	Now func() time.Time
	// Track returns the Tracker of the loop, which calls report with its results; nil: package track.
	Track func(report func(*engine.TrackObject, engine.TrackResult)) Tracker
	// Block is called before a method waits for the loop. It returns when ready returns true; a simulation runs
	// everything else meanwhile. Nil: the method just waits.
	Block func(ready func() bool)
}

// Tracker watches tracked objects. Only the loop calls its methods, which do not block, except Close for at most limit.
type Tracker interface {
	Set(list []engine.TrackObject)
	Close(limit time.Duration)
}

var _ Tracker = (*track.Watcher)(nil)

// Driver runs the virtual routers. It is safe for concurrent use.
type Driver struct {
	system platform.System
	now    func() time.Time
	uptime func() time.Duration // may be nil
	block  func(ready func() bool)

	inherited *Handover // nil: there is none
	left      *Handover // set by Run when it ends by HandOver
	started   atomic.Bool
	stopped   chan struct{} // closed when Run has ended
	mail      mailbox
	events    feed.Feed[engine.Event]
	taps      taps
	journal   *records
	hooks     *hook.Runner
	tracker   Tracker
	claims    *claimWatch
	applying  chan struct{} // holds a value unless an Apply is in progress
}

var (
	_ engine.View    = (*Driver)(nil)
	_ engine.Control = (*Driver)(nil)
	_ engine.Applier = (*Driver)(nil)
)

// New returns a Driver without virtual routers. Its methods may be called before Run;
// methods that need an answer wait for Run.
func New(o Options) *Driver {
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Driver{
		system: o.System,
		now:    o.Now,
		uptime: o.Uptime,
		block:  o.Block,

		inherited: o.Handover,
		stopped:   make(chan struct{}),
		journal:   newRecords(o.Logger),
		applying:  make(chan struct{}, 1),
	}
	d.claims = newClaimWatch(o.System)
	d.applying <- struct{}{}
	if o.Track != nil {
		d.tracker = o.Track(d.tracked)
	} else {
		routes, _ := o.System.(platform.RouteWatcher)
		d.tracker = track.New(track.Options{Run: o.Run, Routes: routes, Report: d.tracked})
	}
	d.hooks = hook.New(hook.Options{Run: o.Run, Failed: d.hookFailed})
	return d
}

// Run runs the virtual routers until ctx ends, and then stops them: every Master sends
// priority 0 at once, everything is removed from the kernel and the System is closed. It then returns
// nil, or an error if it ended earlier or could not clean up. HandOver ends Run without stopping
// the virtual routers. Run can be called once.
func (d *Driver) Run(ctx context.Context) error {
	if d.started.Swap(true) {
		return errStarted
	}
	defer d.end()
	logged, endLog := d.Subscribe()
	writing := start(func() { d.journal.run(logged) })
	defer writing.Wait()
	defer endLog()

	l, err := d.open()
	if err != nil {
		return err
	}
	actuator := start(l.actuator.run)
	watching, endWatch := context.WithCancel(context.WithoutCancel(ctx))
	watcher := start(func() { d.watch(watching) })
	d.claims.change() // there may be Masters that were inherited
	claims := start(func() { d.claims.run(watching, d) })
	endWake := context.AfterFunc(ctx, d.system.Wake)
	defer endWake()

	err = l.run(ctx)
	leaving := l.leaving && err == nil && ctx.Err() == nil
	if !leaving {
		l.stop()
	}

	endWatch()
	watcher.Wait()
	claims.Wait()
	d.tracker.Close(scriptGrace)
	l.actuator.end()
	actuator.Wait()
	return d.finish(l, leaving, err)
}

// errStarted is the error of a second start.
var errStarted = errors.New("the router was already started")

// open prepares the kernel and returns the loop, which knows the interfaces. If it fails, the System is closed.
func (d *Driver) open() (*loop, error) {
	inherited := d.begin()
	var links []platform.Link
	err := d.persistently(func() (err error) { links, err = d.system.Links(); return err })
	if err != nil {
		return nil, errors.Join(fmt.Errorf("list the interfaces: %w", err), d.system.Close())
	}
	l := newLoop(d)
	if now := d.now(); inherited != nil {
		l.inherit(now, links, &inherited.Engine)
	} else {
		l.update(now, platform.Update{Links: links})
	}
	l.reconciler.at = d.now().Add(reconcilePeriod)
	return l, nil
}

// finish ends the loop and the System once the actuator has ended. It returns err joined with further errors.
func (d *Driver) finish(l *loop, leaving bool, err error) error {
	l.operate(d.now()) // more sockets may have been opened
	l.closeSockets()
	if leaving {
		d.hooks.Close(hookHaste)
		return d.leave(l)
	}
	err = errors.Join(err, d.system.Close())
	d.hooks.Close(hookGrace)
	return err
}

// end makes it known that the Driver has stopped.
func (d *Driver) end() {
	d.taps.end()
	d.events.End()
	d.mail.end()
	close(d.stopped)
}

// At the start a failed kernel request is repeated after startPause, then after twice that and so on: nothing can run without it.
const (
	startPause    = 50 * time.Millisecond
	startAttempts = 5 // within a second
)

// persistently calls do until it succeeds, but at most startAttempts times. A simulation does not pause.
func (d *Driver) persistently(do func() error) error {
	for attempt := 1; ; attempt++ {
		err := do()
		if err == nil || attempt == startAttempts {
			return err
		}
		if d.block == nil {
			time.Sleep(startPause << (attempt - 1))
		}
	}
}

// start runs f in a goroutine.
func start(f func()) *sync.WaitGroup {
	var g sync.WaitGroup
	g.Go(f)
	return &g
}

// watchPause is the pause after a failure before the interfaces are watched again.
const watchPause = time.Second

// watch posts the changes of the host's interfaces until ctx ends.
func (d *Driver) watch(ctx context.Context) {
	for {
		whole := true // the first update is the whole state
		err := d.system.Watch(ctx, func(u platform.Update) {
			first := whole
			whole = false
			d.mail.post(d.system, func(l *loop, now time.Time) { l.watched(now, u, first) })
		})
		if ctx.Err() != nil || err == nil {
			return
		}
		d.journal.warn("cannot watch the interfaces; trying again", "error", err)
		track.Pause(ctx, watchPause)
	}
}
