// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// conn holds the two sockets of an interface and family: a raw socket to receive, a packet socket
// to send.
type conn struct {
	system *System
	name   string
	index  int
	family platform.Family
	told   bool // reported as broken; guarded by System.connsMu

	mu       sync.Mutex // excludes Close
	closed   bool
	receive  receiver
	send     sender
	filtered bool
	vrids    vridSet
	ttl      ttlGuard
}

var _ platform.Conn = (*conn)(nil)

// Open implements platform.System. It does not need the source.
func (s *System) Open(link int, family platform.Family, _ netip.Addr) (platform.Conn, error) {
	if s.closing.Err() != nil {
		return nil, errClosed
	}
	l, err := s.query.link(link)
	if err != nil {
		return nil, fmt.Errorf("open interface %d: %w", link, err)
	}
	if !l.Ethernet {
		return nil, fmt.Errorf("open %s: not an Ethernet interface: %w", l.Name, platform.ErrUnsupported)
	}
	s.leaveStale(link, family)
	c := &conn{system: s, name: l.Name, index: link, family: family}
	err = s.space.do(func() error {
		in, err := openReceiver(l.Name, link, family)
		if err != nil {
			return err
		}
		out, err := openSender(l.Name, link)
		if err != nil {
			_ = unix.Close(in)
			return err
		}
		c.receive.init(in, family)
		c.send.fd = out
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", l.Name, netRaw.lacking(err))
	}
	if err := s.waiter.add(c.receive.fd); err != nil {
		_ = unix.Close(c.receive.fd)
		_ = unix.Close(c.send.fd)
		return nil, fmt.Errorf("open %s: %w", l.Name, err)
	}
	if family == platform.IPv4 {
		s.ah.join(s, link)
	}
	s.noteConn(c, true)
	return c, nil
}

// Close implements platform.Conn.
func (c *conn) Close() error {
	c.system.noteConn(c, false)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	c.system.waiter.remove(c.receive.fd)
	if c.family == platform.IPv4 {
		c.system.ah.leave(c.system, c.index)
	}
	return errors.Join(unix.Close(c.receive.fd), unix.Close(c.send.fd))
}

// SetFilter implements platform.Conn.
func (c *conn) SetFilter(vrids []uint8) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	var set vridSet
	for _, v := range vrids {
		set.add(v)
	}
	return c.filter(vrids != nil, set, c.ttl.strict)
}

// filter sets the socket's filter.
func (c *conn) filter(filtered bool, set vridSet, strict bool) error {
	raw, err := bpf.Assemble(acceptAll)
	if filtered {
		raw, err = program(&set, c.family == platform.IPv6, strict)
	}
	if err == nil {
		err = control(c.receive.fd, c.family, func(o options) error { return o.SetBPF(raw) })
	}
	if err != nil {
		return fmt.Errorf("filter of %s: %w", c.name, err)
	}
	c.filtered, c.vrids, c.ttl.strict = filtered, set, strict
	return nil
}

// guardTTL makes the kernel discard packets with a wrong TTL while there are too many of them.
func (c *conn) guardTTL() error {
	switch {
	case c.ttl.strict && time.Now().After(c.ttl.until):
		c.ttl.count = 0
		return c.filter(c.filtered, c.vrids, false)
	case !c.ttl.strict && c.filtered && c.ttl.count > ttlBurst:
		c.ttl.until = time.Now().Add(ttlRest)
		return c.filter(c.filtered, c.vrids, true)
	}
	return nil
}

// Recv implements platform.Conn.
func (c *conn) Recv(p []platform.Packet) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, errClosed
	}
	if c.family == platform.IPv4 {
		if n := c.system.ah.take(&c.system.waiter, c.index, p, c.passes); n > 0 {
			return n, nil
		}
	}
	if !c.system.waiter.isReady(c.receive.fd) {
		return 0, nil
	}
	n, empty, err := c.receive.read(p, c.passes)
	if empty {
		c.system.waiter.emptied(c.receive.fd)
	}
	if err == nil {
		err = c.guardTTL()
	}
	if err != nil {
		return n, fmt.Errorf("receive on %s: %w", c.name, err)
	}
	return n, nil
}

// passes applies the filter to packets that were queued before it was set.
func (c *conn) passes(p *platform.Packet) bool {
	if !c.filtered {
		return true
	}
	if len(p.Payload) < 2 || !c.vrids.has(p.Payload[1]) {
		return false
	}
	if p.TTL != frame.TTL {
		c.ttl.note(time.Now())
		return !c.ttl.strict
	}
	return true
}

// Send implements platform.Conn.
func (c *conn) Send(frames []platform.Frame) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, errClosed
	}
	sent := 0
	for sent < len(frames) {
		n, err := c.sendAlike(frames[sent:])
		if sent += n; err != nil {
			return sent, fmt.Errorf("send on %s: %w", c.name, noLink(err))
		}
	}
	return sent, nil
}

// sendAlike sends the first frame. If it is multicast, the multicast frames that follow go out with it.
func (c *conn) sendAlike(frames []platform.Frame) (int, error) {
	if frames[0].Peer.IsValid() {
		if err := c.unicast(&frames[0]); err != nil {
			return 0, fmt.Errorf("to %s: %w", frames[0].Peer, err)
		}
		return 1, nil
	}
	n := slices.IndexFunc(frames, func(f platform.Frame) bool { return f.Peer.IsValid() })
	if n < 0 {
		n = len(frames)
	}
	return c.send.adverts(frames[:n])
}

// unicast sends on the raw socket, which is bound to the interface. The kernel routes the packet.
func (c *conn) unicast(f *platform.Frame) error {
	if c.family == platform.IPv6 {
		to := &unix.SockaddrInet6{Addr: f.Peer.As16()}
		if f.Peer.IsLinkLocalUnicast() {
			to.ZoneId = uint32(c.index)
		}
		info := &unix.Inet6Pktinfo{Addr: f.Source.As16()}
		_, err := unix.SendmsgN(c.receive.fd, f.Payload, unix.PktInfo6(info), to, 0)
		return err
	}
	info := &unix.Inet4Pktinfo{Spec_dst: f.Source.As4()}
	_, err := unix.SendmsgN(c.receive.fd, f.Payload, unix.PktInfo4(info), &unix.SockaddrInet4{Addr: f.Peer.As4()}, 0)
	return err
}

// Announce implements platform.Conn.
func (c *conn) Announce(a []platform.Announcement) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, errClosed
	}
	n, err := c.send.announcements(a)
	if err != nil {
		return n, fmt.Errorf("announce on %s: %w", c.name, noLink(err))
	}
	return n, nil
}
