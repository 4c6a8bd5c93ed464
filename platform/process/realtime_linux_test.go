package process

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func scheduling(t *testing.T) (policy, priority uint32) {
	t.Helper()
	a, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return a.Policy, a.Priority
}

// TestRealtimeThread gives a thread the priority and takes it back.
func TestRealtimeThread(t *testing.T) {
	done := make(chan bool)
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlock: the thread ends here
		err := Realtime{Priority: 7}.SetThread()
		if os.Geteuid() != 0 {
			if err == nil || !strings.Contains(err.Error(), "CAP_SYS_NICE") {
				t.Errorf("without the right: %v", err)
			}
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		if policy, priority := scheduling(t); policy != unix.SCHED_RR || priority != 7 {
			t.Errorf("policy %d, priority %d, want %d and 7", policy, priority, unix.SCHED_RR)
		}
		if err := (Realtime{}).SetThread(); err != nil {
			t.Error(err)
		}
		if policy, priority := scheduling(t); policy != unix.SCHED_NORMAL || priority != 0 {
			t.Errorf("taken back: policy %d, priority %d", policy, priority)
		}
	}()
	<-done
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
