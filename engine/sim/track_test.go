// SPDX-License-Identifier: GPL-3.0-only

package sim_test

import (
	"fmt"
	"testing"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// A hundred objects flap. After each change the priority is correct, between 1 and 254, and the router advertises it.
// The only transitions are those that the priorities require.
func TestTrackingStorm(t *testing.T) {
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprint("object", i))
	}
	first, second := alone(0, 200), alone(0, 100)
	for _, n := range names {
		first.Track = append(first.Track, engine.Tracking{Object: n, Decrement: 3})
	}
	w := newTwin(t, 9,
		engine.Config{Routers: []engine.VirtualRouter{first}, Tracks: objects(names...)},
		engine.Config{Routers: []engine.VirtualRouter{second}})
	w.run(10 * time.Second)
	r := w.routers[0]
	down := make(map[int]bool)
	set := func(i int, up bool) {
		down[i] = !up
		r.core.SetTrack(w.now, &r.cfg.Tracks[i], engine.TrackResult{Up: up}, &r.out)
		advertised := 0
		for _, s := range r.out.Sends {
			advertised = int(s.Payload[2])
		}
		w.carryOut(r)
		n := 0
		for _, d := range down {
			if d {
				n++
			}
		}
		want := max(200-3*n, vrrp.PriorityMin)
		s := r.core.Snapshot(w.now).Routers[0]
		if int(s.Priority) != want {
			t.Fatalf("with %d objects down the priority is %d, want %d", n, s.Priority, want)
		}
		if s.State == vrrp.Master && advertised != 0 && advertised != want {
			t.Fatalf("advertised %d, want %d", advertised, want)
		}
	}
	for range 20_000 {
		set(w.rand.IntN(len(names)), w.rand.IntN(2) == 0)
		w.run(time.Duration(w.rand.IntN(10)) * time.Millisecond)
	}
	for i := range names {
		set(i, false)
	}
	w.run(5 * time.Second)
	if w.master() != "r2" {
		t.Errorf("with all objects down the Master is %q", w.master())
	}
	for i := range names {
		set(i, true)
	}
	w.run(5 * time.Second)
	if w.master() != "r1" {
		t.Errorf("with all objects up the Master is %q", w.master())
	}
	w.quiet("afterwards", time.Minute)
}

// An object without a decrement stops a Master, which sends priority 0 at once.
func TestTrackedObjectWithoutDecrement(t *testing.T) {
	vr := alone(0, 200)
	vr.Track = []engine.Tracking{{Object: "vital"}}
	w := newTwin(t, 10, engine.Config{Routers: []engine.VirtualRouter{vr}, Tracks: objects("vital")},
		engine.Config{Routers: []engine.VirtualRouter{alone(0, 100)}})
	w.run(10 * time.Second)
	r := w.routers[0]
	r.core.SetTrack(w.now, &r.cfg.Tracks[0], engine.TrackResult{Reason: "exit status 1"}, &r.out)
	w.carryOut(r)
	s := r.core.Snapshot(w.now)
	if g := s.Routers[0]; g.State != vrrp.Initialize || g.Cause != vrrp.CauseTracking || g.Counters.PriorityZeroSent != 1 {
		t.Errorf("it is %s because of %s, priority 0 sent %d times", g.State, g.Cause, g.Counters.PriorityZeroSent)
	}
	if o := s.Tracks[0]; o.State != engine.TrackDown || o.Reason != "exit status 1" || len(o.Users) != 1 || o.Changes != 1 {
		t.Errorf("the object: %+v", o)
	}
	w.run(time.Second)
	if w.master() != "r2" {
		t.Errorf("a second later the Master is %q", w.master())
	}
	stale := r.cfg.Tracks[0]
	stale.Rise = 9
	r.core.SetTrack(w.now, &stale, engine.TrackResult{Up: true}, &r.out)
	if o := r.core.Snapshot(w.now).Tracks[0]; o.State != engine.TrackDown {
		t.Error("a result of another configuration counts")
	}
}
