// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

const (
	junkRate = 1000
	// junkDelay is how much junk may delay an advert.
	junkDelay = 10 * time.Millisecond
	// junkAttempts is how often the punctuality is measured before a late advert is a failure: a busy machine is
	// late sometimes, a router that junk delays is late every time.
	junkAttempts = 5
	// A flood has floodSize frames, at most floodRate per second.
	floodRate, floodSize = 10000, 10000
	// floodLines is how many lines a flood may add to the log.
	floodLines = 50
)

// lateness returns how much later than one interval after its predecessor each advert arrived.
func lateness(adverts []lab.Advert, interval time.Duration) []time.Duration {
	var late []time.Duration
	for i := 1; i < len(adverts); i++ {
		late = append(late, max(0, adverts[i].Time.Sub(adverts[i-1].Time)-interval))
	}
	slices.Sort(late)
	return late
}

// describe prints a distribution.
func describe(late []time.Duration) string {
	at := func(q float64) time.Duration { return late[int(q*float64(len(late)-1))].Round(time.Microsecond) }
	return fmt.Sprintf("median %v, 90 %% %v, 99 %% %v, longest %v of %d", at(0.5), at(0.9), at(0.99), at(1), len(late))
}

// flood sends as much junk as the machine can, while both routers are queried, and checks their states and
// logs.
func (d *duo) flood(frames [][]byte) {
	t := d.t
	t.Helper()
	told := func(v *lab.Vrrpsh) (n int) {
		for line := range strings.Lines(v.Log()) {
			if strings.Contains(line, " level=info ") || strings.Contains(line, " level=warning ") || strings.Contains(line, " level=error ") {
				n++
			}
		}
		return n
	}
	before := map[*lab.Vrrpsh]int{d.r1: told(d.r1), d.r2: told(d.r2)}
	flood := d.lab.Junk(floodRate, frames)
	defer flood.Stop()
	lab.Until(t, patience, "the flood is over", func() error {
		for v, state := range map[*lab.Vrrpsh]string{d.r1: "MASTER", d.r2: "BACKUP"} {
			if text := v.Show("show", "vrrp", "brief"); !strings.Contains(text, state) {
				t.Fatalf("during a flood %s shows\n%s", v.Name, text)
			}
		}
		if n := flood.Sent(); n < floodSize {
			return fmt.Errorf("%d frames were sent", n)
		}
		return nil
	})
	for v, n := range before {
		if n = told(v) - n; n > floodLines {
			t.Errorf("a flood of %d frames made %s log %d lines", flood.Sent(), v.Name, n)
		}
	}
}

// measure waits for a number of the Master's adverts and returns how late they were.
func (d *duo) measure(adverts int) []time.Duration {
	d.t.Helper()
	start := time.Now()
	for len(d.wire.Adverts("r1", start)) <= adverts {
		d.wire.WaitMaster("r1", time.Now(), patience)
	}
	return lateness(d.wire.Adverts("r1", start), d.group.Interval)
}

// late returns how late the Master's adverts are in the first attempt without delays of more than junkDelay, or in
// the last one.
func (d *duo) late(adverts int, when string) []time.Duration {
	d.t.Helper()
	for attempt := 1; ; attempt++ {
		late := d.measure(adverts)
		d.t.Logf("late %s, attempt %d: %s", when, attempt, describe(late))
		if late[len(late)-1] <= junkDelay || attempt == junkAttempts {
			return late
		}
	}
}

// takeOver checks that the Backup takes over in time when the Master fails, in one of a few attempts.
func (d *duo) takeOver(junk *lab.Junk) {
	d.t.Helper()
	limit := d.group.MasterDown(100) + pingSlack
	ping := d.lab.Ping(lab.VIP)
	for attempt := 1; ; attempt++ {
		ping.WaitAnswer(time.Now(), patience)
		start := time.Now()
		d.lab.Cut(d.r1.Node())
		first := d.wire.WaitMaster("r2", start, patience)
		ping.WaitAnswer(first.Time.Add(wireSlack), patience)
		out := ping.Longest(start).Length()
		d.t.Logf("take-over under junk: Master after %v, pings out for %v; %v", first.Time.Sub(start), out, junk)
		if out <= limit {
			return
		}
		if attempt == attempts {
			d.t.Errorf("pings out for %v under junk, want at most %v", out, limit)
			return
		}
		d.giveBack()
	}
}

// giveBack restores the Master's link.
func (d *duo) giveBack() {
	d.t.Helper()
	back := time.Now()
	d.lab.Join(d.r1.Node())
	d.wire.WaitMaster("r1", back, patience)
	d.r2.WaitState("Backup", patience)
}

// TestJunkChangesNothing floods both routers with invalid adverts for their virtual router. No state
// changes, the Master's adverts stay on time, and the Backup still takes over when the Master fails.
func TestJunkChangesNothing(t *testing.T) {
	for _, tt := range []struct {
		name  string
		group lab.Group
		// adverts is the number of adverts measured in an attempt.
		adverts int
	}{
		{"v2-simple", lab.Group{VRID: vrid, Version: 2, Interval: time.Second, Secret: "s3cret"}, 4},
		{"v3", lab.Group{VRID: vrid, Version: 3, Interval: fast.Interval}, 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// Not in parallel with other tests: it measures milliseconds.
			require(t)
			g := tt.group
			d := newDuo(t, g)
			quiet := time.Now()
			if g.Interval >= time.Second { // as much junk as the machine can send; it ends before the next advert
				d.flood(lab.JunkAdverts(g.Version, g.VRID, g.Interval))
			}
			began := time.Now()
			junk := d.lab.Junk(junkRate, lab.JunkAdverts(g.Version, g.VRID, g.Interval))
			late := d.late(tt.adverts, "with junk")
			d.r1.WaitState("Master", time.Second)
			d.r2.WaitState("Backup", time.Second)
			if early := d.wire.Adverts("r2", quiet); len(early) > 0 {
				t.Errorf("the Backup advertised under junk: %v", early[0])
			}

			d.takeOver(junk)
			junk.Stop()
			if rate := float64(junk.Sent()) / time.Since(began).Seconds(); rate < junkRate/2 {
				t.Errorf("only %.0f frames of junk per second were sent, want %d", rate, junkRate)
			}

			if late[len(late)-1] <= junkDelay {
				return
			}
			// If the machine itself is late, adverts are late without junk, too; then only the median counts.
			d.giveBack()
			control := d.late(tt.adverts, "without junk")
			if late[len(late)/2] > junkDelay || control[len(control)-1] <= junkDelay {
				t.Errorf("in each of %d attempts an advert was late by more than %v", junkAttempts, junkDelay)
			}
		})
	}
}
