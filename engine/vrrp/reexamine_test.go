// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fire runs the timers that are due until a time, and returns their actions.
func fire(r *Router, until time.Duration) []Action {
	var out []Action
	for d := r.Deadline(); !d.IsZero() && !d.After(at(until)); d = r.Deadline() {
		out = r.Step(d, Event{Kind: EventTimer}, out)
	}
	return out
}

// TestTimersAreReexamined changes the configuration of a Backup that last heard a Master with priority 50 300 ms ago, and
// checks when and why it becomes Master if it hears no more adverts.
func TestTimersAreReexamined(t *testing.T) {
	const early, late = 3300 * ms, 3800 * ms // before and after the first Master_Down_Timer
	type vary = func(*Config)
	list := func(v ...vary) []vary { return v }
	noPreempt := func(c *Config) { c.Preempt = false }
	delay := func(d time.Duration) vary { return func(c *Config) { c.PreemptDelay = d } }
	priority := func(p uint8) vary { return func(c *Config) { c.Priority = p } }
	synced := func(c *Config) { c.Synced = true }
	down := func(p uint8) time.Duration { return MasterDownInterval(V3, p, sec) }
	const followed = -300 * ms // when the Master was heard, from the change
	for name, tt := range map[string]struct {
		from, to []vary
		change   time.Duration
		want     time.Duration // 0: never
		cause    Cause
	}{
		"nothing":                     {nil, nil, early, down100, CausePreempt},
		"preemption switched off":     {nil, list(noPreempt), early, early + followed + down100, CauseMasterDown},
		"preemption switched on":      {list(noPreempt), nil, early, early + followed + down100, CauseMasterDown},
		"priority below the Master's": {nil, list(priority(40)), early, early + followed + down(40), CauseMasterDown},
		"priority still above it":     {nil, list(priority(60)), early, down(60), CausePreempt},
		"a delay":                     {nil, list(delay(30 * sec)), early, early + followed + down100, CauseMasterDown},
		"a delay that is over":        {nil, list(delay(sec)), early, early, CausePreempt},
		"the delay removed":           {list(delay(30 * sec)), nil, early, sec + down100, CausePreempt},
		"a shorter delay":             {list(delay(30 * sec)), list(delay(4 * sec)), early, 5 * sec, CausePreempt},
		"a delay and no preemption":   {list(delay(4 * sec)), list(delay(4*sec), noPreempt), early, early + followed + down100, CauseMasterDown},

		"synced, nothing":                        {list(synced), list(synced), late, 0, CauseNone},
		"out of its sync group":                  {list(synced), nil, late, late, CausePreempt},
		"out of it without preemption":           {list(synced), list(noPreempt), late, late + followed + down100, CauseMasterDown},
		"out of it with a priority below":        {list(synced), list(priority(40)), late, late + followed + down(40), CauseMasterDown},
		"out of it with a delay":                 {list(synced), list(delay(30 * sec)), late, late + followed + down100, CauseMasterDown},
		"out of it with a delay that is over":    {list(synced), list(delay(2 * sec)), late, late, CausePreempt},
		"out of it after its delay":              {list(synced, delay(sec)), list(delay(sec)), late, late, CausePreempt},
		"out of it before the end of its delay":  {list(synced, delay(4*sec)), list(delay(4 * sec)), late, 5 * sec, CausePreempt},
		"synced, without preemption from now on": {list(synced), list(synced, noPreempt), late, 0, CauseNone},
	} {
		t.Run(name, func(t *testing.T) {
			r := backup(base(V3, tt.from...))
			for d := sec; d < tt.change; d += 500 * ms {
				fire(r, d)
				step(r, d, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3), lower, 50)})
			}
			heard := tt.change + followed
			fire(r, heard)
			step(r, heard, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3), lower, 50)})
			fire(r, tt.change)
			cfg := base(V3, tt.to...)
			if acts := step(r, tt.change, Event{Kind: EventConfigure, Config: &cfg}); len(acts) > 0 || r.Status().State != Backup {
				t.Fatalf("it is %s and did %v", r.Status().State, acts)
			}
			if willing := r.Willing(); tt.want == 0 && willing != cfg.Preempt {
				t.Errorf("it would be Master: %t", willing)
			}
			if tt.want == 0 {
				return
			}
			if tt.want > tt.change {
				expect(t, fire(r, tt.want-1))
			}
			got := step(r, tt.want, Event{Kind: EventTimer})
			if diff := cmp.Diff(becoming(cfg.Priority, Backup, tt.cause), got); diff != "" {
				t.Errorf("at %v, deadline %v (-want +got):\n%s", tt.want, r.Deadline().Sub(epoch), diff)
			}
		})
	}
}

// TestOwnerIsOneNoMore checks that a Backup that no longer owns an address follows the Master that it has heard.
func TestOwnerIsOneNoMore(t *testing.T) {
	r := New(base(V3))
	step(r, 0, upOwner())
	step(r, 0, Event{Kind: EventResign})
	hear := func(d time.Duration, priority uint8) {
		step(r, d, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3), lower, priority)})
	}
	hear(sec, 200) // Check discards these while the router is the owner, unless the kernel has refused the addresses
	hear(2900*ms, 200)
	step(r, 2950*ms, up())
	expectState(t, r, Backup, 2900*ms+down100)
}

// TestPatienceEndsWithTheSyncGroup checks that the wait after repeated losses of Master ends when a router leaves that
// sync group.
func TestPatienceEndsWithTheSyncGroup(t *testing.T) {
	synced := base(V3, func(c *Config) { c.Synced = true })
	resigned := func() *Router {
		r := master(base(V3))
		step(r, 0, Event{Kind: EventConfigure, Config: &synced})
		step(r, sec, Event{Kind: EventResign, Cause: CauseSyncGroup, Wait: 30 * sec})
		return r
	}
	expectState(t, resigned(), Backup, 31*sec)
	r, alone := resigned(), base(V3)
	step(r, 2*sec, Event{Kind: EventConfigure, Config: &alone})
	expectState(t, r, Backup, sec+down100)
}

// TestRoundsAreReexamined changes the announcement settings of a Master that is announcing its addresses.
func TestRoundsAreReexamined(t *testing.T) {
	for name, tt := range map[string]struct {
		from, to AnnounceConfig
		change   time.Duration
		want     []time.Duration // of the announcements after the change
	}{
		"nothing":              {AnnounceConfig{Repeat: 1, Delay: 5 * sec}, AnnounceConfig{Repeat: 1, Delay: 5 * sec}, sec, []time.Duration{5 * sec}},
		"a second round":       {AnnounceConfig{Repeat: 1}, AnnounceConfig{Repeat: 1, Delay: 5 * sec}, sec, []time.Duration{5 * sec}},
		"no second round":      {AnnounceConfig{Repeat: 1, Delay: 5 * sec}, AnnounceConfig{Repeat: 1}, sec, nil},
		"a later one":          {AnnounceConfig{Repeat: 1, Delay: 5 * sec}, AnnounceConfig{Repeat: 1, Delay: 9 * sec}, sec, []time.Duration{9 * sec}},
		"an earlier one":       {AnnounceConfig{Repeat: 1, Delay: 9 * sec}, AnnounceConfig{Repeat: 1, Delay: 5 * sec}, sec, []time.Duration{5 * sec}},
		"one that is past":     {AnnounceConfig{Repeat: 1}, AnnounceConfig{Repeat: 1, Delay: 5 * sec}, 6 * sec, nil},
		"a shorter round":      {AnnounceConfig{Repeat: 9}, AnnounceConfig{Repeat: 2}, 5 * ms, []time.Duration{10 * ms}},
		"a round that is over": {AnnounceConfig{Repeat: 9}, AnnounceConfig{Repeat: 2}, 150 * ms, nil},
		"a longer round":       {AnnounceConfig{Repeat: 2}, AnnounceConfig{Repeat: 3}, 5 * ms, []time.Duration{10 * ms, 110 * ms}},
		"refreshed":            {AnnounceConfig{Repeat: 1}, AnnounceConfig{Repeat: 1, Refresh: 4 * sec}, sec, []time.Duration{5 * sec, 9 * sec}},
		"refreshed less":       {AnnounceConfig{Repeat: 1, Refresh: 2 * sec}, AnnounceConfig{Repeat: 1, Refresh: 4 * sec}, sec, []time.Duration{5 * sec, 9 * sec}},
		"no longer refreshed":  {AnnounceConfig{Repeat: 1, Refresh: 2 * sec}, AnnounceConfig{Repeat: 1}, sec, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := master(base(V3, func(c *Config) { c.Announce = tt.from }))
			fire(r, tt.change)
			cfg := base(V3, func(c *Config) { c.Announce = tt.to })
			step(r, tt.change, Event{Kind: EventConfigure, Config: &cfg})
			var got []time.Duration
			for d := r.Deadline(); !d.After(at(10 * sec)); d = r.Deadline() {
				for _, a := range r.Step(d, Event{Kind: EventTimer}, nil) {
					if a.Kind == ActionAnnounce {
						got = append(got, d.Sub(epoch))
					}
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("announcements (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDelayAfterABetterMaster gives a Backup, which hears a Master with a lower priority since one with a higher one was there, a delay that is
// over: it must not judge by the Master before.
func TestDelayAfterABetterMaster(t *testing.T) {
	r := backup(base(V3))
	step(r, sec, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3), lower, 200)})
	step(r, 2*sec, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3), lower, 50)})
	cfg := base(V3, func(c *Config) { c.PreemptDelay = sec })
	step(r, 3300*ms, Event{Kind: EventConfigure, Config: &cfg})
	fire(r, 3300*ms)
	if s := r.Status(); s.State != Master || s.Cause != CausePreempt {
		t.Errorf("it is %s (%s), want Master", s.State, s.Cause)
	}
}
