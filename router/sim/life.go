// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"context"
	"errors"
	"net/http"
	"time"

	"vrrpsh/api"
	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/driver"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/fake"
	"vrrpsh/shell"
)

// life is one run of the program on a machine.
type life struct {
	m       *machine
	system  *fake.System
	driver  *driver.Driver
	manual  *driver.Manual
	manager *conf.Manager // nil until the file was read
	parts   map[string]*part
	calls   []context.CancelFunc // ends the commits under way
	hangsUp bool                 // whoever commits next goes away when the engine has the configuration
	env     *shell.Env
	api     http.Handler

	events  <-chan engine.Event
	packets <-chan engine.TappedPacket
	missed  func() uint64 // of the packets

	turnAt    time.Duration // when the next turn is; negative: none is due
	turnSeq   int
	timer     time.Time // the deadline for which a turn was planned
	stalled   bool
	telling   bool // news are on the way
	working   bool
	leaving   bool // a hand-over has begun
	ending    bool // a stop has begun
	gone      bool // another program can take over
	inherited bool // it was handed over
	dead      bool
	objects   []engine.TrackObject
	result    func(*engine.TrackObject, engine.TrackResult)

	watch *watch // what the checker knows of it
}

// latency is what a program takes at most until it runs when there is something to do.
const latency = Duration(300 * time.Microsecond)

// newLife starts the program.
func newLife(m *machine, h *driver.Handover) {
	l := &life{m: m, turnAt: -1, inherited: h != nil}
	w := m.w
	m.life = l
	m.note("starts, handed over: %t", h != nil)
	l.system = m.kernel.Boot()
	l.driver = driver.New(driver.Options{
		System: l.system, Handover: h, Now: m.clock.now, Block: w.block,
		Uptime: func() time.Duration { _, up := m.clock.uptime(); return up },
		Track: func(report func(*engine.TrackObject, engine.TrackResult)) driver.Tracker {
			l.result = report
			return (*tracker)(l)
		},
	})
	l.events, _ = l.driver.Subscribe()
	l.packets, l.missed, _ = l.driver.Tap(func(string, vrrp.Family, uint8) bool { return true })
	l.watch = w.check.born(l, h)
	l.watch.begins()
	var err error
	l.manual, err = l.driver.Manual()
	l.watch.turned(true)
	if err != nil {
		m.note("cannot start: %v", err)
		l.over()
		m.startLater(again)
		return
	}
	m.kernel.LoseNews() // the program is told everything at first
	w.begin(l, l.open)
}

// open makes the configuration file the running configuration.
func (l *life) open() {
	m := l.m
	sessions := shell.NewSessions()
	manager, err := conf.Open(conf.Options{
		Path: configPath, StateDir: stateDir, Now: m.clock.now, Uptime: m.clock.uptime, AfterFunc: l.afterFunc, Block: m.w.block,
		Disk: m.disk, Notify: sessions.Committed, Awaiting: func(e conf.ConfirmationEvent) { m.commits.awaiting(e); sessions.Awaiting(e) },
	})
	if err == nil {
		give := l.driver.Applier(l.inherited, func(err error) { m.note("begins without what it is refused: %v", err) })
		err = manager.Start(background, append([]conf.Part{{Name: "engine", Apply: func(ctx context.Context, _, to *conf.Config) error {
			l.watch.applying(&to.Engine)
			return give(ctx, to.Engine)
		}}}, l.newParts()...)...)
	}
	if err != nil {
		m.note("does not start: %v", err)
		m.w.in(0, func() {
			if m.life == l {
				l.stop(nil)
			}
		})
		return
	}
	l.manager = manager
	l.env = &shell.Env{
		View: l.driver, Control: l.driver, Tap: l.driver, Manager: manager, Hostname: m.name, Version: "sim", Started: m.clock.now(),
		Path: configPath, Now: m.clock.now, Sessions: sessions,
	}
	l.api = api.New(api.Options{
		View: l.driver, Running: manager.Running, Sessions: sessions.Count, Version: "sim", Now: m.clock.now,
	}).Local()
	m.note("runs revision %d", manager.Running().ID)
	m.commits.opened(l)
	l.checkParts()
	l.retryParts()
}

// afterFunc is time.AfterFunc by the machine's clock.
func (l *life) afterFunc(d time.Duration, f func()) (stop func() bool) {
	waits := true
	l.m.w.in(l.m.clock.after(d), func() {
		if waits && !l.dead {
			waits = false
			l.m.w.begin(l, f)
		}
	})
	return func() bool {
		was := waits
		waits = false
		return was
	}
}

// stopping tells whether the program ends, one way or another.
func (l *life) stopping() bool { return l.dead || l.leaving || l.ending }

// poke looks what there is to do.
func (l *life) poke() {
	if l.dead {
		return
	}
	w := l.m.w
	if !l.telling && !l.stalled && l.system.HasNews() {
		l.telling = true
		w.in(w.upTo(w.rates.News), func() {
			l.telling = false
			if !l.dead && !l.stalled {
				u, whole := l.system.News()
				l.watch.told(&u, whole)
				l.manual.Update(u, whole)
			}
		})
	}
	if !l.working && !l.stalled {
		l.work()
	}
	if l.ending || l.left() {
		l.finish()
		return
	}
	if l.stalled {
		return // wakeUp turns; without delays a turn that is due would be planned again and again at one moment
	}
	if l.system.Ready() {
		l.turnIn(w.upTo(latency))
	}
	if at := l.manual.Deadline(); !at.IsZero() && !at.Equal(l.timer) {
		l.timer = at
		l.turnIn(l.m.clock.when(at) - w.now + w.upTo(w.rates.Late))
	}
}

// left tells whether another program can take over.
func (l *life) left() bool {
	if l.gone || l.working || l.stalled || !l.manual.Leaving() {
		return l.gone
	}
	l.watch.begins()
	l.gone = l.manual.Left()
	l.watch.turned(false)
	return l.gone
}

// turnIn has the loop turn after a time, or earlier if that was so already.
func (l *life) turnIn(d time.Duration) {
	w := l.m.w
	at := w.now + max(d, 0)
	if l.turnAt >= 0 && l.turnAt <= at {
		return
	}
	l.turnAt = at
	l.turnSeq++
	seq := l.turnSeq
	w.at(at, func() {
		if l.turnSeq == seq && !l.dead {
			l.turn()
		}
	})
}

// turn is one turn of the program's loop, unless the program is kept from running.
func (l *life) turn() {
	l.turnAt, l.timer = -1, time.Time{}
	if l.stalled || l.ending {
		return
	}
	l.m.w.stats.Turns++
	l.watch.begins()
	l.manual.Turn()
	l.watch.turned(false)
}

// stall keeps the program from running for a time.
func (l *life) stall(d time.Duration) {
	if l.stalled {
		return
	}
	l.stalled = true
	l.m.w.in(d, func() {
		if l.stalled && !l.dead {
			l.wakeUp()
			l.m.note("runs again")
			l.m.w.disturbed()
		}
	})
}

func (l *life) wakeUp() {
	if l.stalled {
		l.stalled = false
		l.watch.awake()
		l.turnIn(0)
	}
}

// work has the next piece of kernel work done, in a while.
func (l *life) work() {
	piece := l.manual.Work()
	if piece == nil {
		return
	}
	w := l.m.w
	l.working = true
	takes := w.upTo(w.rates.KernelTime)
	if w.rates.KernelTime > Duration(10*time.Millisecond) {
		w.fault("slow kernel")
	}
	w.in(w.upTo(Duration(takes)), func() {
		if !l.dead {
			piece.Do()
		}
	})
	w.in(takes, func() {
		if !l.dead {
			l.working = false
			piece.Report()
		}
	})
}

// stop ends the program in good order; then, unless it is nil, is called when it has ended.
func (l *life) stop(then func()) {
	if l.stopping() {
		return
	}
	l.leaving = true
	w := l.m.w
	w.begin(l, func() {
		if l.manager != nil {
			closed := false
			w.begin(l, func() {
				l.manager.Close()
				closed = true
			})
			late := w.now + 5*time.Second // nobody waits longer for a commit
			w.in(5*time.Second, func() {})
			w.block(func() bool { return closed || w.now >= late })
		}
		w.in(0, func() {
			if l.dead {
				return
			}
			l.m.note("stops")
			l.watch.begins()
			l.manual.Stop()
			l.ending = true
			l.watch.stopped()
			if then != nil {
				then()
			}
		})
	})
}

// finish ends the program when no kernel work is left.
func (l *life) finish() {
	if l.working || l.stalled || l.dead {
		return
	}
	l.watch.begins()
	err := l.manual.End()
	l.watch.turned(false)
	l.m.note("has ended: %v", err)
	l.watch.ended(err)
	l.over()
	if !l.manual.Leaving() {
		l.m.startLater(again)
	}
}

// over is the end of the life. Calls that wait for it learn of that.
func (l *life) over() {
	l.dead = true
	if l.m.life == l {
		l.m.life = nil
	}
	l.m.w.disturbed()
}

// errKilled is why a program has ended that has not ended by itself.
var errKilled = errors.New("killed")

// die ends the program as a crash does.
func (l *life) die() {
	l.m.note("dies")
	l.watch.ended(errKilled)
	l.over()
	l.m.kernel.Kill()
	l.m.w.kill(l)
}

// refused notes that a call of the kernel has failed.
func (l *life) refused(call string) {
	if l.watch != nil {
		l.watch.refused(call)
	}
}

// track is what is found out about a tracked object.
type track struct {
	up     bool
	weight int
}

// report tells the program of an object.
func (l *life) report(name string, t track) {
	for i := range l.objects {
		if o := l.objects[i]; o.Name == name {
			r := engine.TrackResult{Up: t.up, Weight: t.weight}
			l.watch.tracked(name, r)
			l.result(&o, r)
		}
	}
}

// tracker is a driver.Tracker: what it reports is up to the scenario.
type tracker life

var _ driver.Tracker = (*tracker)(nil)

// Set implements driver.Tracker.
func (t *tracker) Set(list []engine.TrackObject) {
	l := (*life)(t)
	fresh := l.objects
	l.objects = list
	for i := range list {
		known := false
		for j := range fresh {
			known = known || fresh[j].Equal(&list[i])
		}
		if o := list[i]; !known && o.Kind != engine.TrackInterface {
			state, ok := l.m.tracks[o.Name]
			if !ok {
				state.up = true
			}
			l.m.w.in(time.Millisecond, func() {
				if !l.dead {
					l.report(o.Name, state)
				}
			})
		}
	}
}

// Close implements driver.Tracker.
func (t *tracker) Close(time.Duration) {}
