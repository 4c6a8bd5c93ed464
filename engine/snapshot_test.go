// SPDX-License-Identifier: GPL-3.0-only

package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// frozen returns everything in a snapshot as text.
func frozen(s *engine.Snapshot) []string {
	list := []string{fmt.Sprint(s.Time, s.Started)}
	for _, r := range s.Routers {
		list = append(list, fmt.Sprintf("%+v %+v", *r, *r.Config))
	}
	for _, l := range s.Links {
		list = append(list, fmt.Sprintf("%+v", l))
	}
	return list
}

func TestSnapshotIsImmutable(t *testing.T) {
	h := manyHost(t, 3)
	vr := manyGroups(1).Routers[0]
	l := ethernet(1, "eth1", "10.1.0.1/16", "10.1.0.9/16")
	h.link(l)
	var shots []*engine.Snapshot
	var texts [][]string
	look := func() {
		s := h.core.Snapshot(h.now)
		shots, texts = append(shots, s), append(texts, frozen(s))
	}
	look()
	h.run(5 * time.Second)
	look()
	for range 40 {
		h.deliver(1, vrrp.IPv4, advert(&vr, 200, "10.1.0.2"))
		h.run(10 * time.Second)
		look()
	}
	foreign := group("eth1", 99, "10.1.9.9")
	h.deliver(1, vrrp.IPv4, advert(&foreign, 200, "10.1.0.2"))
	look()
	l.Addrs[1] = prefixes("10.1.0.77/24")[0] // the caller's slice is its own
	look()
	h.link(ethernet(1, "eth1", "10.1.0.5/24"))
	look()
	h.apply(config(with(vr, inPlace["vips"])))
	look()
	h.core.ClearStatistics(h.now, nil)
	look()
	h.unlink(1)
	look()
	for i, s := range shots {
		if diff := cmp.Diff(texts[i], frozen(s)); diff != "" {
			t.Fatalf("snapshot %d has changed (-before +after):\n%s", i, diff)
		}
	}
	for i := 1; i < len(texts); i++ {
		if i != 43 && cmp.Equal(texts[i], texts[i-1]) {
			t.Errorf("snapshot %d does not show what happened", i)
		}
	}
}

func TestSnapshotOfLinks(t *testing.T) {
	h := newHost(t)
	h.link(ethernet(7, "eth1", "10.1.0.1/24"))
	h.link(ethernet(3, "eth0", "10.0.0.1/24"))
	h.apply(config(group("eth1", 1, "10.1.0.100"), group("eth1", 1, "fe80::1")))
	check := func(want ...string) {
		t.Helper()
		var got []string
		for _, l := range h.core.Snapshot(h.now).Links {
			got = append(got, fmt.Sprintf("%d %s up:%t %v %d groups", l.Index, l.Name, l.Up, l.Addrs, l.Groups))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	check("3 eth0 up:true [10.0.0.1/24] 0 groups", "7 eth1 up:true [10.1.0.1/24] 2 groups")
	l := ethernet(3, "eth2")
	l.Up = false
	h.link(l)
	check("3 eth2 up:false [] 0 groups", "7 eth1 up:true [10.1.0.1/24] 2 groups")
	h.apply(config(group("eth2", 1, "10.1.0.100")))
	check("3 eth2 up:false [] 1 groups", "7 eth1 up:true [10.1.0.1/24] 0 groups")
	h.unlink(7)
	check("3 eth2 up:false [] 1 groups")
}

func TestClearStatistics(t *testing.T) {
	h := manyHost(t, 3)
	h.masters()
	cfg := manyGroups(3)
	foreign := group("eth1", 99, "10.1.9.9")
	h.deliver(1, vrrp.IPv4, advert(&foreign, 200, "10.1.0.2"))
	h.core.ReportSend(h.now, engine.SendReport{Key: cfg.Routers[0].Key, Priority: 100, Failed: 1, Err: errRefused}, &h.out)
	if n := h.status(cfg.Routers[0].Key).Counters.SendErrors; n != 1 {
		t.Errorf("%d send errors", n)
	}

	h.core.ClearStatistics(h.now, func(k engine.Key) bool { return k.VRID == 2 })
	for _, r := range h.core.Snapshot(h.now).Routers {
		if cleared := r.Counters == (engine.Counters{Since: h.now}); cleared != (r.Config.VRID == 2) {
			t.Errorf("%s cleared: %t", r.Config.Key, cleared)
		}
	}
	h.core.ClearStatistics(h.now, nil)
	s := h.core.Snapshot(h.now)
	for _, r := range s.Routers {
		if r.Counters != (engine.Counters{Since: h.now}) || len(r.History) == 0 {
			t.Errorf("%s: %+v, %d transitions", r.Config.Key, r.Counters, len(r.History))
		}
	}
	if s.Links[0].UnknownVRID != 0 {
		t.Error("the interface's counters stay")
	}
}
