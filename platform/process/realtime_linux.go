// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// setThreads gives all threads a priority, including threads that start meanwhile.
func setThreads(priority int) error {
	set := map[int]bool{}
	for more := true; more; {
		more = false
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("list threads: %w", err)
		}
		for _, t := range threads {
			tid, err := strconv.Atoi(t.Name())
			if err != nil || set[tid] {
				continue
			}
			if err := setThread(tid, priority); err != nil && !errors.Is(err, unix.ESRCH) { // the thread has ended
				return err
			}
			set[tid], more = true, true
		}
	}
	return nil
}

// setThread sets the priority of a thread; tid 0 is the calling thread. Its children have ordinary scheduling.
func setThread(tid, priority int) error {
	a := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	if priority > 0 {
		a.Policy, a.Priority = unix.SCHED_RR, uint32(priority)
	}
	err := unix.SchedSetAttr(tid, &a, 0)
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("real-time scheduling needs the capability CAP_SYS_NICE, and a control group that allows it: %w", err)
	case err != nil:
		return fmt.Errorf("real-time scheduling: %w", err)
	}
	return nil
}

// SetMemory locks the memory of the process, or unlocks it.
func (r Realtime) SetMemory() error {
	if !r.LockMemory {
		if err := unix.Munlockall(); err != nil {
			return fmt.Errorf("unlock memory: %w", err)
		}
		return nil
	}
	// MCL_ONFAULT: address space that the runtime reserves but does not use must take no memory.
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOMEM) {
			return fmt.Errorf("locking memory needs the capability CAP_IPC_LOCK or a higher limit of locked memory: %w", err)
		}
		return fmt.Errorf("lock memory: %w", err)
	}
	return nil
}
