// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// TestStartUp measures the time from exec to the first advert on the wire, which an address owner sends as soon as it can.
func TestStartUp(t *testing.T) {
	require(t)
	const (
		runs = 7
		goal = 100 * time.Millisecond
	)
	l := lab.New(t, 1)
	wire := l.Capture()
	r1 := l.Routers[0]
	v := l.VrrpshFile(bin, r1, fmt.Sprintf(
		"[[vrouter]]\ngroup = %d\ninterface = \"eth0\"\nvip = %q\nversion = 3\n", vrid, r1.Addr))
	var took []time.Duration
	for range runs {
		v.Start()
		first := wire.WaitMaster("r1", v.Started, patience)
		if first.Priority != 255 {
			t.Fatalf("the address owner's advert: %v", first)
		}
		took = append(took, first.Time.Sub(v.Started))
		v.WaitReady()
		v.Stop()
	}
	if got := r1.Holds(r1.Addr); got != "eth0" {
		t.Errorf("the owned address is on %q after the stop", got)
	}
	slices.Sort(took)
	t.Logf("exec to first advert, \"ip netns exec\" included: median %v of %v", took[runs/2], took)
	if took[runs/2] > goal {
		t.Errorf("median %v from exec to the first advert, want at most %v", took[runs/2], goal)
	}
}

// TestIdle measures the processor time and memory of a Master of ten groups with an interval of one second.
func TestIdle(t *testing.T) {
	require(t)
	const (
		groups  = 10
		span    = 10 * time.Second
		maxCPU  = 0.005 // of one core
		maxSize = 40 << 20
	)
	l := lab.New(t, 1)
	wire := l.Capture()
	var tables strings.Builder
	for i := 1; i <= groups; i++ {
		fmt.Fprintf(&tables, "[[vrouter]]\ngroup = %d\ninterface = \"eth0\"\nvip = \"192.0.2.%d\"\nversion = 3\n", i, 100+i)
	}
	v := l.VrrpshFile(bin, l.Routers[0], tables.String())
	v.Start()
	lab.Until(t, patience, "all groups are Master", func() error {
		all, err := v.TryStatus()
		if err != nil {
			return err
		}
		for _, s := range all {
			if s.State != "Master" {
				return fmt.Errorf("%+v", s)
			}
		}
		return nil
	})
	// Wait until the second round of announcements of a new Master has ended.
	settled := time.Now().Add(6 * time.Second)
	wire.Wait("r1", settled, patience, "an advert", func(lab.Advert) bool { return true })
	before, start := cpuTime(t, v.PID()), time.Now()
	wire.Wait("r1", start.Add(span), span+patience, "an advert", func(lab.Advert) bool { return true })
	used, took := cpuTime(t, v.PID())-before, time.Since(start)
	share := used.Seconds() / took.Seconds()
	size := residentSize(t, v.PID())
	t.Logf("%d groups as Master: %.2f %% of a core, %.1f MB", groups, share*100, float64(size)/(1<<20))
	if share > maxCPU {
		t.Errorf("%.2f %% of a core, want at most %.2f %%", share*100, maxCPU*100)
	}
	if size > maxSize {
		t.Errorf("%.1f MB resident, want at most %d MB", float64(size)/(1<<20), maxSize>>20)
	}
	v.Stop()
}

// cpuTime returns the processor time of all threads of a process.
func cpuTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(tasks) == 0 {
		t.Fatalf("threads of process %d: %v", pid, err)
	}
	var sum time.Duration
	for _, path := range tasks {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		ns, err := strconv.ParseInt(strings.Fields(string(b))[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += time.Duration(ns)
	}
	return sum
}

// residentSize returns the resident memory of a process in octets.
func residentSize(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb << 10
}
