// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Reached is how often an event has met a state and a fault.
type Reached map[Cell]int

// Cell is an event in a state of a virtual router, or of a machine that is off, within a second after a fault.
type Cell struct{ State, Event, Fault string }

// reached counts an event.
func (w *world) reached(state, event string) {
	none := true
	for fault, at := range w.recent {
		if w.now-at > time.Second {
			delete(w.recent, fault)
			continue
		}
		none = false
		w.stats.Reached[Cell{state, event, fault}]++
	}
	if none {
		w.stats.Reached[Cell{state, event, "none"}]++
	}
}

// fault counts a fault that was injected.
func (w *world) fault(kind string) {
	w.stats.Faults++
	w.recent[kind] = w.now
}

// Add adds what another run has reached.
func (r Reached) Add(o Reached) {
	for c, n := range o {
		r[c] += n
	}
}

// String returns how much of states × events × faults was reached.
func (r Reached) String() string {
	counts := map[string]map[string]int{"states": {}, "events": {}, "faults": {}}
	for c, n := range r {
		counts["states"][c.State] += n
		counts["events"][c.Event] += n
		counts["faults"][c.Fault] += n
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d × %d × %d cells of state × event × fault\n", len(r), len(counts["states"]), len(counts["events"]), len(counts["faults"]))
	for _, what := range []string{"states", "events", "faults"} {
		fmt.Fprintf(&b, "%s:", what)
		for _, name := range slices.Sorted(maps.Keys(counts[what])) {
			fmt.Fprintf(&b, " %s %d,", name, counts[what][name])
		}
		b.WriteString("\n")
	}
	return b.String()
}
