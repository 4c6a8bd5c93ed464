// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// captureBuffer is the requested size in bytes of a device's buffers: room for about two
// thousand adverts. The kernel limits it to net.bpf.maxbufsize.
const captureBuffer = 256 << 10

// bpfDevice is a BPF device and the socket that holds the membership in the multicast group, so
// that the interface receives the group's packets.
type bpfDevice struct {
	waiter       *waiter
	fd           int
	member       int
	bufferLength int
}

var _ device = (*bpfDevice)(nil)

func openBPF() (int, error) {
	fd, err := unix.Open("/dev/bpf", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open /dev/bpf: %w", err)
	}
	return fd, nil
}

func (k *freebsd) open(link string, index int, family platform.Family) (_ device, err error) {
	d := &bpfDevice{waiter: &k.waiter, fd: -1, member: -1}
	defer func() {
		if err != nil {
			d.release()
		}
	}()
	if d.fd, err = openBPF(); err != nil {
		return nil, err
	}
	if err = d.setUp(link); err != nil {
		return nil, err
	}
	if d.member, err = join(index, family); err != nil {
		return nil, err
	}
	if err = k.waiter.add(d.fd); err != nil {
		return nil, err
	}
	return d, nil
}

// setUp attaches the device to an interface. Until the first filter is set, it passes nothing.
func (d *bpfDevice) setUp(link string) error {
	none, err := rejectAll()
	if err != nil {
		return err
	}
	if err := d.filter(none); err != nil {
		return err
	}
	var length [4]byte
	binary.NativeEndian.PutUint32(length[:], captureBuffer)
	if err := ioctl(d.fd, unix.BIOCSBLEN, length[:]); err != nil {
		return fmt.Errorf("buffer length: %w", err)
	}
	if err := ioctl(d.fd, unix.BIOCGBLEN, length[:]); err != nil {
		return fmt.Errorf("buffer length: %w", err)
	}
	d.bufferLength = int(binary.NativeEndian.Uint32(length[:]))
	request := argument(unix.BIOCSETIF, link)
	if err := ioctl(d.fd, unix.BIOCSETIF, request); err != nil {
		return fmt.Errorf("attach to %s: %w", link, err)
	}
	var framing [4]byte
	if err := ioctl(d.fd, unix.BIOCGDLT, framing[:]); err != nil {
		return fmt.Errorf("framing: %w", err)
	}
	if binary.NativeEndian.Uint32(framing[:]) != unix.DLT_EN10MB {
		return fmt.Errorf("%s has no Ethernet framing: %w", link, platform.ErrUnsupported)
	}
	for _, o := range []struct {
		request, value uint32
		name           string
	}{
		{unix.BIOCIMMEDIATE, 1, "immediate delivery"},
		{unix.BIOCSHDRCMPLT, 1, "source addresses"},
		{unix.BIOCSSEESENT, 0, "ignoring sent packets"},
	} {
		var value [4]byte
		binary.NativeEndian.PutUint32(value[:], o.value)
		if err := ioctl(d.fd, o.request, value[:]); err != nil {
			return fmt.Errorf("%s: %w", o.name, err)
		}
	}
	return nil
}

// join opens a socket that is a member of the multicast group of a family on an interface. The socket is not
// bound and has no other purpose.
func join(index int, family platform.Family) (int, error) {
	domain, level, group := unix.AF_INET, unix.IPPROTO_IP, frame.GroupIPv4
	if family == platform.IPv6 {
		domain, level, group = unix.AF_INET6, unix.IPPROTO_IPV6, frame.GroupIPv6
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	if err := unix.SetsockoptString(fd, level, unix.MCAST_JOIN_GROUP, string(membership(index, group))); err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("join %s: %w", group, err)
	}
	return fd, nil
}

func (d *bpfDevice) size() int { return d.bufferLength }

func (d *bpfDevice) read(b []byte) (int, error) { return unix.Read(d.fd, b) }

func (d *bpfDevice) write(frame []byte) error {
	_, err := unix.Write(d.fd, frame)
	return err
}

func (d *bpfDevice) filter(p []bpf.RawInstruction) error {
	program := unix.BpfProgram{Len: uint32(len(p)), Insns: (*unix.BpfInsn)(unsafe.Pointer(&p[0]))}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(d.fd), unix.BIOCSETFNR, uintptr(unsafe.Pointer(&program)))
	runtime.KeepAlive(p)
	if errno != 0 {
		return fmt.Errorf("filter: %w", errno)
	}
	return nil
}

func (d *bpfDevice) close() error {
	d.waiter.remove(d.fd)
	d.release()
	return nil
}

func (d *bpfDevice) release() {
	for _, fd := range []int{d.fd, d.member} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}
