// SPDX-License-Identifier: GPL-3.0-only

package engine_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// spread returns a host that is Master of n groups whose adverts are due at different times.
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

// Masters gradually send their adverts at the same times, whenever they became Master, and never make an interval
// longer, or shorter by more than the slack.
func TestAdvertsShareWakeUps(t *testing.T) {
	for _, tt := range []struct {
		apart, interval, slack time.Duration
	}{
		{4 * time.Millisecond, time.Second, 20 * time.Millisecond},
		{97 * time.Millisecond, time.Second, 20 * time.Millisecond},
		{7 * time.Millisecond, 100 * time.Millisecond, 2 * time.Millisecond},
		{1234567 * time.Nanosecond, 10 * time.Millisecond, 200 * time.Microsecond},
		{777 * time.Microsecond, 40 * time.Second, 20 * time.Millisecond}, // never more than 20 ms early
		{time.Millisecond, 2550 * time.Millisecond, 20 * time.Millisecond},
	} {
		t.Run(fmt.Sprint(tt.interval, tt.apart), func(t *testing.T) {
			const n = 10
			h := newHost(t)
			h.link(ethernet(1, "eth0", "10.0.0.1/24"))
			var cfg engine.Config
			wakes, last := 0, make(map[uint8]time.Time)
			run := func(d time.Duration) {
				for end := h.now.Add(d); ; {
					at := h.core.Deadline()
					if at.After(end) {
						h.now = end
						return
					}
					h.now = at
					h.out.Reset()
					h.core.Expire(at, &h.out)
					h.answer(0)
					if len(h.out.Sends) > 0 {
						wakes++
					}
					for _, s := range h.out.Sends {
						if before, ok := last[s.Key.VRID]; ok {
							if gap := at.Sub(before); gap > tt.interval || gap < tt.interval-tt.slack {
								t.Fatalf("group %d sent after %s", s.Key.VRID, gap)
							}
						}
						last[s.Key.VRID] = at
					}
				}
			}
			for i := range n {
				vr := group("eth0", uint8(i+1), fmt.Sprintf("10.0.0.%d", 100+i))
				vr.Protocol.Interval = tt.interval
				cfg.Routers = append(cfg.Routers, vr)
				h.apply(cfg)
				run(tt.apart)
			}
			run(4 * tt.interval)
			run(tt.interval * (tt.interval/tt.slack + 1)) // all have arrived
			wakes = 0
			begin := h.now
			run(10 * tt.interval)
			if wakes != 10 {
				t.Errorf("%d wake-ups in ten intervals, want 10", wakes)
			}
			for vrid, at := range last {
				if at != last[1] || !at.After(begin) {
					t.Errorf("group %d sent last at %s, group 1 at %s", vrid, at, last[1])
				}
			}
		})
	}
}

// The interfaces take turns, so that the adverts of thousands of groups are not one burst.
func TestInterfacesTakeTurns(t *testing.T) {
	const links, groups, interval = 16, 3, time.Second
	h := newHost(t)
	var cfg engine.Config
	for i := range links {
		name := fmt.Sprintf("eth%d", i)
		h.link(ethernet(i+1, name, fmt.Sprintf("10.0.%d.1/24", i)))
		for k := range groups {
			cfg.Routers = append(cfg.Routers, group(name, uint8(k+1), fmt.Sprintf("10.0.%d.%d", i, 100+k)))
		}
	}
	h.apply(cfg)
	h.run(60 * interval)
	last := make(map[int]time.Time) // by link
	var order []time.Time
	for end := h.now.Add(interval); ; {
		at := h.core.Deadline()
		if at.After(end) {
			break
		}
		h.now = at
		h.out.Reset()
		h.core.Expire(at, &h.out)
		seen := make(map[int]int)
		for _, s := range h.out.Sends {
			seen[s.Link]++
		}
		if len(h.out.Sends) == 0 {
			continue
		}
		if len(seen) != 1 || len(h.out.Sends) != groups {
			t.Fatalf("at %s adverts go out on links %v, want %d on one", at, seen, groups)
		}
		last[h.out.Sends[0].Link] = at
		order = append(order, at)
	}
	if len(order) != links || len(last) != links {
		t.Fatalf("%d bursts on %d links, want one on each of %d", len(order), len(last), links)
	}
	for i := 1; i < links; i++ {
		if gap := order[i].Sub(order[i-1]); gap < interval/links-20*time.Millisecond || gap > interval/links+20*time.Millisecond {
			t.Errorf("burst %d comes %s after the one before, want about %s", i, gap, interval/links)
		}
	}
}

// Groups that are not aligned yet share wake-ups too.
func TestAdvertsShareWakeUpsOnTheWay(t *testing.T) {
	const n = 150
	h := spread(t, n, 2*time.Millisecond, time.Second) // 300 ms from the first to the last
	wakes := 0
	for end := h.now.Add(time.Second); !h.core.Deadline().After(end); wakes++ {
		h.now = h.core.Deadline()
		h.core.Expire(h.now, &h.out)
	}
	if wakes > 17 {
		t.Errorf("%d wake-ups for %d adverts, want one for each 20 ms", wakes, n)
	}
}

func TestLatenessDoesNotAddUp(t *testing.T) {
	h := spread(t, 1, time.Second, time.Second)
	h.run(200 * time.Second) // this is the time to which all are aligned
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

// TestDeadline compares the Core's deadline with those of all its groups, after arbitrary events.
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
