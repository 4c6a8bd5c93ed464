// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"vrrpsh/conf"
)

var (
	simFor   = flag.Duration("sim.for", 0, "run new seeds for so long")
	simSeed  = flag.Uint64("sim.seed", 0, "run this seed, with its trace")
	simFile  = flag.String("sim.file", "", "run the scenario in this file, with its trace")
	simFrom  = flag.Uint64("sim.from", 0, "run seeds from this one on")
	simN     = flag.Uint64("sim.n", 0, "run so many seeds")
	simKeep  = flag.String("sim.keep", "", "write the shrunk scenario of the first violation to this file of testdata")
	simGoOn  = flag.Bool("sim.goon", false, "go on after a violation, and shrink none")
	simTwice = flag.Int("sim.twice", 2, "how often TestSameTrace runs each scenario")
)

// TestSim runs seeds: a few, as many as the flags say, or new ones for some time.
func TestSim(t *testing.T) {
	if *simSeed != 0 || *simFile != "" {
		replay(t)
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(1000)) // a run allocates much and keeps little: a fourth of the time
	s := &search{t: t, total: Stats{Reached: make(Reached)}}
	from, end := uint64(1), uint64(31)
	until := time.Now().Add(365 * 24 * time.Hour)
	switch {
	case *simFor > 0:
		from, end = rand.Uint64N(1<<48), 1<<63
		until = time.Now().Add(*simFor)
		t.Logf("seeds from %d", from)
	case *simN > 0:
		from, end = *simFrom, *simFrom+*simN
	case testing.Short():
		end = 6
	}
	s.next.Store(from)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for seed := s.next.Add(1) - 1; seed < end && time.Now().Before(until) && (*simGoOn || !t.Failed()); seed = s.next.Add(1) - 1 {
				s.run(seed)
			}
		})
	}
	workers.Wait()
	s.summarize()
}

// search runs seeds and adds up what they do.
type search struct {
	t     *testing.T
	next  atomic.Uint64
	mu    sync.Mutex
	runs  int
	total Stats
}

func (s *search) run(seed uint64) {
	slow := time.AfterFunc(time.Minute, func() { s.t.Logf("seed %d has been running for a minute", seed) })
	defer slow.Stop()
	stuck := time.AfterFunc(15*time.Minute, func() { panic(fmt.Sprintf("seed %d does not end", seed)) })
	defer stuck.Stop()
	r := Run(Draw(seed), false)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs++
	s.total.Add(&r.Stats)
	if len(r.Violations) > 0 {
		s.t.Errorf("seed %d: %s", seed, r.Violations[0])
		if !*simGoOn && !testing.Short() { // with -short it is enough that there is one
			explain(s.t, seed, Draw(seed), r.Violations[0])
		}
	}
}

func (s *search) summarize() {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	cpu := time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
	n := &s.total
	s.t.Logf("%d scenarios in %.0f s of processor time: %.1f h simulated, %d happenings, %d turns, %d adverts, %d transitions, %d commits and %d refused, %d faults injected",
		s.runs, cpu, n.Simulated.Hours(), n.Events, n.Turns, n.Adverts, n.Moves, n.Commits, n.Refused, n.Faults)
	s.t.Logf("in a second of processor time: %.0f s simulated, %.0f happenings, %.1f commits, %.0f faults",
		n.Simulated.Seconds()/cpu, float64(n.Events)/cpu, float64(n.Commits)/cpu, float64(n.Faults)/cpu)
	s.t.Log(n.Reached)
}

// explain shrinks a scenario that shows a violation, prints the trace and keeps the scenario if it is asked to.
func explain(t *testing.T, seed uint64, s *Scenario, v Violation) {
	small := Shrink(s, 1500, func(r *Result) bool { return len(r.Violations) > 0 && r.Violations[0].Rule == v.Rule })
	t.Logf("shrunk scenario:\n%s", small.JSON())
	trace(t, Run(small, true))
	if *simKeep != "" {
		if err := os.WriteFile(filepath.Join("testdata", *simKeep+".json"), marshal(&regression{seed, v.Rule, small}), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// trace prints the trace of a run, without the calls of the disk.
func trace(t *testing.T, r *Result) {
	var b strings.Builder
	for _, line := range r.Trace {
		if !strings.Contains(line, " disk ") || strings.Contains(line, "VIOLATION") {
			fmt.Fprintln(&b, line)
		}
	}
	t.Logf("trace %x:\n%s", r.Hash, b.String())
}

// replay runs one scenario.
func replay(t *testing.T) {
	s := Draw(*simSeed)
	if *simFile != "" {
		s = load(t, *simFile).Scenario
	}
	r := Run(s, true)
	trace(t, r)
	for _, v := range r.Violations {
		t.Error(v)
	}
}

// TestDraw: what is drawn is valid, but for commits that are to be refused.
func TestDraw(t *testing.T) {
	for seed := range uint64(300) {
		s := Draw(seed)
		for i, m := range s.Machines {
			for _, text := range []string{m.Config, m.Final} {
				if _, _, err := conf.Load("drawn", []byte(text), conf.TOML); err != nil {
					t.Fatalf("seed %d, %s: %v\n%s", seed, machineName(i), err, text)
				}
			}
		}
		again, err := ParseScenario(s.JSON())
		if err != nil || string(again.JSON()) != string(s.JSON()) {
			t.Fatalf("seed %d is not the same when it was written and read: %v", seed, err)
		}
	}
}

// TestSameTrace: the same scenario has the same trace.
func TestSameTrace(t *testing.T) {
	seeds := uint64(8)
	if *simN > 0 {
		seeds = *simN
	}
	for seed := range seeds {
		first := Run(Draw(seed), false).Hash
		for range *simTwice - 1 {
			if h := Run(Draw(seed), false).Hash; h != first {
				t.Fatalf("seed %d: trace %x is %x the next time", seed, first, h)
			}
		}
	}
}

// regression is a scenario that has shown a fault.
type regression struct {
	Seed     uint64 // that it was shrunk from
	Rule     string // that it broke
	Scenario *Scenario
}

func load(t *testing.T, path string) *regression {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := new(regression)
	if err := unmarshal(data, r); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return r
}

// TestRegressions runs the scenarios that have shown a fault once.
func TestRegressions(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("there are none", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			if r := Run(load(t, path).Scenario, true); len(r.Violations) > 0 {
				t.Error(r.Violations[0])
				trace(t, r)
			}
		})
	}
}
