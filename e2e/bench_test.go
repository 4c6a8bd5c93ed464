// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// bench holds the settings of BenchmarkSideBySide from the environment, and its results.
type bench struct {
	groups  []int    // BENCH_GROUPS: numbers of virtual routers, 250 per link
	cases   []string // BENCH_CASES
	peers   []lab.Kind
	seconds int // BENCH_SECONDS: duration of the measurement of processor time
	runs    int // BENCH_RUNS

	table benchTable
}

// perLink is the number of virtual routers on one link of a large fleet.
const perLink = 250

// frrLimit is the largest fleet for FRR: larger ones take minutes to start.
const frrLimit = 1000

// BenchmarkSideBySide runs vrrpsh, keepalived and FRR on the same topology, one after the other, and prints a table.
// "make bench" runs it with -benchtime 1x.
func BenchmarkSideBySide(b *testing.B) {
	if missing != "" {
		b.Skip(missing)
	}
	x := &bench{
		cases: list("BENCH_CASES", "ether,macvlan,fast,punctual,strain,shell"), seconds: number("BENCH_SECONDS", 20), runs: number("BENCH_RUNS", 1),
	}
	for _, s := range list("BENCH_GROUPS", "1,1000,4000") {
		n, err := strconv.Atoi(s)
		if err != nil {
			b.Fatalf("BENCH_GROUPS: %v", err)
		}
		x.groups = append(x.groups, n)
	}
	for _, s := range list("BENCH_PEERS", "vrrpsh,keepalived,frr") {
		x.peers = append(x.peers, lab.Kind(s))
	}
	head := machine()
	start := time.Now()
	for run := range x.runs {
		for _, c := range x.cases {
			began := time.Now()
			b.Run(fmt.Sprintf("%s/%d", c, run+1), func(b *testing.B) { x.run(b, c) })
			fmt.Printf("%s, run %d of %d: %.1f minutes\n", c, run+1, x.runs, time.Since(began).Minutes())
		}
	}
	text := fmt.Sprintf("%s; %d runs, %.1f minutes\n\n%s\n%s", head, x.runs, time.Since(start).Minutes(), &x.table, x.table.growth())
	fmt.Printf("\n%s", text)
	if path := os.Getenv("BENCH_OUT"); path != "" {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
}

func (x *bench) run(b *testing.B, name string) {
	switch name {
	case "ether", "macvlan":
		for _, n := range x.groups {
			for _, kind := range x.peers {
				if kind == lab.KindFRR && (n > frrLimit || name == "ether") {
					continue // FRR supports macvlans only
				}
				b.Run(fmt.Sprintf("%d/%s", n, kind), func(b *testing.B) { x.crowd(b, name, kind, n) })
			}
		}
	case "fast":
		for _, kind := range x.peers {
			if kind != lab.KindFRR { // FRR's Skew_Time is 0 at this interval
				b.Run(string(kind), func(b *testing.B) { x.fast(b, kind) })
			}
		}
	case "punctual":
		for _, kind := range x.peers {
			if kind != lab.KindFRR {
				b.Run(string(kind), func(b *testing.B) { x.punctual(b, kind) })
			}
		}
	case "strain":
		for _, kind := range x.peers {
			if kind != lab.KindFRR {
				b.Run(string(kind), func(b *testing.B) { x.strain(b, kind) })
			}
		}
	case "shapes":
		x.shapes(b)
	case "shell":
		x.shell(b)
	default:
		b.Fatalf("BENCH_CASES: no case %q", name)
	}
}

// fleetOf spreads n virtual routers over links.
func fleetOf(n int, iftype string) lab.Fleet {
	f := lab.Fleet{Links: 1, PerLink: n, Interval: time.Second, Macvlan: iftype == macvlan, Preempt: true}
	if n > perLink {
		f.Links, f.PerLink = (n+perLink-1)/perLink, perLink
	}
	return f
}

// benchPatience bounds each wait in a benchmark.
const benchPatience = 3 * time.Minute

// crowd measures one program with n virtual routers at one second.
func (x *bench) crowd(b *testing.B, iftype string, kind lab.Kind, n int) {
	f := fleetOf(n, iftype)
	title := fmt.Sprintf("%d × %s", f.Size(), iftype)
	l := lab.NewPair(b, f.Links)
	r1, r2 := l.Routers[0], l.Routers[1]
	note := func(what string, v float64) { x.table.add(title, what, string(kind), v) }

	// FRR's addresses always exist, so its Masters are counted on the wire.
	first := l.Tally(r1, f.Addrs())
	wire := l.CaptureAt(r2)
	master := l.Crew(kind, bin, r1, f, 200)
	if kind == lab.KindFRR {
		waitMasters(b, wire, f.Size(), master.Started)
	} else {
		last, err := first.Wait(benchPatience)
		if err != nil {
			b.Fatal(err)
		}
		note("start → addresses (s)", last.Sub(master.Started).Seconds())
	}
	backup := l.Crew(kind, bin, r2, f, 100)
	// Wait for the second round of announcements after five seconds, and until the Backup has heard the Master.
	wire.Stop()
	time.Sleep(max(8*time.Second, time.Duration(n)*3*time.Millisecond))
	settled := kind != lab.KindFRR || hasRead(b, backup)

	before1, before2, start := cpuOf(b, master), cpuOf(b, backup), time.Now()
	time.Sleep(time.Duration(x.seconds) * time.Second)
	took, used1, used2 := time.Since(start).Seconds(), cpuOf(b, master)-before1, cpuOf(b, backup)-before2
	spent := func(state string, spent time.Duration) {
		note("CPU as "+state+" (%)", 100*spent.Seconds()/took)
		note("CPU as "+state+", per advert (µs)", 1e6*spent.Seconds()/took/float64(f.Size()))
	}
	spent("Master", used1)
	rss, pss := memoryOf(b, master)
	note("memory, RSS (MB)", rss)
	note("memory, PSS (MB)", pss)
	if !settled {
		note("Backup still reads its configuration after (s)", time.Since(backup.Started).Seconds())
		backup.Kill()
		master.Kill()
		return
	}
	spent("Backup", used2)
	if v := master.Vrrpsh; v != nil {
		x.manage(b, v, title)
	}

	wire = l.CaptureAt(r1)
	taken := l.Tally(r2, f.Addrs())
	killed := time.Now()
	master.Kill()
	if kind == lab.KindFRR {
		note("kill → Masters (s)", waitMasters(b, wire, f.Size(), killed).Sub(killed).Seconds())
	} else {
		last, err := taken.Wait(benchPatience)
		if err != nil {
			b.Fatal(err)
		}
		note("kill → addresses (s)", last.Sub(killed).Seconds())
		note("… first Gratuitous ARP of all (s)", waitAnnounced(b, wire, f, killed).Sub(killed).Seconds())
	}
	wire.Stop()
	backup.Kill()
}

// manage measures the response times for a user of vrrpsh.
func (x *bench) manage(b *testing.B, v *lab.Vrrpsh, title string) {
	timed := func(what string, do func()) {
		var took []float64
		for range 5 {
			start := time.Now()
			do()
			took = append(took, 1000*time.Since(start).Seconds())
		}
		x.table.add(title, what, string(lab.KindVrrpsh), median(took))
	}
	priority := 200
	timed("commit of one group (ms)", func() {
		priority++
		v.Script("configure", fmt.Sprintf("interface eth0 vrrp 1 priority %d", priority), "commit", "end")
	})
	timed("GET /run/vrrp (ms)", func() {
		if _, err := v.TryStatus(); err != nil {
			b.Error(err)
		}
	})
	timed("show vrrp brief (ms)", func() { v.Show("show", "vrrp", "brief") })
	timed("show vrrp, one group (ms)", func() { v.Show("show", "vrrp", "interface", "eth0", "group", "1") })
}

// hasRead waits until a router has read its configuration, which takes FRR a long time and keeps one
// processor busy. It reports whether this has ended.
func hasRead(b *testing.B, c *lab.Crew) bool {
	b.Helper()
	const look = 2 * time.Second
	for deadline := time.Now().Add(benchPatience); time.Now().Before(deadline); {
		before := cpuOf(b, c)
		time.Sleep(look)
		if cpuOf(b, c)-before <= look/4 {
			return true
		}
	}
	return false
}

// waitMasters waits until n virtual routers have sent adverts on the wire since a time, and returns the time of the last one's first advert.
func waitMasters(b *testing.B, wire *lab.Capture, n int, since time.Time) time.Time {
	b.Helper()
	type router struct {
		port string
		vrid uint8
	}
	var last time.Time
	until(b, "all virtual routers have a Master", func() error {
		seen := map[router]bool{}
		for _, a := range wire.Adverts("", since) {
			if r := (router{a.Port, a.VRID}); a.Priority > 0 && !seen[r] {
				seen[r], last = true, a.Time
			}
		}
		if len(seen) < n {
			return fmt.Errorf("%d of %d", len(seen), n)
		}
		return nil
	})
	return last
}

// waitAnnounced waits until each address has been announced by ARP since a time, and returns the time of the last one's first announcement.
func waitAnnounced(b *testing.B, wire *lab.Capture, f lab.Fleet, since time.Time) time.Time {
	b.Helper()
	missing := map[netip.Addr]bool{}
	for _, a := range f.Addrs() {
		missing[a] = true
	}
	var last time.Time
	done := 0
	until(b, "all addresses were announced", func() error {
		frames := wire.Frames("", since)
		for _, frame := range frames[done:] {
			if addr, ok := lab.AnnouncedByARP(frame); ok && missing[addr] {
				delete(missing, addr)
				last = frame.Time
			}
		}
		done = len(frames)
		if len(missing) > 0 {
			return fmt.Errorf("%d are not", len(missing))
		}
		return nil
	})
	return last
}

// until is lab.Until with fewer checks.
func until(b *testing.B, what string, cond func() error) {
	b.Helper()
	deadline := time.Now().Add(benchPatience)
	for {
		err := cond()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("not within %v: %s: %v", benchPatience, what, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// cpuOf returns the processor time of a router's processes.
func cpuOf(b *testing.B, c *lab.Crew) (sum time.Duration) {
	b.Helper()
	for _, pid := range c.PIDs() {
		sum += cpuTime(b, pid)
	}
	return sum
}

// memoryOf returns the resident and the proportional memory of a router's processes in MB.
func memoryOf(b *testing.B, c *lab.Crew) (rss, pss float64) {
	b.Helper()
	for _, pid := range c.PIDs() {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			b.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			fields := strings.Fields(line)
			if len(fields) < 2 {
				continue
			}
			kb, _ := strconv.ParseFloat(fields[1], 64)
			switch fields[0] {
			case "Rss:":
				rss += kb / 1024
			case "Pss:":
				pss += kb / 1024
			}
		}
	}
	return rss, pss
}

// list returns the elements of a list in the environment.
func list(name, otherwise string) []string {
	value := os.Getenv(name)
	if value == "" {
		value = otherwise
	}
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}

func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

// machine describes the machine and the time of the measurement.
func machine() string {
	first := func(argv ...string) string {
		out, _ := exec.Command(argv[0], argv[1:]...).CombinedOutput()
		line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return line
	}
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(text), "model name\t: "); ok {
			model, _, _ = strings.Cut(rest, "\n")
		}
	}
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("%s, %d × %s, Linux %s, %s, %s; load %s", time.Now().Format(time.DateOnly), runtime.NumCPU(), model,
		first("uname", "-r"), first("keepalived", "--version"), first("/usr/lib/frr/vrrpd", "--version"), strings.TrimSpace(string(load)))
}
