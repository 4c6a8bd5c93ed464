package shell

import "vrrpsh/conf"

// realtimeSettings are the settings of the [realtime] table.
var realtimeSettings = []setting{
	number("realtime.priority", "realtime priority <priority:0-99>", "Real-time scheduling, so that no advert is late on a busy machine",
		inRealtime(func(r *conf.Realtime) **int { return &r.Priority }),
		"realtime", "Adverts in time on a busy machine", "priority", "Priority, 1-99 (SCHED_RR); 0 for none"),
	onOff("realtime.lock_memory", "realtime lock-memory", "Keep the router's memory from being swapped out", false,
		inRealtime(func(r *conf.Realtime) **bool { return &r.LockMemory })),
}
