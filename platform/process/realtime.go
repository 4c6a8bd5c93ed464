// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"runtime"
	"sync"
)

// Realtime holds the settings that make the process answer in time on a busy machine.
type Realtime struct {
	// Priority is the priority (1-99) of the thread that must not be late, in the round-robin real-time scheduling
	// class (SCHED_RR); 0: ordinary scheduling.
	Priority int
	// LockMemory keeps pages in memory once they were used.
	LockMemory bool
}

// SetPriority gives the priority to the thread on which onThread calls its argument, and the priority of below to all
// other threads: the threads share locks, and the urgent thread must not wait for a thread that another process keeps
// from running. Processes that this process starts have ordinary scheduling.
func (r Realtime) SetPriority(onThread func(func() error) error) error {
	if r.Priority > 0 {
		// An urgent goroutine must always find a processor to run on, even during a garbage collection.
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

// below is the priority of all threads except the urgent one.
func (r Realtime) below() int {
	if r.Priority == 0 {
		return 0
	}
	return max(1, r.Priority-1)
}

// realtimeThreads is the number of threads that a real-time process starts in advance: threads that it starts later
// would have ordinary scheduling.
const realtimeThreads = 16

// spawnThreads makes the runtime start n threads. The runtime keeps idle threads.
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
