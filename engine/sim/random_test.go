// SPDX-License-Identifier: GPL-3.0-only

package sim_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/sim"
)

var randomFor = flag.Duration("random.for", 0, "run TestRandom with new seeds for so long")

// TestRandom performs random actions on random LANs, then lets them come to rest.
func TestRandom(t *testing.T) {
	if *randomFor > 0 {
		newSeeds(t, time.Now().Add(*randomFor))
		return
	}
	seeds := uint64(400)
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { random(t, seed) })
	}
	for _, seed := range found {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { random(t, seed) })
	}
}

// found are seeds that were found to fail.
var found = []uint64{
	274602915327898, // the checker took Masters that a partition had kept apart for old ones of their new side
}

// newSeeds runs new seeds until a time, and says how much that was.
func newSeeds(t *testing.T, until time.Time) {
	seed := rand.Uint64N(1 << 48)
	t.Logf("seeds from %d", seed)
	runs, hosts, routers := 0, time.Duration(0), time.Duration(0)
	for ; time.Now().Before(until) && !t.Failed(); seed++ {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			h, r := random(t, seed)
			hosts, routers = hosts+h, routers+r
		})
		runs++
	}
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	t.Logf("%d LANs in %.0f s of processor time: %.0f hours of hosts, %.0f hours of virtual routers",
		runs, time.Duration(used.Utime.Nano()+used.Stime.Nano()).Seconds(), hosts.Hours(), routers.Hours())
}

// random returns the time that the LAN has run, once for each host and once for each of their virtual routers.
func random(t *testing.T, seed uint64) (hours, routerHours time.Duration) {
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(values ...time.Duration) time.Duration { return values[r.IntN(len(values))] }
	o := sim.Options{
		Seed:  seed,
		Delay: pick(0, time.Millisecond, 5*time.Millisecond), Jitter: pick(0, time.Millisecond, 10*time.Millisecond),
		Work: pick(0, time.Millisecond, 20*time.Millisecond), WorkJitter: pick(0, 50*time.Millisecond),
		Late: pick(0, time.Millisecond, 10*time.Millisecond),
	}
	if r.IntN(3) == 0 {
		o.Loss = 0.2
	}
	if r.IntN(3) == 0 {
		o.Refuse = 0.2
	}

	// Every host has every group, one kind of each.
	kinds := make([][]func(*engine.VirtualRouter), 1+r.IntN(4))
	for i := range kinds {
		switch r.IntN(4) {
		case 0:
			kinds[i] = append(kinds[i], version2)
		case 1:
			kinds[i] = append(kinds[i], ipv6)
		}
		switch r.IntN(4) {
		case 0:
			kinds[i] = append(kinds[i], noPreempt)
		case 1:
			kinds[i] = append(kinds[i], preemptDelay(time.Duration(r.IntN(10))*time.Second))
		}
	}
	draw := func() []engine.VirtualRouter {
		var vrs []engine.VirtualRouter
		for i, kind := range kinds {
			vr := group(uint8(i+1), uint8(50+50*r.IntN(4)), kind...)
			if vr.Protocol.Version == 3 {
				vr.Protocol.Interval = pick(200*time.Millisecond, time.Second, 2*time.Second)
			}
			vrs = append(vrs, vr)
		}
		return vrs
	}
	l := newLab(t, o)
	hosts := make([]*sim.Host, 2+r.IntN(4))
	for i := range hosts {
		hosts[i] = l.Add(draw()...)
		l.Run(time.Duration(r.IntN(2000)) * time.Millisecond)
	}
	keys := draw()

	for range 25 {
		h := hosts[r.IntN(len(hosts))]
		key := keys[r.IntN(len(keys))].Key
		switch r.IntN(16) {
		case 0:
			h.Crash()
		case 1:
			h.Stop()
		case 2, 3:
			h.Start()
		case 4:
			h.Stall(pick(100*time.Millisecond, 3*time.Second, 20*time.Second))
		case 5:
			h.SetLink(false)
		case 6:
			h.SetLink(true)
		case 7:
			l.Partition(hosts[:1+r.IntN(len(hosts)-1)]...)
		case 8:
			l.Heal()
		case 9:
			h.Apply(draw()...)
		case 10:
			h.Resign(key)
		case 11:
			for range 1 + r.IntN(7) {
				h.Lose(key)
				l.Run(time.Second)
			}
		case 12:
			h.SetMute(true)
		case 13:
			h.SetMute(false)
		case 14:
			h.SetDeaf(true)
		case 15:
			h.SetDeaf(false)
		}
		l.Run(time.Duration(r.Int64N(int64(pick(10*time.Millisecond, 3*time.Second, 20*time.Second)) + 1)))
	}

	// At rest everything works, and the delays after refusals are over.
	l.Heal()
	o.Loss, o.Refuse = 0, 0
	l.Set(o)
	l.Run(2 * time.Minute)
	for _, h := range hosts {
		h.SetLink(false) // what was refused is tried again
		h.SetLink(true)
		h.SetDeaf(false)
		h.SetMute(false)
	}
	hosts[0].Start()
	l.Run(time.Minute)
	for _, vr := range keys {
		masters := l.Masters(vr.Key)
		if len(masters) != 1 {
			t.Errorf("%s: Masters at rest are %v", vr.Key, masters)
			continue
		}
		if !vr.Protocol.Preempt {
			continue
		}
		best, of := uint8(0), uint8(0)
		for _, h := range hosts {
			if s := h.Status(vr.Key); s != nil {
				if s.State > 0 {
					best = max(best, s.Priority)
				}
				if slices.Contains(masters, h.Name) {
					of = s.Priority
				}
			}
		}
		if of != best {
			t.Errorf("%s: the Master at rest has priority %d, another router has %d", vr.Key, of, best)
		}
	}
	hours = l.Elapsed() * time.Duration(len(hosts))
	return hours, hours * time.Duration(len(keys))
}
