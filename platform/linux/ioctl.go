// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An ioctl sets an IPv4 address on a label of the interface, such as "eth0:51". The label also marks the
// address as ours: the kernel keeps no other mark of such an address. The kernel adds the route to its
// subnet as for any other address.

// label returns the part of the label after the interface name and colon, for the n-th address of a virtual router.
func label(vrid uint8, n int) string {
	s := strconv.Itoa(int(vrid))
	if n > 0 {
		s += "-" + strconv.Itoa(n)
	}
	return s
}

// assignLabels assigns labels to the addresses that are or will be set by ioctl. Existing labels stay.
func (e *entry) assignLabels() {
	keep := make(map[netip.Prefix]string)
	for p, l := range e.labels {
		if slices.Contains(e.installed, p) || e.want.IOCTL && slices.Contains(e.want.Addrs, p) {
			keep[p] = l
		}
	}
	e.labels = keep
	if !e.want.IOCTL {
		return
	}
	n := 0
	free := func() string {
		for ; ; n++ {
			l := label(e.want.ID.VRID, n)
			taken := false
			for _, other := range e.labels {
				taken = taken || other == l
			}
			if !taken {
				return l
			}
		}
	}
	for _, p := range e.want.Addrs {
		if e.labels[p] == "" {
			e.labels[p] = free()
		}
	}
}

// labeled reports whether an address has a label of ours. The caller must hold the lock of the registry.
func (r *registry) labeled(a *kernelAddr) bool {
	_, suffix, found := strings.Cut(a.label, ":")
	if !found {
		return false
	}
	for _, e := range r.entries {
		if e.want.Link != a.link || e.want.Macvlan {
			continue
		}
		for p, l := range e.labels {
			if l == suffix && p.Addr() == a.prefix.Addr() {
				return true
			}
		}
	}
	return false
}

// installByIOCTL returns the step that sets an address by ioctl.
func (s *System) installByIOCTL(j *job, p netip.Prefix, after func(error)) step {
	name := j.parent.Name + ":" + j.e.labels[p]
	return step{call: func() error {
		if err := s.ifreq(name, func(r *unix.Ifreq) (uint, error) { return unix.SIOCSIFADDR, r.SetInet4Addr(p.Addr().AsSlice()) }); err != nil {
			return err
		}
		mask := net.CIDRMask(p.Bits(), p.Addr().BitLen())
		return s.ifreq(name, func(r *unix.Ifreq) (uint, error) { return unix.SIOCSIFNETMASK, r.SetInet4Addr(mask) })
	}, after: after}
}

// uninstallByIOCTL returns the step that removes an address: setting a label down removes it.
func (s *System) uninstallByIOCTL(j *job, p netip.Prefix, after func(error)) step {
	name := ""
	if j.parent != nil {
		name = j.parent.Name + ":" + j.e.labels[p]
	}
	return step{call: func() error {
		if name == "" {
			return unix.ENODEV
		}
		return s.ifreq(name, func(r *unix.Ifreq) (uint, error) {
			r.SetUint16(0)
			return unix.SIOCSIFFLAGS, nil
		})
	}, after: after}
}

// setMAC returns the step that sets the MAC address of an interface, by ioctl if the virtual router is configured so.
func (s *System) setMAC(j *job, mac [6]byte, after func(error)) step {
	if !j.e.want.IOCTL {
		return step{request: macRequest(j.e.want.Link, mac), after: after}
	}
	name := j.parent.Name
	return step{call: func() error {
		r := hardwareRequest{family: unix.ARPHRD_ETHER}
		copy(r.name[:len(r.name)-1], name)
		copy(r.addr[:], mac[:])
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s.control), unix.SIOCSIFHWADDR, uintptr(unsafe.Pointer(&r)))
		if errno != 0 {
			return errno
		}
		return nil
	}, after: after}
}

// hardwareRequest is a struct ifreq with an Ethernet address.
type hardwareRequest struct {
	name   [unix.IFNAMSIZ]byte
	family uint16
	addr   [14]byte
	_      [8]byte
}

// ifreq executes an ioctl on the interface or label of that name.
func (s *System) ifreq(name string, fill func(*unix.Ifreq) (uint, error)) error {
	r, err := unix.NewIfreq(name)
	if errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("the label %s is too long: %w", name, err)
	}
	if err != nil {
		return err
	}
	request, err := fill(r)
	if err != nil {
		return err
	}
	return unix.IoctlIfreq(s.control, request, r)
}

// labeled reports whether an address has the label that was recorded for it. The address may have been set only partly, without
// its prefix length.
func (r *addrRecord) labeled(a *kernelAddr) bool {
	return r.Label != "" && r.Link == a.link && r.Prefix.Addr() == a.prefix.Addr() && strings.HasSuffix(a.label, ":"+r.Label)
}
