// SPDX-License-Identifier: GPL-3.0-only

package engine_test

import (
	"testing"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// TestPatience has a sync group lose Master again and again soon after it has won it, as when its peer wins on another link: it
// waits longer each time but the first, and not as long as its peer.
func TestPatience(t *testing.T) {
	const down = 3*time.Second + 156*time.Second/256 // Master_Down_Interval
	var waits [2][]time.Duration
	for i, host := range []string{"1", "2"} {
		h := newHost(t)
		member := func(vr *engine.VirtualRouter) { vr.SyncGroup = "both" }
		one, two := with(group("eth0", 1, "10.0.0.100"), member), with(group("eth1", 2, "10.1.0.100"), member)
		h.link(ethernet(1, "eth0", "10.0.0."+host+"/24"))
		h.link(ethernet(2, "eth1", "10.1.0."+host+"/24"))
		h.apply(config(one, two))
		for range 5 {
			began := h.now
			for h.status(two.Key).State != vrrp.Master && h.now.Sub(began) < time.Hour {
				h.run(100 * time.Millisecond)
			}
			h.wantMasters(one.Key, two.Key)
			waits[i] = append(waits[i], h.now.Sub(began))
			h.run(time.Second)
			h.deliver(1, vrrp.IPv4, advert(&one, 200, "10.0.0.9"))
			if s := h.status(two.Key).State; s != vrrp.Backup {
				t.Fatalf("the other member is %s", s)
			}
		}
	}
	const exact = 200 * time.Millisecond // of this measurement
	for i, wait := range waits {
		for n := range wait {
			most := down + exact
			if n > 1 {
				most += down << (n - 1)
			}
			if wait[n] < down || wait[n] > most {
				t.Errorf("router %d waited %s before it was Master the %dth time", i+1, wait[n], n+1)
			}
		}
		if wait[4] < wait[1]+2*time.Second {
			t.Errorf("router %d does not wait longer: %s", i+1, wait)
		}
	}
	if d := (waits[0][4] - waits[1][4]).Abs(); d < time.Second {
		t.Errorf("the routers wait for %s and %s: they meet again", waits[0][4], waits[1][4])
	}
}

// wantMasters checks that virtual routers are Master.
func (h *host) wantMasters(keys ...engine.Key) {
	h.tb.Helper()
	for _, key := range keys {
		if s := h.status(key).State; s != vrrp.Master {
			h.tb.Fatalf("%s is %s", key, s)
		}
	}
}
