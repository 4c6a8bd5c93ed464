// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// Links implements platform.System.
func (s *System) Links() ([]platform.Link, error) {
	if s.closing.Err() != nil {
		return nil, errClosed
	}
	v := view{system: s}
	if err := v.load(); err != nil {
		return nil, fmt.Errorf("interfaces: %w", err)
	}
	all := make([]platform.Link, 0, len(v.links))
	for i := range v.links {
		all = append(all, v.link(i))
	}
	slices.SortFunc(all, func(a, b platform.Link) int { return cmp.Compare(a.Index, b.Index) })
	s.note(all, nil)
	return all, nil
}

// Watch implements platform.System.
func (s *System) Watch(ctx context.Context, fn func(platform.Update)) error {
	s.watches.Add(1)
	defer s.watches.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()
	v := view{system: s, told: make(map[int]platform.Link)}
	const pause = 100 * time.Millisecond
	for {
		err := v.watchUntilError(ctx, fn)
		if ctx.Err() != nil {
			return nil
		}
		// Overruns are normal when thousands of addresses change; pause after any other error.
		if !errors.Is(err, unix.ENOBUFS) {
			s.log.Warn("lost the notifications of interfaces", "error", err)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(pause):
			}
		}
	}
}

// notifications is a socket on which the kernel reports changes in the order in which they happen.
type notifications struct {
	file *os.File
	raw  syscall.RawConn
	buf  []byte
}

// linkGroups are the notifications of links and addresses.
var linkGroups = []int{unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV4_NETCONF, unix.RTNLGRP_IPV6_NETCONF}

// openNotifications subscribes to groups of a netlink protocol.
func openNotifications(protocol, buffer int, groups ...int) (*notifications, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, fmt.Errorf("netlink: %w", err)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("netlink: %w", err)
	}
	n := &notifications{file: os.NewFile(uintptr(fd), "netlink"), buf: make([]byte, datagramBuffer)}
	n.raw, err = n.file.SyscallConn()
	for _, group := range groups {
		if err == nil {
			err = n.join(group)
		}
	}
	if err != nil {
		_ = n.file.Close()
		return nil, fmt.Errorf("netlink: %w", err)
	}
	return n, nil
}

// closeWith closes the socket when ctx ends or when the returned function is called.
func (n *notifications) closeWith(ctx context.Context) func() {
	stop := context.AfterFunc(ctx, func() { _ = n.file.Close() })
	return func() { stop(); _ = n.file.Close() }
}

// join subscribes to one more group of notifications.
func (n *notifications) join(group int) error {
	var inner error
	err := n.raw.Control(func(fd uintptr) {
		inner = unix.SetsockoptInt(int(fd), unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group)
	})
	return errors.Join(err, inner)
}

// read returns the next messages. If wait is false, it does not wait for any.
func (n *notifications) read(wait bool) ([]syscall.NetlinkMessage, error) {
	var size int
	var inner error
	err := n.raw.Read(func(fd uintptr) bool {
		size, _, inner = unix.Recvfrom(int(fd), n.buf, 0)
		return !errors.Is(inner, unix.EAGAIN) && !errors.Is(inner, unix.EINTR) || !wait
	})
	switch {
	case err != nil:
		return nil, err
	case errors.Is(inner, unix.EAGAIN) || errors.Is(inner, unix.EINTR):
		return nil, nil
	case inner != nil:
		return nil, inner
	}
	return syscall.ParseNetlinkMessage(n.buf[:size])
}

// watchUntilError reports the whole state and then every change, until an error.
func (v *view) watchUntilError(ctx context.Context, fn func(platform.Update)) error {
	var n *notifications
	err := v.system.space.do(func() (err error) {
		n, err = openNotifications(unix.NETLINK_ROUTE, v.system.notifyBuffer, linkGroups...)
		return err
	})
	if err != nil {
		return err
	}
	defer n.closeWith(ctx)()
	v.system.notify.Store(n)
	defer v.system.notify.Store(nil)
	if v.system.routed.Load() {
		v.system.joinRoutes(n)
	}

	if err := v.load(); err != nil {
		return err
	}
	v.diverged = true // notifications may have been lost
	v.checkAt = time.Now()
	// The entries that Apply works on cannot be checked yet; check them again soon.
	const again = 20 * time.Millisecond
	for first := true; ; first = false {
		if !first {
			var deadline time.Time
			if len(v.suspects) > 0 || v.suspectRoutes {
				deadline = time.Now().Add(again)
			}
			if !v.checkAt.IsZero() && (deadline.IsZero() || v.checkAt.Before(deadline)) {
				deadline = v.checkAt
			}
			if err := n.file.SetReadDeadline(deadline); err != nil {
				return err
			}
			for wait := true; ; wait = false {
				messages, err := n.read(wait)
				if errors.Is(err, os.ErrDeadlineExceeded) {
					break
				}
				if err != nil {
					return err
				}
				if len(messages) == 0 {
					break
				}
				for i := range messages {
					v.message(&messages[i])
				}
			}
		}
		u := v.update(first)
		u.Lost = v.lost()
		if v.suspectRoutes {
			u.RoutesLost, v.suspectRoutes = v.routesLost()
		}
		u.Broken = v.broken()
		if ctx.Err() != nil {
			return nil
		}
		u.Diverged, v.diverged = v.diverged, false
		if !u.Empty() {
			v.system.note(u.Links, u.Gone)
			fn(u)
		}
	}
}

// checkPause is the delay from a change of an interface to the check of its sockets: the change affects them only after its
// notification, and changes often come in groups.
const (
	checkPause = 100 * time.Millisecond
	checkPart  = 20 // the pause is at least so many times as long as the last check
)

// broken returns the sockets that no longer work, if a check is due.
func (v *view) broken() []platform.Socket {
	if v.checkAt.IsZero() || time.Now().Before(v.checkAt) {
		return nil
	}
	v.checkAt = time.Time{}
	began := time.Now()
	broken := v.system.brokenSockets(func(link int) bool { _, ok := v.links[link]; return ok })
	// With thousands of memberships, reading them takes a while: not more than a small part of the time.
	v.checkPause = max(checkPause, checkPart*time.Since(began))
	return broken
}

// suspectSockets schedules a check of the sockets if the interface has any.
func (v *view) suspectSockets(link int) {
	if !v.checkAt.IsZero() {
		return
	}
	v.system.connsMu.Lock()
	defer v.system.connsMu.Unlock()
	if len(v.system.conns[link]) > 0 {
		v.checkAt = time.Now().Add(max(checkPause, v.checkPause))
	}
}

// message applies one notification.
func (v *view) message(m *syscall.NetlinkMessage) {
	switch m.Header.Type {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		l, ok, err := parseLink(m.Data)
		if err != nil || !ok {
			return
		}
		// The kernel removes the routes of an interface that goes down without notification.
		if was, known := v.links[l.Index]; known && !was.ours() && (was.adminUp != l.adminUp || m.Header.Type == unix.RTM_DELLINK) {
			v.suspectRoutes = true
		}
		if was := v.links[l.Index]; was.Name != l.Name {
			v.suspectPorts(l.Index)
		}
		if m.Header.Type == unix.RTM_DELLINK {
			delete(v.links, l.Index)
			delete(v.addrs, l.Index)
		} else {
			v.keep(l)
		}
		v.changed[l.Index] = true
		v.suspectLink(l.Index)
		v.suspectSockets(l.Index)
		v.diverged = v.diverged || v.strays(&l, m.Header.Type == unix.RTM_NEWLINK)
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		a, ok := parseAddr(m.Data)
		if !ok {
			return
		}
		v.setAddr(a, m.Header.Type == unix.RTM_NEWADDR)
		v.changed[a.link] = true
		if m.Header.Type == unix.RTM_DELADDR { // an MTU that is too small takes the addresses away, too
			v.suspectSockets(a.link)
		}
		v.diverged = v.diverged || !v.system.registry.ours(&a) && v.system.registry.concerns(a.link)
	case unix.RTM_NEWNETCONF:
		if index, _, ok := parseNetconf(m.Data, unix.AF_INET); ok {
			v.diverged = v.diverged || index < 0 || v.system.registry.concerns(index)
		}
		index, forwarding, ok := parseNetconf(m.Data, unix.AF_INET6)
		v.diverged = v.diverged || ok && v.system.registry.concerns(index)
		if l, known := v.links[index]; ok && known {
			l.ForwardsIPv6 = forwarding
			v.links[index] = l
			v.changed[index] = true
		}
	case unix.RTM_DELROUTE:
		if r, ok := parseRoute(m.Data); ok && r.proto == routeMark && r.via.IsValid() {
			v.suspectRoutes = true
		} else if connectedByUs(m.Data) {
			v.diverged = true
		}
	case unix.NLMSG_ERROR:
		if len(m.Data) >= 4 {
			v.system.log.Debug("netlink error message", "code", -int32(binary.NativeEndian.Uint32(m.Data)))
		}
	}
}
