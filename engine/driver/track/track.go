// SPDX-License-Identifier: GPL-3.0-only

package track

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"vrrpsh/engine"
	"vrrpsh/platform"
	"vrrpsh/platform/program"
)

// Options configure a Watcher.
type Options struct {
	// Report is called with each new result. Several goroutines may call it at once.
	Report func(*engine.TrackObject, engine.TrackResult)
	// Routes follows routes; nil: this system cannot.
	Routes platform.RouteWatcher
	// Run runs a program; nil: no program runs.
	Run func(context.Context, program.Program) (string, error)
}

// Watcher follows tracked objects. Only one goroutine may call Set and Close.
type Watcher struct {
	o       Options
	running map[string]*watch
	routes  *watch
	all     sync.WaitGroup
}

// watch watches one object, or all routes.
type watch struct {
	object engine.TrackObject
	routes []engine.TrackObject
	stop   context.CancelFunc
	// results are the results of a script. They may be read once ended is closed.
	results counter
	ended   chan struct{}
}

// New returns a Watcher that follows nothing.
func New(o Options) *Watcher { return &Watcher{o: o, running: make(map[string]*watch)} }

// Set replaces the followed objects with list. Unchanged objects go on. Set does not wait.
func (w *Watcher) Set(list []engine.TrackObject) {
	var routes []engine.TrackObject
	keep := make(map[string]bool)
	for i := range list {
		o := list[i]
		switch o.Kind {
		case engine.TrackInterface:
			continue
		case engine.TrackRoute:
			routes = append(routes, o)
			continue
		case engine.TrackScript, engine.TrackFile:
		}
		keep[o.Name] = true
		was := w.running[o.Name]
		if was != nil {
			if was.object.Equal(&o) {
				continue
			}
			was.stop()
		}
		n := &watch{object: o}
		follow := func(ctx context.Context) { w.file(ctx, &o) }
		if o.Kind == engine.TrackScript {
			follow = func(ctx context.Context) { w.script(ctx, n, was) }
		}
		w.running[o.Name] = w.start(n, follow)
	}
	for name, now := range w.running {
		if !keep[name] {
			now.stop()
			delete(w.running, name)
		}
	}
	w.setRoutes(routes)
}

func (w *Watcher) start(n *watch, follow func(context.Context)) *watch {
	ctx, stop := context.WithCancel(context.Background())
	n.stop, n.ended = stop, make(chan struct{})
	w.all.Go(func() {
		defer close(n.ended)
		follow(ctx)
	})
	return n
}

// Close stops everything and waits until no program runs, but not longer than limit: a process that the kernel
// cannot end is left behind.
func (w *Watcher) Close(limit time.Duration) {
	w.Set(nil)
	done := make(chan struct{})
	go func() { w.all.Wait(); close(done) }()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// Pause waits for d. It returns false if ctx ends before that.
func Pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// report reports a result if it differs from the last one.
func (w *Watcher) report(ctx context.Context, o *engine.TrackObject, last *engine.TrackResult, first bool, r engine.TrackResult) {
	if ctx.Err() == nil && (first || *last != r) {
		*last = r
		w.o.Report(o, r)
	}
}

func (w *Watcher) setRoutes(list []engine.TrackObject) {
	same := func(a, b engine.TrackObject) bool { return a.Equal(&b) }
	if w.routes != nil {
		if slices.EqualFunc(w.routes.routes, list, same) {
			return
		}
		w.routes.stop()
		w.routes = nil
	}
	if len(list) == 0 {
		return
	}
	if w.o.Routes == nil {
		for i := range list {
			w.o.Report(&list[i], engine.TrackResult{Reason: "routes cannot be tracked on this system"})
		}
		return
	}
	w.routes = w.start(&watch{routes: list}, func(ctx context.Context) { w.followRoutes(ctx, list) })
}

// routePause is the pause after a failure before routes are followed again.
const routePause = time.Second

func (w *Watcher) followRoutes(ctx context.Context, list []engine.TrackObject) {
	prefixes := make([]netip.Prefix, len(list))
	for i := range list {
		prefixes[i] = list[i].Route
	}
	last := make([]engine.TrackResult, len(list))
	first := true
	for {
		err := w.o.Routes.WatchRoutes(ctx, prefixes, func(present []bool) {
			for i := range list {
				r := engine.TrackResult{Up: present[i]}
				if !r.Up {
					r.Reason = "no such route"
				}
				w.report(ctx, &list[i], &last[i], first, r)
			}
			first = false
		})
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			for i := range list {
				w.report(ctx, &list[i], &last[i], first, engine.TrackResult{Up: last[i].Up, Reason: "routes cannot be watched: " + err.Error()})
			}
		}
		if !Pause(ctx, routePause) {
			return
		}
	}
}
