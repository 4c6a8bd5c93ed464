// SPDX-License-Identifier: GPL-3.0-only

package metrics

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Runtime holds the statistics of the Go runtime.
type Runtime struct {
	// Values are the values of package runtime/metrics by name.
	Values map[string]float64
	// Pauses are the quantiles 0, 0.25, 0.5, 0.75 and 1 of the pauses for garbage collection.
	Pauses  [5]time.Duration
	Paused  time.Duration // total
	Cycles  int64         // of garbage collection
	LastGC  time.Time
	Threads int // threads ever created
}

// ReadRuntime reads the statistics without stopping the program.
func ReadRuntime() *Runtime {
	samples := make([]metrics.Sample, len(sources))
	for i, name := range sources {
		samples[i].Name = name
	}
	metrics.Read(samples)
	r := &Runtime{Values: make(map[string]float64, len(sources))}
	for _, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			r.Values[s.Name] = float64(s.Value.Uint64())
		}
	}
	gc := debug.GCStats{PauseQuantiles: make([]time.Duration, len(r.Pauses))}
	debug.ReadGCStats(&gc)
	copy(r.Pauses[:], gc.PauseQuantiles)
	r.Paused, r.Cycles, r.LastGC = gc.PauseTotal, gc.NumGC, gc.LastGC
	r.Threads, _ = runtime.ThreadCreateProfile(nil)
	return r
}

// quantiles are the labels of Runtime.Pauses.
var quantiles = [...]string{"0", "0.25", "0.5", "0.75", "1"}

// ofGo lists the metrics of the Go runtime that are not in package runtime/metrics.
var ofGo = []metric{
	{"go_info", gauge, "Always 1; the label is the release of Go.", []string{"version"}, func(e *exposition, _ *State) {
		e.sample("", e.with(nil, "version", runtime.Version()), 1)
	}},
	{"go_gc_duration_seconds", summary, "Pauses for garbage collection; the program stands still meanwhile.", nil, func(e *exposition, s *State) {
		if s.Runtime == nil {
			return
		}
		for i, pause := range s.Runtime.Pauses {
			e.sample("", e.with(nil, "quantile", quantiles[i]), pause.Seconds())
		}
		e.sample("_sum", nil, s.Runtime.Paused.Seconds())
		e.sample("_count", nil, float64(s.Runtime.Cycles))
	}},
	ofRuntime("go_memstats_last_gc_time_seconds", gauge, "Time of the last garbage collection.", func(r *Runtime) float64 { return seconds(r.LastGC) }),
	ofRuntime("go_threads", gauge, "Threads created.", func(r *Runtime) float64 { return float64(r.Threads) }),
}

func ofRuntime(name string, k kind, help string, value func(*Runtime) float64) metric {
	return metric{name, k, help, nil, func(e *exposition, s *State) {
		if s.Runtime != nil {
			e.sample("", nil, value(s.Runtime))
		}
	}}
}

// Names in package runtime/metrics.
const (
	objects  = "/memory/classes/heap/objects:bytes"
	unused   = "/memory/classes/heap/unused:bytes"
	released = "/memory/classes/heap/released:bytes"
	free     = "/memory/classes/heap/free:bytes"
	stacks   = "/memory/classes/heap/stacks:bytes"
	tiny     = "/gc/heap/tiny/allocs:objects"
	spans    = "/memory/classes/metadata/mspan/inuse:bytes"
	caches   = "/memory/classes/metadata/mcache/inuse:bytes"
)

// sums lists the metrics that are sums of values of package runtime/metrics.
var sums = []struct {
	name string
	kind kind
	help string
	of   []string
}{
	{"go_goroutines", gauge, "Goroutines.", []string{"/sched/goroutines:goroutines"}},
	{"go_sched_gomaxprocs_threads", gauge, "Threads that may run Go code at the same time.", []string{"/sched/gomaxprocs:threads"}},
	{"go_gc_gogc_percent", gauge, "Growth of the heap that starts a garbage collection, GOGC.", []string{"/gc/gogc:percent"}},
	{"go_gc_gomemlimit_bytes", gauge, "Memory limit, GOMEMLIMIT.", []string{"/gc/gomemlimit:bytes"}},
	{"go_memstats_alloc_bytes", gauge, "Heap memory in use.", []string{objects}},
	{"go_memstats_alloc_bytes_total", counter, "Memory of the heap ever allocated.", []string{"/gc/heap/allocs:bytes"}},
	{"go_memstats_buck_hash_sys_bytes", gauge, "Memory of the profiler's tables.", []string{"/memory/classes/profiling/buckets:bytes"}},
	{"go_memstats_frees_total", counter, "Objects of the heap freed.", []string{"/gc/heap/frees:objects", tiny}},
	{"go_memstats_gc_sys_bytes", gauge, "Memory of the garbage collector.", []string{"/memory/classes/metadata/other:bytes"}},
	{"go_memstats_heap_alloc_bytes", gauge, "Heap memory in use.", []string{objects}},
	{"go_memstats_heap_idle_bytes", gauge, "Unused memory of the heap.", []string{released, free}},
	{"go_memstats_heap_inuse_bytes", gauge, "Memory of the heap's spans in use.", []string{objects, unused}},
	{"go_memstats_heap_objects", gauge, "Objects of the heap.", []string{"/gc/heap/objects:objects"}},
	{"go_memstats_heap_released_bytes", gauge, "Memory of the heap returned to the system.", []string{released}},
	{"go_memstats_heap_sys_bytes", gauge, "Memory of the heap, used and unused.", []string{objects, unused, released, free}},
	{"go_memstats_mallocs_total", counter, "Objects of the heap allocated.", []string{"/gc/heap/allocs:objects", tiny}},
	{"go_memstats_mcache_inuse_bytes", gauge, "Memory of the allocator's caches in use.", []string{caches}},
	{"go_memstats_mcache_sys_bytes", gauge, "Memory of the allocator's caches.", []string{caches, "/memory/classes/metadata/mcache/free:bytes"}},
	{"go_memstats_mspan_inuse_bytes", gauge, "Memory of the allocator's spans in use.", []string{spans}},
	{"go_memstats_mspan_sys_bytes", gauge, "Memory of the allocator's spans.", []string{spans, "/memory/classes/metadata/mspan/free:bytes"}},
	{"go_memstats_next_gc_bytes", gauge, "Size of the heap that starts the next garbage collection.", []string{"/gc/heap/goal:bytes"}},
	{"go_memstats_other_sys_bytes", gauge, "Memory of the runtime's other parts.", []string{"/memory/classes/other:bytes"}},
	{"go_memstats_stack_inuse_bytes", gauge, "Memory of the goroutines' stacks.", []string{stacks}},
	{"go_memstats_stack_sys_bytes", gauge, "Memory of all stacks.", []string{stacks, "/memory/classes/os-stacks:bytes"}},
	{"go_memstats_sys_bytes", gauge, "Memory taken from the system.", []string{"/memory/classes/total:bytes"}},
}

// ofMemory lists the metrics of sums; sources are the names of their values.
var ofMemory, sources = func() (list []metric, names []string) {
	seen := make(map[string]bool)
	for _, sum := range sums {
		for _, name := range sum.of {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
		list = append(list, ofRuntime(sum.name, sum.kind, sum.help, func(r *Runtime) float64 {
			var total float64
			for _, name := range sum.of {
				total += r.Values[name]
			}
			return min(total, math.MaxInt64)
		}))
	}
	return list, names
}()
