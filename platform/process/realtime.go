package process

import "runtime"

// Realtime is what makes the process answer in time on a busy machine.
type Realtime struct {
	// Priority is that of the threads that must not be late, in the real-time scheduling class in which equals take
	// turns (SCHED_RR), 1-99; 0: they are ordinary ones.
	Priority int
	// LockMemory keeps in memory what was touched once.
	LockMemory bool
}

// realtimeProcs is at least how many goroutines may run at once in a real-time process: one of a real-time thread must
// never wait for a place that an ordinary thread has, which another process keeps from running.
const realtimeProcs = 8

// Spare gives a real-time process places to run goroutines, and an ordinary one as many as there are processors.
func (r Realtime) Spare() {
	if r.Priority > 0 {
		runtime.GOMAXPROCS(max(realtimeProcs, runtime.NumCPU()))
		return
	}
	runtime.SetDefaultGOMAXPROCS()
}
