// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestTimers compares the heap with a list.
func TestTimers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		epoch := time.Unix(1000, 0)
		timers := timers{epoch: epoch}
		groups := make([]*group, 20)
		due := make(map[*group]time.Duration)
		for i := range groups {
			groups[i] = &group{slot: -1, due: never}
		}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			g := groups[rapid.IntRange(0, len(groups)-1).Draw(t, "group")]
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				timers.remove(g)
				delete(due, g)
			case 1:
				timers.set(g, never)
				delete(due, g)
			case 2:
				timers.first()
			default:
				due[g] = time.Duration(rapid.IntRange(0, 50).Draw(t, "due"))
				timers.set(g, int64(due[g]))
			}
			// Look at the heap only now and then; otherwise it would never be stale.
			if rapid.IntRange(0, 3).Draw(t, "look") > 0 {
				continue
			}
			least := time.Duration(never)
			for _, d := range due {
				least = min(least, d)
			}
			switch g := timers.first(); {
			case g == nil && len(due) > 0:
				t.Fatalf("the heap is empty, but a timer is due at %d", least)
			case g != nil && (len(due) == 0 || due[g] != least):
				t.Fatalf("the first is due at %d, want %d", due[g], least)
			}
		}
	})
}

// TestTimersAfterRemovals removes some of many groups from the heap: the others fire in order. The last entry takes the place of one
// that is removed, and may have to move either way from there.
func TestTimersAfterRemovals(t *testing.T) {
	const n, removed = 40, 10
	draw := rand.New(rand.NewPCG(1, 2))
	for round := range 500 {
		timers := timers{epoch: time.Unix(1000, 0)}
		groups := make([]*group, n)
		for i, due := range draw.Perm(n) {
			groups[i] = &group{slot: -1, due: never}
			timers.set(groups[i], int64(due))
		}
		for _, i := range draw.Perm(n)[:removed] {
			timers.remove(groups[i])
		}
		last, count := int64(-1), 0
		for g := timers.first(); g != nil; g = timers.first() {
			if g.due < last {
				t.Fatalf("round %d: a timer due at %d fires after one due at %d", round, g.due, last)
			}
			last = g.due
			count++
			timers.set(g, never)
		}
		if count != n-removed {
			t.Fatalf("round %d: %d timers fired, want %d", round, count, n-removed)
		}
	}
}
