// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/bpf"

	"vrrpsh/platform"
)

// kernel is the part of the operating system that the package uses, in FreeBSD's own formats.
// Errors are the kernel's error numbers, wrapped or not.
type kernel interface {
	// interfaces returns the interface list of the routing tables: sysctl NET_RT_IFLIST.
	interfaces() ([]byte, error)
	// notify opens a route socket.
	notify() (notifications, error)
	// parent returns the name of the interface below a VLAN interface, or "".
	parent(vlan string) string

	// forwardsIPv6 reports whether the host routes IPv6.
	forwardsIPv6() bool

	// add adds an address as a host address, del deletes one.
	add(link string, index int, addr netip.Addr) error
	del(link string, index int, addr netip.Addr) error
	// setMAC gives an interface an Ethernet address.
	setMAC(link string, mac [6]byte) error

	// open opens a BPF device on an interface, with a membership in the multicast group of a family.
	open(link string, index int, family platform.Family) (device, error)
	// wait blocks until a device has packets, wake was called, or the given time is reached.
	wait(until time.Time) error
	wake()
	close()
}

// notifications is a route socket.
type notifications interface {
	// next returns the next message, valid until the next call, or nil if none comes within patience. With
	// zero patience it does not wait.
	next(patience time.Duration) ([]byte, error)
	close() error
}

// device is a BPF device.
type device interface {
	// size is the length of the device's buffers; read needs a slice of this length.
	size() int
	// read reads a buffer of packets; EAGAIN if there are none.
	read(b []byte) (int, error)
	write(frame []byte) error
	// filter sets the program; packets already in the buffer stay.
	filter(p []bpf.RawInstruction) error
	close() error
}

// errClosed is returned by methods of a System after Close.
var errClosed = fmt.Errorf("network system: %w", os.ErrClosed)

// noLink turns the kernel's error for a missing interface into
// platform.ErrNoLink.
func noLink(err error) error {
	if errors.Is(err, syscall.ENXIO) {
		return fmt.Errorf("%w (%w)", platform.ErrNoLink, err)
	}
	return err
}
