// SPDX-License-Identifier: GPL-3.0-only

package driver_test

import (
	"errors"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/driver"
	"vrrpsh/engine/vrrp"
)

func TestSnapshotsAreOfOneMoment(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1 := lab.router(t, 1)
		// All groups are configured alike, so that they are in the same state at any moment.
		var groups []engine.VirtualRouter
		for vrid := uint8(1); vrid <= 200; vrid++ {
			groups = append(groups, group(vrid, 100, address("10.0.1."+itoa(vrid))))
		}
		r1.apply(groups...)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				for range 100 {
					s := r1.snapshot()
					for _, r := range s.Routers[1:] {
						if r.State != s.Routers[0].State || r.Counters.AdvertsSent != s.Routers[0].Counters.AdvertsSent {
							t.Errorf("at %s group %d is %s with %d adverts, group 1 is %s with %d", s.Time, r.Config.VRID,
								r.State, r.Counters.AdvertsSent, s.Routers[0].State, s.Routers[0].Counters.AdvertsSent)
							return
						}
					}
					time.Sleep(50 * time.Millisecond)
				}
			})
		}
		wg.Wait()
		if got := r1.status(); got.State != vrrp.Master {
			t.Errorf("group 1 is %s at the end", got.State)
		}
	})
}

// Concurrent readers cost the loop one snapshot.
func TestSnapshotIsShared(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r1 := newLab().router(t, 1)
		r1.apply(group(51, 100))
		r1.Pause()
		got := make(chan *engine.Snapshot, 10)
		for range cap(got) {
			go func() { got <- r1.snapshot() }()
		}
		synctest.Wait()
		r1.Resume()
		first := <-got
		for range cap(got) - 1 {
			if <-got != first {
				t.Error("a second snapshot for the same time")
			}
		}
	})
}

func TestSubscribers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1 := lab.router(t, 1)
		synctest.Wait()
		quick, _ := r1.Subscribe()
		slow, stopSlow := r1.Subscribe()
		var got []engine.Event
		var wg sync.WaitGroup
		wg.Go(func() {
			for e := range quick {
				got = append(got, e)
			}
		})
		r1.apply(group(51, 200))
		for range 1000 {
			r1.Unplug("eth0")
			sleep(time.Second)
			r1.Plug("eth0")
			sleep(4 * time.Second)
		}
		// Transitions to Backup, Master and Initialize, and the interface twice, each time.
		if len(got) < 5000 {
			t.Fatalf("%d events", len(got))
		}
		for i := range got[1:] {
			if got[i+1].Seq != got[i].Seq+1 {
				t.Fatalf("event %d follows event %d", got[i+1].Seq, got[i].Seq)
			}
		}
		var kept []engine.Event
		for len(slow) > 0 {
			kept = append(kept, <-slow)
		}
		if newest := got[len(got)-len(kept):]; len(kept) < 100 || !reflect.DeepEqual(kept, newest) {
			t.Errorf("a reader that fell behind has %d events, want the newest", len(kept))
		}
		stopSlow()
		stopSlow()
		if _, open := <-slow; open {
			t.Error("the subscription continues after its end")
		}
		if err := r1.stop(); err != nil {
			t.Error(err)
		}
		wg.Wait() // the end closes subscriptions
		late, stop := r1.Subscribe()
		if _, open := <-late; open {
			t.Error("a subscription to a router that has stopped")
		}
		stop()
	})
}

func TestAfterTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r1 := newLab().router(t, 1)
		if err := r1.stop(); err != nil {
			t.Fatal(err)
		}
		_, snapshot := r1.Snapshot(t.Context())
		_, resources := r1.Resources(t.Context())
		for name, err := range map[string]error{
			"Snapshot":        snapshot,
			"Resources":       resources,
			"Apply":           r1.Apply(t.Context(), engine.Config{}),
			"Resign":          r1.Resign(t.Context(), engine.Key{}),
			"ClearStatistics": r1.ClearStatistics(t.Context(), nil),
		} {
			if !errors.Is(err, driver.ErrStopped) {
				t.Errorf("%s: %v, want ErrStopped", name, err)
			}
		}
		if err := r1.Run(t.Context()); err == nil {
			t.Error("Run could be called again")
		}
	})
}

// Run answers requests made before it.
func TestBeforeTheStart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		d := driver.New(driver.Options{System: lab.AddRouter("r1", netipPrefix("10.0.0.1/24")).Boot()})
		applied := make(chan error, 1)
		go func() {
			applied <- d.Apply(t.Context(), engine.Config{Routers: []engine.VirtualRouter{group(51, 100)}})
		}()
		synctest.Wait()
		done := make(chan error, 1)
		go func() { done <- d.Run(t.Context()) }()
		if err := <-applied; err != nil {
			t.Error(err)
		}
		if s, err := d.Snapshot(t.Context()); err != nil || len(s.Routers) != 1 {
			t.Errorf("snapshot %+v, %v", s, err)
		}
		t.Cleanup(func() { <-done })
	})
}
