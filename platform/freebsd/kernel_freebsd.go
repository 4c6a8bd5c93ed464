// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"fmt"
	"net/netip"
	"runtime"
	"unsafe"

	"golang.org/x/net/route"
	"golang.org/x/sys/unix"
)

// freebsd is the running kernel.
type freebsd struct {
	waiter
	// Requests about addresses go to a socket of their family. Without IPv6 in the kernel the
	// second socket is missing.
	ipv4, ipv6 int
}

var _ kernel = (*freebsd)(nil)

func openKernel() (*freebsd, error) {
	// Fail at the start if the process may not open BPF devices.
	probe, err := openBPF()
	if err != nil {
		return nil, err
	}
	_ = unix.Close(probe)
	k := &freebsd{ipv4: -1, ipv6: -1}
	if k.ipv4, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	if fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err == nil {
		k.ipv6 = fd
	}
	if err := k.waiter.open(); err != nil {
		k.close()
		return nil, err
	}
	return k, nil
}

func (k *freebsd) close() {
	k.waiter.close()
	for _, fd := range []*int{&k.ipv4, &k.ipv6} {
		if *fd >= 0 {
			_ = unix.Close(*fd)
			*fd = -1
		}
	}
}

// forwardsIPv6 reads the setting of the whole host: FreeBSD has none per interface.
func (*freebsd) forwardsIPv6() bool {
	on, err := unix.SysctlUint32("net.inet6.ip6.forwarding")
	return err == nil && on != 0
}

// ioctl makes a request with the argument b.
func ioctl(fd int, request uint32, b []byte) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(unsafe.Pointer(&b[0])))
	if errno != 0 {
		return errno
	}
	return nil
}

func (k *freebsd) interfaces() ([]byte, error) {
	return route.FetchRIB(unix.AF_UNSPEC, route.RIBTypeInterface, 0)
}

func (k *freebsd) socket(addr netip.Addr) int {
	if addr.Is6() {
		return k.ipv6
	}
	return k.ipv4
}

func (k *freebsd) add(link string, index int, addr netip.Addr) error {
	request, b := addRequest(link, index, addr)
	return ioctl(k.socket(addr), request, b)
}

func (k *freebsd) del(link string, index int, addr netip.Addr) error {
	request, b := delRequest(link, index, addr)
	return ioctl(k.socket(addr), request, b)
}

func (k *freebsd) setMAC(link string, mac [6]byte) error {
	request, b := macRequest(link, mac)
	return ioctl(k.ipv4, request, b)
}

func (k *freebsd) parent(vlan string) string {
	// struct vlanreq: the parent's name, tag and protocol.
	var answer struct {
		parent        [nameLen]byte
		tag, protocol uint16
	}
	// struct ifreq with a pointer in its union.
	var request struct {
		name [nameLen]byte
		data unsafe.Pointer
		_    [8]byte
	}
	copy(request.name[:nameLen-1], vlan)
	request.data = unsafe.Pointer(&answer)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(k.ipv4), uintptr(requestGetVLAN), uintptr(unsafe.Pointer(&request)))
	runtime.KeepAlive(&answer)
	if errno != 0 {
		return ""
	}
	return unix.ByteSliceToString(answer.parent[:])
}
