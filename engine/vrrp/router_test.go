// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// versions runs a test for VRRPv2 and VRRPv3, where both RFCs say the same.
func versions(t *testing.T, f func(t *testing.T, v Version)) {
	for _, v := range []Version{V2, V3} {
		t.Run(v.String(), func(t *testing.T) { f(t, v) })
	}
}

// expect compares the actions of a step.
func expect(t *testing.T, got []Action, want ...Action) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
}

// expectState compares a state and when the next timer is due.
func expectState(t *testing.T, r *Router, state State, deadline time.Duration) {
	t.Helper()
	if got := r.Status().State; got != state {
		t.Errorf("state is %v, want %v", got, state)
	}
	if got := r.Deadline(); !got.Equal(at(deadline)) {
		t.Errorf("deadline is at %v, want %v", got.Sub(epoch), deadline)
	}
}

const (
	sec = time.Second
	ms  = time.Millisecond

	// With the base configuration: priority 100, one second.
	skew100 = 609375 * time.Microsecond
	down100 = 3*sec + skew100
)

// TestInitialize covers RFC 9568 section 6.4.1 and RFC 3768 section 6.4.1.
func TestInitialize(t *testing.T) {
	versions(t, func(t *testing.T, v Version) {
		t.Run("startup", func(t *testing.T) {
			r := New(base(v))
			expect(t, step(r, 0, up()), transition(Initialize, Backup, CauseStartup))
			expectState(t, r, Backup, down100)
		})
		t.Run("startup as the address owner", func(t *testing.T) {
			r := New(base(v))
			expect(t, step(r, 0, upOwner()), becoming(PriorityOwner, Initialize, CauseOwner)...)
			expectState(t, r, Master, sec)
			expect(t, step(r, 10*ms, Event{Kind: EventInstalled}), announce)
		})
		t.Run("only startup leaves Initialize", func(t *testing.T) {
			r := New(base(v))
			cfg := base(v)
			for _, ev := range []Event{
				{Kind: EventDown, Cause: CauseLinkDown},
				{Kind: EventAdvert, Advert: advertOf(t, base(v), lower, 0)},
				{Kind: EventTimer}, {Kind: EventInstalled}, {Kind: EventRefused}, {Kind: EventResign},
				{Kind: EventConfigure, Config: &cfg},
			} {
				expect(t, step(r, time.Hour, ev))
			}
			if s := r.Status(); s.State != Initialize || s.Cause != CauseLinkDown || !r.Deadline().IsZero() {
				t.Errorf("got %v because of %q, deadline %v", s.State, s.Cause, r.Deadline())
			}
		})
		t.Run("without a primary address", func(t *testing.T) {
			r := New(base(v))
			expect(t, step(r, 0, Event{Kind: EventUp}))
			if s := r.Status(); s.State != Initialize || s.Cause != CauseNoAddress {
				t.Errorf("got %v because of %q", s.State, s.Cause)
			}
		})
	})
}

// TestBackup covers RFC 9568 section 6.4.2 and RFC 3768 section 6.4.2.
func TestBackup(t *testing.T) {
	noPreempt := func(c *Config) { c.Preempt = false }
	versions(t, func(t *testing.T, v Version) {
		t.Run("shutdown", func(t *testing.T) {
			r := backup(base(v))
			expect(t, step(r, sec, Event{Kind: EventDown, Cause: CauseShutdown}), transition(Backup, Initialize, CauseShutdown))
			if !r.Deadline().IsZero() {
				t.Errorf("a timer is running")
			}
		})
		t.Run("Master_Down_Timer", func(t *testing.T) {
			r := backup(base(v))
			expect(t, step(r, down100-1, Event{Kind: EventTimer}))
			expect(t, step(r, down100, Event{Kind: EventTimer}), becoming(100, Backup, CauseMasterDown)...)
			expectState(t, r, Master, down100+sec)
		})

		adverts := []struct {
			name     string
			vary     func(*Config)
			priority uint8
			deadline time.Duration // after an advert at one second
			cause    Cause         // time of becoming Master then
		}{
			{"higher priority", nil, 101, sec + down100, CauseMasterDown},
			{"equal priority", nil, 100, sec + down100, CauseMasterDown},
			{"lower priority", nil, 99, down100, CausePreempt},
			{"lower priority without preemption", noPreempt, 99, sec + down100, CauseMasterDown},
			{"priority 0", nil, 0, sec + skew100, CauseMasterResigned},
			{"priority 0 without preemption", noPreempt, 0, sec + skew100, CauseMasterResigned},
		}
		for _, tt := range adverts {
			t.Run(tt.name, func(t *testing.T) {
				cfg := base(v)
				if tt.vary != nil {
					tt.vary(&cfg)
				}
				r := backup(cfg)
				expect(t, step(r, sec, Event{Kind: EventAdvert, Advert: advertOf(t, base(v), lower, tt.priority)}))
				expectState(t, r, Backup, tt.deadline)
				expect(t, step(r, tt.deadline, Event{Kind: EventTimer}), becoming(100, Backup, tt.cause)...)
			})
		}
		t.Run("lower priority after priority 0", func(t *testing.T) {
			r := backup(base(v))
			step(r, sec, Event{Kind: EventAdvert, Advert: advertOf(t, base(v), higher, 0)})
			step(r, sec+10*ms, Event{Kind: EventAdvert, Advert: advertOf(t, base(v), lower, 50)})
			expectState(t, r, Backup, sec+skew100)
		})
		t.Run("the Master comes back after priority 0", func(t *testing.T) {
			r := backup(base(v))
			step(r, sec, Event{Kind: EventAdvert, Advert: advertOf(t, base(v), higher, 0)})
			step(r, sec+10*ms, Event{Kind: EventAdvert, Advert: advertOf(t, base(v), higher, 200)})
			expectState(t, r, Backup, sec+10*ms+down100)
		})
	})
}

// TestLearnInterval covers Master_Adver_Interval: RFC 9568 sections 6.4.2 and 6.4.3.
// VRRPv2 has none.
func TestLearnInterval(t *testing.T) {
	slow := func(c *Config) { c.Interval = 4 * sec }
	for _, tt := range []struct {
		name      string
		version   Version
		us, peer  func(*Config)
		priority  uint8
		interval  time.Duration
		afterward time.Duration // deadline, after an advert at one second
	}{
		{"longer", V3, nil, slow, 200, 4 * sec, sec + 4*down100},
		{"shorter", V3, slow, nil, 200, sec, sec + down100},
		{"not from an ignored advert", V3, nil, slow, 50, sec, down100},
		{"not from priority 0", V3, nil, slow, 0, sec, sec + skew100},
		{"VRRPv2, tolerated and longer", V2, nil, slow, 200, 4 * sec, sec + 12*sec + skew100},
		{"VRRPv2, tolerated and shorter", V2, slow, nil, 200, 4 * sec, sec + 12*sec + skew100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			us, peer := base(tt.version), base(tt.version)
			if tt.us != nil {
				tt.us(&us)
			}
			if tt.peer != nil {
				tt.peer(&peer)
			}
			r := backup(us)
			step(r, sec, Event{Kind: EventAdvert, Advert: advertOf(t, peer, higher, tt.priority)})
			if got := r.Status().MasterAdverInterval; got != tt.interval {
				t.Errorf("Master_Adver_Interval is %v, want %v", got, tt.interval)
			}
			expectState(t, r, Backup, tt.afterward)

			// A Master that becomes Backup also uses the interval of the new Master.
			r = master(us)
			out := step(r, sec/2, Event{Kind: EventAdvert, Advert: advertOf(t, peer, higher, tt.priority)})
			if len(out) > 0 && out[0].Kind == ActionWithdraw {
				expectState(t, r, Backup, tt.afterward-sec/2)
			}
		})
	}
	t.Run("forgotten by a Master", func(t *testing.T) {
		r := backup(base(V3))
		step(r, sec, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3, slow), higher, 200)})
		down := r.Deadline().Sub(epoch)
		step(r, down, Event{Kind: EventTimer})
		expectState(t, r, Master, down+sec)
		if got := r.Status().MasterAdverInterval; got != sec {
			t.Errorf("Master_Adver_Interval is %v, want %v", got, sec)
		}
	})
	t.Run("determines the Skew_Time after priority 0", func(t *testing.T) {
		r := backup(base(V3))
		step(r, sec, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3, slow), higher, 200)})
		step(r, 2*sec, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3, slow), higher, 0)})
		expectState(t, r, Backup, 2*sec+4*skew100)
	})
}

// TestMaster covers RFC 9568 section 6.4.3 and RFC 3768 section 6.4.3. The answer to an
// inferior advert (RFC 9568) is sent in VRRPv2 too.
func TestMaster(t *testing.T) {
	versions(t, func(t *testing.T, v Version) {
		t.Run("shutdown", func(t *testing.T) {
			expect(t, step(master(base(v)), sec/2, Event{Kind: EventDown, Cause: CauseShutdown}),
				send(0), withdraw, transition(Master, Initialize, CauseShutdown))
		})
		t.Run("shutdown without a way to send", func(t *testing.T) {
			for _, cause := range []Cause{CauseLinkDown, CauseNoLink, CauseNoAddress} {
				expect(t, step(master(base(v)), sec/2, Event{Kind: EventDown, Cause: cause}),
					withdraw, transition(Master, Initialize, cause))
			}
		})
		t.Run("Adver_Timer", func(t *testing.T) {
			r := master(base(v))
			expectState(t, r, Master, sec)
			expect(t, step(r, sec-1, Event{Kind: EventTimer}))
			expect(t, step(r, sec, Event{Kind: EventTimer}), send(100))
			expectState(t, r, Master, 2*sec)
		})

		adverts := []struct {
			name     string
			advert   *Advertisement
			deadline time.Duration // after an advert at half a second
			want     []Action
		}{
			{"priority 0", advertOf(t, base(v), higher, 0), sec/2 + sec, []Action{send(100)}},
			{
				"higher priority", advertOf(t, base(v), lower, 101), sec/2 + down100,
				[]Action{withdraw, transition(Master, Backup, CauseHigherPriority)},
			},
			{
				"equal priority, higher address", advertOf(t, base(v), higher, 100), sec/2 + down100,
				[]Action{withdraw, transition(Master, Backup, CauseHigherAddress)},
			},
			{"equal priority, lower address", advertOf(t, base(v), lower, 100), sec, []Action{send(100), announce}},
			{"lower priority", advertOf(t, base(v), higher, 99), sec, []Action{send(100), announce}},
		}
		for _, tt := range adverts {
			t.Run(tt.name, func(t *testing.T) {
				r := master(base(v))
				expect(t, step(r, sec/2, Event{Kind: EventAdvert, Advert: tt.advert}), tt.want...)
				if d := r.Deadline(); d.Before(at(sec)) {
					t.Errorf("deadline is at %v", d.Sub(epoch))
				}
				if got := r.Status(); got.State == Master && !got.NextAdvertAt.Equal(at(tt.deadline)) {
					t.Errorf("next advert is at %v, want %v", got.NextAdvertAt.Sub(epoch), tt.deadline)
				} else if got.State == Backup && !got.MasterDownAt.Equal(at(tt.deadline)) {
					t.Errorf("master down is at %v, want %v", got.MasterDownAt.Sub(epoch), tt.deadline)
				}
			})
		}
		t.Run("adverts do not delay the Adver_Timer", func(t *testing.T) {
			r := master(base(v))
			a := advertOf(t, base(v), lower, 50)
			for d := ms; d < sec; d += ms {
				step(r, d, Event{Kind: EventAdvert, Advert: a})
			}
			if got := r.Status().NextAdvertAt; !got.Equal(at(sec)) {
				t.Errorf("next advert is at %v, want %v", got.Sub(epoch), sec)
			}
		})
	})
}

// TestAnswersAreSpaced floods a Master: it answers once in answerPause, however many
// adverts arrive, and it also answers the last one.
func TestAnswersAreSpaced(t *testing.T) {
	for _, tt := range []struct {
		name     string
		priority uint8
	}{{"lower priority", 50}, {"priority 0", PriorityResign}} {
		t.Run(tt.name, func(t *testing.T) {
			r := master(base(V3))
			a := advertOf(t, base(V3), lower, tt.priority)
			sent := 0
			const flood, spacing = 100 * ms, 10 * time.Microsecond
			for d := ms; d < flood; d += spacing {
				if d%ms == 0 && !r.Deadline().After(at(d)) {
					sent += len(step(r, d, Event{Kind: EventTimer}))
				}
				sent += len(step(r, d, Event{Kind: EventAdvert, Advert: a}))
			}
			if limit := int(flood / answerPause); sent < limit/2 || sent > limit+1 {
				t.Errorf("%d answers within %v, want one every %v", sent, flood, answerPause)
			}
			owed := r.Deadline()
			if owed.After(at(flood + answerPause)) {
				t.Fatalf("the last answer is due at %v", owed.Sub(epoch))
			}
			expect(t, r.Step(owed, Event{Kind: EventTimer}, nil), send(100))
			if next := r.Deadline(); next.Before(at(flood + answerPause)) {
				t.Errorf("another one is due at %v", next.Sub(epoch))
			}
		})
	}
	t.Run("an advert that is due anyway is an answer", func(t *testing.T) {
		r := master(base(V3))
		a := advertOf(t, base(V3), lower, 50)
		step(r, sec-2*ms, Event{Kind: EventAdvert, Advert: a})
		expect(t, step(r, sec-ms, Event{Kind: EventAdvert, Advert: a}))
		expect(t, step(r, sec, Event{Kind: EventTimer}), send(100))
		expectState(t, r, Master, 2*sec)
	})
	t.Run("a Backup owes nothing", func(t *testing.T) {
		r := master(base(V3))
		for range 2 {
			step(r, sec/2, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3), lower, 50)})
		}
		step(r, sec/2, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3), lower, 101)})
		expectState(t, r, Backup, sec/2+down100)
	})
}

// TestLateTimer checks that delays do not accumulate, and that no burst follows a stall.
func TestLateTimer(t *testing.T) {
	for _, tt := range []struct {
		name     string
		fired    time.Duration
		deadline time.Duration
	}{
		{"in time", sec, 2 * sec},
		{"a little late", sec + 30*ms, 2 * sec},
		{"almost an interval late", 2*sec - 1, 2 * sec},
		{"an interval late", 2 * sec, 3 * sec},
		{"after a stall", 100*sec + 30*ms, 101*sec + 30*ms},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := master(base(V3))
			expect(t, step(r, tt.fired, Event{Kind: EventTimer}), send(100))
			expectState(t, r, Master, tt.deadline)
		})
	}
}

// TestLateBackup: a Backup that was stopped past the Master_Down_Timer, with its whole machine perhaps, could not hear the Master meanwhile. It gives the
// Master one more interval, once.
func TestLateBackup(t *testing.T) {
	for _, tt := range []struct {
		name     string
		priority uint8
		late     time.Duration
		deadline time.Duration // after the late timer; 0: it becomes Master at once
		cause    Cause
	}{
		{"a little late", 200, sec - 1, 0, CauseMasterDown},
		{"an interval late", 200, sec, sec + skew100, CauseMasterDown},
		{"an hour late", 200, time.Hour, sec + skew100, CauseMasterDown},
		{"an hour late after priority 0", 0, time.Hour, sec + skew100, CauseMasterDown},
		{"an hour late, from a Master that it preempts", 50, time.Hour, 0, CausePreempt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			versions(t, func(t *testing.T, v Version) {
				r := backup(base(v))
				step(r, sec, Event{Kind: EventAdvert, Advert: advertOf(t, base(v), higher, 200)})
				step(r, 2*sec, Event{Kind: EventAdvert, Advert: advertOf(t, base(v), higher, tt.priority)})
				now := r.Deadline().Sub(epoch) + tt.late
				if tt.deadline != 0 {
					expect(t, step(r, now, Event{Kind: EventTimer}))
					now += tt.deadline
					expectState(t, r, Backup, now)
					now += time.Minute // only once
				}
				expect(t, step(r, now, Event{Kind: EventTimer}), becoming(100, Backup, tt.cause)...)
			})
		})
	}
	t.Run("the Master is heard", func(t *testing.T) {
		r := backup(base(V3))
		for _, at := range []time.Duration{sec, 100 * sec, 200 * sec} {
			step(r, at, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3), higher, 200)})
			late := at + 50*sec
			expect(t, step(r, late, Event{Kind: EventTimer}))
			expectState(t, r, Backup, late+sec+skew100)
		}
	})
	t.Run("no Master was heard since the start", func(t *testing.T) {
		r := backup(base(V3))
		expect(t, step(r, time.Hour, Event{Kind: EventTimer}), becoming(100, Backup, CauseMasterDown)...)
	})
	t.Run("short intervals", func(t *testing.T) {
		cfg := base(V3, func(c *Config) { c.Interval = 10 * ms })
		for late, waits := range map[time.Duration]bool{stalled - 1: false, stalled: true} {
			r := backup(cfg)
			step(r, sec, Event{Kind: EventAdvert, Advert: advertOf(t, cfg, higher, 200)})
			step(r, r.Deadline().Sub(epoch)+late, Event{Kind: EventTimer})
			if got := r.Status().State == Backup; got != waits {
				t.Errorf("%v late: it waits %v, want %v", late, got, waits)
			}
		}
	})
}

func TestPreemptDelay(t *testing.T) {
	delayed := base(V3, func(c *Config) { c.PreemptDelay = 30 * sec })
	hear := func(r *Router, from, to time.Duration, priority uint8) {
		for d := from; d <= to; d += sec {
			step(r, d, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3), lower, priority)})
		}
	}
	t.Run("the lower-priority Master is preempted when it ends", func(t *testing.T) {
		r := backup(delayed)
		hear(r, sec, 30*sec, 50)
		expectState(t, r, Backup, 31*sec)
		expect(t, step(r, 31*sec, Event{Kind: EventTimer}), becoming(100, Backup, CausePreempt)...)
	})
	t.Run("silence does not wait for it", func(t *testing.T) {
		r := backup(delayed)
		expectState(t, r, Backup, down100)
		hear(r, sec, 2*sec, 50)
		expectState(t, r, Backup, 2*sec+down100)
		expect(t, step(r, 2*sec+down100, Event{Kind: EventTimer}), becoming(100, Backup, CauseMasterDown)...)
	})
	t.Run("nor does a Master that resigns", func(t *testing.T) {
		r := backup(delayed)
		hear(r, sec, 2*sec, 50)
		hear(r, 3*sec, 3*sec, 0)
		expectState(t, r, Backup, 3*sec+skew100)
	})
	t.Run("a higher-priority Master ends it", func(t *testing.T) {
		r := backup(delayed)
		hear(r, sec, 2*sec, 50)
		hear(r, 3*sec, 3*sec, 200)
		if got := r.Status().PreemptAt; !got.IsZero() {
			t.Errorf("preemption at %v", got.Sub(epoch))
		}
		hear(r, 10*sec, 10*sec, 50)
		if got := r.Status().PreemptAt; !got.Equal(at(40 * sec)) {
			t.Errorf("preemption at %v, want %v", got.Sub(epoch), 40*sec)
		}
	})
	t.Run("preemption switched off ends it", func(t *testing.T) {
		r := backup(delayed)
		hear(r, sec, 2*sec, 50)
		cfg := delayed
		cfg.Preempt = false
		step(r, 2*sec, Event{Kind: EventConfigure, Config: &cfg})
		expectState(t, r, Backup, 2*sec+down100)
		if got := r.Status().PreemptAt; !got.IsZero() {
			t.Errorf("preemption at %v", got.Sub(epoch))
		}
	})
	t.Run("it does not shorten the wait after a refusal", func(t *testing.T) {
		short := delayed
		short.PreemptDelay = ms
		r := master(short)
		step(r, 0, Event{Kind: EventRefused})
		step(r, 0, Event{Kind: EventRetry})
		hear(r, ms, ms, 50)
		expectState(t, r, Backup, backoffMin)
	})
	t.Run("a lower priority of our own ends it", func(t *testing.T) {
		r := backup(delayed)
		hear(r, sec, 2*sec, 50)
		cfg := delayed
		cfg.Priority = 40
		step(r, 2*sec, Event{Kind: EventConfigure, Config: &cfg})
		if got := r.Status().PreemptAt; !got.IsZero() {
			t.Errorf("preemption at %v", got.Sub(epoch))
		}
	})
}

func TestResign(t *testing.T) {
	versions(t, func(t *testing.T, v Version) {
		r := master(base(v))
		expect(t, step(r, sec/2, Event{Kind: EventResign}), send(0), withdraw, transition(Master, Backup, CauseResign))
		expectState(t, r, Backup, sec/2+down100)
		expect(t, step(r, sec/2, Event{Kind: EventResign}))
	})
}

// TestRefusedAcrossARestart checks that the waits after refusals go on growing when the last of them was over at a restart.
func TestRefusedAcrossARestart(t *testing.T) {
	cfg := base(V3)
	r := master(cfg)
	step(r, 0, Event{Kind: EventRefused})
	r = Restore(at(10*sec), cfg, r.Memory())
	step(r, 10*sec, Event{Kind: EventUp, Local: Local{Primary: self}})
	step(r, 10*sec+down100, Event{Kind: EventTimer})
	step(r, 14*sec, Event{Kind: EventRefused})
	if got, want := r.Memory().Backoff, 2*backoffMin; got != want {
		t.Errorf("the second wait is %s, want %s", got, want)
	}
}

// TestRefused checks that a Master whose addresses are refused leaves them to another
// router, and retries after a growing but bounded time.
func TestRefused(t *testing.T) {
	refused := Event{Kind: EventRefused}
	t.Run("gives up", func(t *testing.T) {
		expect(t, step(master(base(V3)), sec/2, refused), send(0), withdraw, transition(Master, Backup, CauseInstallFailed))
	})
	t.Run("says why", func(t *testing.T) {
		expect(t, step(master(base(V3)), sec/2, Event{Kind: EventRefused, Cause: CauseAddressLost}),
			send(0), withdraw, transition(Master, Backup, CauseAddressLost))
	})
	t.Run("has no effect on a Backup", func(t *testing.T) {
		expect(t, step(backup(base(V3)), sec/2, refused))
	})
	t.Run("a removal from outside is not a refusal", func(t *testing.T) {
		for _, r := range []*Router{master(base(V3)), backup(base(V3))} {
			step(r, sec/2, Event{Kind: EventRefused, Cause: CauseAddressLost})
			if r.Refused() {
				t.Error("still refused")
			}
		}
	})
	t.Run("backs off", func(t *testing.T) {
		fast := base(V3, func(c *Config) { c.Interval = IntervalMinV3 })
		r := backup(fast)
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			from := r.Deadline()
			r.Step(from, Event{Kind: EventTimer}, nil)
			r.Step(from, refused, nil)
			if got := r.Deadline().Sub(from); got != want*sec {
				t.Errorf("it waits %v, want %v", got, want*sec)
			}
		}
		// After some time without a fault, the next refusal starts a new series.
		from := r.Deadline().Add(time.Hour)
		r.Step(from, Event{Kind: EventTimer}, nil)
		r.Step(from, refused, nil)
		if got := r.Deadline().Sub(from); got != sec {
			t.Errorf("it waits %v, want %v", got, sec)
		}
		// New addresses are tried at once.
		other := fast
		other.Addresses = append(other.Addresses, higher)
		r.Step(from, Event{Kind: EventConfigure, Config: &other}, nil)
		if got, want := r.Deadline().Sub(from), MasterDownInterval(V3, 100, IntervalMinV3); got != want {
			t.Errorf("it waits %v, want %v", got, want)
		}
	})
	t.Run("an owner backs off too", func(t *testing.T) {
		r := New(base(V3, func(c *Config) { c.Interval = IntervalMinV3 }))
		step(r, 0, upOwner())
		expect(t, step(r, 0, refused), send(0), withdraw, transition(Master, Backup, CauseInstallFailed))
		step(r, 0, Event{Kind: EventDown, Cause: CauseLinkDown})
		expect(t, step(r, ms, upOwner()), transition(Initialize, Backup, CauseStartup))
		expectState(t, r, Backup, sec)
	})
}

// TestMasterOfTheSameMoment checks that a Backup whose priority is lowered follows the better Master that it has just heard, also if a
// message with priority 0 was read at the same time: a batch of messages has one time.
func TestMasterOfTheSameMoment(t *testing.T) {
	cfg := base(V3, func(c *Config) { c.Priority, c.Preempt = 200, true })
	r := New(cfg)
	step(r, 0, up())
	for _, priority := range []uint8{254, 0, 149} {
		step(r, sec, Event{Kind: EventAdvert, Advert: advertOf(t, cfg, lower, priority)})
	}
	next := cfg
	next.Priority = 12
	step(r, sec, Event{Kind: EventConfigure, Config: &next})
	expectState(t, r, Backup, sec+3*sec+244*sec/256)
}
