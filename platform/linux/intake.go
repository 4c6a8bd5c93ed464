// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// An intake receives the VRRP packets of a family on all interfaces. The kernel offers each packet to every raw socket of the
// protocol, so there are two of them, however many interfaces there are. All packets come, in order, to the main socket. Those
// that may not wait come to the alarm, too, only to end System.Wait: afterwards the main socket is read.
//
// An interface that is flooded is isolated: see isolation.
type intake struct {
	system *System
	family platform.Family

	mu       sync.Mutex // guards everything here; never held while the kernel may be slow
	main     int        // -1: not open
	alarm    int
	receiver receiver
	conns    map[int]*conn // the newest of each interface

	// wanted counts the conns that want a VRID, unlimited those that want all.
	wanted    [256]int
	unlimited int
	// dirty is set when the main filter could be narrower; changed when the alarm's filter is no longer right.
	dirty, changed bool
	accepted       rule // what the main filter lets pass
	alarmAt        time.Time
	// patience is how long packets may wait that do not raise the alarm; 0: not at all.
	patience time.Duration

	unread  bool // the main socket may have packets
	alarmed bool // the alarm may have packets
	heard   bool // packets were read since the last Wait
	budget  int  // batches that may still be read before the next Wait

	isolations isolations
	room       int    // size of the main socket's buffer
	lost       uint64 // packets that found the buffers full
	overflow   uint32 // the main socket's count of them
}

const (
	// intakeBudget is the number of batches read from the main socket between two calls of Wait: more than its buffer holds.
	intakeBudget = 2048
	// alarmPause is the least time between two changes of the alarm's filter. Nothing waits until the filter is right.
	alarmPause = 10 * time.Millisecond
)

func (in *intake) init(s *System, family platform.Family) {
	*in = intake{system: s, family: family, main: -1, alarm: -1, conns: make(map[int]*conn)}
	in.isolations.strangers = make(map[int]int)
}

// open opens the sockets if they are not open yet. The caller holds mu.
func (in *intake) open() error {
	if in.main >= 0 {
		return nil
	}
	s := in.system
	err := s.space.do(func() (err error) {
		// The kernel offers packets to the newest socket first: a packet that raises the alarm is in the main socket already.
		if in.alarm, err = openReceiver(in.family, "", 0, alarmBuffer); err != nil {
			return err
		}
		in.main, err = openReceiver(in.family, "", 0, leastBuffer)
		return err
	})
	if err == nil {
		err = errors.Join(s.waiter.add(in.alarm, true), s.waiter.add(in.main, false))
	}
	if err == nil {
		in.room, in.accepted = leastBuffer, rule{}
		in.receiver.init(in.family)
		return nil
	}
	in.release()
	return err
}

// release closes the sockets.
func (in *intake) release() {
	in.isolations.release(&in.system.waiter)
	for _, fd := range []*int{&in.main, &in.alarm} {
		if *fd >= 0 {
			in.system.waiter.forget(*fd)
			_ = unix.Close(*fd)
			*fd = -1
		}
	}
}

// close is release for the end of the System.
func (in *intake) close() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.release()
	in.conns = nil
}

// add begins to receive for a conn.
func (in *intake) add(c *conn) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.conns == nil {
		return errClosed
	}
	if err := in.open(); err != nil {
		return err
	}
	old := in.conns[c.index]
	in.conns[c.index] = c
	if err := in.want(c, listening{all: true}); err != nil {
		if in.conns[c.index] = old; old == nil {
			delete(in.conns, c.index)
		}
		return err
	}
	return nil
}

// remove ends to receive for a conn.
func (in *intake) remove(c *conn) {
	in.mu.Lock()
	defer in.mu.Unlock()
	_ = in.want(c, listening{}) // wanting less does not fail
	if in.conns[c.index] == c {
		delete(in.conns, c.index)
		in.isolations.end(&in.system.waiter, c.index)
	}
}

// listen sets what a conn receives.
func (in *intake) listen(c *conn, l listening) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	switch in.conns[c.index] {
	case nil:
		return errClosed
	case c:
	default:
		return nil // what replaces the conn is told by itself
	}
	if o := in.isolations.of(c.index); o != nil && o.fd >= 0 && !o.draining {
		if err := in.filterIsolated(o.fd, &l, c.ttl.exceeded()); err != nil {
			return err
		}
	}
	return in.want(c, l)
}

// passes reports whether a packet that came another way is wanted.
func (in *intake) passes(p *platform.Packet) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	c := in.conns[p.Link]
	return c != nil && c.passes(p)
}

// want sets what a conn receives. On an error it is what it was.
func (in *intake) want(c *conn, l listening) error {
	was := c.listening
	in.count(&was, -1)
	c.listening = l
	in.count(&l, +1)
	in.dirty, in.changed = true, true
	if r := in.needed(); r.within(&in.accepted) {
		return nil // System.Wait narrows the filter
	}
	if err := in.filter(); err != nil {
		in.count(&l, -1)
		c.listening = was
		in.count(&was, +1)
		return err
	}
	return nil
}

func (in *intake) count(l *listening, n int) {
	if l.all {
		in.unlimited += n
	}
	for _, v := range l.vrids.list() {
		in.wanted[v] += n
	}
}

// needed returns what the main filter must let pass.
func (in *intake) needed() rule {
	r := rule{all: in.unlimited > 0, strict: in.isolations.strict, except: in.isolations.links()}
	for v, n := range in.wanted {
		if n > 0 {
			r.vrids.add(uint8(v))
		}
	}
	return r
}

// filter sets the main filter.
func (in *intake) filter() error {
	r := in.needed()
	if r.equal(&in.accepted) {
		in.dirty = false
		return nil
	}
	program, err := r.program(in.family)
	if err == nil {
		err = setFilter(in.main, program)
	}
	if err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	in.accepted, in.dirty, in.changed = r, false, true
	return nil
}

// filterAlarm sets the alarm's filter, and says how long the packets that do not pass it may wait.
func (in *intake) filterAlarm(now time.Time) {
	in.changed, in.alarmAt, in.patience = false, now.Add(alarmPause), 0
	patience := forever
	var urgent, patient []uint32
	for link, c := range in.conns {
		l := &c.listening
		if l.patience == 0 && l.all {
			return // nothing may wait
		}
		hasty := l.vrids
		if l.patience > 0 {
			patience, hasty = min(patience, l.patience), vridSet{}
			for _, v := range l.urgent {
				hasty.add(v)
			}
		}
		for _, v := range hasty.list() {
			urgent = append(urgent, alarmKey(link, v))
		}
		for _, v := range l.vrids.list() {
			if !hasty.has(v) {
				patient = append(patient, alarmKey(link, v))
			}
		}
	}
	program, err := in.accepted.alarmProgram(in.family, urgent, patient)
	if err == nil {
		err = setFilter(in.alarm, program)
	}
	if err != nil { // the kernel limits the length of filters, and their size (net.core.optmem_max)
		in.system.log.Debug("cannot set the filter of urgent packets", "error", err)
		return
	}
	in.patience = patience
}

// forever is the patience where nothing has to wait.
const forever = time.Duration(math.MaxInt64)

// narrow sets the main filter to what is needed. If that fails, the conns themselves check what they receive.
func (in *intake) narrow() {
	if err := in.filter(); err != nil {
		in.system.log.Debug("cannot narrow the filter of VRRP packets", "error", err)
		in.dirty = false
	}
}

// enlarge lets the main socket's buffer follow the number of virtual routers.
func (in *intake) enlarge() {
	n := in.unlimited
	for _, k := range in.wanted {
		n += k
	}
	if want := min(leastBuffer+n*bufferPerRouter, mostBuffer); want > in.room {
		in.room = min(2*want, mostBuffer)
		setReceiveBuffer(in.main, in.room)
	}
}

// prepare is called before each wait. It says how long packets may wait that do not raise the alarm, and whether some were
// read since the last wait.
func (in *intake) prepare(now time.Time) (patience time.Duration, heard bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.main < 0 {
		return forever, false
	}
	in.isolate(now)
	if in.dirty {
		in.enlarge()
		in.narrow()
	}
	if in.changed {
		in.patience = 0
		if !now.Before(in.alarmAt) {
			in.filterAlarm(now)
		}
	}
	heard, in.heard, in.budget = in.heard, false, intakeBudget
	if patience = in.patience; len(in.isolations.list) > 0 {
		patience = max(patience, isolatedPatience)
	}
	return patience, heard
}

// ready notes after a wait which sockets may have packets. If unsure, the main socket was not looked at.
func (in *intake) ready(w *waiter, unsure bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.main < 0 {
		return
	}
	in.unread = unsure || w.isReady(in.main)
	in.alarmed = w.isReady(in.alarm)
	in.isolations.ready(w, unsure)
}

// recv reads waiting packets: those of an interface that joins the others again first, then the main socket, which was
// everybody's until now, then those of the isolated ones.
func (in *intake) recv(p []platform.Packet) (int, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.main < 0 {
		return 0, nil
	}
	if n, err := in.recvIsolated(p, true); n > 0 || err != nil {
		return n, err
	}
	if in.alarmed {
		in.alarmed = false
		drain(in.alarm) // before the main socket is read, so that a packet that comes later raises it again
	}
	for in.unread && in.budget > 0 {
		in.budget--
		n, more, err := in.receiver.read(in.main, p, in.admit)
		in.unread = more
		in.noteLost(&in.overflow)
		if len(in.isolations.noisy) > 0 {
			in.separate(time.Now()) // at once, so that what waits here does not grow
		}
		if err != nil {
			return 0, fmt.Errorf("receive: %w", err)
		}
		if n > 0 {
			in.heard = true
			return n, nil
		}
	}
	return in.recvIsolated(p, false)
}

// admit reports whether a packet from the main socket is wanted. It finds interfaces that are flooded.
func (in *intake) admit(p *platform.Packet) bool {
	c := in.conns[p.Link]
	if c == nil {
		in.isolations.noteStranger(p.Link)
		return false
	}
	if c.epoch != in.isolations.epoch {
		c.epoch, c.count = in.isolations.epoch, 0
	}
	c.count++
	ok := c.passes(p)
	if c.count == c.limit() || c.ttl.count == ttlBurst+1 && !ok {
		in.isolations.noisy = append(in.isolations.noisy, c)
	}
	return ok
}

// noteLost adds the packets that a socket's full buffer cost, which the kernel counts in each message after the first.
func (in *intake) noteLost(seen *uint32) {
	if now := in.receiver.lost; now != *seen && now != 0 {
		in.lost += uint64(now - *seen)
		*seen = now
	}
}

// Recv implements platform.System.
func (s *System) Recv(p []platform.Packet) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	var failed error
	for i := range s.intakes {
		n, err := s.intakes[i].recv(p)
		if n > 0 {
			return n, nil
		}
		failed = cmp.Or(failed, err)
	}
	if failed != nil {
		return 0, failed
	}
	return s.ah.take(s, p), nil
}

// Lost implements platform.LossCounter.
func (s *System) Lost() uint64 {
	var n uint64
	for i := range s.intakes {
		in := &s.intakes[i]
		in.mu.Lock()
		n += in.lost
		in.mu.Unlock()
	}
	return n
}
