// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"testing"
	"time"
)

// TestRestore has another router go on from a Memory, and looks when it becomes Master if it hears nothing more.
func TestRestore(t *testing.T) {
	const gap = 2 * sec // between the two routers
	synced := func(c *Config) { c.Synced = true }
	resign := func(wait time.Duration) func(*testing.T, *Router) {
		return func(_ *testing.T, r *Router) { step(r, 0, Event{Kind: EventResign, Wait: wait}) }
	}
	// refused makes a Master learn n times in a row that the kernel does not have its addresses.
	refused := func(n int) func(*testing.T, *Router) {
		return func(_ *testing.T, r *Router) {
			for range n {
				now := time.Duration(0)
				if r.state == Backup {
					now = r.Deadline().Sub(epoch)
					step(r, now, Event{Kind: EventTimer})
				}
				step(r, now, Event{Kind: EventRefused, Cause: CauseAddressLost})
			}
		}
	}
	hears := func(vary ...func(*Config)) func(*testing.T, *Router) {
		return func(t *testing.T, r *Router) {
			step(r, 0, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3, vary...), higher, 200)})
		}
	}
	every := func(d time.Duration) func(*Config) { return func(c *Config) { c.Interval = d } }

	for name, tt := range map[string]struct {
		vary []func(*Config)
		was  func(*testing.T, *Router) // what happened to a Master at the epoch
		from time.Duration             // when the Memory is taken
		want time.Duration             // when it becomes Master, or would
	}{
		"nothing":                              {nil, resign(0), 0, gap + down100},
		"the interval of the Master":           {nil, hears(every(4 * sec)), 0, gap + MasterDownInterval(V3, 100, 4*sec)},
		"a shorter interval":                   {nil, hears(every(100 * ms)), 0, gap + MasterDownInterval(V3, 100, 100*ms)},
		"the wait of a sync group":             {[]func(*Config){synced}, resign(20 * sec), 0, 20 * sec},
		"a wait that is nearly over":           {[]func(*Config){synced}, resign(20 * sec), 17 * sec, 17*sec + gap + down100},
		"the hold after the kernel refused":    {nil, refused(4), 2*down100 + 5*sec, 2*down100 + 12*sec},
		"a hold that is over":                  {nil, refused(1), 0, gap + down100},
		"a hold that is shorter than the wait": {nil, refused(3), 2 * down100, 2*down100 + gap + down100},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := base(V3, tt.vary...)
			r := master(cfg)
			step(r, 0, Event{Kind: EventTakeOver}) // for a synced one
			tt.was(t, r)
			next := Restore(at(tt.from+gap), cfg, r.Memory())
			expect(t, step(next, tt.from+gap, up()))
			expectState(t, next, Backup, tt.want)
			step(next, tt.want-1, Event{Kind: EventTimer})
			if next.state != Backup || next.Willing() {
				t.Errorf("before %s it is %s, willing %t", tt.want, next.state, next.Willing())
			}
			step(next, tt.want, Event{Kind: EventTimer})
			if !cfg.Synced && next.state != Master || cfg.Synced && !next.Willing() {
				t.Errorf("at %s it is %s, willing %t", tt.want, next.state, next.Willing())
			}
		})
	}

	t.Run("the next hold is twice as long", func(t *testing.T) {
		r := master(base(V3))
		refused(4)(t, r) // until 8 s later
		next := Restore(r.holdUntil.Add(-sec), base(V3), r.Memory())
		next.Step(r.holdUntil.Add(-sec), up(), nil)
		now := next.Deadline()
		next.Step(now, Event{Kind: EventTimer}, nil)
		next.Step(now, Event{Kind: EventRefused, Cause: CauseAddressLost}, nil)
		if got := next.Deadline().Sub(now); got != 16*sec {
			t.Errorf("it tries again after %s", got)
		}
	})
}

// TestRestoreOfAMuteRouter has a router go on that cannot send: it does not preempt until an advert of it goes out.
func TestRestoreOfAMuteRouter(t *testing.T) {
	r := master(base(V3))
	for range muteAfter {
		step(r, 0, Event{Kind: EventUnsent})
	}
	step(r, 0, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3), lower, 50)})
	next := Restore(at(sec), base(V3), r.Memory())
	step(next, sec, up())
	if s := next.Status(); !s.Mute || s.State != Backup {
		t.Fatalf("it is %s, mute %t", s.State, s.Mute)
	}
	for now := sec; now < sec+2*probePause; now += sec / 2 {
		step(next, now, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3), lower, 50)})
		if acts := fire(next, now); len(acts) > 0 {
			expect(t, acts, send(100))
			expect(t, step(next, now, Event{Kind: EventSent}), becoming(100, Backup, CausePreempt)...)
			return
		}
	}
	t.Error("it never tried to send")
}
