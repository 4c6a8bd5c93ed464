// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
	"vrrpsh/shell"
	"vrrpsh/shell/remote"
)

const (
	// shellRuns is the number of runs of each command; the table has the medians.
	shellRuns = 20
	// tooLate is the allowed delay of an advert on the wire during a commit of another group.
	tooLate = 10 * time.Millisecond
)

// shell measures the response times of the shell of a router with many virtual routers, and the effect on
// their adverts.
func (x *bench) shell(b *testing.B) {
	f := fleetOf(slices.Max(x.groups), ether)
	title := fmt.Sprintf("%d × ether, shell", f.Size())
	l := lab.NewPair(b, f.Links)
	defer l.Close()
	tally := l.Tally(l.Routers[0], f.Addrs())
	v := l.Crew(lab.KindVrrpsh, bin, l.Routers[0], f, 200).Vrrpsh
	if _, err := tally.Wait(benchPatience); err != nil {
		b.Fatal(err)
	}
	time.Sleep(8 * time.Second) // for the second round of announcements
	c, err := remote.Dial(b.Context(), v.Socket)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	note := func(what string, value float64) { x.table.add(title, what, string(lab.KindVrrpsh), value) }
	timed := func(what string, do func(i int)) {
		took := make([]float64, shellRuns)
		for i := range took {
			start := time.Now()
			do(i)
			took[i] = 1000 * time.Since(start).Seconds()
		}
		note(what, median(took))
		note(what+", the longest", slices.Max(took))
	}

	timed("show vrrp brief, in a session (ms)", func(int) {
		if rows := strings.Count(execute(b, c, "show vrrp brief"), "MASTER"); rows != f.Size() {
			b.Fatalf("%d rows of a Master, want %d", rows, f.Size())
		}
	})
	timed("vrrpsh exec show vrrp brief (ms)", func(int) { v.Show("show", "vrrp", "brief") })
	timed("Tab on a group number (ms)", func(int) {
		if found := c.Complete("show vrrp interface eth0 group 1"); len(found) < 10 {
			b.Fatalf("Tab offers %v", found)
		}
	})

	// First the same period without commits: late adverts in it have another cause.
	wire := l.CaptureAt(l.Routers[1])
	const pause = 100 * time.Millisecond
	quiet := time.Now()
	time.Sleep(shellRuns * 2 * pause)
	execute(b, c, "configure")
	busy := time.Now()
	var took []float64
	for i := range shellRuns {
		execute(b, c, fmt.Sprintf("interface eth0 vrrp 1 priority %d", 100+i))
		start := time.Now()
		execute(b, c, "commit")
		took = append(took, 1000*time.Since(start).Seconds())
		time.Sleep(pause)
	}
	end := time.Now()
	wire.Stop()
	note("commit of one changed group (ms)", median(took))
	note("commit of one changed group (ms), the longest", slices.Max(took))
	for _, w := range []struct {
		name     string
		from, to time.Time
	}{{"meanwhile", busy, end}, {"without commits", quiet, busy}} {
		late, all, worst := lateOthers(wire, f.Interval, w.from, w.to)
		note("… adverts of others "+w.name, float64(all))
		note(fmt.Sprintf("… of these late by more than %v, %s", tooLate, w.name), float64(late))
		note("… the latest by (ms), "+w.name, 1000*worst.Seconds())
	}

	// All virtual routers change, then change back.
	text := v.ConfigText()
	files := make([]string, 2)
	for i := range files {
		files[i] = l.File(fmt.Sprintf("all-%d.toml", i), strings.ReplaceAll(text, "priority = 200", fmt.Sprintf("priority = %d", 180+i)))
	}
	var loads, commits []float64
	for i := range 6 {
		start := time.Now()
		execute(b, c, "load replace "+files[i%2])
		loaded := time.Now()
		execute(b, c, "commit")
		loads = append(loads, 1000*loaded.Sub(start).Seconds())
		commits = append(commits, 1000*time.Since(loaded).Seconds())
	}
	note("load replace of all (ms)", median(loads))
	note("… and its commit (ms)", median(commits))
	execute(b, c, "end")
}

// execute runs a command, which must succeed, in a session and returns its output.
func execute(b *testing.B, c *remote.Client, line string) string {
	b.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(b.Context(), benchPatience)
	defer cancel()
	if status := c.Execute(ctx, line, shell.IO{Out: &out, Err: &errs}); status != shell.Done {
		b.Fatalf("%q: status %d\n%s", line, status, errs.String())
	}
	return out.String()
}

// lateOthers counts the late adverts and all adverts between two times, without those of group 1 on the first link, and returns
// the longest delay.
func lateOthers(wire *lab.Capture, interval time.Duration, from, to time.Time) (late, all int, worst time.Duration) {
	type router struct {
		port string
		vrid uint8
	}
	last := map[router]time.Time{}
	for _, a := range wire.Adverts("", from.Add(-2*interval)) {
		r := router{a.Port, a.VRID}
		before, known := last[r]
		last[r] = a.Time
		if r == (router{"eth0", 1}) || !known || a.Time.Before(from) || a.Time.After(to) {
			continue
		}
		by := a.Time.Sub(before) - interval
		all++
		if by > tooLate {
			late++
		}
		worst = max(worst, by)
	}
	return late, all, worst
}
