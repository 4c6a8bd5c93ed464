// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"runtime"
	"sync"
)

// Realtime is what makes the process answer in time on a busy machine.
type Realtime struct {
	// Priority is that of the thread that must not be late, in the real-time scheduling class in which equals take
	// turns (SCHED_RR), 1-99; 0: it is an ordinary one.
	Priority int
	// LockMemory keeps in memory what was touched once.
	LockMemory bool
}

// SetPriority gives the thread on which onThread calls its argument the priority, and all others that of below: the
// threads of one process share locks, and the urgent one must not wait for one that another process keeps from
// running. What the process starts is ordinary.
func (r Realtime) SetPriority(onThread func(func() error) error) error {
	if r.Priority > 0 {
		// An urgent goroutine must always find a place to run, also beside a collection of garbage.
		runtime.GOMAXPROCS(max(realtimeThreads/2, runtime.NumCPU()))
		spawnThreads(realtimeThreads)
	} else {
		runtime.SetDefaultGOMAXPROCS()
	}
	if err := setThreads(r.below()); err != nil {
		return err
	}
	return onThread(func() error { return setThread(0, r.Priority) })
}

// below is the priority of all threads but one.
func (r Realtime) below() int {
	if r.Priority == 0 {
		return 0
	}
	return max(1, r.Priority-1)
}

// realtimeThreads is how many threads a real-time process has before it has to start others, which would be
// ordinary ones.
const realtimeThreads = 16

// spawnThreads makes the runtime have n threads. It keeps idle ones.
func spawnThreads(n int) {
	var all, done sync.WaitGroup
	all.Add(n)
	for range n {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			all.Done()
			all.Wait()
		})
	}
	done.Wait()
}
