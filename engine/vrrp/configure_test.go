// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestConfigure checks that a Master stays Master, and that changes that others must know
// are sent at once.
func TestConfigure(t *testing.T) {
	versions(t, func(t *testing.T, v Version) {
		for _, tt := range []struct {
			name string
			vary func(*Config)
			want []Action
			next time.Duration // deadline of the Adver_Timer, after a change at half a second
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
		t.Run("adverts need the new secret", func(t *testing.T) {
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

// TestLocalChanges covers changes of the interface's addresses while a router runs.
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
		// It decides between equal priorities from now on.
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
