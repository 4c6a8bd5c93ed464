// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// Sizes of socket buffers in bytes. The kernel allocates them only as needed. The main socket's holds what comes in more than a
// second at full rate.
const (
	alarmBuffer     = 1 // the kernel's minimum: one packet is enough
	leastBuffer     = 4 << 20
	mostBuffer      = 256 << 20
	bufferPerRouter = 8 << 10
	sendBuffer      = 32 << 20
)

// openReceiver opens a raw socket for VRRP packets of a family, of one interface or, with index 0, of all. Nothing passes its
// filter yet.
func openReceiver(family platform.Family, ifname string, index, room int) (fd int, err error) {
	domain, level := unix.AF_INET, unix.IPPROTO_IP
	messages := []int{unix.IP_PKTINFO}
	if family == platform.IPv6 {
		domain, level = unix.AF_INET6, unix.IPPROTO_IPV6
		messages = []int{unix.IPV6_RECVPKTINFO, unix.IPV6_RECVHOPLIMIT}
	}
	fd, err = unix.Socket(domain, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, frame.Protocol)
	if err != nil {
		return -1, fmt.Errorf("raw socket: %w", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	if err = setFilter(fd, nothing); err != nil {
		return -1, fmt.Errorf("filter: %w", err)
	}
	if index != 0 {
		if err = unix.BindToDevice(fd, ifname); err != nil {
			return -1, fmt.Errorf("bind to %s: %w", ifname, noLink(err))
		}
	}
	setReceiveBuffer(fd, room)
	if err = unicastOptions(fd, family); err != nil {
		return -1, fmt.Errorf("socket options: %w", err)
	}
	for _, o := range messages {
		if err = unix.SetsockoptInt(fd, level, o, 1); err != nil {
			return -1, fmt.Errorf("control messages: %w", err)
		}
	}
	if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1); err != nil {
		return -1, fmt.Errorf("count of lost packets: %w", err)
	}
	// The socket receives what any socket in the namespace is a member for (IP_MULTICAST_ALL is 1): it needs no membership.
	drain(fd)
	return fd, nil
}

// setReceiveBuffer sets how many bytes of packets may wait.
func setReceiveBuffer(fd, room int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, room) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, room)
	}
}

func groupOf(family platform.Family) netip.Addr {
	if family == platform.IPv6 {
		return frame.GroupIPv6
	}
	return frame.GroupIPv4
}

// unicastOptions sets the options for packets to unicast peers.
func unicastOptions(fd int, family platform.Family) error {
	if family == platform.IPv6 {
		return errors.Join(
			unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_HOPS, frame.TTL),
			unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, frame.TOS))
	}
	return errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TTL, frame.TTL),
		unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, frame.TOS))
}

// drain discards the waiting packets.
func drain(fd int) {
	var b [1]byte
	for {
		if _, err := unix.Read(fd, b[:]); err != nil {
			return
		}
	}
}

// options are the methods used here that ipv4.PacketConn and ipv6.PacketConn share.
type options interface {
	JoinGroup(ifi *net.Interface, group net.Addr) error
	LeaveGroup(ifi *net.Interface, group net.Addr) error
}

// openSender opens a packet socket that sends whole frames on any interface. Its protocol is
// zero, so it receives nothing.
func openSender() (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("packet socket: %w", err)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
	}
	// TC_PRIO_CONTROL: adverts go ahead of data in the queues of a busy interface.
	const control = 7
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, control)
	return fd, nil
}
