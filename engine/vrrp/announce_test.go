// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestAnnounce covers the rounds of announcements; RFC 9568 section 6.4.1 requires one.
func TestAnnounce(t *testing.T) {
	run := func(r *Router, until time.Duration) (announced []time.Duration) {
		for !r.Deadline().After(at(until)) {
			now := r.Deadline()
			for _, a := range r.Step(now, Event{Kind: EventTimer}, nil) {
				if a == announce {
					announced = append(announced, now.Sub(epoch))
				}
			}
		}
		return announced
	}
	for _, tt := range []struct {
		name string
		cfg  AnnounceConfig
		want []time.Duration // after the first, at the epoch
	}{
		{"at least one", AnnounceConfig{}, nil},
		{"one round", AnnounceConfig{Repeat: 3}, []time.Duration{10 * ms, 110 * ms}},
		{"second round", AnnounceConfig{Repeat: 2, Delay: 5 * sec}, []time.Duration{10 * ms, 5 * sec, 5010 * ms}},
		{"refresh", AnnounceConfig{Repeat: 1, Refresh: 4 * sec}, []time.Duration{4 * sec, 8 * sec}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := base(V3)
			cfg.Announce = tt.cfg
			if diff := cmp.Diff(tt.want, run(master(cfg), 10*sec)); diff != "" {
				t.Errorf("announced at (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("not before the addresses are there", func(t *testing.T) {
		r := New(base(V3))
		step(r, 0, upOwner())
		if got := run(r, 10*sec); got != nil {
			t.Errorf("announced at %v", got)
		}
	})
	t.Run("again when another Master was heard", func(t *testing.T) {
		r := master(base(V3))
		run(r, 10*sec)
		inferior := Event{Kind: EventAdvert, Advert: advertOf(t, base(V3), lower, 50)}
		expect(t, step(r, 10*sec, inferior), send(100), announce)
		for d := 10*sec + answerPause; d < 11*sec; d += answerPause {
			expect(t, step(r, d, inferior), send(100))
		}
		if diff := cmp.Diff([]time.Duration{15 * sec}, run(r, 30*sec)); diff != "" {
			t.Errorf("announced at (-want +got):\n%s", diff)
		}
	})
	t.Run("at once, even right after another round", func(t *testing.T) {
		r := master(base(V3))
		run(r, 2*sec)
		inferior := Event{Kind: EventAdvert, Advert: advertOf(t, base(V3), lower, 50)}
		expect(t, step(r, 2*sec, inferior), send(100), announce)
	})
	t.Run("again when another host has claimed an address", func(t *testing.T) {
		r := master(base(V3))
		run(r, 10*sec)
		claimed := Event{Kind: EventClaimed}
		var got []time.Duration
		for d := 10 * sec; d < 300*sec; d += 20 * ms { // a flood
			expect(t, step(r, d, claimed))
			got = append(got, run(r, d+19*ms)...)
		}
		want := []time.Duration{10*sec + ClaimPause}
		for _, pause := range []time.Duration{5, 10, 20, 40, 60, 60, 60} {
			want = append(want, want[len(want)-1]+pause*sec)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("announced at (-want +got):\n%s", diff)
		}
		// The last claim is answered, however late, and after a rest claims are answered soon.
		if diff := cmp.Diff([]time.Duration{want[len(want)-1] + 60*sec}, run(r, 500*sec)); diff != "" {
			t.Errorf("after the flood announced at (-want +got):\n%s", diff)
		}
		for _, d := range []time.Duration{500 * sec, 502 * sec} {
			step(r, d, claimed)
			run(r, d+sec)
		}
		if diff := cmp.Diff([]time.Duration{505*sec + ClaimPause}, run(r, 600*sec)); diff != "" {
			t.Errorf("after a rest announced at (-want +got):\n%s", diff)
		}
	})
	t.Run("not while the addresses are not there", func(t *testing.T) {
		r := New(base(V3))
		step(r, 0, upOwner())
		step(r, sec, Event{Kind: EventClaimed})
		if got := run(r, 10*sec); got != nil {
			t.Errorf("announced at %v", got)
		}
	})
	t.Run("another refresh interval", func(t *testing.T) {
		r := master(base(V3))
		cfg := base(V3, func(c *Config) { c.Announce.Refresh = 3 * sec })
		step(r, sec/2, Event{Kind: EventConfigure, Config: &cfg})
		if diff := cmp.Diff([]time.Duration{3500 * ms}, run(r, 6*sec)); diff != "" {
			t.Errorf("announced at (-want +got):\n%s", diff)
		}
	})
}

// TestAnnounceAfterSilence checks that a Master whose adverts go out again announces its addresses anew: the earlier announcements have
// failed like the adverts, and hosts may send to another router until they hear of this one.
func TestAnnounceAfterSilence(t *testing.T) {
	r, now := master(base(V3)), time.Minute
	step(r, now, Event{Kind: EventUnsent})
	expect(t, step(r, now+sec, Event{Kind: EventSent}), announce)
	expect(t, step(r, now+2*sec, Event{Kind: EventUnsent}))
	expect(t, step(r, now+3*sec, Event{Kind: EventSent}))
	if got, limit := r.announcer.again, at(now+sec+announceLimit); !got.Equal(limit) {
		t.Errorf("the next round is at %v, want %v", got.Sub(epoch), limit.Sub(epoch))
	}
}
