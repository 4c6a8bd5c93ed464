// SPDX-License-Identifier: GPL-3.0-only

package engine_test

import (
	"fmt"
	"testing"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// script returns a tracked object that was configured with an interval.
func script(interval time.Duration) engine.TrackObject {
	return engine.TrackObject{
		Name: "gw", Kind: engine.TrackScript, Interval: interval, Rise: 1, Fall: 1, Initial: engine.TrackUp,
		Script: engine.Program{Command: []string{"/check"}},
	}
}

// track reports a result.
func (h *host) track(o engine.TrackObject, up bool) {
	h.out = engine.Output{}
	h.core.SetTrack(h.now, &o, engine.TrackResult{Up: up}, &h.out)
	h.answer(0)
}

// TestTrackAloneIsCommitted commits only a virtual router's dependency on an object that is down, and its removal.
func TestTrackAloneIsCommitted(t *testing.T) {
	gw := script(time.Second)
	plain := with(group("eth0", 1, "10.0.0.101"), func(vr *engine.VirtualRouter) { vr.Protocol.Priority = 200 })
	lower := with(plain, func(vr *engine.VirtualRouter) { vr.Track = []engine.Tracking{{Object: "gw", Decrement: 110}} })
	failing := with(plain, func(vr *engine.VirtualRouter) { vr.Track = []engine.Tracking{{Object: "gw"}} })
	cfg := func(vr engine.VirtualRouter) engine.Config {
		return engine.Config{Routers: []engine.VirtualRouter{vr}, Tracks: []engine.TrackObject{gw}}
	}
	for _, tt := range []struct {
		name     string
		from, to engine.VirtualRouter
		priority uint8
		state    vrrp.State // of a Master
	}{
		{"decrement", plain, lower, 90, vrrp.Master},
		{"no decrement", lower, plain, 200, vrrp.Master},
		{"down", plain, failing, 200, vrrp.Initialize},
		{"down instead of a decrement", lower, failing, 200, vrrp.Initialize},
		{"up", failing, plain, 200, vrrp.Backup},
	} {
		for _, backup := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, Backup %t", tt.name, backup), func(t *testing.T) {
				h := newHost(t)
				h.link(ethernet(1, "eth0", "10.0.0.1/24"))
				h.apply(cfg(tt.from))
				h.track(gw, false)
				h.run(10 * time.Second)
				if backup {
					h.deliver(1, vrrp.IPv4, advert(&plain, 250, "10.0.0.9"))
				}
				h.apply(cfg(tt.to))
				got := h.status(plain.Key)
				want := tt.state
				if backup && want == vrrp.Master {
					want = vrrp.Backup
				}
				if got.Priority != tt.priority || got.State != want {
					t.Errorf("it is %s with %d, want %s with %d", got.State, got.Priority, want, tt.priority)
				}
				if sent := h.priorities(); want == vrrp.Master && (len(sent) != 1 || sent[0] != tt.priority) {
					t.Errorf("adverts at once: %v, want one with %d", sent, tt.priority)
				}
			})
		}
	}
}

// TestTrackedObjectChangesInPlace checks that settings such as the interval of a program do not discard its result.
func TestTrackedObjectChangesInPlace(t *testing.T) {
	vr := with(group("eth0", 1, "10.0.0.101"), func(vr *engine.VirtualRouter) { vr.Track = []engine.Tracking{{Object: "gw", Decrement: 50}} })
	cfg := func(o engine.TrackObject) engine.Config {
		return engine.Config{Routers: []engine.VirtualRouter{vr}, Tracks: []engine.TrackObject{o}}
	}
	other := script(time.Second)
	other.Script.Command = []string{"/another"}
	file := engine.TrackObject{Name: "gw", Kind: engine.TrackFile, File: "/w", Interval: time.Second}
	for name, tt := range map[string]struct {
		to       engine.TrackObject
		priority uint8
	}{
		"interval": {script(time.Minute), 50},
		"command":  {other, 100},
		"kind":     {file, 100},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.link(ethernet(1, "eth0", "10.0.0.1/24"))
			h.apply(cfg(script(time.Second)))
			h.track(script(time.Second), false)
			h.run(10 * time.Second)
			h.apply(cfg(tt.to))
			if got := h.status(vr.Key).Priority; got != tt.priority {
				t.Errorf("the priority is %d, want %d", got, tt.priority)
			}
			if sent := h.priorities(); tt.priority == 50 && len(sent) > 0 {
				t.Errorf("adverts: %v", sent)
			}
		})
	}
	t.Run("initial, without a result", func(t *testing.T) {
		h := newHost(t)
		h.link(ethernet(1, "eth0", "10.0.0.1/24"))
		h.apply(cfg(script(time.Second)))
		down := script(time.Second)
		down.Initial = engine.TrackDown
		h.apply(cfg(down))
		if got := h.status(vr.Key).Priority; got != 50 {
			t.Errorf("the priority is %d, want 50", got)
		}
	})
}
