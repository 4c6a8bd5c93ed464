// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// The kernel drops memberships without notification: those of IPv6 when the MTU falls below 1280 (RFC 8200 section 5), those
// of IPv4 below 68, and both when an interface moves to another network namespace, even if it comes back. Its packet sockets
// are then unbound. So whenever an interface changes, the kernel's memberships are compared with those that the sockets need.

// brokenSockets returns the sockets of existing interfaces that no longer receive or send, each once.
func (s *System) brokenSockets(exists func(link int) bool) []platform.Socket {
	s.connsMu.Lock()
	defer s.connsMu.Unlock()
	var broken []platform.Socket
	members := make(map[platform.Family]map[int]bool)
	for link, conns := range s.conns {
		if !exists(link) {
			continue
		}
		for _, c := range conns {
			joined, known := members[c.family]
			if !known {
				joined = s.members(c.family)
				members[c.family] = joined
			}
			if !c.told && (joined != nil && !joined[link] || !c.bound()) {
				c.told = true
				broken = append(broken, platform.Socket{Link: link, Family: c.family})
			}
		}
	}
	return broken
}

// noteConn records that a Conn was opened or closed.
func (s *System) noteConn(c *conn, open bool) {
	s.connsMu.Lock()
	defer s.connsMu.Unlock()
	switch all := s.conns[c.index]; {
	case open:
		s.conns[c.index] = append(all, c)
	default:
		if all = slices.DeleteFunc(all, func(o *conn) bool { return o == c }); len(all) > 0 {
			s.conns[c.index] = all
		} else {
			delete(s.conns, c.index)
		}
	}
}

// members returns the interfaces that receive the multicast group of a family; nil if they cannot be read.
func (s *System) members(family platform.Family) map[int]bool {
	var joined map[int]bool
	err := s.space.do(func() (err error) {
		joined, err = membersOf(family)
		return err
	})
	if err != nil {
		s.log.Debug("cannot read the memberships of multicast groups", "error", err)
		return nil
	}
	return joined
}

// leaveStale leaves the groups that broken sockets of an interface still seem to be members of. Otherwise, closing these
// sockets would end the memberships of the sockets that replace them.
func (s *System) leaveStale(link int, family platform.Family) {
	s.connsMu.Lock()
	defer s.connsMu.Unlock()
	for _, c := range s.conns[link] {
		if c.family == family && (c.told || !c.bound()) {
			c.leave()
		}
	}
}

func (c *conn) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	_ = control(c.receive.fd, c.family, func(o options) error {
		return o.LeaveGroup(&net.Interface{Index: c.index, Name: c.name}, &net.IPAddr{IP: groupOf(c.family).AsSlice()})
	})
}

// bound reports whether the packet socket is still bound to the interface.
func (c *conn) bound() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return true
	}
	name, err := unix.Getsockname(c.send.fd)
	ll, ok := name.(*unix.SockaddrLinklayer)
	return err != nil || !ok || ll.Ifindex == c.index
}

// membersOf returns the interfaces of the calling thread's namespace that receive the multicast group of a family.
func membersOf(family platform.Family) (map[int]bool, error) {
	file, parse := "/proc/thread-self/net/igmp", parseIGMP
	if family == platform.IPv6 {
		file, parse = "/proc/thread-self/net/igmp6", parseIGMP6
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parse(b)
}

// parseIGMP reads /proc/net/igmp: a line per interface, which begins with the index, followed by an indented line per group,
// which begins with the group's address as a number in the machine's byte order.
func parseIGMP(b []byte) (map[int]bool, error) {
	a := frame.GroupIPv4.As4()
	group := fmt.Sprintf("%08X", binary.NativeEndian.Uint32(a[:]))
	members := make(map[int]bool)
	link := 0
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) == 0:
		case lines.Text()[0] == '\t':
			if fields[0] == group {
				members[link] = true
			}
		default:
			link, _ = strconv.Atoi(fields[0]) // 0 for the title line
		}
	}
	return members, lines.Err()
}

// parseIGMP6 reads /proc/net/igmp6: a line per interface and group, with index, name and address.
func parseIGMP6(b []byte) (map[int]bool, error) {
	group := hex.EncodeToString(frame.GroupIPv6.AsSlice())
	members := make(map[int]bool)
	lines := bufio.NewScanner(bytes.NewReader(b))
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 2 && fields[2] == group {
			link, err := strconv.Atoi(fields[0])
			if err != nil {
				return nil, fmt.Errorf("igmp6: %w", err)
			}
			members[link] = true
		}
	}
	return members, lines.Err()
}
