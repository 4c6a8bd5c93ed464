// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
)

const (
	// receiveBatch is how many packets are read at a time.
	receiveBatch = 64
	// receiveLimit is how many batches of one socket are read before it is the turn of the others
	// and of the timers: more than a socket's queue holds, so that only packets that came
	// during this turn are left, however many come.
	receiveLimit = 128
)

// loop is what belongs to the goroutine that runs the Core; all its methods are called there.
type loop struct {
	driver   *Driver
	core     *engine.Core
	out      engine.Output
	actuator *actuator

	config  engine.Config
	needs   map[string]families   // that the configuration wants heard, by interface
	links   map[int]engine.Link   // of the host, without ours
	sockets map[socketKey]*socket // those that are open or shall be
	order   []*socket             // the same, to go round
	retryAt time.Time             // when to open again what could not be opened
	waiter  *waiter               // the Apply under way
	// reconciler is when the kernel is compared.
	reconciler reconciler
	desires    []engine.Desired      // to be handed to the actuator
	routes     *engine.DesiredRoutes // the same
	packets    [receiveBatch]platform.Packet
	// reports are what the Core is to be told of adverts that could not be sent, or could be after such;
	// failing are the virtual routers of the last ones that could not.
	reports, spareReports []engine.SendReport
	failing               map[engine.Key]bool

	announcer announcer
	spare     []operation
	leaving   bool // somebody else goes on
	resources Resources
	traced    vrrp.Advertisement // the one that is logged
}

func newLoop(d *Driver) *loop {
	l := &loop{
		driver:    d,
		core:      engine.NewCore(d.now()),
		actuator:  newActuator(d.system),
		links:     make(map[int]engine.Link),
		sockets:   make(map[socketKey]*socket),
		failing:   make(map[engine.Key]bool),
		announcer: newAnnouncer(),
	}
	l.actuator.opened = func(c platform.Conn, o opening, err error) bool {
		return d.mail.post(d.system, func(l *loop, now time.Time) { l.opened(now, c, o, err) })
	}
	l.actuator.reached = func(list []outcome) {
		d.mail.post(d.system, func(l *loop, now time.Time) { l.reached(now, list) })
	}
	l.actuator.reconciled = func(r reconciliation) {
		d.mail.post(d.system, func(l *loop, now time.Time) { l.reconciled(now, r) })
	}
	l.actuator.routed = func(r engine.DesiredRoutes, errs []error) {
		d.mail.post(d.system, func(l *loop, now time.Time) { l.routed(now, r, errs) })
	}
	return l
}

// run turns until ctx ends or the System fails.
func (l *loop) run(ctx context.Context) error {
	for ctx.Err() == nil && !l.left() {
		due := l.core.Deadline()
		until := earliest(earliest(due, l.announcer.deadline()), earliest(l.retryAt, l.reconciler.at))
		if err := l.driver.system.Wait(until); err != nil {
			return fmt.Errorf("wait for packets: %w", err)
		}
		if ctx.Err() != nil {
			break
		}
		now := l.driver.now()
		if !due.IsZero() && !now.Before(due) {
			l.resources.late(now.Sub(due))
			// Since the wait ended this goroutine may have been kept from running: what has
			// come until now is heard before timers fire.
			if err := l.driver.system.Wait(now); err != nil {
				return fmt.Errorf("look for packets: %w", err)
			}
		}
		l.turn(now)
		l.resources.Turns++
		l.resources.LongestTurn = max(l.resources.LongestTurn, l.driver.now().Sub(now))
	}
	return nil
}

// left tells whether somebody else goes on, now that the kernel has what it shall have: until then adverts are sent.
func (l *loop) left() bool {
	if !l.leaving || !l.actuator.idle() {
		return false
	}
	now := l.driver.now()
	l.operate(now) // what came of the last work, and what that makes necessary
	l.flush(now)
	return l.actuator.idle()
}

// earliest returns the earlier of two times of which zero is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// turn does what there is to do. The time was taken before the sockets are read: no
// timer fires before a packet that had come when it was due, however long this
// goroutine was or is kept from running.
func (l *loop) turn(now time.Time) {
	for _, s := range l.order {
		l.receive(now, s)
	}
	l.operate(now)
	if due(l.core.Deadline(), now) {
		l.core.Expire(now, &l.out)
		l.take(now)
	}
	if due(l.retryAt, now) {
		l.reopen()
	}
	if due(l.reconciler.at, now) {
		l.reconcile(now)
	}
	l.announcer.pace(now, l.announce)
	l.flush(now)
	l.observe(now)
}

func due(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }

// receive delivers what waits on a socket.
func (l *loop) receive(now time.Time, s *socket) {
	if s.conn == nil {
		return
	}
	traced, tapped := l.driver.journal.tracing(), l.driver.taps.list.Load()
	for range receiveLimit {
		n, err := s.conn.Recv(l.packets[:])
		for i := range l.packets[:n] {
			drop := l.core.Deliver(now, s.key.link, s.key.family, vrrp.Packet(l.packets[i]), &l.out)
			if traced.discarded {
				l.received(traced, s, &l.packets[i], drop)
			}
			if tapped != nil {
				l.tapReceived(*tapped, now, s, &l.packets[i], drop)
			}
			l.take(now)
		}
		l.resources.Received += uint64(n)
		if err != nil {
			l.complain(s, "receive", err)
			if errors.Is(err, platform.ErrNoLink) {
				l.renew(s)
			}
			return
		}
		if n == 0 {
			return
		}
	}
}

// operate carries out what was posted.
func (l *loop) operate(now time.Time) {
	list := l.driver.mail.take(l.spare[:0])
	for i, op := range list {
		op(l, now)
		list[i] = nil
	}
	l.spare = list[:0]
}

// take takes over what the Core asks for. It must follow every call into the Core that has an Output.
func (l *loop) take(now time.Time) {
	out := &l.out
	for i := range out.Listens {
		l.listen(&out.Listens[i])
	}
	if len(out.Sends) > 0 && l.driver.journal.tracing().all {
		for i := range out.Sends {
			l.sending(&out.Sends[i])
		}
	}
	tapped := l.driver.taps.list.Load()
	for i := range out.Sends {
		if tapped != nil {
			l.tapSending(*tapped, now, &out.Sends[i])
		}
		l.queue(&out.Sends[i])
	}
	for i := range out.Announces {
		l.announcer.add(&out.Announces[i])
	}
	for i := range out.Desired {
		if d := &out.Desired[i]; !d.Active {
			l.announcer.drop(d.Key)
		}
	}
	l.desires = append(l.desires, out.Desired...)
	if n := len(out.Routes); n > 0 {
		newest := out.Routes[n-1]
		l.routes = &newest
	}
	if len(out.Events) > 0 {
		l.driver.events.Publish(out.Events...)
		l.driver.hooks.Publish(out.Events)
	}
	out.Reset()
}

// flush sends what was queued, and only then lets the kernel work begin: the advert of
// a new Master comes before its addresses, and that of one that resigns waits for nothing. A Master of
// which no advert goes out may not want its addresses any more.
func (l *loop) flush(now time.Time) {
	for {
		for _, s := range l.order {
			l.send(s)
		}
		if len(l.reports) == 0 {
			break
		}
		l.report(now)
	}
	if len(l.desires) > 0 {
		l.actuator.desire(l.desires)
		clear(l.desires)
		l.desires = l.desires[:0]
	}
	if l.routes != nil {
		l.actuator.route(*l.routes)
		l.routes = nil
	}
}

// observe answers those who asked for a snapshot.
func (l *loop) observe(now time.Time) {
	if asked := l.driver.mail.asked(); len(asked) > 0 {
		s := l.core.Snapshot(now)
		for _, answer := range asked {
			answer <- s
		}
	}
}

// stop stops every virtual router. What is left is the actuator's work.
func (l *loop) stop() {
	now := l.driver.now()
	l.core.Stop(now, &l.out)
	l.take(now)
	l.flush(now)
}
