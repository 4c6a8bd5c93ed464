// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package uml

import (
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// disturb makes the segment's switch treat everything that it sends to both routers as netem says.
func disturb(l *lab.Lab, netem string) {
	for _, n := range l.Routers {
		l.Bridge.Run(append([]string{"tc", "qdisc", "replace", "dev", n.Role, "root", "netem"}, strings.Fields(netem)...)...)
	}
}

// calm ends disturb.
func calm(l *lab.Lab) {
	for _, n := range l.Routers {
		l.Bridge.Run("tc", "qdisc", "del", "dev", n.Role, "root")
	}
}

// TestNetem holds the routers to the protocol's bounds on a bad segment (RFC 9568 section 6.1): what does not keep adverts away
// for a Master_Down_Interval changes nothing, and what does makes the Backup Master exactly as often.
func TestNetem(t *testing.T) {
	g := lab.Group{VRID: vrid, Version: 3, Interval: 300 * time.Millisecond}
	down := g.MasterDown(100)
	for _, tt := range []struct {
		name, netem string
		keepalived  bool
		// settle is how long the disturbance takes to begin.
		settle time.Duration
	}{
		{"delay with jitter, duplicates and reordering", "delay 150ms 60ms 25% duplicate 30% reorder 20% 50%", false, 0},
		{"delay with jitter, duplicates and reordering, keepalived", "delay 150ms 60ms 25% duplicate 30% reorder 20% 50%", true, 0},
		{"delay longer than Master_Down_Interval", "delay 2s", false, 6 * time.Second},
		{"loss", "loss 50%", false, 0},
		{"loss in bursts", "loss gemodel 10% 30%", false, 0},
		{"loss, keepalived", "loss 50%", true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, wiring{}, g, tt.keepalived)
			p.ping.Stop() // pings are lost, too
			wire := p.lab.CaptureAt(p.lab.Routers[1])
			ours, _ := p.r2.(*lab.Vrrpsh)
			heard := time.Now()
			disturb(p.lab, tt.netem)
			time.Sleep(tt.settle)
			unchanged := steady(t, p.r1)
			var before counters
			if ours != nil {
				before = count(t, ours)
			}
			time.Sleep(15 * time.Second)
			unchanged(tt.netem) // nobody has a higher priority
			if ours != nil {
				became := count(t, ours).becameMaster - before.becameMaster
				least, most := silences(wire.Adverts("eth0", heard.Add(tt.settle)), down)
				t.Logf("the Backup became Master %d times; silences of a Master_Down_Interval: %d to %d", became, least, most)
				if became < least || became > most {
					t.Errorf("the Backup became Master %d times, want %d to %d", became, least, most)
				}
			}
			calm(p.lab)
			p.waitMaster(p.r1, down+g.Interval+time.Second)
		})
	}
}

// silences counts the times without adverts that are certainly and that are perhaps longer than a limit.
func silences(adverts []lab.Advert, limit time.Duration) (least, most uint64) {
	for i := 1; i < len(adverts); i++ {
		gap := adverts[i].Time.Sub(adverts[i-1].Time)
		if gap > limit+slack/2 {
			least++
		}
		if gap > limit-slack/2 {
			most++
		}
	}
	return least, most
}
