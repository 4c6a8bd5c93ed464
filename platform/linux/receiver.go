// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

const (
	// receiveBatch is how many packets one system call reads.
	receiveBatch = 64
	// Room for a packet with 255 addresses, and an Authentication Header before them.
	roomIPv4 = 60 + 64 + 8 + 255*4 + 8
	roomIPv6 = 8 + 255*16
	// Room for the control messages with interface, hop limit, destination and lost packets.
	roomControl = 128
)

// receiver reads packets in batches into buffers that it reuses.
type receiver struct {
	lost     uint32 // packets that found the socket's buffer full, if the last batch says so; or 0
	v6       bool
	headers  []mmsghdr
	iovecs   []unix.Iovec
	buffers  []byte
	sources  []unix.RawSockaddrInet6
	controls []byte
}

func (r *receiver) init(family platform.Family) {
	r.v6 = family == platform.IPv6
	room := roomIPv4
	if r.v6 {
		room = roomIPv6
		r.sources = make([]unix.RawSockaddrInet6, receiveBatch)
	}
	r.controls = make([]byte, receiveBatch*roomControl)
	r.headers = make([]mmsghdr, receiveBatch)
	r.iovecs = make([]unix.Iovec, receiveBatch)
	r.buffers = make([]byte, receiveBatch*room)
	for i := range r.headers {
		r.iovecs[i].Base = &r.buffers[i*room]
		r.iovecs[i].SetLen(room)
		h := &r.headers[i].hdr
		h.Iov = &r.iovecs[i]
		h.SetIovlen(1)
		h.Control = &r.controls[i*roomControl]
		if r.v6 {
			h.Name = (*byte)(unsafe.Pointer(&r.sources[i]))
		}
	}
}

// read fills p with the packets of one batch that pass, and reports whether the socket may have more.
func (r *receiver) read(fd int, p []platform.Packet, passes func(*platform.Packet) bool) (n int, more bool, err error) {
	headers := r.headers[:min(len(p), len(r.headers))]
	for i := range headers {
		h := &headers[i].hdr
		h.SetControllen(roomControl)
		if r.v6 {
			h.Namelen = unix.SizeofSockaddrInet6
		}
	}
	r.lost = 0
	got, err := recvmmsg(fd, headers)
	switch {
	case errors.Is(err, unix.EINTR):
		return 0, true, nil
	case errors.Is(err, unix.EAGAIN):
		return 0, false, nil
	case err != nil:
		return 0, false, err
	}
	for i := range headers[:got] {
		if r.packet(i, &p[n]) && passes(&p[n]) {
			n++
		}
	}
	return n, got == len(headers), nil
}

// packet decodes the i-th packet of a batch.
func (r *receiver) packet(i int, p *platform.Packet) bool {
	room := len(r.buffers) / receiveBatch
	b := r.buffers[i*room:][:min(int(r.headers[i].length), room)]
	*p = platform.Packet{Payload: b}
	if r.v6 {
		p.Src = netip.AddrFrom16(r.sources[i].Addr)
	} else {
		const header = 20
		if len(b) < header {
			return false
		}
		length := int(b[0]&0xf) * 4
		if length < header || length > len(b) {
			return false
		}
		p.TTL = b[8]
		p.Src = netip.AddrFrom4([4]byte(b[12:16]))
		p.Dst = netip.AddrFrom4([4]byte(b[16:20]))
		p.Payload = b[length:]
	}
	c := r.controls[i*roomControl:][:min(int(r.headers[i].hdr.Controllen), roomControl)]
	const (
		header = unix.SizeofCmsghdr
		align  = unsafe.Sizeof(uintptr(0)) - 1
	)
	for len(c) >= header {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&c[0]))
		length := int(h.Len)
		if length < header || length > len(c) {
			break
		}
		r.control(h.Level, h.Type, c[header:length], p)
		c = c[min((length+int(align))&^int(align), len(c)):]
	}
	return true
}

// control decodes a control message.
func (r *receiver) control(level, kind int32, data []byte, p *platform.Packet) {
	switch {
	case level == unix.IPPROTO_IP && kind == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
		p.Link = int(binary.NativeEndian.Uint32(data)) // ipi_ifindex comes first
	case level == unix.IPPROTO_IPV6 && kind == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
		p.Dst = netip.AddrFrom16([16]byte(data[:16]))
		p.Link = int(binary.NativeEndian.Uint32(data[16:]))
	case level == unix.IPPROTO_IPV6 && kind == unix.IPV6_HOPLIMIT && len(data) >= 4:
		p.TTL = uint8(binary.NativeEndian.Uint32(data))
	case level == unix.SOL_SOCKET && kind == unix.SO_RXQ_OVFL && len(data) >= 4:
		r.lost = binary.NativeEndian.Uint32(data)
	}
}
