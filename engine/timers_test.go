package engine_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// spread returns a host that is Master of n groups whose adverts are due apart.
func spread(t *testing.T, n int, apart, interval time.Duration) *host {
	h := newHost(t)
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	var cfg engine.Config
	for i := range n {
		vr := group("eth0", uint8(i+1), fmt.Sprintf("10.0.0.%d", 100+i))
		vr.Protocol.Interval = interval
		cfg.Routers = append(cfg.Routers, vr)
		h.apply(cfg)
		h.run(apart)
	}
	h.run(4*interval + 10*time.Second)
	return h
}

func TestAdvertsShareWakeUps(t *testing.T) {
	tests := []struct {
		apart, interval time.Duration
		wakes           int // in ten intervals
	}{
		{4 * time.Millisecond, time.Second, 10},
		{6 * time.Millisecond, time.Second, 20},
		{400 * time.Microsecond, 100 * time.Millisecond, 10},
		{600 * time.Microsecond, 100 * time.Millisecond, 20},
		{40 * time.Microsecond, 10 * time.Millisecond, 10},
		{60 * time.Microsecond, 10 * time.Millisecond, 20},
		{4 * time.Millisecond, 40 * time.Second, 10},
		{6 * time.Millisecond, 40 * time.Second, 20}, // never more than 5 ms early
	}
	for _, tt := range tests {
		h := spread(t, 2, tt.apart, tt.interval)
		wakes, adverts := 0, make(map[uint8][]time.Time)
		for end := h.now.Add(10 * tt.interval); ; {
			at := h.core.Deadline()
			if at.After(end) {
				break
			}
			h.out.Reset()
			h.core.Expire(at, &h.out)
			wakes++
			for _, s := range h.out.Sends {
				adverts[s.Key.VRID] = append(adverts[s.Key.VRID], at)
			}
		}
		if wakes != tt.wakes {
			t.Errorf("%s apart, every %s: %d wake-ups, want %d", tt.apart, tt.interval, wakes, tt.wakes)
		}
		for vrid, at := range adverts {
			if len(at) != 10 {
				t.Errorf("%s apart, every %s: group %d sent %d adverts, want 10", tt.apart, tt.interval, vrid, len(at))
			}
			for i := 1; i < len(at); i++ {
				if gap := at[i].Sub(at[i-1]); gap != tt.interval {
					t.Errorf("%s apart, every %s: group %d sent after %s", tt.apart, tt.interval, vrid, gap)
				}
			}
		}
	}
}

func TestLatenessDoesNotAddUp(t *testing.T) {
	h := spread(t, 1, time.Second, time.Second)
	first := h.core.Deadline()
	for i := range 1000 {
		due := h.core.Deadline()
		if want := first.Add(time.Duration(i) * time.Second); due != want {
			t.Fatalf("advert %d is due at %s, want %s", i, due, want)
		}
		h.core.Expire(due.Add(3*time.Millisecond), &h.out)
		h.out.Reset()
	}
}

func TestOnlyAdvertsAreEarly(t *testing.T) {
	h := newHost(t)
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	one, two := group("eth0", 1, "10.0.0.101"), group("eth0", 2, "10.0.0.102")
	h.apply(config(one))
	h.run(time.Millisecond)
	h.apply(config(one, two)) // its Master_Down_Timer runs 1 ms behind
	h.out.Reset()
	h.core.Expire(h.core.Deadline(), &h.out)
	h.wantState(one.Key, vrrp.Master, vrrp.CauseMasterDown)
	h.wantState(two.Key, vrrp.Backup, vrrp.CauseStartup)
}

func TestExpireBeforeTheDeadlineDoesNothing(t *testing.T) {
	h := spread(t, 2, time.Millisecond, time.Second)
	h.out.Reset()
	h.core.Expire(h.core.Deadline().Add(-time.Nanosecond), &h.out)
	if len(h.out.Sends) > 0 {
		t.Error("sends")
	}
}

// TestDeadline holds the Core's deadline against those of all its groups, through whatever happens.
func TestDeadline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n = 12
		h := manyHost(t, n)
		list := packets(n)
		resign := make([]vrrp.Packet, n)
		for i, vr := range manyGroups(n).Routers {
			resign[i] = advert(&vr, 0, "10.1.0.2")
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			i := rapid.IntRange(0, n-1).Draw(t, "group")
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				h.deliver(1, vrrp.IPv4, list[i])
			case 1:
				h.deliver(1, vrrp.IPv4, resign[i])
			case 2:
				h.run(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			case 3:
				h.now = h.now.Add(time.Duration(rapid.IntRange(0, 9000).Draw(t, "ms")) * time.Millisecond)
				h.run(0)
			case 4:
				cfg := manyGroups(n)
				cfg.Routers = append(cfg.Routers[:i:i], cfg.Routers[i+1:]...)
				h.apply(cfg)
			case 5:
				h.apply(manyGroups(n))
			}
			want := time.Time{}
			for _, r := range h.core.Snapshot(h.now).Routers {
				for _, at := range []time.Time{r.MasterDownAt, r.NextAdvertAt, r.PreemptAt} {
					if !at.IsZero() && (want.IsZero() || at.Before(want)) {
						want = at
					}
				}
			}
			// Announcements may come sooner.
			if got := h.core.Deadline(); got.IsZero() != want.IsZero() || got.After(want) {
				t.Fatalf("deadline %s, but a timer is due at %s", got, want)
			}
		}
	})
}
