// SPDX-License-Identifier: GPL-3.0-only

package fake

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// conn is a socket of a System.
type conn struct {
	system *System
	link   *link
	family platform.Family
	source netip.Addr
	filter []uint8 // nil: everything
	closed bool
	gone   bool // the interface does not exist any more, or is another one
	deaf   bool // the kernel has forgotten the membership

	// queue is a ring of waiting packets; its payloads are reused.
	queue   []platform.Packet
	head, n int
}

var _ platform.Conn = (*conn)(nil)

// receive puts an advert into the queues of the interface's conns.
func (s *System) receive(k *link, p *frame.Packet) {
	if p.Kind != frame.Advert {
		s.overhear(k, p)
		return
	}
	family, group := platform.IPv4, frame.GroupMACIPv4
	if !p.SrcAddr.Is4() {
		family, group = platform.IPv6, frame.GroupMACIPv6
	}
	if p.Dst != group && p.Dst != s.router.currentMAC(k) {
		return
	}
	for _, c := range s.conns {
		if c.link == k && c.family == family && !c.deaf && c.passes(p.Payload) {
			c.put(p)
		}
	}
}

// passes reports whether a message passes the filter.
func (c *conn) passes(message []byte) bool {
	return c.filter == nil || len(message) > 1 && slices.Contains(c.filter, message[1])
}

// put appends a packet to the queue, or drops it if the queue is full.
func (c *conn) put(p *frame.Packet) {
	limit := c.system.router.faults.Queue
	if limit == 0 {
		limit = DefaultQueue
	}
	if c.n >= limit {
		return
	}
	if c.n == len(c.queue) {
		grown := make([]platform.Packet, max(16, 2*c.n))
		for i := range c.n {
			grown[i] = c.queue[(c.head+i)%c.n]
		}
		c.queue, c.head = grown, 0
	}
	q := &c.queue[(c.head+c.n)%len(c.queue)]
	*q = platform.Packet{Src: p.SrcAddr, Dst: p.DstAddr, TTL: p.TTL, AH: p.AH, Payload: append(q.Payload[:0], p.Payload...)}
	c.n++
	c.system.ready++
	c.system.signal()
}

// take removes the oldest packet. Its payload is valid until the next put.
func (c *conn) take() *platform.Packet {
	q := &c.queue[c.head]
	c.head = (c.head + 1) % len(c.queue)
	c.n--
	c.system.ready--
	return q
}

// usable returns an error if the conn cannot be used.
func (c *conn) usable() error {
	switch {
	case c.system.err != nil:
		return c.system.err
	case c.closed:
		return ErrClosed
	case c.gone:
		return fmt.Errorf("%s: %w", c.link.name, platform.ErrNoLink)
	}
	return nil
}

// Recv implements platform.System.
func (s *System) Recv(p []platform.Packet) (int, error) {
	defer s.router.lock()()
	if s.err != nil {
		return 0, s.err
	}
	for _, c := range s.conns {
		if n, err := c.recv(p); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, nil
}

// recv returns the waiting packets of one conn.
func (c *conn) recv(p []platform.Packet) (int, error) {
	if c.n > 0 {
		if err := c.link.router.try(CallReceive, c.link.name, func() {}); err != nil {
			c.take()
			return 0, &platform.SocketError{Socket: platform.Socket{Link: c.link.index, Family: c.family}, Err: err}
		}
	}
	s, n := c.system, 0
	for n < len(p) && c.n > 0 {
		q := c.take()
		if !c.passes(q.Payload) {
			continue
		}
		if n == len(s.given) {
			s.given = append(s.given, nil)
		}
		s.given[n] = append(s.given[n][:0], q.Payload...)
		p[n] = platform.Packet{Link: c.link.index, Src: q.Src, Dst: q.Dst, TTL: q.TTL, AH: q.AH, Payload: s.given[n]}
		n++
	}
	return n, nil
}

// conn returns the conn of an interface and family, the newest if one is replaced.
func (s *System) conn(link int, family platform.Family) (*conn, error) {
	if s.err != nil {
		return nil, s.err
	}
	for _, c := range slices.Backward(s.conns) {
		if c.link.index == link && c.family == family {
			return c, nil
		}
	}
	return nil, fmt.Errorf("interface %d: %w", link, ErrClosed)
}

// Send implements platform.System.
func (s *System) Send(frames []platform.Frame) (int, error) {
	defer s.router.lock()()
	for i := range frames {
		if err := s.send(&frames[i]); err != nil {
			return i, err
		}
	}
	return len(frames), nil
}

func (s *System) send(f *platform.Frame) error {
	c, err := s.conn(f.Link, f.Family())
	if err != nil {
		return err
	}
	if err := c.sendable(len(f.Payload)); err != nil {
		return err
	}
	if send := s.router.faults.Send; send != nil {
		if err := send(c.link.name, *f); err != nil {
			return err
		}
	}
	b, err := c.build(*f)
	if err != nil {
		return err
	}
	s.buffer = b
	return s.router.try(CallSend, c.link.name, func() { c.link.port.send(b) })
}

// build makes the frame of an advert. It resolves a peer, which must be on this LAN.
func (c *conn) build(f platform.Frame) ([]byte, error) {
	if !f.Peer.IsValid() {
		return frame.AppendAdvert(c.system.buffer[:0], &f)
	}
	f.MAC = c.link.router.currentMAC(c.link)
	to, ok := c.link.port.ask(f.MAC, f.Peer)
	if !ok {
		return nil, fmt.Errorf("%s: no route to host", f.Peer)
	}
	return frame.AppendAdvertTo(c.system.buffer[:0], &f, f.Peer, to)
}

// Announce implements platform.System.
func (s *System) Announce(list []platform.Announcement) (int, error) {
	defer s.router.lock()()
	for i := range list {
		if err := s.announce(&list[i]); err != nil {
			return i, err
		}
	}
	return len(list), nil
}

func (s *System) announce(a *platform.Announcement) error {
	c, err := s.conn(a.Link, a.Family())
	if err != nil {
		return err
	}
	if err := c.sendable(0); err != nil {
		return err
	}
	b, err := frame.AppendAnnouncement(s.buffer[:0], a)
	if err != nil {
		return err
	}
	s.buffer = b
	return s.router.try(CallAnnounce, c.link.name, func() { c.link.port.send(b) })
}

// sendable returns an error if a message of a length cannot be sent.
func (c *conn) sendable(length int) error {
	if err := c.usable(); err != nil {
		return err
	}
	header := 20
	if c.family == platform.IPv6 {
		header = 40
	}
	switch k := c.link; {
	case !k.router.running(k):
		return fmt.Errorf("%s: %w", k.name, syscall.ENETDOWN)
	case c.family == platform.IPv6 && k.mtu < minMTU6:
		return fmt.Errorf("%s: %w", k.name, syscall.ENETUNREACH)
	case header+length > k.mtu:
		return fmt.Errorf("%s: %w", k.name, syscall.EMSGSIZE)
	}
	return nil
}

// Listen implements platform.Conn. No packet waits here, however patient the listener is.
func (c *conn) Listen(l platform.Listen) error {
	defer c.link.router.lock()()
	if err := c.usable(); err != nil {
		return err
	}
	return c.link.router.try(CallFilter, c.link.name, func() { c.filter = slices.Clone(l.VRIDs) })
}

// Close implements platform.Conn.
func (c *conn) Close() error {
	defer c.link.router.lock()()
	if c.closed {
		return nil
	}
	c.closed = true
	c.discard()
	c.system.drop(c)
	return nil
}

func (c *conn) discard() {
	c.system.ready -= c.n
	c.n = 0
}

// breakConns makes the conns of an interface useless, which Watch tells.
func (s *System) breakConns(k *link, how func(*conn)) {
	for _, c := range s.conns {
		if c.link == k {
			how(c)
		}
	}
	s.news.links[k.index] = true
	s.tell()
}

// broken returns the sockets that are useless although their interface, one of the given, exists.
func (s *System) broken(links []platform.Link) []platform.Socket {
	var list []platform.Socket
	for _, c := range s.conns {
		at := platform.Socket{Link: c.link.index, Family: c.family}
		if (c.gone || c.deaf) && !slices.Contains(list, at) && slices.ContainsFunc(links, func(k platform.Link) bool { return k.Index == at.Link }) {
			list = append(list, at)
		}
	}
	return list
}

// dropConns ends the conns of an interface that is gone.
func (s *System) dropConns(index int) {
	for _, c := range s.conns {
		if c.link.index == index {
			c.end()
		}
	}
}

// end makes a conn useless because its interface is gone.
func (c *conn) end() {
	c.gone = true
	c.discard()
}

func (s *System) drop(c *conn) {
	s.conns = slices.DeleteFunc(s.conns, func(o *conn) bool { return o == c })
}
