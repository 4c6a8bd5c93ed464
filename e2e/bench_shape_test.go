// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// A shape is a number of links with a number of virtual routers on each, such as "1000x1".
type shape struct {
	links, perLink int
}

// shapes measures vrrpsh and keepalived with the shapes of BENCH_SHAPES, for all of BENCH_FAMILIES ("4", "6", "4+6"),
// BENCH_INTERVALS and BENCH_TYPES.
func (x *bench) shapes(b *testing.B) {
	for _, text := range list("BENCH_SHAPES", "4x250,16x250,250x4,1000x1,4000x1") {
		var s shape
		if _, err := fmt.Sscanf(text, "%dx%d", &s.links, &s.perLink); err != nil {
			b.Fatalf("BENCH_SHAPES: %q: %v", text, err)
		}
		for _, families := range list("BENCH_FAMILIES", "4,6") {
			for _, interval := range list("BENCH_INTERVALS", "1s") {
				for _, iftype := range list("BENCH_TYPES", ether) {
					every, err := time.ParseDuration(interval)
					if err != nil {
						b.Fatalf("BENCH_INTERVALS: %v", err)
					}
					f := lab.Fleet{Links: s.links, PerLink: s.perLink, Interval: every, Preempt: true, Macvlan: iftype == macvlan,
						IPv6: families == "6", Both: families == "4+6"}
					for _, kind := range x.peers {
						if kind != lab.KindFRR { // which takes minutes to start
							name := fmt.Sprintf("%d × %d IPv%s, %s, %s", s.links, s.perLink, families, interval, iftype)
							b.Run(strings.ReplaceAll(name, " ", "")+"/"+string(kind), func(b *testing.B) { x.shape(b, name, kind, f) })
						}
					}
				}
			}
		}
	}
}

// shape measures one program: alone, as Master with a Backup, and as that Backup, soon after the start and BENCH_LATER seconds later.
func (x *bench) shape(b *testing.B, title string, kind lab.Kind, f lab.Fleet) {
	l := lab.NewPair(b, f.Links)
	r1, r2 := l.Routers[0], l.Routers[1]
	note := func(what string, v float64) { x.table.add(title, what, string(kind), v) }
	measure := func(when string, crews map[string]*lab.Crew) {
		before, start := make(map[string]time.Duration), time.Now()
		for state, c := range crews {
			before[state] = cpuOf(b, c)
		}
		time.Sleep(time.Duration(x.seconds) * time.Second)
		adverts := float64(f.Size()) * time.Since(start).Seconds() / f.Interval.Seconds()
		for state, c := range crews {
			note(state+when+": CPU per advert (µs)", 1e6*(cpuOf(b, c)-before[state]).Seconds()/adverts)
		}
	}
	tally := l.Tally(r1, f.Addrs())
	master := l.Crew(kind, bin, r1, f, 200)
	last, err := tally.Wait(benchPatience)
	if err != nil {
		b.Fatal(err)
	}
	note("start → addresses (s)", last.Sub(master.Started).Seconds())
	const settle = 8 * time.Second // the second round of announcements comes after five seconds
	time.Sleep(settle)
	measure("alone", map[string]*lab.Crew{"Master ": master})
	taken := l.Tally(r2, f.Addrs())
	backup := l.Crew(kind, bin, r2, f, 100)
	time.Sleep(settle + time.Duration(f.Links)*time.Millisecond)
	both := map[string]*lab.Crew{"Master with Backup": master, "Backup": backup}
	measure("", both)
	if later := number("BENCH_LATER", 240); later > 0 {
		time.Sleep(time.Until(backup.Started.Add(time.Duration(later) * time.Second)))
		measure(fmt.Sprintf(", after %d s", later), both)
	}
	rss, _ := memoryOf(b, master)
	note("Master: memory, RSS (MB)", rss)
	rss, _ = memoryOf(b, backup)
	note("Backup: memory, RSS (MB)", rss)
	if v := master.Vrrpsh; v != nil {
		x.manage(b, v, title)
		x.loopOf(b, v, title)
	}
	killed := time.Now()
	master.Kill()
	if last, err = taken.Wait(benchPatience); err != nil {
		b.Fatal(err)
	}
	note("kill → addresses (s)", last.Sub(killed).Seconds())
	backup.Kill()
}

// loopOf notes how late the loop was.
func (x *bench) loopOf(b *testing.B, v *lab.Vrrpsh, title string) {
	var r struct {
		Loop struct {
			MaxLate     float64 `json:"max_late"`
			LongestTurn float64 `json:"longest_turn"`
		} `json:"loop"`
	}
	if err := json.Unmarshal([]byte(v.Show("show", "resources", "|", "json")), &r); err != nil {
		b.Error(err)
	}
	x.table.add(title, "latest deadline (ms)", string(lab.KindVrrpsh), 1000*r.Loop.MaxLate)
	x.table.add(title, "longest turn (ms)", string(lab.KindVrrpsh), 1000*r.Loop.LongestTurn)
}
