// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

const (
	// An interface is isolated if more packets come from it in floodWindow than floodLimit and floodPerRouter for each of its
	// virtual routers: several times as many as they send at the shortest intervals. When it has been calm for isolationRest, it
	// joins the others again.
	floodWindow    = 100 * time.Millisecond
	floodLimit     = 1000
	floodPerRouter = 40
	isolationRest  = 10 * time.Second
	// maxIsolated limits the isolated interfaces of a family: each costs the others' filter two instructions.
	maxIsolated = 32
	// isolatedBudget is the number of batches read from an isolated interface between two calls of Wait, isolatedPatience is how
	// long its packets may wait at least.
	isolatedBudget   = 16
	isolatedPatience = time.Millisecond
)

var errTooMany = errors.New("too many interfaces are isolated")

// An isolation keeps the packets of a flooded interface out of the main socket, whose buffer it would fill and whose reader it
// would keep busy. If the interface is ours, it gets a socket of its own. While the sockets change, packets may come twice, but
// none is lost and none overtakes another.
type isolation struct {
	link      int
	fd        int // -1: the interface is not ours
	unread    bool
	budget    int
	count     int       // packets since the window began
	calmSince time.Time // zero: it is not calm
	draining  bool      // the main socket receives its packets again; what is left comes first
	overflow  uint32
}

// isolations are the isolated interfaces of an intake, and the packets of the others, counted for a while.
type isolations struct {
	list  []*isolation
	epoch uint32 // number of the window in which packets are counted
	since time.Time
	noisy []*conn // to be isolated
	// strangers counts packets from interfaces that are not ours, but where other programs want VRRP packets.
	strangers map[int]int
	// strict is set, until a time, if the main socket takes only packets with the right TTL, since no more interfaces can be
	// isolated.
	strict      bool
	strictUntil time.Time
}

func (s *isolations) release(w *waiter) {
	for _, o := range s.list {
		o.close(w)
	}
	s.list = nil
}

func (o *isolation) close(w *waiter) {
	if o.fd >= 0 {
		w.forget(o.fd)
		_ = unix.Close(o.fd) // this takes it out of the epoll instances, too
		o.fd = -1
	}
}

// links returns the interfaces that the main socket does not receive from.
func (s *isolations) links() []uint32 {
	var links []uint32
	for _, o := range s.list {
		if !o.draining {
			links = append(links, uint32(o.link))
		}
	}
	slices.Sort(links)
	return links
}

func (s *isolations) of(link int) *isolation {
	for _, o := range s.list {
		if o.link == link {
			return o
		}
	}
	return nil
}

func (s *isolations) noteStranger(link int) {
	if len(s.strangers) < maxIsolated || s.strangers[link] > 0 {
		s.strangers[link]++
	}
}

// end forgets an interface that is no longer received from.
func (s *isolations) end(w *waiter, link int) {
	s.noisy = slices.DeleteFunc(s.noisy, func(c *conn) bool { return c.index == link })
	s.list = slices.DeleteFunc(s.list, func(o *isolation) bool {
		if o.link == link {
			o.close(w)
		}
		return o.link == link
	})
}

func (s *isolations) ready(w *waiter, unsure bool) {
	for _, o := range s.list {
		o.unread = o.fd >= 0 && (unsure || w.isReady(o.fd))
		o.budget = isolatedBudget
	}
}

// isolate isolates interfaces that are flooded, and lets those join the others again that have been calm.
func (in *intake) isolate(now time.Time) {
	s := &in.isolations
	if now.Sub(s.since) < floodWindow {
		return
	}
	s.since = now
	s.epoch++
	for link, n := range s.strangers {
		if n > floodLimit && len(s.list) < maxIsolated {
			s.list = append(s.list, &isolation{link: link, fd: -1})
			in.dirty = true
		}
	}
	clear(s.strangers)
	if s.strict && now.After(s.strictUntil) {
		s.strict, in.dirty = false, true
	}
	s.list = slices.DeleteFunc(s.list, func(o *isolation) bool {
		limit := floodLimit
		if c := in.conns[o.link]; c != nil {
			limit = c.limit()
		}
		switch {
		case o.draining:
			if !o.unread {
				o.close(&in.system.waiter)
			}
			return !o.unread
		case o.count > limit/4:
			o.calmSince = time.Time{}
		case o.calmSince.IsZero():
			o.calmSince = now
		case now.Sub(o.calmSince) >= isolationRest:
			in.rejoin(o)
		}
		o.count = 0
		return o.draining && o.fd < 0
	})
}

// separate isolates the interfaces that were found to be flooded.
func (in *intake) separate(now time.Time) {
	s := &in.isolations
	for _, c := range s.noisy {
		in.isolateConn(c, now)
	}
	s.noisy = s.noisy[:0]
	if in.dirty {
		in.narrow()
	}
}

// isolateConn gives an interface a socket of its own.
func (in *intake) isolateConn(c *conn, now time.Time) {
	s := &in.isolations
	if s.of(c.index) != nil || in.conns[c.index] != c {
		return
	}
	o := &isolation{link: c.index, calmSince: now}
	err := errTooMany
	if len(s.list) < maxIsolated {
		o.fd, err = in.openIsolated(c)
	}
	if err != nil {
		in.system.log.Debug("cannot isolate a flooded interface", "interface", c.name, "error", err)
		if c.ttl.exceeded() && !in.anyTTL() {
			s.strict, s.strictUntil, in.dirty = true, now.Add(ttlRest), true
		}
		return
	}
	s.list = append(s.list, o)
	in.dirty = true
	in.system.log.Debug("a flooded interface is isolated", "interface", c.name, "family", in.family)
}

func (in *intake) openIsolated(c *conn) (fd int, err error) {
	err = in.system.space.do(func() error {
		fd, err = openReceiver(in.family, c.name, c.index, leastBuffer)
		return err
	})
	if err != nil {
		return -1, err
	}
	if err = in.filterIsolated(fd, &c.listening, c.ttl.exceeded()); err == nil {
		err = in.system.waiter.add(fd, false)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// filterIsolated sets the filter of an isolated interface.
func (in *intake) filterIsolated(fd int, l *listening, strict bool) error {
	r := rule{all: l.all, vrids: l.vrids, strict: strict && !l.anyTTL}
	program, err := r.program(in.family)
	if err != nil {
		return err
	}
	return setFilter(fd, program)
}

// anyTTL reports whether packets with another TTL can be valid on some interface.
func (in *intake) anyTTL() bool {
	for _, c := range in.conns {
		if c.listening.anyTTL {
			return true
		}
	}
	return false
}

// rejoin lets the main socket receive from an interface again.
func (in *intake) rejoin(o *isolation) {
	o.draining, in.dirty = true, true
	if err := in.filter(); err != nil {
		o.draining = false
		return
	}
	if o.fd < 0 {
		return
	}
	if setFilter(o.fd, nothing) != nil {
		o.draining = false
		return
	}
	o.unread = true
	if c := in.conns[o.link]; c != nil {
		c.ttl = ttlGuard{}
	}
	in.system.log.Debug("an interface is no longer flooded", "family", in.family)
}

// recvIsolated reads from isolated interfaces: those that are draining, or the others.
func (in *intake) recvIsolated(p []platform.Packet, draining bool) (int, error) {
	for _, o := range in.isolations.list {
		for o.draining == draining && o.unread && (o.budget > 0 || draining) {
			o.budget--
			n, more, err := in.receiver.read(o.fd, p, func(p *platform.Packet) bool {
				o.count++
				c := in.conns[p.Link]
				return c != nil && p.Link == o.link && c.passes(p)
			})
			o.unread = more
			in.noteLost(&o.overflow)
			if err != nil {
				return 0, &platform.SocketError{Socket: platform.Socket{Link: o.link, Family: in.family}, Err: noLink(err)}
			}
			if n > 0 {
				in.heard = true
				return n, nil
			}
		}
	}
	return 0, nil
}
