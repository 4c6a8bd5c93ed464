// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"vrrpsh/platform/fake"
)

// Times of a run.
const (
	// healing is how long all may take to become well after the last fault: a refusal is held against a router
	// for a minute, and members of a sync group that beat each other wait longer.
	healing     = 80 * time.Second
	healingSync = 150 * time.Second
	// resting is how long nothing must happen then.
	resting = 15 * time.Second
)

// start of the wall clocks.
var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// world is a Scenario that runs.
type world struct {
	*scheduler
	scenario *Scenario
	rand     *rand.Rand
	rates    Rates
	lans     []*fake.LAN
	hosts    []*fake.Host // a bystander on each LAN
	wan      *fake.LAN
	machines []*machine
	cuts     map[cut]bool
	recent   map[string]time.Duration // when faults were injected last
	healed   bool
	disturb  time.Duration // when something has last happened from outside
	check    *checker
	stats    Stats
}

// cut is a way that messages do not go.
type cut struct {
	lan      int
	from, to string
}

// Stats count what a run has done.
type Stats struct {
	Simulated time.Duration
	Events    int
	Commits   int // that succeeded
	Refused   int // commits that did not
	Faults    int
	Turns     int
	Adverts   int
	Moves     int // transitions
	Reached   Reached
}

// Add adds what another run has done.
func (s *Stats) Add(o *Stats) {
	s.Simulated += o.Simulated
	s.Events += o.Events
	s.Commits += o.Commits
	s.Refused += o.Refused
	s.Faults += o.Faults
	s.Turns += o.Turns
	s.Adverts += o.Adverts
	s.Moves += o.Moves
	s.Reached.Add(o.Reached)
}

// Result is what came of a run.
type Result struct {
	Violations []Violation
	Hash       uint64 // of the trace
	Trace      []string
	Stats      Stats
}

// Run runs a Scenario. It ends with the first violation. With verbose it keeps the trace.
func Run(s *Scenario, verbose bool) *Result {
	w := newWorld(s, verbose)
	w.play()
	return &Result{Violations: w.check.violations, Hash: w.sum.Sum64(), Trace: w.lines, Stats: w.stats}
}

func newWorld(s *Scenario, verbose bool) *world {
	w := &world{
		scheduler: newScheduler(verbose), scenario: s, rand: rand.New(rand.NewPCG(s.Seed, 2)), rates: s.Rates,
		cuts: make(map[cut]bool), recent: make(map[string]time.Duration),
	}
	w.stats.Reached = make(Reached)
	w.check = newChecker(w)
	w.after = w.poke
	for i := range max(s.LANs, 1) {
		if i == 0 {
			w.lans = append(w.lans, fake.NewLAN())
		} else {
			w.lans = append(w.lans, w.lans[0].Sibling())
		}
		lan := w.lans[i]
		lan.SetCarry(func(from, to string, b []byte, deliver func([]byte)) { w.carry(i, from, to, b, deliver) })
		lan.Tap(func(f fake.Frame) { w.check.frame(i, &f) })
		w.hosts = append(w.hosts, lan.AddHost(hostName))
	}
	w.lans[0].SetClock(func() time.Time { return epoch.Add(w.now) })
	w.wan = w.lans[0].Sibling()
	for i := range s.Machines {
		w.machines = append(w.machines, newMachine(w, i))
	}
	return w
}

// hostName is what the bystanders are called.
const hostName = "host"

// play runs the whole Scenario.
func (w *world) play() {
	steps := w.scenario.Steps
	for len(steps) > 0 && steps[0].At == 0 { // these come before the programs start
		w.act(&steps[0])
		steps = steps[1:]
	}
	for _, m := range w.machines {
		if !m.spec.Off {
			m.start(nil)
		}
	}
	w.settle()
	for i := range steps {
		s := &steps[i]
		w.at(time.Duration(s.At), func() { w.act(s) })
	}
	w.every(w.check.audit)
	end := time.Duration(w.scenario.Chaos)
	heals := healing
	if slices.ContainsFunc(w.scenario.Machines, func(m Machine) bool { return strings.Contains(m.Final, "sync_group") }) {
		heals = healingSync
	}
	w.advance(end)
	for _, part := range []struct {
		do   func()
		then time.Duration
	}{{w.heal, heals}, {w.check.rest, resting}, {w.check.last, 0}} {
		if w.check.failed() {
			break
		}
		part.do()
		end += part.then
		w.advance(end)
	}
	w.note("end")
	w.stats.Simulated = w.now
	for _, m := range w.machines {
		m.drop()
	}
}

// advance lets time pass, unless something is wrong already.
func (w *world) advance(until time.Duration) {
	for w.now < until && !w.check.failed() {
		w.run(min(until, w.now+100*time.Millisecond))
	}
}

// auditPause is how often everything is looked at while it is disturbed, and restPause when it is not any more.
const (
	auditPause = 100 * time.Millisecond
	restPause  = 500 * time.Millisecond
)

// every does something again and again.
func (w *world) every(do func()) {
	pause := auditPause
	if w.healed {
		pause = restPause
	}
	w.in(pause, func() {
		do()
		w.every(do)
	})
}

// poke looks at what the machines have to do.
func (w *world) poke() {
	w.stats.Events++
	for _, m := range w.machines {
		if m.life != nil {
			m.life.poke()
		}
	}
}

// chance is true with a probability.
func (w *world) chance(p float64) bool { return p > 0 && w.rand.Float64() < p }

// upTo returns a random duration from zero to d.
func (w *world) upTo(d Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(w.rand.Int64N(int64(d) + 1))
}

// disturbed notes that something has happened from outside.
func (w *world) disturbed() { w.disturb = w.now }

// carry brings a frame from one station to another.
func (w *world) carry(lan int, from, to string, b []byte, deliver func([]byte)) {
	if w.cuts[cut{lan, from, to}] {
		w.fault("cut")
		return
	}
	if w.chance(w.rates.Loss) {
		w.fault("loss")
		return
	}
	b = slices.Clone(b)
	if w.chance(w.rates.Corrupt) && len(b) > 14 {
		w.fault("corruption")
		for range 1 + w.rand.IntN(3) {
			b[14+w.rand.IntN(len(b)-14)] ^= 1 << w.rand.IntN(8)
		}
	}
	w.in(time.Duration(w.rates.Delay)+w.upTo(w.rates.Jitter), func() { deliver(b) })
	if w.chance(w.rates.Duplicate) {
		w.fault("duplicate")
		w.in(time.Duration(w.rates.Delay)+w.upTo(w.rates.Jitter), func() { deliver(b) })
	}
}

// heal repairs everything.
func (w *world) heal() {
	w.note("everything is repaired")
	w.healed = true
	w.disturbed()
	r := &w.rates
	*r = Rates{Delay: r.Delay, KernelTime: min(r.KernelTime, Duration(5*time.Millisecond)), Late: min(r.Late, Duration(time.Millisecond)), News: min(r.News, Duration(5*time.Millisecond))}
	clear(w.cuts)
	for _, m := range w.machines {
		m.repair()
	}
}

// wrong is what cannot be.
func wrong(format string, args ...any) { panic("sim: " + fmt.Sprintf(format, args...)) }
