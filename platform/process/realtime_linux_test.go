// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// scheduling counts the threads of a process by policy and priority, such as "2/7".
func scheduling(t *testing.T, pid string) map[string]int {
	t.Helper()
	threads, err := os.ReadDir("/proc/" + pid + "/task")
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, th := range threads {
		tid, _ := strconv.Atoi(th.Name())
		if a, err := unix.SchedGetAttr(tid, 0); err == nil {
			counts[fmt.Sprintf("%d/%d", a.Policy, a.Priority)]++
		}
	}
	return counts
}

// TestRealtime gives one thread the priority and the others the next lower one, and resets both. Programs started meanwhile
// have ordinary scheduling.
func TestRealtime(t *testing.T) {
	work, results := make(chan func() error), make(chan error)
	defer close(work)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for f := range work {
			results <- f()
		}
	}()
	onThread := func(f func() error) error { work <- f; return <-results }

	err := Realtime{Priority: 7}.SetPriority(onThread)
	defer func() {
		if err := (Realtime{}).SetPriority(onThread); err != nil {
			t.Error(err)
		}
		for what := range scheduling(t, "self") {
			if what != "0/0" {
				t.Errorf("after the reset a thread has policy and priority %s", what)
			}
		}
	}()
	if os.Geteuid() != 0 {
		if err == nil || !strings.Contains(err.Error(), "CAP_SYS_NICE") {
			t.Errorf("without the capability: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	counts := scheduling(t, "self")
	if counts["2/7"] != 1 || counts["2/6"] < realtimeThreads-1 || len(counts) != 2 {
		t.Errorf("threads by policy and priority: %v, want one at 2/7 and all others at 2/6", counts)
	}
	child := exec.Command("cat")
	in, _ := child.StdinPipe()
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if counts := scheduling(t, strconv.Itoa(child.Process.Pid)); counts["0/0"] != 1 {
		t.Errorf("a program that was started: %v", counts)
	}
	_ = in.Close()
	_ = child.Wait()
}

func lockedMemory(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "VmLck:")
	return strings.Fields(rest)[0]
}

func TestLockMemory(t *testing.T) {
	err := Realtime{LockMemory: true}.SetMemory()
	if err != nil {
		if os.Geteuid() == 0 || !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOMEM) {
			t.Fatal(err)
		}
		return
	}
	if lockedMemory(t) == "0" {
		t.Error("nothing is locked")
	}
	if err := (Realtime{}).SetMemory(); err != nil {
		t.Fatal(err)
	}
	if got := lockedMemory(t); got != "0" {
		t.Errorf("%s kB are still locked", got)
	}
}
