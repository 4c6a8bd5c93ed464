// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// fast measures one virtual router at 10 ms, by the host's pings.
func (x *bench) fast(b *testing.B, kind lab.Kind) {
	const title = "1 at 10 ms"
	g := lab.Group{VRID: vrid, Version: 3, Interval: 10 * time.Millisecond}
	var cut, stop []float64
	for range 5 {
		l := lab.New(b, 2)
		wire := l.Capture()
		var routers [2]lab.Router
		for i, n := range l.Routers {
			if kind == lab.KindKeepalived {
				routers[i] = l.Keepalived(n, g)
			} else {
				routers[i] = l.Vrrpsh(bin, n, g)
			}
		}
		master, backup := routers[0], routers[1]
		master.SetPriority(200)
		backup.SetPriority(100)
		backup.Start()
		master.Start()
		first := wire.WaitMaster("r1", time.Now(), patience)
		ping := l.Ping(lab.VIP)
		ping.WaitAnswer(first.Time, patience)
		change := func(do, undo func()) float64 {
			time.Sleep(time.Second) // let it settle
			start := time.Now()
			do()
			took := wire.WaitMaster("r2", start, patience)
			ping.WaitAnswer(took.Time.Add(wireSlack), patience)
			gap := ping.Longest(start)
			back := time.Now()
			undo()
			again := wire.WaitMaster("r1", back, patience)
			ping.WaitAnswer(again.Time.Add(wireSlack), patience)
			return 1000 * gap.Length().Seconds()
		}
		cut = append(cut, change(func() { l.Cut(master.Node()) }, func() { l.Join(master.Node()) }))
		stop = append(stop, change(master.Stop, master.Start))
		l.Close()
	}
	x.table.add(title, "link cut: host's gap (ms)", string(kind), median(cut))
	x.table.add(title, "clean stop: host's gap (ms)", string(kind), median(stop))
}

// punctual measures, on the wire, how far adverts with an interval of one second are from their due times.
func (x *bench) punctual(b *testing.B, kind lab.Kind) {
	const late = 5 * time.Millisecond
	f := fleetOf(1000, ether)
	l := lab.NewPair(b, f.Links)
	tally := l.Tally(l.Routers[0], f.Addrs())
	crew := l.Crew(kind, bin, l.Routers[0], f, 200)
	if _, err := tally.Wait(benchPatience); err != nil {
		b.Fatal(err)
	}
	time.Sleep(8 * time.Second)
	wire := l.CaptureAt(l.Routers[1])
	time.Sleep(time.Duration(x.seconds) * time.Second)
	wire.Stop()
	crew.Kill()

	type router struct {
		port string
		vrid uint8
	}
	last := map[router]time.Time{}
	all, within := 0, 0
	var off []float64
	for _, a := range wire.Adverts("", time.Time{}) {
		r := router{a.Port, a.VRID}
		if before, ok := last[r]; ok {
			by := a.Time.Sub(before) - f.Interval
			all++
			if by <= late {
				within++
			}
			off = append(off, 1000*by.Seconds())
		}
		last[r] = a.Time
	}
	if all == 0 {
		b.Fatal("no adverts")
	}
	slices.Sort(off)
	x.table.add("1000 × ether", "adverts within 5 ms of due (%)", string(kind), 100*float64(within)/float64(all))
	x.table.add("1000 × ether", "99.9 % are late by at most (ms)", string(kind), off[len(off)*999/1000])
}

// strain counts the changes of Master of 250 virtual routers at 100 ms, and of one at 10 ms, while other processes
// keep all processors busy.
func (x *bench) strain(b *testing.B, kind lab.Kind) {
	realTime := "[realtime]\npriority = 20\nlock_memory = true\n"
	if kind == lab.KindKeepalived {
		realTime = "  vrrp_rt_priority 20\n  vrrp_no_swap\n"
	}
	for _, s := range []struct{ name, settings string }{{"", ""}, {" with real time", realTime}} {
		for _, f := range []lab.Fleet{
			{Links: 1, PerLink: 250, Interval: 100 * time.Millisecond, Global: s.settings},
			{Links: 1, PerLink: 1, Interval: 10 * time.Millisecond, Global: s.settings},
		} {
			title := fmt.Sprintf("%d at %v, processors busy", f.Size(), f.Interval)
			if n, ok := x.changes(b, kind, f); ok {
				x.table.add(title, "changes of Master"+s.name, string(kind), float64(n))
			}
		}
	}
}

// changes counts how often a Backup became Master although there was one. It returns false if the start of the
// peer does not complete: keepalived with a real-time priority sometimes stops before its last address.
func (x *bench) changes(b *testing.B, kind lab.Kind, f lab.Fleet) (int, bool) {
	l := lab.NewPair(b, f.Links)
	defer l.Close()
	tally := l.Tally(l.Routers[0], f.Addrs())
	f.Preempt = true
	l.Crew(kind, bin, l.Routers[0], f, 200)
	if _, err := tally.Wait(benchPatience); err != nil {
		if kind == lab.KindVrrpsh {
			b.Fatal(err)
		}
		b.Logf("%s is not measured: %v", kind, err)
		return 0, false
	}
	l.Crew(kind, bin, l.Routers[1], f, 100)
	time.Sleep(5 * time.Second)
	wire := l.CaptureAt(l.Routers[0])
	for range 2 * runtime.NumCPU() {
		// The limit ends it even if this process dies first.
		busy := exec.Command("sh", "-c", fmt.Sprintf("ulimit -t %d; while :; do :; done", x.seconds+30))
		if err := busy.Start(); err != nil {
			b.Fatal(err)
		}
		defer func() {
			_ = busy.Process.Kill()
			_ = busy.Wait()
		}()
	}
	time.Sleep(time.Duration(x.seconds) * time.Second)
	wire.Stop()
	// All adverts of the Backup within one interval count as one change.
	changes := 0
	last := map[uint8]time.Time{}
	for _, a := range wire.Adverts("", time.Time{}) {
		if before, ok := last[a.VRID]; !ok || a.Time.Sub(before) > 2*f.Interval {
			changes++
		}
		last[a.VRID] = a.Time
	}
	return changes, true
}
