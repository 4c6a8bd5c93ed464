// SPDX-License-Identifier: GPL-3.0-only

package metrics

import (
	"slices"
	"strconv"

	"vrrpsh/engine"
	"vrrpsh/engine/report"
	"vrrpsh/engine/vrrp"
)

// stateNames are the states in lower case, for labels.
var stateNames = [...]string{vrrp.Initialize: "init", vrrp.Backup: "backup", vrrp.Master: "master"}

// identity lists the names of the labels that identify a virtual router.
var identity = []string{"interface", "family", "group"}

// identify prepares the labels of all virtual routers.
func (e *exposition) identify(s *engine.Snapshot) {
	e.labels, e.ends = e.labels[:0], e.ends[:0]
	for _, r := range s.Routers {
		own := e.with(nil, "interface", r.Config.Interface)
		own = appendLabel(own, "family", report.Family(r.Config.Family))
		own = append(strconv.AppendUint(append(own, `,group="`...), uint64(r.Config.VRID), 10), '"')
		e.labels = append(e.labels, own...)
		e.ends = append(e.ends, len(e.labels))
	}
}

// of returns the labels of the i-th virtual router.
func (e *exposition) of(i int) []byte {
	from := 0
	if i > 0 {
		from = e.ends[i-1]
	}
	return e.labels[from:e.ends[i]]
}

// ofEach returns a metric with one sample for each virtual router.
func ofEach(name string, k kind, help string, value func(r *engine.RouterStatus) float64) metric {
	return metric{name, k, help, identity, func(e *exposition, s *State) {
		for i, r := range s.Snapshot.Routers {
			e.sample("", e.of(i), value(r))
		}
	}}
}

// counted returns the same as ofEach, for a counter.
func counted(name, help string, value func(c *engine.Counters) uint64) metric {
	return ofEach(name, counter, help, func(r *engine.RouterStatus) float64 { return float64(value(&r.Counters)) })
}

// apart returns a counter that has several samples per virtual router, distinguished by one more label. It omits
// samples that are 0: with one sample for every reason, thousands of virtual routers would have tens of thousands of
// samples that never change.
func apart(name, help, label string, names func(int) string, counts func(c *engine.Counters) []uint64) metric {
	labels := slices.Concat(identity, []string{label})
	return metric{name, counter, help, labels, func(e *exposition, s *State) {
		for i, r := range s.Snapshot.Routers {
			for which, n := range counts(&r.Counters) {
				if n > 0 {
					e.sample("", e.with(e.of(i), label, names(which)), float64(n))
				}
			}
		}
	}}
}

func reason(i int) string { return vrrp.DropReason(i).String() }
func cause(i int) string  { return vrrp.Cause(i).String() }

func sum(counts []uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}
	return n
}

// ofRouters lists the metrics of the virtual routers.
var ofRouters = []metric{
	ofEach("vrrpsh_state", gauge, "State: 1 Initialize, 2 Backup, 3 Master, as in RFC 6527.", func(r *engine.RouterStatus) float64 { return float64(r.State) + 1 }),
	ofEach("vrrpsh_state_timestamp_seconds", gauge, "When the current state was entered.", func(r *engine.RouterStatus) float64 { return seconds(r.Since) }),
	ofEach("vrrpsh_priority", gauge, "Priority in effect: 255 for the address owner, less than configured while tracked objects are down.", func(r *engine.RouterStatus) float64 { return float64(r.Priority) }),
	ofEach("vrrpsh_priority_configured", gauge, "Configured priority.", func(r *engine.RouterStatus) float64 { return float64(r.Config.Protocol.Priority) }),
	ofEach("vrrpsh_shutdown", gauge, "Whether the virtual router is administratively down.", func(r *engine.RouterStatus) float64 { return truth(r.Config.Shutdown) }),
	ofEach("vrrpsh_addresses_installed", gauge, "Whether the kernel has the virtual addresses.", func(r *engine.RouterStatus) float64 { return truth(r.Installed) }),
	ofEach("vrrpsh_fault", gauge, "Whether the kernel or the interface has a fault; show vrrp describes it.", func(r *engine.RouterStatus) float64 { return truth(r.Fault != "") }),
	ofEach("vrrpsh_send_fault", gauge, "Whether adverts cannot be sent; show vrrp gives the reason.", func(r *engine.RouterStatus) float64 { return truth(r.SendFault != "") }),
	counted("vrrpsh_adverts_sent_total", "Adverts sent, without those that failed.", func(c *engine.Counters) uint64 { return c.AdvertsSent }),
	counted("vrrpsh_adverts_received_total", "Adverts received and accepted.", func(c *engine.Counters) uint64 { return c.AdvertsReceived }),
	counted("vrrpsh_adverts_dropped_total", "Adverts discarded, for any reason.", func(c *engine.Counters) uint64 { return sum(c.Dropped[:]) }),
	counted("vrrpsh_priority_zero_sent_total", "Adverts with priority 0 sent: this router resigned as Master.", func(c *engine.Counters) uint64 { return c.PriorityZeroSent }),
	counted("vrrpsh_priority_zero_received_total", "Adverts with priority 0 received: another router resigned as Master.", func(c *engine.Counters) uint64 { return c.PriorityZeroReceived }),
	counted("vrrpsh_send_errors_total", "Adverts that could not be sent.", func(c *engine.Counters) uint64 { return c.SendErrors }),
	counted("vrrpsh_transitions_total", "Changes of state.", func(c *engine.Counters) uint64 { return sum(c.Transitions[:]) }),
	counted("vrrpsh_master_transitions_total", "Changes of state to Master.", func(c *engine.Counters) uint64 { return c.BecameMaster }),
	counted("vrrpsh_address_claims_total", "Claims of virtual addresses of this Master by other hosts, by ARP or Neighbor Discovery.", func(c *engine.Counters) uint64 { return c.Claims }),
	counted("vrrpsh_transitions_untold_total", "Changes of state left out of logs and notifications because there were too many.", func(c *engine.Counters) uint64 { return c.Untold }),
	ofEach("vrrpsh_rivals", gauge, "Other routers with a claim that only one router may have; show vrrp lists them.", func(r *engine.RouterStatus) float64 { return float64(len(r.Rivals)) }),
	apart("vrrpsh_adverts_dropped_by_reason_total", "Adverts discarded, by reason; without zeros.", "reason", reason,
		func(c *engine.Counters) []uint64 { return c.Dropped[:] }),
	apart("vrrpsh_adverts_tolerated_total", "Adverts accepted despite a mismatch, by reason; without zeros.", "reason", reason,
		func(c *engine.Counters) []uint64 { return c.Tolerated[:] }),
	apart("vrrpsh_transitions_by_cause_total", "Changes of state, by cause; without zeros.", "cause", cause,
		func(c *engine.Counters) []uint64 { return c.Transitions[:] }),
	{"vrrpsh_sync_group_master", gauge, "Whether the members of the sync group are Master.", []string{"sync_group"}, func(e *exposition, s *State) {
		seen := map[string]bool{}
		for _, r := range s.Snapshot.Routers {
			if g := r.Sync; g != nil && !seen[g.Name] {
				seen[g.Name] = true
				e.sample("", e.with(nil, "sync_group", g.Name), truth(g.Master))
			}
		}
	}},
}

// eachInterface calls f for each interface with virtual routers, in configuration order. l is nil while the interface
// does not exist.
func eachInterface(s *engine.Snapshot, f func(name string, l *engine.LinkStatus)) {
	links := make(map[string]*engine.LinkStatus, len(s.Links))
	for i := range s.Links {
		links[s.Links[i].Name] = &s.Links[i]
	}
	seen := map[string]bool{}
	for _, r := range s.Routers {
		if name := r.Config.Interface; !seen[name] {
			seen[name] = true
			f(name, links[name])
		}
	}
}

// malformations are the drop reasons of packets that cannot be assigned to a virtual router.
var malformations = []vrrp.DropReason{vrrp.DropTTL, vrrp.DropCARP, vrrp.DropLength, vrrp.DropVersion, vrrp.DropType, vrrp.DropChecksum}

// ofInterfaces lists the metrics of the interfaces with virtual routers.
var ofInterfaces = []metric{
	{"vrrpsh_interface_up", gauge, "Whether the interface exists and is up.", []string{"interface"}, func(e *exposition, s *State) {
		eachInterface(s.Snapshot, func(name string, l *engine.LinkStatus) {
			e.sample("", e.with(nil, "interface", name), truth(l != nil && l.Up))
		})
	}},
	{"vrrpsh_interface_unknown_group_total", counter, "Adverts of groups that are not configured on the interface.", []string{"interface"}, func(e *exposition, s *State) {
		eachInterface(s.Snapshot, func(name string, l *engine.LinkStatus) {
			if l != nil {
				e.sample("", e.with(nil, "interface", name), float64(l.UnknownVRID))
			}
		})
	}},
	{"vrrpsh_interface_malformed_total", counter, "Packets discarded because their group is unknown or not configured, by reason.", []string{"interface", "reason"}, func(e *exposition, s *State) {
		eachInterface(s.Snapshot, func(name string, l *engine.LinkStatus) {
			if l == nil {
				return
			}
			for _, r := range malformations {
				e.sample("", appendLabel(e.with(nil, "interface", name), "reason", r.String()), float64(l.Malformed[r]))
			}
		})
	}},
}

// ofTracking lists the metrics of the tracked objects.
var ofTracking = []metric{
	ofTrack("vrrpsh_track_up", gauge, "Whether the tracked object is up.", func(t *engine.TrackStatus) float64 { return truth(t.State == engine.TrackUp) }),
	ofTrack("vrrpsh_track_weight", gauge, "What the tracked file adds to priorities.", func(t *engine.TrackStatus) float64 { return float64(t.Weight) }),
	ofTrack("vrrpsh_track_changes_total", counter, "Changes of the tracked object.", func(t *engine.TrackStatus) float64 { return float64(t.Changes) }),
}

func ofTrack(name string, k kind, help string, value func(*engine.TrackStatus) float64) metric {
	return metric{name, k, help, []string{"object"}, func(e *exposition, s *State) {
		for i := range s.Snapshot.Tracks {
			t := &s.Snapshot.Tracks[i]
			e.sample("", e.with(nil, "object", t.Object.Name), value(t))
		}
	}}
}
