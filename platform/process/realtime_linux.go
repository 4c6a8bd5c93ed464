package process

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// SetThread gives the calling thread the priority. Threads that it starts are ordinary ones.
func (r Realtime) SetThread() error {
	a := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Flags: unix.SCHED_FLAG_RESET_ON_FORK}
	if r.Priority > 0 {
		a.Policy, a.Priority = unix.SCHED_RR, uint32(r.Priority)
	}
	if err := unix.SchedSetAttr(0, &a, 0); err != nil {
		if errors.Is(err, unix.EPERM) {
			return fmt.Errorf("real-time priority %d needs the capability CAP_SYS_NICE and a scheduling class that allows it: %w", r.Priority, err)
		}
		return fmt.Errorf("real-time priority %d: %w", r.Priority, err)
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
	// On fault: the address space that the runtime sets aside, but does not use, takes no memory.
	if err := unix.Mlockall(unix.MCL_CURRENT | unix.MCL_FUTURE | unix.MCL_ONFAULT); err != nil {
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOMEM) {
			return fmt.Errorf("locking memory needs the capability CAP_IPC_LOCK or a higher limit of locked memory: %w", err)
		}
		return fmt.Errorf("lock memory: %w", err)
	}
	return nil
}
