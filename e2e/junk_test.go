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
	// junkDelay is what junk may delay an advert by.
	junkDelay = 10 * time.Millisecond
	// junkAttempts is how often the punctuality is measured before a late advert counts: the machine is
	// late by itself now and then, a router that junk delays is late every time.
	junkAttempts = 5
	// Of a flood are sent floodSize frames, at most so many per second.
	floodRate, floodSize = 10000, 20000
	// floodLines is what a flood may add to the log.
	floodLines = 50
)

// lateness is how much later than an interval after its predecessor each advert came.
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

// flood sends as much junk as the machine can, while both routers are asked how they are, and looks at their states and
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
				t.Fatalf("in a flood %s says\n%s", v.Name, text)
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

// TestJunkChangesNothing floods both routers with adverts for their own virtual router that they must discard. No state
// changes, the Master's adverts stay on time, and a Backup still takes over when it has to.
func TestJunkChangesNothing(t *testing.T) {
	for _, tt := range []struct {
		name  string
		group lab.Group
		// adverts is how many are measured in an attempt.
		adverts int
	}{
		{"v2-simple", lab.Group{VRID: vrid, Version: 2, Interval: time.Second, Secret: "s3cret"}, 4},
		{"v3", lab.Group{VRID: vrid, Version: 3, Interval: 100 * time.Millisecond}, 30},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// Not beside other tests: it measures milliseconds.
			require(t)
			g := tt.group
			d := newDuo(t, g)
			measure := func() []time.Duration {
				start := time.Now()
				for len(d.wire.Adverts("r1", start)) <= tt.adverts {
					d.wire.WaitMaster("r1", time.Now(), patience)
				}
				return lateness(d.wire.Adverts("r1", start), g.Interval)
			}
			t.Logf("late without junk: %s", describe(measure()))

			quiet := time.Now()
			if g.Interval >= time.Second { // a whole machine's worth of junk, which leaves time for the next advert
				d.flood(lab.JunkAdverts(g.Version, g.VRID, g.Interval))
			}
			began := time.Now()
			junk := d.lab.Junk(junkRate, lab.JunkAdverts(g.Version, g.VRID, g.Interval))
			punctual := false
			for attempt := 1; attempt <= junkAttempts && !punctual; attempt++ {
				late := measure()
				t.Logf("late with junk, attempt %d: %s", attempt, describe(late))
				punctual = late[len(late)-1] <= junkDelay
			}
			if !punctual {
				t.Errorf("in each of %d attempts an advert was late by more than %v", junkAttempts, junkDelay)
			}
			d.r1.WaitState("Master", time.Second)
			d.r2.WaitState("Backup", time.Second)
			if early := d.wire.Adverts("r2", quiet); len(early) > 0 {
				t.Errorf("the Backup advertised under junk: %v", early[0])
			}

			ping := d.lab.Ping(lab.VIP)
			ping.WaitAnswer(time.Now(), patience)
			start := time.Now()
			d.lab.Cut(d.r1.Node())
			first := d.wire.WaitMaster("r2", start, patience)
			ping.WaitAnswer(first.Time.Add(wireSlack), patience)
			out := ping.Longest(start).Length()
			t.Logf("take-over under junk: Master after %v, pings out for %v; %v", first.Time.Sub(start), out, junk)
			if limit := g.MasterDown(100) + pingSlack; out > limit {
				t.Errorf("pings out for %v under junk, want at most %v", out, limit)
			}
			junk.Stop()
			if rate := float64(junk.Sent()) / time.Since(began).Seconds(); rate < 0.9*junkRate {
				t.Errorf("only %.0f frames of junk per second were sent, want %d", rate, junkRate)
			}
		})
	}
}
