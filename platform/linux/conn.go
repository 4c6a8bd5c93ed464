// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// conn is an interface and family whose packets the intake of the family receives.
type conn struct {
	system *System
	name   string
	index  int
	family platform.Family
	told   bool // reported as broken; guarded by System.connsMu

	close  sync.Once
	member *membership

	// Guarded by the intake.
	listening listening
	ttl       ttlGuard
	epoch     uint32 // of count
	count     int    // packets in this window
}

// listening says what a conn receives.
type listening struct {
	all      bool // all VRIDs
	vrids    vridSet
	anyTTL   bool
	urgent   []uint8
	patience time.Duration
}

var _ platform.Conn = (*conn)(nil)

// Open implements platform.System. It does not need the source.
func (s *System) Open(link int, family platform.Family, _ netip.Addr) (platform.Conn, error) {
	if s.closing.Err() != nil {
		return nil, errClosed
	}
	l, err := s.look(link)
	if err != nil {
		return nil, fmt.Errorf("open interface %d: %w", link, err)
	}
	if !l.Ethernet {
		return nil, fmt.Errorf("open %s: not an Ethernet interface: %w", l.Name, platform.ErrUnsupported)
	}
	s.leaveStale(link, family)
	c := &conn{system: s, name: l.Name, index: link, family: family}
	in := s.intake(family)
	if err = in.add(c); err == nil {
		if err = s.sender.open(s.space); err != nil {
			in.remove(c)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", l.Name, netRaw.lacking(err))
	}
	if c.member, err = s.memberships(family).join(s, l.Name, link); err != nil {
		in.remove(c)
		return nil, fmt.Errorf("open %s: %w", l.Name, err)
	}
	if family == platform.IPv4 {
		s.ah.join(s)
	}
	s.noteConn(c, true)
	return c, nil
}

// Close implements platform.Conn.
func (c *conn) Close() error {
	c.close.Do(func() {
		c.system.noteConn(c, false)
		c.system.intake(c.family).remove(c)
		if c.family == platform.IPv4 {
			c.system.ah.leave()
		}
		c.member.leave()
	})
	return nil
}

// Listen implements platform.Conn.
func (c *conn) Listen(l platform.Listen) error {
	want := listening{all: l.VRIDs == nil, anyTTL: l.AnyTTL, urgent: l.Urgent, patience: l.Patience}
	for _, v := range l.VRIDs {
		want.vrids.add(v)
	}
	if err := c.system.intake(c.family).listen(c, want); err != nil {
		return fmt.Errorf("listen on %s: %w", c.name, err)
	}
	return nil
}

// passes applies the filter to a packet of the conn's interface.
func (c *conn) passes(p *platform.Packet) bool {
	if p.Dst.IsMulticast() && p.Dst != groupOf(c.family) {
		return false // of a group that another program has joined
	}
	if !c.listening.all && (len(p.Payload) < 2 || !c.listening.vrids.has(p.Payload[1])) {
		return false
	}
	if p.TTL != frame.TTL && !c.listening.anyTTL {
		now := time.Now()
		c.ttl.note(now)
		return !c.ttl.exceeded()
	}
	return true
}

// limit returns how many packets in a window are a flood.
func (c *conn) limit() int { return floodLimit + floodPerRouter*c.listening.vrids.len() }
