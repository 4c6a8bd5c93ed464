// SPDX-License-Identifier: GPL-3.0-only

package engine_test

import (
	"encoding/json"
	"testing"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// handOver returns a host that goes on where h stops, in another process, with these interfaces.
func (h *host) handOver(links ...engine.Link) *host {
	h.tb.Helper()
	return h.handOverOn(h.now, links...)
}

// handOverOn is handOver to a process whose clock says something else.
func (h *host) handOverOn(clock time.Time, links ...engine.Link) *host {
	h.tb.Helper()
	left := h.core.Handover()
	left.Rebase(h.now, clock)
	document, err := json.Marshal(left)
	if err != nil {
		h.tb.Fatalf("%v", err)
	}
	left = engine.Handover{}
	if err := json.Unmarshal(document, &left); err != nil {
		h.tb.Fatalf("%v", err)
	}
	next := newHost(h.tb)
	next.now = clock
	for _, l := range links {
		next.link(l)
	}
	next.out = engine.Output{}
	next.core.Restore(next.now, &left, &next.out)
	next.answer(0)
	return next
}

// TestRoutesAreHandedOver checks that the route of any Master goes with the last one, also of those that were Master before a restart.
func TestRoutesAreHandedOver(t *testing.T) {
	h := newHost(t)
	g1, g2 := group("eth0", 1, "10.0.0.100"), group("eth0", 2, "10.0.0.101")
	eth0 := ethernet(1, "eth0", "10.0.0.1/24")
	h.link(eth0)
	h.apply(routed(config(g1, g2), uplinkRoute))
	h.run(4 * time.Second)
	h.route()
	h.wantRoutes("as Masters", installed)

	next := h.handOver(eth0)
	next.route()
	next.wantRoutes("after the restart", installed)
	next.deliver(1, vrrp.IPv4, advert(&g1, 200, "10.0.0.9"))
	next.wantRoutes("as Master of one", installed)
	next.deliver(1, vrrp.IPv4, advert(&g2, 200, "10.0.0.9"))
	next.wantRoutes("as Master of none", withdrawn)
}

// TestEventsAreNumberedAcrossARestart checks that nobody who follows the events sees a number twice.
func TestEventsAreNumberedAcrossARestart(t *testing.T) {
	h, _ := master(t)
	last := h.events[len(h.events)-1].Seq
	next := h.handOver(ethernet(1, "eth0", "10.0.0.1/24"))
	restarted := next.events[len(next.events)-1]
	if restarted.Seq != last+1 || restarted.Kind != engine.EventConfig {
		t.Errorf("the event of the restart is %+v; the last one had the number %d", restarted, last)
	}
}

// TestTrackedObjectIsHandedOver checks that an object that was down is down until there is another result.
func TestTrackedObjectIsHandedOver(t *testing.T) {
	h := newHost(t)
	gw := script(time.Second)
	eth0 := ethernet(1, "eth0", "10.0.0.1/24")
	vr := with(group("eth0", 1, "10.0.0.100"), func(vr *engine.VirtualRouter) { vr.Track = []engine.Tracking{{Object: "gw", Decrement: 40}} })
	h.link(eth0)
	h.apply(engine.Config{Routers: []engine.VirtualRouter{vr}, Tracks: []engine.TrackObject{gw}})
	h.track(gw, false)
	h.run(4 * time.Second)
	next := h.handOver(eth0)
	if s := next.status(vr.Key); s.Priority != 60 || s.Tracked[0].State != engine.TrackDown {
		t.Errorf("after the restart the priority is %d, the object %s", s.Priority, s.Tracked[0].State)
	}
	next.track(gw, true)
	if s := next.status(vr.Key); s.Priority != 100 {
		t.Errorf("with the object the priority is %d", s.Priority)
	}
}

// TestRepairsAreHandedOver checks that a restart does not begin another fight with a program that removes the addresses.
func TestRepairsAreHandedOver(t *testing.T) {
	h, vr := master(t)
	for range 5 {
		h.lose(vr.Key)
	}
	h.wantState(vr.Key, vrrp.Master, vrrp.CauseMasterDown)
	next := h.handOver(ethernet(1, "eth0", "10.0.0.1/24"))
	next.lose(vr.Key)
	next.wantState(vr.Key, vrrp.Backup, vrrp.CauseAddressLost)
}

// TestHandOverToAnotherClock checks that what has to wait waits for as long as it would have, whatever the clock says.
func TestHandOverToAnotherClock(t *testing.T) {
	for _, step := range []time.Duration{-time.Hour, -20 * time.Second, 0, 20 * time.Second, time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			h := newHost(t)
			vr := group("eth0", 51, "10.0.0.100")
			eth0 := ethernet(1, "eth0", "10.0.0.1/24")
			h.link(eth0)
			h.refuse = true
			h.apply(config(vr))
			for range 300 {
				if h.status(vr.Key).Counters.BecameMaster == 4 {
					break // and holds back for eight seconds
				}
				h.run(100 * time.Millisecond)
			}
			next := h.handOverOn(h.now.Add(step), eth0)
			next.run(7800 * time.Millisecond)
			next.wantState(vr.Key, vrrp.Backup, vrrp.CauseInstallFailed)
			next.run(400 * time.Millisecond)
			next.wantState(vr.Key, vrrp.Master, vrrp.CauseMasterDown)
		})
	}
}
