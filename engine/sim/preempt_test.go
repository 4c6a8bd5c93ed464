// SPDX-License-Identifier: GPL-3.0-only

package sim_test

import (
	"testing"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// TestPreemptDelayIsCutShort makes a better router wait for its preempt_delay of thirty seconds, and causes an event
// after ten seconds.
func TestPreemptDelayIsCutShort(t *testing.T) {
	const (
		delay = 30 * time.Second
		then  = 10 * time.Second
		down  = 3*time.Second + 56*time.Second/256 // Master_Down_Interval of priority 200
	)
	skew := vrrp.SkewTime(vrrp.V3, 200, time.Second)
	for name, tt := range map[string]struct {
		happens  func(l *lab)
		want     []string
		low, top time.Duration // time from the event until r2 becomes Master; 0: it does not
	}{
		"nothing happens": {func(*lab) {},
			[]string{"r2 Master: preempted lower priority", "r1 Backup: higher priority heard"}, delay - then, delay - then + 2*time.Second},
		"the Master crashes": {func(l *lab) { l.hosts[0].Crash() },
			[]string{"r2 Master: master down timer expired"}, down - time.Second, down},
		"the Master resigns": {func(l *lab) { l.hosts[0].Stop() },
			[]string{"r1 Init: shutdown", "r2 Master: master resigned"}, skew, skew},
		"the Master becomes better": {func(l *lab) { l.hosts[0].Apply(group(1, 250)) }, nil, 0, 0},
		"a better router takes over": {func(l *lab) { l.hosts = append(l.hosts, l.Add(group(1, 250))) },
			[]string{"r3 Backup: startup", "r3 Master: preempted lower priority", "r1 Backup: higher priority heard"}, 0, 0},
		"the delay is taken away": {func(l *lab) { l.hosts[1].Apply(group(1, 200)) },
			[]string{"r2 Master: preempted lower priority", "r1 Backup: higher priority heard"}, 0, down},
		"the delay is made longer": {func(l *lab) { l.hosts[1].Apply(group(1, 200, preemptDelay(time.Hour))) }, nil, 0, 0},
		"preemption is taken away": {func(l *lab) { l.hosts[1].Apply(group(1, 200, noPreempt)) }, nil, 0, 0},
		"its own link flaps": {func(l *lab) { l.hosts[1].SetLink(false); l.hosts[1].SetLink(true) },
			[]string{"r2 Init: interface down", "r2 Backup: startup", "r2 Master: preempted lower priority", "r1 Backup: higher priority heard"},
			delay, delay + 2*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, ethernet, one(group(1, 100)))
			l.Run(10 * time.Second)
			l.hosts = append(l.hosts, l.Add(group(1, 200, preemptDelay(delay))))
			l.Run(then)
			l.expect("r2 waits", "r1 Backup: startup", "r1 Master: master down timer expired", "r2 Backup: startup")
			began := l.Elapsed()
			tt.happens(l)
			l.Run(2 * time.Minute)
			l.expect(name, tt.want...)
			if tt.top > 0 {
				l.within("r2 becomes Master", l.took("r2", began), tt.low, tt.top+slack)
			}
		})
	}
}

// TestTrackingWhilePreemptionIsDelayed: an object that comes up makes the router better again. The delay starts with the
// Master's first advert after that.
func TestTrackingWhilePreemptionIsDelayed(t *testing.T) {
	vr := alone(0, 200)
	vr.Track = []engine.Tracking{{Object: "uplink", Decrement: 150}}
	vr.Protocol.PreemptDelay = 20 * time.Second
	w := newTwin(t, 21, engine.Config{Routers: []engine.VirtualRouter{vr}, Tracks: objects("uplink")},
		engine.Config{Routers: []engine.VirtualRouter{alone(0, 100)}})
	r := w.routers[0]
	set := func(up bool) {
		r.core.SetTrack(w.now, &r.cfg.Tracks[0], engine.TrackResult{Up: up}, &r.out)
		w.carryOut(r)
	}
	master := func(when, want string) {
		t.Helper()
		if got := w.master(); got != want {
			t.Errorf("%s the Master is %q, want %q: %q", when, got, want, w.moves)
		}
	}
	set(true)
	w.run(10 * time.Second)
	master("at first", "r1")
	set(false)
	w.run(5 * time.Second)
	master("with the object down", "r2")
	set(true)
	w.run(10 * time.Second)
	master("in the delay", "r2")
	set(false) // the delay is off
	w.run(15 * time.Second)
	set(true)
	w.run(19 * time.Second)
	master("in the new delay", "r2")
	w.run(3 * time.Second)
	master("after the delay", "r1")
	w.quiet("afterwards", time.Minute)
}
