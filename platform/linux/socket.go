// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// Sizes of socket buffers in bytes. They hold more than a second of adverts at full
// rate; the kernel allocates them only as needed.
const (
	receiveBuffer = 2 << 20
	sendBuffer    = 4 << 20
)

// openReceiver opens a raw socket for VRRP packets of one interface. It receives nothing from
// other interfaces, not even between its creation and its binding.
func openReceiver(ifname string, index int, family platform.Family) (fd int, err error) {
	domain, level, all := unix.AF_INET, unix.IPPROTO_IP, unix.IP_MULTICAST_ALL
	if family == platform.IPv6 {
		domain, level, all = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL
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
	reject, err := bpf.Assemble(rejectAll)
	if err != nil {
		return -1, err
	}
	if err = control(fd, family, func(o options) error { return o.SetBPF(reject) }); err != nil {
		return -1, err
	}
	if err = unix.BindToDevice(fd, ifname); err != nil {
		return -1, fmt.Errorf("bind to %s: %w", ifname, noLink(err))
	}
	// Otherwise the socket receives every group that any socket in the namespace joined.
	if err = unix.SetsockoptInt(fd, level, all, 0); err != nil && family == platform.IPv4 {
		return -1, fmt.Errorf("multicast of %s: %w", ifname, err)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	if err = unicastOptions(fd, family); err != nil {
		return -1, fmt.Errorf("options of %s: %w", ifname, err)
	}
	if family == platform.IPv6 {
		for _, o := range []int{unix.IPV6_RECVHOPLIMIT, unix.IPV6_RECVPKTINFO} {
			if err = unix.SetsockoptInt(fd, level, o, 1); err != nil {
				return -1, fmt.Errorf("control messages of %s: %w", ifname, err)
			}
		}
	}
	group := groupOf(family)
	drain(fd)
	accept, err := bpf.Assemble(acceptAll)
	if err != nil {
		return -1, err
	}
	err = control(fd, family, func(o options) error {
		if err := o.JoinGroup(&net.Interface{Index: index, Name: ifname}, &net.IPAddr{IP: group.AsSlice()}); err != nil {
			return fmt.Errorf("join %s on %s: %w", group, ifname, err)
		}
		return o.SetBPF(accept)
	})
	return fd, err
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
		if _, _, err := unix.Recvfrom(fd, b[:], unix.MSG_DONTWAIT|unix.MSG_TRUNC); err != nil {
			return
		}
	}
}

// options are the methods used here that ipv4.PacketConn and ipv6.PacketConn share.
type options interface {
	JoinGroup(ifi *net.Interface, group net.Addr) error
	LeaveGroup(ifi *net.Interface, group net.Addr) error
	SetBPF(filter []bpf.RawInstruction) error
}

// control sets options of a socket through package net. It keeps the descriptor itself out of the
// runtime's poller, which would otherwise also wake up for every packet.
func control(fd int, family platform.Family, fn func(options) error) error {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("duplicate socket: %w", err)
	}
	f := os.NewFile(uintptr(dup), "vrrp")
	defer func() { _ = f.Close() }()
	c, err := net.FilePacketConn(f)
	if err != nil {
		return fmt.Errorf("raw socket: %w", err)
	}
	defer func() { _ = c.Close() }()
	if family == platform.IPv6 {
		return fn(ipv6.NewPacketConn(c))
	}
	return fn(ipv4.NewPacketConn(c))
}

// openSender opens a packet socket that sends whole frames on one interface. Its protocol is
// zero, so it receives nothing.
func openSender(ifname string, index int) (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("packet socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: index}); err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("bind to %s: %w", ifname, noLink(err))
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
	}
	// TC_PRIO_CONTROL: adverts go ahead of data in the queues of a busy interface.
	const control = 7
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PRIORITY, control)
	return fd, nil
}
