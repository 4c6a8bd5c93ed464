// SPDX-License-Identifier: GPL-3.0-only

package engine_test

import (
	"strings"
	"testing"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// Forged adverts make a virtual router change its state a hundred times a second. Twenty transitions and one
// summary every ten seconds are reported, including the last state, and everything is counted and numbered.
func TestFlapping(t *testing.T) {
	h, vr := master(t)
	h.run(time.Minute)
	forged := with(vr, func(vr *engine.VirtualRouter) { vr.Protocol.Interval = 10 * time.Millisecond })
	before, began := h.status(vr.Key).Counters, len(h.events)
	const flaps = 6000
	for range flaps {
		h.deliver(1, vrrp.IPv4, advert(&forged, 200, "10.0.0.9"))
		h.deliver(1, vrrp.IPv4, advert(&forged, 0, "10.0.0.9"))
		h.run(10 * time.Millisecond)
	}
	h.run(20 * time.Second)
	s := h.status(vr.Key)
	made := s.Counters.BecameMaster - before.BecameMaster
	if made < flaps-1 || s.State != vrrp.Master {
		t.Fatalf("it became Master %d times and is %s", made, s.State)
	}
	var transitions, told, untold, summaries uint64
	last := vrrp.Master
	for _, e := range h.events[began:] {
		if e.Kind == engine.EventTransition {
			transitions++
		}
		if e.Quiet || !e.Changes() {
			continue
		}
		if e.From != last && e.Kind == engine.EventFlaps {
			t.Errorf("a summary begins with %s, the last reported state was %s", e.From, last)
		}
		last = e.To
		untold += e.Untold
		if told++; e.Kind == engine.EventFlaps {
			summaries++
		}
	}
	if transitions != 2*made {
		t.Errorf("%d events for %d transitions", transitions, 2*made)
	}
	if told < 20+5 || told > 20+8 || told-summaries != 20 {
		t.Errorf("%d were reported, %d of them summaries", told, summaries)
	}
	if last != s.State || told-summaries+untold != 2*made || s.Counters.Untold != untold {
		t.Errorf("last reported: %s; %d reported and %d summarised, of %d; counted %d", last, told-summaries, untold, 2*made, s.Counters.Untold)
	}
	if n := len(s.History); n != 32 || s.History[n-1].To != s.State {
		t.Errorf("history %+v", s.History)
	}
	said := 0
	for _, text := range h.texts(engine.EventFault) {
		if strings.HasPrefix(text, "more than 20 transitions in 10s") {
			said++
		}
	}
	if said != 1 {
		t.Errorf("the limit was reported %d times", said)
	}

	// After that each transition is reported again; the end always is.
	began = len(h.events)
	h.deliver(1, vrrp.IPv4, advert(&vr, 200, "10.0.0.9"))
	h.apply(config())
	for _, e := range h.events[began:] {
		if e.Quiet {
			t.Errorf("not reported later: %+v", e)
		}
	}
}

// The end of a flapping virtual router is reported, with the number of unreported transitions.
func TestEndWhileFlapping(t *testing.T) {
	h, vr := master(t)
	forged := with(vr, func(vr *engine.VirtualRouter) { vr.Protocol.Interval = 10 * time.Millisecond })
	for range 50 {
		h.deliver(1, vrrp.IPv4, advert(&forged, 200, "10.0.0.9"))
		h.deliver(1, vrrp.IPv4, advert(&forged, 0, "10.0.0.9"))
		h.run(10 * time.Millisecond)
	}
	began := len(h.events)
	h.apply(config())
	for _, e := range h.events[began:] {
		if e.Kind == engine.EventTransition && (e.Quiet || e.To != vrrp.Initialize || e.Untold == 0) {
			t.Errorf("%+v", e)
		}
	}
	began = len(h.events)
	h.run(time.Minute)
	if len(h.events) != began {
		t.Errorf("after the end: %+v", h.events[began:])
	}
}
