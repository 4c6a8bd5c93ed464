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

	// At the base configuration: priority 100, one second.
	skew100 = 609375 * time.Microsecond
	down100 = 3*sec + skew100
)

// TestInitialize is RFC 9568 section 6.4.1 and RFC 3768 section 6.4.1.
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
		t.Run("nothing but startup leads out", func(t *testing.T) {
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

// TestBackup is RFC 9568 section 6.4.2 and RFC 3768 section 6.4.2.
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
			cause    Cause         // of becoming Master then
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

// TestLearnInterval is Master_Adver_Interval: RFC 9568 sections 6.4.2 and 6.4.3.
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

			// A Master that gives up starts with the interval of the new one too.
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
		step(r, time.Minute, Event{Kind: EventTimer})
		expectState(t, r, Master, time.Minute+sec)
		if got := r.Status().MasterAdverInterval; got != sec {
			t.Errorf("Master_Adver_Interval is %v, want %v", got, sec)
		}
	})
	t.Run("makes the Skew_Time after priority 0", func(t *testing.T) {
		r := backup(base(V3))
		step(r, sec, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3, slow), higher, 200)})
		step(r, 2*sec, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3, slow), higher, 0)})
		expectState(t, r, Backup, 2*sec+4*skew100)
	})
}

// TestMaster is RFC 9568 section 6.4.3 and RFC 3768 section 6.4.3. RFC 9568's
// answer to an inferior advert is given in VRRPv2 too.
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
			{"equal priority, lower address", advertOf(t, base(v), lower, 100), sec, []Action{send(100)}},
			{"lower priority", advertOf(t, base(v), higher, 99), sec, []Action{send(100)}},
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
		t.Run("adverts do not hold up the Adver_Timer", func(t *testing.T) {
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

// TestLateTimer shows that lateness does not add up, and that a stall is not
// followed by a burst.
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

func TestPreemptDelay(t *testing.T) {
	delayed := base(V3, func(c *Config) { c.PreemptDelay = 30 * sec })
	hear := func(r *Router, from, to time.Duration, priority uint8) {
		for d := from; d <= to; d += sec {
			step(r, d, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3), lower, priority)})
		}
	}
	t.Run("a lower-priority Master is taken over when it ends", func(t *testing.T) {
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

// TestRefused shows that a Master that cannot have its addresses leaves them to
// another router, and tries again after a growing but bounded time.
func TestRefused(t *testing.T) {
	refused := Event{Kind: EventRefused}
	t.Run("gives up", func(t *testing.T) {
		expect(t, step(master(base(V3)), sec/2, refused), send(0), withdraw, transition(Master, Backup, CauseInstallFailed))
	})
	t.Run("says why", func(t *testing.T) {
		expect(t, step(master(base(V3)), sec/2, Event{Kind: EventRefused, Cause: CauseAddressLost}),
			send(0), withdraw, transition(Master, Backup, CauseAddressLost))
	})
	t.Run("means nothing to a Backup", func(t *testing.T) {
		expect(t, step(backup(base(V3)), sec/2, refused))
	})
	t.Run("backs off", func(t *testing.T) {
		fast := base(V3, func(c *Config) { c.Interval = IntervalMinV3 })
		r := backup(fast)
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
			from := r.Deadline()
			r.Step(from, Event{Kind: EventTimer}, nil)
			r.Step(from, refused, nil)
			if got := r.Deadline().Sub(from); got != want*sec {
				t.Errorf("waits %v, want %v", got, want*sec)
			}
		}
		// Once it has worked for a while the next refusal is a new one.
		from := r.Deadline().Add(time.Hour)
		r.Step(from, Event{Kind: EventTimer}, nil)
		r.Step(from, refused, nil)
		if got := r.Deadline().Sub(from); got != sec {
			t.Errorf("waits %v, want %v", got, sec)
		}
		// New addresses are worth a try at once.
		other := fast
		other.Addresses = append(other.Addresses, higher)
		r.Step(from, Event{Kind: EventConfigure, Config: &other}, nil)
		if got, want := r.Deadline().Sub(from), MasterDownInterval(V3, 100, IntervalMinV3); got != want {
			t.Errorf("waits %v, want %v", got, want)
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

// TestConfigure shows that a Master stays Master, and that what the others must
// know is sent at once.
func TestConfigure(t *testing.T) {
	versions(t, func(t *testing.T, v Version) {
		for _, tt := range []struct {
			name string
			vary func(*Config)
			want []Action
			next time.Duration // of the Adver_Timer, after a change at half a second
		}{
			{"nothing", func(*Config) {}, nil, sec},
			{"preemption", func(c *Config) { c.Preempt = false }, nil, sec},
			{"preempt delay", func(c *Config) { c.PreemptDelay = sec }, nil, sec},
			{"announcements", func(c *Config) { c.Announce = AnnounceConfig{Repeat: 3, Delay: sec, Refresh: sec} }, nil, sec},
			{"leniency", func(c *Config) { c.Lenient = true }, nil, sec},
			{"priority", func(c *Config) { c.Priority = 50 }, []Action{send(50)}, sec/2 + sec},
			{"interval", func(c *Config) { c.Interval = 4 * sec }, []Action{send(100)}, sec/2 + 4*sec},
			{"authentication", func(c *Config) { c.AuthType, c.Secret = AuthP0, "new" }, []Action{send(100)}, sec/2 + sec},
			{
				"addresses", func(c *Config) { c.Addresses = append(c.Addresses[:1:1], higher) },
				[]Action{send(100), install}, sec/2 + sec,
			},
		} {
			t.Run(tt.name, func(t *testing.T) {
				r := master(base(v))
				cfg := base(v, tt.vary)
				expect(t, step(r, sec/2, Event{Kind: EventConfigure, Config: &cfg}), tt.want...)
				if s := r.Status(); s.State != Master || !s.NextAdvertAt.Equal(at(tt.next)) {
					t.Errorf("%v, next advert at %v, want %v", s.State, s.NextAdvertAt.Sub(epoch), tt.next)
				}
				want := AppendMessage(nil, &cfg, cfg.Priority, FormPseudoHeader, self, GroupIPv4)
				if diff := cmp.Diff(want, r.Message(cfg.Priority)); diff != "" {
					t.Errorf("message (-want +got):\n%s", diff)
				}
			})
		}
		t.Run("priority in Backup", func(t *testing.T) {
			r := backup(base(v))
			cfg := base(v, func(c *Config) { c.Priority = 200 })
			expect(t, step(r, sec, Event{Kind: EventConfigure, Config: &cfg}))
			expectState(t, r, Backup, MasterDownInterval(v, 200, sec))
		})
		t.Run("a new secret is asked for", func(t *testing.T) {
			r := backup(base(v))
			cfg := base(v, func(c *Config) { c.AuthType, c.Secret = AuthSimple, "new" })
			step(r, sec, Event{Kind: EventConfigure, Config: &cfg})
			drop, _ := r.Check(advertOf(t, base(v), higher, 100))
			if want := (map[Version]DropReason{V2: DropAuthType, V3: DropNone})[v]; drop != want {
				t.Errorf("got %v, want %v", drop, want)
			}
		})
	})
	t.Run("the identity stays", func(t *testing.T) {
		r := master(base(V3))
		cfg := base(V2, func(c *Config) { c.VRID = 52 })
		expect(t, step(r, sec/2, Event{Kind: EventConfigure, Config: &cfg}))
		want := base(V3)
		if diff := cmp.Diff(AppendMessage(nil, &want, 100, FormPseudoHeader, self, GroupIPv4), r.Message(100)); diff != "" {
			t.Errorf("message (-want +got):\n%s", diff)
		}
	})
}

// TestLocalChanges has what becomes of a running router when the interface's addresses change.
func TestLocalChanges(t *testing.T) {
	t.Run("same again", func(t *testing.T) {
		expect(t, step(master(base(V3)), sec/2, up()))
		expect(t, step(backup(base(V3)), sec/2, up()))
	})
	t.Run("another primary address", func(t *testing.T) {
		r := master(base(V3))
		r.Message(100)
		expect(t, step(r, sec/2, Event{Kind: EventUp, Local: Local{Primary: lower}}), send(100))
		cfg := base(V3)
		want := AppendMessage(nil, &cfg, 100, FormPseudoHeader, lower, GroupIPv4)
		if diff := cmp.Diff(want, r.Message(100)); diff != "" {
			t.Errorf("message (-want +got):\n%s", diff)
		}
		// It decides between equals from now on.
		expect(t, step(r, sec/2, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3), self, 100)}),
			withdraw, transition(Master, Backup, CauseHigherAddress))
	})
	t.Run("no primary address", func(t *testing.T) {
		r := master(base(V3))
		expect(t, step(r, sec/2, Event{Kind: EventUp}), withdraw, transition(Master, Initialize, CauseNoAddress))
		if got := r.Status().Local; got != (Local{}) {
			t.Errorf("local is still %+v", got)
		}
	})
	t.Run("an owner that resigned stays Backup for its time", func(t *testing.T) {
		r := New(base(V3))
		step(r, 0, upOwner())
		step(r, sec/2, Event{Kind: EventResign})
		expect(t, step(r, sec, upOwner()))
		expectState(t, r, Backup, sec/2+MasterDownInterval(V3, PriorityOwner, sec))
	})
	t.Run("Backup becomes the owner", func(t *testing.T) {
		expect(t, step(backup(base(V3)), sec/2, upOwner()), becoming(PriorityOwner, Backup, CauseOwner)...)
	})
	t.Run("Master becomes the owner", func(t *testing.T) {
		expect(t, step(master(base(V3)), sec/2, upOwner()), send(PriorityOwner), install)
	})
	t.Run("the owner loses the address", func(t *testing.T) {
		r := New(base(V3))
		step(r, 0, upOwner())
		expect(t, step(r, sec/2, up()), send(100), install)
	})
}

// TestAnnounce has the rounds of announcements; RFC 9568 section 6.4.1 asks for one.
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
		{"one round", AnnounceConfig{Repeat: 3}, []time.Duration{100 * ms, 200 * ms}},
		{"second round", AnnounceConfig{Repeat: 2, Delay: 5 * sec}, []time.Duration{100 * ms, 5 * sec, 5100 * ms}},
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
		for d := 10*sec + ms; d < 11*sec; d += ms {
			expect(t, step(r, d, inferior), send(100))
		}
		if diff := cmp.Diff([]time.Duration{15 * sec}, run(r, 30*sec)); diff != "" {
			t.Errorf("announced at (-want +got):\n%s", diff)
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

// TestChecksumMode has the form of the adverts that are sent, before and after a
// peer was heard.
func TestChecksumMode(t *testing.T) {
	const before, message, pseudo = ChecksumForm(255), FormMessage, FormPseudoHeader
	for _, tt := range []struct {
		version Version
		mode    ChecksumMode
		heard   ChecksumForm
		want    ChecksumForm
	}{
		{V3, ChecksumAuto, before, pseudo},
		{V3, ChecksumAuto, message, message},
		{V3, ChecksumAuto, pseudo, pseudo},
		{V3, ChecksumRFC5798, before, pseudo},
		{V3, ChecksumRFC5798, message, pseudo},
		{V3, ChecksumRFC9568, before, message},
		{V3, ChecksumRFC9568, pseudo, message},
		{V2, ChecksumAuto, before, message},
		{V2, ChecksumAuto, message, message},
	} {
		cfg := base(tt.version, func(c *Config) { c.Checksum = tt.mode })
		r := master(cfg)
		r.Message(100)
		if tt.heard != before {
			a := new(Advertisement)
			Decode(a, packet(&cfg, lower, 50, tt.heard), IPv4, 0)
			step(r, sec/2, Event{Kind: EventAdvert, Advert: a})
		}
		var got Advertisement
		if drop := Decode(&got, Packet{Src: self, Dst: GroupIPv4, TTL: TTL, Payload: r.Message(100)}, IPv4, 0); drop != DropNone {
			t.Errorf("%v, %v, heard %v: %v", tt.version, tt.mode, tt.heard, drop)
		}
		if got.Form != tt.want {
			t.Errorf("%v, %v, heard %v: sends %v, want %v", tt.version, tt.mode, tt.heard, got.Form, tt.want)
		}
		if s := r.Status(); s.PeerFormKnown != (tt.heard != before && tt.version == V3) {
			t.Errorf("%v, %v, heard %v: peer form known is %t", tt.version, tt.mode, tt.heard, s.PeerFormKnown)
		}
	}
}

// TestMessageIsNotOverwritten shows that a message on its way out stays as it is.
func TestMessageIsNotOverwritten(t *testing.T) {
	r := master(base(V3))
	first := r.Message(100)
	want := append([]byte(nil), first...)
	cfg := base(V3, func(c *Config) { c.Priority, c.Addresses = 7, append(c.Addresses[:1:1], higher) })
	step(r, sec/2, Event{Kind: EventConfigure, Config: &cfg})
	r.Message(7)
	r.Message(0)
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("message changed (-want +got):\n%s", diff)
	}
}

func TestStatus(t *testing.T) {
	r := backup(base(V3))
	step(r, sec, Event{Kind: EventAdvert, Advert: advertOf(t, base(V3), higher, 200)})
	want := Status{
		State: Backup, Since: epoch, Cause: CauseStartup, Priority: 100, Local: Local{Primary: self},
		MasterAddr: higher, MasterPriority: 200, LastHeard: at(sec),
		MasterAdverInterval: sec, SkewTime: skew100, MasterDownInterval: down100,
		MasterDownAt: at(sec + down100), PeerForm: FormPseudoHeader, PeerFormKnown: true,
	}
	if diff := cmp.Diff(want, r.Status(), compareAddr); diff != "" {
		t.Errorf("Backup (-want +got):\n%s", diff)
	}

	step(r, sec+down100, Event{Kind: EventTimer})
	step(r, 6*sec, Event{Kind: EventInstalled})
	want.State, want.Since, want.Cause = Master, at(sec+down100), CauseMasterDown
	want.MasterAddr, want.MasterPriority, want.LastHeard = self, 100, at(sec+down100)
	want.MasterDownAt, want.NextAdvertAt, want.Installed = time.Time{}, at(2*sec+down100), true
	if diff := cmp.Diff(want, r.Status(), compareAddr); diff != "" {
		t.Errorf("Master (-want +got):\n%s", diff)
	}
}
