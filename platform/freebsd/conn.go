// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"syscall"

	"golang.org/x/net/bpf"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// conn is a BPF device of an interface and family.
type conn struct {
	system *System
	name   string
	family platform.Family

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
	c := &conn{system: s, name: l.Name, family: family, device: d, buffer: make([]byte, d.size())}
	if err := c.SetFilter(nil); err != nil {
		_ = d.close()
		return nil, err
	}
	return c, nil
}

// Close implements platform.Conn.
func (c *conn) Close() error {
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

// SetFilter implements platform.Conn.
func (c *conn) SetFilter(vrids []uint8) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	var program []bpf.RawInstruction
	var err error
	if nobody := vrids != nil && len(vrids) == 0; nobody {
		program, err = rejectAll()
	} else {
		program, err = adverts(c.family)
	}
	if err == nil {
		err = c.device.filter(program)
	}
	if err != nil {
		return fmt.Errorf("filter of %s: %w", c.name, noLink(err))
	}
	c.filtered, c.vrids = vrids != nil, [256]bool{}
	for _, v := range vrids {
		c.vrids[v] = true
	}
	return nil
}

// passes applies the filter.
func (c *conn) passes(p *platform.Packet) bool {
	return !c.filtered || len(p.Payload) > 1 && c.vrids[p.Payload[1]]
}

// Recv implements platform.Conn.
func (c *conn) Recv(p []platform.Packet) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, errClosed
	}
	for len(p) > 0 {
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
		p[n] = platform.Packet{Src: f.SrcAddr, Dst: f.DstAddr, TTL: f.TTL, AH: f.AH, Payload: f.Payload}
		if c.passes(&p[n]) {
			n++
		}
	}
	c.keep(rest)
	return n
}

// Send implements platform.Conn. A BPF device takes one frame per system call.
func (c *conn) Send(frames []platform.Frame) (int, error) {
	return send(c, "send", frames, frame.AppendAdvert)
}

// Announce implements platform.Conn.
func (c *conn) Announce(a []platform.Announcement) (int, error) {
	return send(c, "announce", a, frame.AppendAnnouncement)
}

func send[T any](c *conn, what string, list []T, appendFrame func([]byte, *T) ([]byte, error)) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, errClosed
	}
	for i := range list {
		var err error
		if c.frame, err = appendFrame(c.frame[:0], &list[i]); err == nil {
			err = c.device.write(c.frame)
		}
		if err != nil {
			return i, fmt.Errorf("%s on %s: %w", what, c.name, noLink(err))
		}
	}
	return len(list), nil
}
