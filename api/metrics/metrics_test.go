// SPDX-License-Identifier: GPL-3.0-only

package metrics

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"vrrpsh/engine"
	"vrrpsh/engine/report"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/process"
)

var update = flag.Bool("update", false, "rewrite golden files")

var noon = time.Date(2026, time.March, 4, 12, 0, 0, 500e6, time.UTC)

func router(iface string, family vrrp.Family, vrid uint8, state vrrp.State) *engine.RouterStatus {
	return &engine.RouterStatus{
		Config: &engine.VirtualRouter{
			Key:      engine.Key{Interface: iface, Family: family, VRID: vrid},
			Protocol: vrrp.Config{Priority: 100},
		},
		Status: vrrp.Status{State: state, Since: noon, Priority: 90, Installed: state == vrrp.Master},
	}
}

// sampleState has a value for every metric.
func sampleState() *State {
	master, backup := router("eth0", vrrp.IPv4, 1, vrrp.Master), router("eth0", vrrp.IPv6, 1, vrrp.Backup)
	master.Counters = engine.Counters{
		AdvertsSent: 10, AdvertsReceived: 3, PriorityZeroSent: 1, PriorityZeroReceived: 2, BecameMaster: 4, SendErrors: 5,
	}
	master.Counters.Dropped[vrrp.DropTTL], master.Counters.Dropped[vrrp.DropAuthType] = 7, 8
	master.Counters.Tolerated[vrrp.DropInterval] = 9
	master.Counters.Transitions[vrrp.CauseMasterDown], master.Counters.Transitions[vrrp.CauseHigherPriority] = 4, 3
	master.Sync = &engine.SyncStatus{Name: "edge", Master: true}
	backup.Sync = master.Sync
	master.Rivals = make([]engine.Rival, 2)
	backup.Fault = "operation not permitted"
	master.SendFault = "cannot send: message too long"
	lost := router("eth9", vrrp.IPv4, 255, vrrp.Initialize)
	lost.Config.Shutdown = true
	file := engine.TrackObject{Name: "weight", Kind: engine.TrackFile}
	uplink := engine.TrackObject{Name: "uplink", Kind: engine.TrackInterface}
	return &State{
		Snapshot: &engine.Snapshot{
			Routers: []*engine.RouterStatus{master, backup, lost},
			Links: []engine.LinkStatus{
				{Link: engine.Link{Name: "lo", Up: true}},
				{Link: engine.Link{Name: "eth0", Up: true}, UnknownVRID: 6, Malformed: [vrrp.NumDropReasons]uint64{vrrp.DropChecksum: 2}},
			},
			Routes: []engine.RouteStatus{
				{StaticRoute: engine.StaticRoute{Destination: netip.MustParsePrefix("10.0.0.0/8")}, State: engine.RouteInstalled},
			},
			Tracks: []engine.TrackStatus{
				{Object: &uplink, State: engine.TrackUp, Changes: 5},
				{Object: &file, State: engine.TrackDown, Weight: -20},
			},
		},
		Load: &report.Load{
			Received: 11, Lost: 13, Sent: 12, TotalLate: 0.0125, MaxLate: 0.01, LongestTurn: 0.002, KernelQueue: 1, AnnounceQueue: 2,
			Late: []report.LateClass{{UpTo: 0.001, Count: 5}, {UpTo: 0.01, Count: 1}, {Count: 2}},
		},
		Process: process.Usage{Started: noon, CPU: 1500 * time.Millisecond, Heap: 1 << 20, Resident: 1 << 24, OpenFiles: 9, Goroutines: 8},
		Runtime: &Runtime{
			Values: map[string]float64{
				objects: 1 << 20, unused: 1 << 10, tiny: 3, "/gc/heap/allocs:objects": 4, "/sched/goroutines:goroutines": 8, "/sched/gomaxprocs:threads": 2,
			},
			Pauses: [5]time.Duration{1e6, 2e6, 3e6, 4e6, 5e6}, Paused: time.Second, Cycles: 9, LastGC: noon, Threads: 7,
		},
		Version: "1.0", Commit: 12, Committed: noon, Sessions: 3,
	}
}

// scrape writes the metrics of a state and reads them as Prometheus does.
func scrape(t testing.TB, s *State) map[string]*dto.MetricFamily {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, s); err != nil {
		t.Fatal(err)
	}
	p := expfmt.NewTextParser(model.UTF8Validation)
	families, err := p.TextToMetricFamilies(&b)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// flat returns the samples by name and labels.
func flat(families map[string]*dto.MetricFamily) map[string]float64 {
	samples := make(map[string]float64)
	for name, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			key := name + "{" + strings.Join(labels, ",") + "}"
			switch {
			case m.Histogram != nil:
				samples[name+"_sum"], samples[name+"_count"] = m.Histogram.GetSampleSum(), float64(m.Histogram.GetSampleCount())
				for _, b := range m.Histogram.Bucket {
					samples[name+"_bucket{le="+strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64)+"}"] = float64(b.GetCumulativeCount())
				}
			case m.Summary != nil:
				samples[name+"_sum"], samples[name+"_count"] = m.Summary.GetSampleSum(), float64(m.Summary.GetSampleCount())
				for _, q := range m.Summary.Quantile {
					samples[name+"{quantile="+strconv.FormatFloat(q.GetQuantile(), 'g', -1, 64)+"}"] = q.GetValue()
				}
			case m.Counter != nil:
				samples[key] = m.Counter.GetValue()
			default:
				samples[key] = m.Gauge.GetValue()
			}
		}
	}
	return samples
}

func TestSamples(t *testing.T) {
	got := flat(scrape(t, sampleState()))
	const four, six, lost = "interface=eth0,family=ipv4,group=1", "interface=eth0,family=ipv6,group=1", "interface=eth9,family=ipv4,group=255"
	at := float64(noon.UnixMilli()) / 1000
	for sample, want := range map[string]float64{
		"vrrpsh_config_commit{}": 12, "vrrpsh_config_commit_timestamp_seconds{}": at, "vrrpsh_sessions{}": 3,
		"vrrpsh_virtual_routers{state=master}": 1, "vrrpsh_virtual_routers{state=backup}": 1, "vrrpsh_virtual_routers{state=init}": 1,
		"vrrpsh_static_routes{state=installed}": 1, "vrrpsh_static_routes{state=failed}": 0,
		"vrrpsh_state{" + four + "}": 3, "vrrpsh_state{" + six + "}": 2, "vrrpsh_state{" + lost + "}": 1,
		"vrrpsh_state_timestamp_seconds{" + four + "}": at,
		"vrrpsh_priority{" + four + "}":                90, "vrrpsh_priority_configured{" + four + "}": 100,
		"vrrpsh_addresses_installed{" + four + "}": 1, "vrrpsh_addresses_installed{" + six + "}": 0,
		"vrrpsh_shutdown{" + four + "}": 0, "vrrpsh_shutdown{" + lost + "}": 1,
		"vrrpsh_rivals{" + four + "}": 2, "vrrpsh_rivals{" + six + "}": 0,
		"vrrpsh_fault{" + four + "}": 0, "vrrpsh_fault{" + six + "}": 1,
		"vrrpsh_send_fault{" + four + "}": 1, "vrrpsh_send_fault{" + six + "}": 0,
		"vrrpsh_adverts_sent_total{" + four + "}": 10, "vrrpsh_adverts_sent_total{" + six + "}": 0,
		"vrrpsh_adverts_received_total{" + four + "}":                                 3,
		"vrrpsh_priority_zero_sent_total{" + four + "}":                               1,
		"vrrpsh_priority_zero_received_total{" + four + "}":                           2,
		"vrrpsh_send_errors_total{" + four + "}":                                      5,
		"vrrpsh_master_transitions_total{" + four + "}":                               4,
		"vrrpsh_transitions_total{" + four + "}":                                      7,
		"vrrpsh_transitions_by_cause_total{" + four + ",cause=higher priority heard}": 3,
		"vrrpsh_adverts_dropped_total{" + four + "}":                                  15, "vrrpsh_adverts_dropped_total{" + six + "}": 0,
		"vrrpsh_adverts_dropped_by_reason_total{" + four + ",reason=auth-type}": 8,
		"vrrpsh_adverts_tolerated_total{" + four + ",reason=interval}":          9,
		"vrrpsh_sync_group_master{sync_group=edge}":                             1,
		"vrrpsh_interface_up{interface=eth0}":                                   1, "vrrpsh_interface_up{interface=eth9}": 0,
		"vrrpsh_interface_unknown_group_total{interface=eth0}":             6,
		"vrrpsh_interface_malformed_total{interface=eth0,reason=checksum}": 2,
		"vrrpsh_interface_malformed_total{interface=eth0,reason=ttl}":      0,
		"vrrpsh_track_up{object=uplink}":                                   1, "vrrpsh_track_up{object=weight}": 0,
		"vrrpsh_track_weight{object=weight}": -20, "vrrpsh_track_changes_total{object=uplink}": 5,
		"vrrpsh_loop_lateness_seconds_bucket{le=0.001}": 5, "vrrpsh_loop_lateness_seconds_bucket{le=0.01}": 6,
		"vrrpsh_loop_lateness_seconds_bucket{le=+Inf}": 8, "vrrpsh_loop_lateness_seconds_count": 8, "vrrpsh_loop_lateness_seconds_sum": 0.0125,
		"vrrpsh_loop_lateness_max_seconds{}": 0.01, "vrrpsh_loop_turn_max_seconds{}": 0.002,
		"vrrpsh_loop_received_total{}": 11, "vrrpsh_loop_lost_total{}": 13, "vrrpsh_loop_sent_total{}": 12, "vrrpsh_kernel_queue{}": 1, "vrrpsh_announcement_queue{}": 2,
		"process_cpu_seconds_total{}": 1.5, "process_resident_memory_bytes{}": 1 << 24, "process_open_fds{}": 9,
		"process_start_time_seconds{}": at, "go_goroutines{}": 8, "go_memstats_heap_alloc_bytes{}": 1 << 20,
		"go_memstats_alloc_bytes{}": 1 << 20, "go_memstats_heap_inuse_bytes{}": 1<<20 + 1<<10, "go_memstats_mallocs_total{}": 7,
		"go_gc_duration_seconds{quantile=0.75}": 0.004, "go_gc_duration_seconds_sum": 1, "go_gc_duration_seconds_count": 9,
		"go_memstats_last_gc_time_seconds{}": at, "go_threads{}": 7, "go_sched_gomaxprocs_threads{}": 2,
	} {
		if v, ok := got[sample]; !ok || v != want {
			t.Errorf("%s is %v (%t), want %v", sample, v, ok, want)
		}
	}
	for sample := range got {
		for _, never := range []string{"interface=lo", "by_reason_total{" + six, "by_cause_total{" + lost} {
			if strings.Contains(sample, never) {
				t.Errorf("there is %s", sample)
			}
		}
	}
}

// TestConventions checks the metrics against the conventions of Prometheus for names, units, types
// and help.
func TestConventions(t *testing.T) {
	families := scrape(t, sampleState())
	seen := map[string]bool{}
	for i := range all {
		m := &all[i]
		if seen[m.name] {
			t.Errorf("%s occurs twice", m.name)
		}
		seen[m.name] = true
		f := families[m.name]
		if f == nil {
			t.Errorf("%s has no sample", m.name)
			continue
		}
		if got := kind(strings.ToLower(f.GetType().String())); got != m.kind || f.GetHelp() != m.help || !strings.HasSuffix(m.help, ".") {
			t.Errorf("%s is read as a %s: %q", m.name, got, f.GetHelp())
		}
		if strings.HasSuffix(m.name, "_total") != (m.kind == counter) {
			t.Errorf("%s is a %s", m.name, m.kind)
		}
		for _, unit := range []string{"_ms", "_milliseconds", "_kb", "_minutes", "_mb"} {
			if strings.Contains(m.name+"_", unit+"_") {
				t.Errorf("%s is not in a base unit", m.name)
			}
		}
		for _, sample := range f.Metric {
			var labels []string
			for _, l := range sample.Label {
				labels = append(labels, l.GetName())
			}
			if !slices.Equal(labels, m.labels) {
				t.Errorf("%s has the labels %q, declared are %q", m.name, labels, m.labels)
			}
		}
	}
	if len(families) != len(all) {
		t.Errorf("%d metrics are written, %d exist", len(families), len(all))
	}
}

// TestRuntime compares the metrics of the Go runtime with those of the Prometheus client library: names, types and the values of
// gauges.
func TestRuntime(t *testing.T) {
	library := prometheus.NewRegistry()
	library.MustRegister(collectors.NewGoCollector())
	compare := func() (faults []string) {
		families, err := library.Gather()
		if err != nil {
			t.Fatal(err)
		}
		ours := scrape(t, &State{Snapshot: &engine.Snapshot{}, Runtime: ReadRuntime(), Process: process.Used()})
		for _, want := range families {
			got := ours[want.GetName()]
			switch {
			case got == nil:
				faults = append(faults, "there is no "+want.GetName())
			case got.GetType() != want.GetType():
				faults = append(faults, fmt.Sprintf("%s is a %s, want a %s", want.GetName(), got.GetType(), want.GetType()))
			case want.Metric[0].Gauge != nil:
				if a, b := got.Metric[0].Gauge.GetValue(), want.Metric[0].Gauge.GetValue(); math.Abs(a-b) > 1<<20+3*min(a, b) {
					faults = append(faults, fmt.Sprintf("%s is %v, want %v", want.GetName(), a, b))
				}
			}
		}
		return faults
	}
	faults := compare()
	for range 10 {
		if len(faults) == 0 {
			return
		}
		faults = compare() // a garbage collection may have come between the readings
	}
	t.Error(strings.Join(faults, "\n"))
}

// Unknown values are left out, and an empty configuration is not an error.
func TestUnknown(t *testing.T) {
	families := scrape(t, &State{Snapshot: &engine.Snapshot{}})
	for _, name := range []string{"vrrpsh_loop_sent_total", "vrrpsh_loop_lateness_seconds", "process_open_fds", "vrrpsh_config_commit_timestamp_seconds", "vrrpsh_state"} {
		if families[name] != nil {
			t.Errorf("there is %s: %v", name, families[name])
		}
	}
	if families["vrrpsh_virtual_routers"] == nil {
		t.Error("no number of virtual routers")
	}
}

func TestEscapes(t *testing.T) {
	s := sampleState()
	name := "a\"b\\c\nd{}é="
	s.Snapshot.Routers[0].Config.Interface = name
	s.Version = `v"1\`
	families := scrape(t, s)
	if got := families["vrrpsh_state"].Metric[0].Label[0].GetValue(); got != name {
		t.Errorf("interface %q, want %q", got, name)
	}
	if got := families["vrrpsh_build_info"].Metric[0].Label[0].GetValue(); got != s.Version {
		t.Errorf("version %q, want %q", got, s.Version)
	}
	var b bytes.Buffer
	e := exposition{w: &b}
	e.begin(&metric{name: "a", kind: gauge, help: "one\\\ntwo"})
	for _, v := range []float64{0, -3, 1e15, 1 << 53, 0.1, math.Inf(1), math.Inf(-1), math.NaN()} {
		e.sample("", nil, v)
	}
	e.flush()
	want := "# HELP a one\\\\\\ntwo\n# TYPE a gauge\na 0\na -3\na 1000000000000000\na 9.007199254740992e+15\na 0.1\na +Inf\na -Inf\na NaN\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

// broken fails after some bytes.
type broken struct{ left int }

var errBroken = errors.New("broken")

func (b *broken) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

func TestClientThatWentAway(t *testing.T) {
	s := manyState(1000)
	if err := Write(&broken{3 * chunk}, s); !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
	if n := len(scrape(t, s)["vrrpsh_state"].Metric); n != 1000 { // the failure has no aftereffect
		t.Errorf("%d states", n)
	}
}

// manyState has n virtual routers, 250 on an interface, all with counters that are not zero.
func manyState(n int) *State {
	s := sampleState()
	s.Snapshot.Routers = nil
	for i := range n {
		r := router("eth"+strconv.Itoa(i/250), vrrp.IPv4, uint8(1+i%250), vrrp.Master)
		r.Counters = engine.Counters{AdvertsSent: 1e6 + uint64(i), BecameMaster: 1}
		r.Counters.Transitions[vrrp.CauseStartup], r.Counters.Transitions[vrrp.CauseMasterDown] = 1, 1
		s.Snapshot.Routers = append(s.Snapshot.Routers, r)
	}
	return s
}

// TestNoAllocations checks that a scrape allocates the same few objects for any number of virtual
// routers.
func TestNoAllocations(t *testing.T) {
	count := func(n int) float64 {
		s := manyState(n)
		return testing.AllocsPerRun(10, func() { _ = Write(io.Discard, s) })
	}
	few, many := count(250), count(2500)
	if few > 50 || many > few+50 { // the other interfaces have some
		t.Errorf("%v objects for 250 virtual routers, %v for 2500", few, many)
	}
}

func BenchmarkScrape(b *testing.B) {
	s := manyState(4000)
	var size bytes.Buffer
	if err := Write(&size, s); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(size.Len()))
	b.ReportMetric(float64(bytes.Count(size.Bytes(), []byte("\n"))), "lines")
	b.ReportAllocs()
	for b.Loop() {
		if err := Write(io.Discard, s); err != nil {
			b.Fatal(err)
		}
	}
}

const (
	documentation = "../../docs/metrics.md"
	tableBegin    = "<!-- the metrics, by make generate -->\n"
	tableEnd      = "<!-- end of the metrics -->\n"
)

// TestReference keeps the list of the metrics in the documentation up to date: -update writes it.
func TestReference(t *testing.T) {
	text, err := os.ReadFile(documentation)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`vrrpsh_[a-z_]+`).FindAllString(string(text), -1) { // in alerts, for example
		if !slices.ContainsFunc(all, func(m metric) bool { return m.name == name }) {
			t.Errorf("%s mentions %s, which does not exist", documentation, name)
		}
	}
	before, rest, ok := strings.Cut(string(text), tableBegin)
	_, after, ended := strings.Cut(rest, tableEnd)
	if !ok || !ended {
		t.Fatalf("%s has no markers for the list", documentation)
	}
	var b strings.Builder
	b.WriteString(before + tableBegin + "| metric | type | labels | |\n|---|---|---|---|\n")
	for i := range all {
		m := &all[i]
		b.WriteString("| `" + m.name + "` | " + string(m.kind) + " | " + strings.Join(m.labels, ", ") + " | " + m.help + " |\n")
	}
	b.WriteString(tableEnd + after)
	if b.String() == string(text) {
		return
	}
	if !*update {
		t.Fatalf("%s is out of date: make generate", documentation)
	}
	if err := os.WriteFile(documentation, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
