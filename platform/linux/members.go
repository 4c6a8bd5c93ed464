// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// The kernel drops memberships without notification: those of IPv6 when the MTU falls below 1280 (RFC 8200 section 5), those
// of IPv4 below 68, and both when an interface moves to another network namespace, even if it comes back. So whenever an
// interface changes, the kernel's memberships are compared with those that the sockets need.

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
			if !c.told && joined != nil && !joined[link] {
				c.told = true
				broken = append(broken, platform.Socket{Link: link, Family: c.family})
			}
		}
	}
	return broken
}

// note keeps what is known of interfaces, so that Open need not ask the kernel.
func (s *System) note(links []platform.Link, gone []int) {
	s.connsMu.Lock()
	defer s.connsMu.Unlock()
	for i := range links {
		s.known[links[i].Index] = links[i]
	}
	for _, index := range gone {
		delete(s.known, index)
	}
}

// look returns an interface.
func (s *System) look(link int) (platform.Link, error) {
	s.connsMu.Lock()
	l, ok := s.known[link]
	s.connsMu.Unlock()
	if ok {
		return l, nil
	}
	k, err := s.query.link(link)
	if err != nil {
		return platform.Link{}, err
	}
	return k.Link, nil
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
		if c.family == family && c.told {
			c.member.leave()
		}
	}
}

// memberships are the memberships in the multicast group of a family. They belong to sockets that receive nothing, each with as
// many as the kernel allows a socket.
type memberships struct {
	family platform.Family
	mu     sync.Mutex
	open   []*memberSocket // that may have room for another interface
}

// perSocket is the kernel's limit of memberships of a socket (net.ipv4.igmp_max_memberships) unless it was changed.
const perSocket = 20

// memberSocket holds memberships by interface.
type memberSocket struct {
	of     *memberships
	conn   net.PacketConn
	joined map[int]bool
	full   bool
}

// membership is that of one interface.
type membership struct {
	socket *memberSocket
	link   *net.Interface
	once   sync.Once
}

// join makes an interface receive the multicast group.
func (m *memberships) join(s *System, name string, index int) (*membership, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	link := &net.Interface{Index: index, Name: name}
	for _, o := range m.open {
		if o.full || o.joined[index] {
			continue
		}
		err := o.join(link)
		if err == nil {
			return &membership{socket: o, link: link}, nil
		}
		if !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.ENOMEM) {
			return nil, fmt.Errorf("join %s: %w", groupOf(m.family), noLink(err))
		}
		o.full = true
	}
	o := &memberSocket{of: m, joined: make(map[int]bool)}
	err := s.space.do(func() (err error) {
		o.conn, err = openMember(m.family)
		return err
	})
	if err == nil {
		if err = o.join(link); err != nil {
			_ = o.conn.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("join %s: %w", groupOf(m.family), noLink(err))
	}
	m.open = append(m.open, o)
	return &membership{socket: o, link: link}, nil
}

// release closes the sockets.
func (m *memberships) release() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, o := range m.open {
		_ = o.conn.Close()
	}
	m.open = nil
}

func (o *memberSocket) join(link *net.Interface) error {
	if err := o.options().JoinGroup(link, &net.IPAddr{IP: groupOf(o.of.family).AsSlice()}); err != nil {
		return err
	}
	o.joined[link.Index] = true
	o.full = len(o.joined) >= perSocket
	return nil
}

func (o *memberSocket) options() options {
	if o.of.family == platform.IPv6 {
		return ipv6.NewPacketConn(o.conn)
	}
	return ipv4.NewPacketConn(o.conn)
}

// leave ends the membership. It fails only if the kernel has ended it already.
func (m *membership) leave() {
	m.once.Do(func() {
		o := m.socket
		o.of.mu.Lock()
		defer o.of.mu.Unlock()
		_ = o.options().LeaveGroup(m.link, &net.IPAddr{IP: groupOf(o.of.family).AsSlice()})
		delete(o.joined, m.link.Index)
		if o.full = false; len(o.joined) == 0 {
			_ = o.conn.Close()
			o.of.open = slices.DeleteFunc(o.of.open, func(other *memberSocket) bool { return other == o })
		}
	})
}

// openMember opens a datagram socket without an address: it receives nothing.
func openMember(family platform.Family) (net.PacketConn, error) {
	domain := unix.AF_INET
	if family == platform.IPv6 {
		domain = unix.AF_INET6
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "member")
	defer func() { _ = f.Close() }()
	return net.FilePacketConn(f)
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
