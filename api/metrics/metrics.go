// SPDX-License-Identifier: GPL-3.0-only

package metrics

import (
	"io"
	"runtime"
	"sync"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/report"
	"vrrpsh/platform/process"
)

// State is the data for the metrics.
type State struct {
	Snapshot *engine.Snapshot
	Load     *report.Load // nil: unknown
	Process  process.Usage
	Runtime  *Runtime // nil: unknown
	Version  string
	// Commit and Committed are the number and the time of the running configuration's commit.
	Commit    uint64
	Committed time.Time
	Sessions  int // of shell sessions
}

// kind is the type of a metric.
type kind string

const (
	gauge     kind = "gauge"
	counter   kind = "counter"
	histogram kind = "histogram"
	summary   kind = "summary"
)

// metric is one metric, a family of samples that differ in their labels.
type metric struct {
	name   string
	kind   kind
	help   string
	labels []string
	write  func(e *exposition, s *State)
}

// expositions keeps buffers for later scrapes.
var expositions = sync.Pool{New: func() any { return new(exposition) }}

// Write writes all metrics.
func Write(w io.Writer, s *State) error {
	e := expositions.Get().(*exposition)
	e.w, e.err = w, nil
	e.identify(s.Snapshot)
	for i := range all {
		e.begin(&all[i])
		all[i].write(e, s)
	}
	e.flush()
	err := e.err
	e.w, e.err = nil, nil
	expositions.Put(e)
	return err
}

// all lists the metrics in output order.
var all = concat(ofProgram, ofRouters, ofInterfaces, ofTracking, ofLoop, ofProcess, ofGo, ofMemory)

func concat(lists ...[]metric) (all []metric) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// single returns a metric with one sample.
func single(name string, k kind, help string, value func(s *State) float64) metric {
	return metric{name, k, help, nil, func(e *exposition, s *State) { e.sample("", nil, value(s)) }}
}

// known returns a metric with one sample, or without samples if the value is 0, which means unknown.
func known(name string, k kind, help string, value func(s *State) float64) metric {
	return metric{name, k, help, nil, func(e *exposition, s *State) {
		if v := value(s); v != 0 {
			e.sample("", nil, v)
		}
	}}
}

// ofProgram lists the metrics of the router as a whole.
var ofProgram = []metric{
	{"vrrpsh_build_info", gauge, "Always 1; the labels name the release.", []string{"version", "goversion"}, func(e *exposition, s *State) {
		e.sample("", appendLabel(e.with(nil, "version", s.Version), "goversion", runtime.Version()), 1)
	}},
	single("vrrpsh_config_commit", gauge, "Number of the commit that made the running configuration.", func(s *State) float64 {
		return float64(s.Commit)
	}),
	known("vrrpsh_config_commit_timestamp_seconds", gauge, "Time of that commit.", func(s *State) float64 { return seconds(s.Committed) }),
	single("vrrpsh_sessions", gauge, "Shell sessions.", func(s *State) float64 { return float64(s.Sessions) }),
	{"vrrpsh_virtual_routers", gauge, "Virtual routers by state.", []string{"state"}, func(e *exposition, s *State) {
		var counts [len(stateNames)]int
		for _, r := range s.Snapshot.Routers {
			counts[r.State]++
		}
		for state, n := range counts {
			e.sample("", e.with(nil, "state", stateNames[state]), float64(n))
		}
	}},
	{"vrrpsh_static_routes", gauge, "Static routes by state.", []string{"state"}, func(e *exposition, s *State) {
		counts := make([]int, engine.RouteFailed+1)
		for i := range s.Snapshot.Routes {
			counts[s.Snapshot.Routes[i].State]++
		}
		for state, n := range counts {
			e.sample("", e.with(nil, "state", engine.RouteState(state).String()), float64(n))
		}
	}},
}

// ofLoop lists the metrics of the loop that sends and receives all adverts.
var ofLoop = []metric{
	{
		"vrrpsh_loop_lateness_seconds", histogram, "How late the event loop served timer deadlines.", nil,
		func(e *exposition, s *State) {
			if s.Load == nil {
				return
			}
			var n uint64
			for _, class := range s.Load.Late {
				bound := "+Inf"
				if class.UpTo > 0 {
					bound = string(appendValue(nil, class.UpTo))
				}
				n += class.Count
				e.sample("_bucket", e.with(nil, "le", bound), float64(n))
			}
			e.sample("_sum", nil, s.Load.TotalLate)
			e.sample("_count", nil, float64(n))
		},
	},
	ofLoad("vrrpsh_loop_lateness_max_seconds", gauge, "Largest delay of the event loop since the start.", func(l *report.Load) float64 { return l.MaxLate }),
	ofLoad("vrrpsh_loop_turn_max_seconds", gauge, "Longest time that the event loop was busy without a break.", func(l *report.Load) float64 { return l.LongestTurn }),
	ofLoad("vrrpsh_loop_received_total", counter, "VRRP packets received, before any check.", func(l *report.Load) float64 { return float64(l.Received) }),
	ofLoad("vrrpsh_loop_lost_total", counter, "VRRP packets lost because they came faster than they were read.", func(l *report.Load) float64 { return float64(l.Lost) }),
	ofLoad("vrrpsh_loop_sent_total", counter, "Adverts sent, counting one for each unicast peer.", func(l *report.Load) float64 { return float64(l.Sent) }),
	ofLoad("vrrpsh_kernel_fault", gauge, "1 while a kernel operation has failed and is retried; the log and show resources describe it.", func(l *report.Load) float64 {
		if l.KernelFault != "" {
			return 1
		}
		return 0
	}),
	ofLoad("vrrpsh_kernel_queue", gauge, "Virtual routers whose changes in the kernel are pending.", func(l *report.Load) float64 { return float64(l.KernelQueue) }),
	ofLoad("vrrpsh_announcement_queue", gauge, "Gratuitous ARP and Neighbor Advertisements waiting to be sent.", func(l *report.Load) float64 { return float64(l.AnnounceQueue) }),
}

func ofLoad(name string, k kind, help string, value func(*report.Load) float64) metric {
	return metric{name, k, help, nil, func(e *exposition, s *State) {
		if s.Load != nil {
			e.sample("", nil, value(s.Load))
		}
	}}
}

// ofProcess lists the metrics of the process, as ofGo and ofMemory those of the Go runtime, named as in the Prometheus client libraries.
var ofProcess = []metric{
	single("process_cpu_seconds_total", counter, "Processor time, user and system.", func(s *State) float64 { return s.Process.CPU.Seconds() }),
	known("process_resident_memory_bytes", gauge, "Resident memory.", func(s *State) float64 { return float64(s.Process.Resident) }),
	known("process_open_fds", gauge, "Open file descriptors.", func(s *State) float64 { return float64(s.Process.OpenFiles) }),
	single("process_start_time_seconds", gauge, "When the program started.", func(s *State) float64 { return seconds(s.Process.Started) }),
}

// seconds returns a time in seconds since 1970, as Prometheus expects, or 0 for the zero time.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
