// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"golang.org/x/net/bpf"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// conn is a BPF device of an interface and family.
type conn struct {
	system *System
	platform.Socket
	name string

	mu     sync.Mutex // against Close
	closed bool
	device device
	buffer []byte
	rest   []byte // unread part of the buffer
	frame  []byte // frame being sent
	// The kernel passes the adverts of all virtual routers or none; the Conn selects the VRIDs.
	filtered bool
	vrids    [256]bool
}

var _ platform.Conn = (*conn)(nil)

// Open implements platform.System. It does not need the source.
func (s *System) Open(link int, family platform.Family, _ netip.Addr) (platform.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Err() != nil {
		return nil, errClosed
	}
	links, err := s.list()
	if err != nil {
		return nil, fmt.Errorf("open interface %d: %w", link, err)
	}
	l := newScene(links).links[link]
	if l == nil {
		return nil, fmt.Errorf("open interface %d: %w", link, platform.ErrNoLink)
	}
	if !l.Ethernet {
		return nil, fmt.Errorf("open %s: not an Ethernet interface: %w", l.Name, platform.ErrUnsupported)
	}
	d, err := s.kernel.open(l.Name, link, family)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", l.Name, noLink(err))
	}
	c := &conn{system: s, Socket: platform.Socket{Link: link, Family: family}, name: l.Name, device: d, buffer: make([]byte, d.size())}
	if err := c.Listen(platform.Listen{}); err != nil {
		_ = d.close()
		return nil, err
	}
	s.connsMu.Lock()
	defer s.connsMu.Unlock()
	s.conns = append(s.conns, c)
	return c, nil
}

// Close implements platform.Conn.
func (c *conn) Close() error {
	c.system.connsMu.Lock()
	c.system.conns = slices.DeleteFunc(c.system.conns, func(o *conn) bool { return o == c })
	c.system.connsMu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	c.keep(nil)
	return c.device.close()
}

// keep records the unread rest of the buffer.
func (c *conn) keep(rest []byte) {
	switch had, has := len(c.rest) > 0, len(rest) > 0; {
	case has && !had:
		c.system.backlog.Add(1)
	case had && !has:
		c.system.backlog.Add(-1)
	}
	c.rest = rest
}

// Listen implements platform.Conn. Every packet ends Wait at once.
func (c *conn) Listen(l platform.Listen) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	var program []bpf.RawInstruction
	var err error
	if nobody := l.VRIDs != nil && len(l.VRIDs) == 0; nobody {
		program, err = rejectAll()
	} else {
		program, err = adverts(c.Family)
	}
	if err == nil {
		err = c.device.filter(program)
	}
	if err != nil {
		return fmt.Errorf("filter of %s: %w", c.name, noLink(err))
	}
	c.filtered, c.vrids = l.VRIDs != nil, [256]bool{}
	for _, v := range l.VRIDs {
		c.vrids[v] = true
	}
	return nil
}

// passes applies the filter.
func (c *conn) passes(p *platform.Packet) bool {
	return !c.filtered || len(p.Payload) > 1 && c.vrids[p.Payload[1]]
}

// Recv implements platform.System. The Conns take turns.
func (s *System) Recv(p []platform.Packet) (int, error) {
	s.connsMu.Lock()
	defer s.connsMu.Unlock()
	for range s.conns {
		s.turn++
		c := s.conns[s.turn%len(s.conns)]
		if n, err := c.recv(p); err != nil {
			return n, &platform.SocketError{Socket: c.Socket, Err: err}
		} else if n > 0 {
			return n, nil
		}
	}
	return 0, nil
}

// recv returns packets of one device.
func (c *conn) recv(p []platform.Packet) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(p) > 0 && !c.closed {
		if len(c.rest) == 0 {
			n, err := c.device.read(c.buffer)
			switch {
			case errors.Is(err, syscall.EAGAIN):
				return 0, nil
			case errors.Is(err, syscall.EINTR):
				continue
			case err != nil:
				return 0, fmt.Errorf("receive on %s: %w", c.name, noLink(err))
			case n == 0:
				return 0, nil
			}
			c.keep(c.buffer[:n])
		}
		// Another read would overwrite the packets returned in p.
		if n := c.take(p); n > 0 {
			return n, nil
		}
	}
	return 0, nil
}

// take fills p with the remaining packets of the buffer that pass the filter.
func (c *conn) take(p []platform.Packet) int {
	n := 0
	rest := c.rest
	for n < len(p) {
		captured, more, ok := nextCapture(rest)
		if !ok {
			rest = nil
			break
		}
		rest = more
		f, err := frame.Parse(captured)
		if err != nil || f.Kind != frame.Advert {
			continue
		}
		p[n] = platform.Packet{Link: c.Link, Src: f.SrcAddr, Dst: f.DstAddr, TTL: f.TTL, AH: f.AH, Payload: f.Payload}
		if c.passes(&p[n]) {
			n++
		}
	}
	c.keep(rest)
	return n
}

// Send implements platform.System. A BPF device takes one frame per system call.
func (s *System) Send(frames []platform.Frame) (int, error) {
	for i := range frames {
		f := &frames[i]
		if err := s.send(platform.Socket{Link: f.Link, Family: f.Family()}, "send",
			func(b []byte) ([]byte, error) { return frame.AppendAdvert(b, f) }); err != nil {
			return i, err
		}
	}
	return len(frames), nil
}

// Announce implements platform.System.
func (s *System) Announce(list []platform.Announcement) (int, error) {
	for i := range list {
		a := &list[i]
		if err := s.send(platform.Socket{Link: a.Link, Family: a.Family()}, "announce",
			func(b []byte) ([]byte, error) { return frame.AppendAnnouncement(b, a) }); err != nil {
			return i, err
		}
	}
	return len(list), nil
}

// send sends the frame that add appends on the newest Conn of an interface and family.
func (s *System) send(on platform.Socket, what string, add func([]byte) ([]byte, error)) error {
	s.connsMu.Lock()
	defer s.connsMu.Unlock()
	for _, c := range slices.Backward(s.conns) {
		if c.Socket == on {
			if err := c.send(add); err != nil {
				return fmt.Errorf("%s on %s: %w", what, c.name, noLink(err))
			}
			return nil
		}
	}
	return fmt.Errorf("%s on interface %d: %w", what, on.Link, errClosed)
}

func (c *conn) send(add func([]byte) ([]byte, error)) (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	if c.frame, err = add(c.frame[:0]); err != nil {
		return err
	}
	return c.device.write(c.frame)
}
