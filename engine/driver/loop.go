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
	// receiveBatch is the number of packets read at a time.
	receiveBatch = 64
	// receiveLimit is the number of batches read before the timers get their turn. It is more than the queues hold, so
	// that only packets that came during this turn are left.
	receiveLimit = 1024
)

// loop is the state of the goroutine that runs the Core. Only that goroutine calls its methods.
type loop struct {
	driver   *Driver
	core     *engine.Core
	out      engine.Output
	actuator *actuator

	config  engine.Config
	needs   map[string]families   // families that the configuration needs, by interface
	links   map[int]engine.Link   // the host's interfaces, without ours
	sockets map[socketKey]*socket // open and requested sockets
	order   []*socket             // the same, in the order in which they are served
	retryAt time.Time             // when to retry the sockets and filters that were refused
	waiter  *waiter               // the Apply in progress
	// reconciler schedules the comparison of the kernel state.
	reconciler     reconciler
	desires        []engine.Desired      // to be handed to the actuator
	routes         *engine.DesiredRoutes // to be handed to the actuator
	packets        [receiveBatch]platform.Packet
	outbox         outbox
	losses         platform.LossCounter // may be nil
	lost, deafness complaint
	// reports tell the Core which adverts could not be sent, and which were sent after such a failure;
	// failing holds the virtual routers whose last advert could not be sent.
	reports, spareReports []engine.SendReport
	failing               map[engine.Key]bool

	announcer announcer
	spare     []operation
	leaving   bool // another Driver takes over
	keeps     bool // its thread, see OnThread
	resources Resources
	traced    vrrp.Advertisement // reused to decode the advert to log
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
	l.losses, _ = d.system.(platform.LossCounter)
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

// run repeats turn until ctx ends, the System fails or another Driver takes over.
func (l *loop) run(ctx context.Context) error {
	for ctx.Err() == nil && !l.left() {
		due, until := l.core.Deadline(), l.until()
		if l.driver.taps.list.Load() != nil {
			until = earliest(until, l.driver.now().Add(tapPeriod)) // packets that may wait are shown with the time of their arrival
		}
		if err := l.driver.system.Wait(until); err != nil {
			return fmt.Errorf("wait for packets: %w", err)
		}
		if ctx.Err() != nil {
			break
		}
		now := l.driver.now()
		if !due.IsZero() && !now.Before(due) {
			l.resources.late(now.Sub(due))
			// The scheduler may have delayed this goroutine since the wait ended: packets that
			// came until now are read before timers fire.
			if err := l.driver.system.Wait(now); err != nil {
				return fmt.Errorf("check for packets: %w", err)
			}
		}
		l.turn(now)
		l.resources.Turns++
		l.resources.LongestTurn = max(l.resources.LongestTurn, l.driver.now().Sub(now))
	}
	return nil
}

// until returns when the next turn must begin; the zero time if it waits for a packet or an operation.
func (l *loop) until() time.Time {
	return earliest(earliest(l.core.Deadline(), l.announcer.deadline()), earliest(l.retryAt, l.reconciler.at))
}

// left reports whether another Driver takes over and all kernel work is done. Until then the loop sends adverts.
func (l *loop) left() bool {
	if !l.leaving || !l.actuator.idle() {
		return false
	}
	now := l.driver.now()
	l.operate(now) // handle the last results, which may cause more work
	l.flush(now)
	return l.actuator.idle()
}

// earliest returns the earlier of two times; the zero time means never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// turn does all pending work. now was taken before the sockets are read, so that a
// packet that came before a timer was due is handled before that timer fires, however
// long the scheduler delays this goroutine.
func (l *loop) turn(now time.Time) {
	l.receive(now)
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

// receive delivers the packets that wait.
func (l *loop) receive(now time.Time) {
	defer l.noteLosses()
	traced, tapped := l.driver.journal.tracing(), l.driver.taps.list.Load()
	for range receiveLimit {
		n, err := l.driver.system.Recv(l.packets[:])
		for i := range l.packets[:n] {
			p := &l.packets[i]
			packet := vrrp.Packet{Src: p.Src, Dst: p.Dst, TTL: p.TTL, Payload: p.Payload, AH: p.AH}
			family := vrrp.Family(p.Family())
			drop := l.core.Deliver(now, p.Link, family, packet, &l.out)
			if traced.discarded {
				l.received(traced, p.Link, family, &packet, drop)
			}
			if tapped != nil {
				l.tapReceived(*tapped, now, p.Link, family, &packet, drop)
			}
			l.take(now)
		}
		l.resources.Received += uint64(n)
		if err != nil {
			l.deaf(err)
		} else if n == 0 {
			return
		}
	}
}

// noteLosses reports packets that the kernel could not keep.
func (l *loop) noteLosses() {
	if l.losses == nil {
		return
	}
	lost := l.losses.Lost()
	if lost > l.resources.Lost && l.lost.due(l.driver.now()) {
		l.driver.journal.warn("adverts were lost: they came faster than they could be read", "lost", lost)
	}
	l.resources.Lost = lost
}

// deaf handles an error of Recv.
func (l *loop) deaf(err error) {
	var one *platform.SocketError
	if errors.As(err, &one) {
		s := l.sockets[socketKey{one.Link, vrrp.Family(one.Family)}]
		l.complain(s, "receive", err)
		if errors.Is(err, platform.ErrNoLink) {
			l.renew(s)
		}
	} else if l.deafness.due(l.driver.now()) {
		l.driver.journal.warn("cannot receive adverts", "error", err)
	}
}

// operate carries out the posted operations.
func (l *loop) operate(now time.Time) {
	list := l.driver.mail.take(l.spare[:0])
	for i, op := range list {
		op(l, now)
		list[i] = nil
	}
	l.spare = list[:0]
}

// take takes over the requests in the Core's Output. It must follow every call into the Core that has an Output.
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
		l.announcer.drop(out.Desired[i].Key) // a Master announces its addresses anew once the kernel has confirmed them
	}
	if len(out.Desired) > 0 {
		l.driver.claims.change()
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

// flush sends the queued adverts before it starts the kernel work: a new Master must send
// its advert before it installs its addresses, and a resigning Master must not wait. A Master whose advert
// could not be sent may no longer want its addresses.
func (l *loop) flush(now time.Time) {
	for {
		l.send()
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

// observe answers the requests for a snapshot.
func (l *loop) observe(now time.Time) {
	if asked := l.driver.mail.asked(); len(asked) > 0 {
		s := l.core.Snapshot(now)
		for _, answer := range asked {
			answer <- s
		}
	}
}

// stop stops every virtual router. Only the actuator's work is left then.
func (l *loop) stop() {
	now := l.driver.now()
	l.core.Stop(now, &l.out)
	l.take(now)
	l.flush(now)
}
