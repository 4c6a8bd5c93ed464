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
	// Room for a packet with 255 addresses.
	roomIPv4 = 60 + 8 + 255*4 + 8
	roomIPv6 = 8 + 255*16
	// Room for the control messages with hop limit and destination.
	roomControl = 64
)

// receiver reads packets in batches into buffers that it reuses.
type receiver struct {
	fd       int
	v6       bool
	headers  []mmsghdr
	iovecs   []unix.Iovec
	buffers  []byte
	sources  []unix.RawSockaddrInet6
	controls []byte
}

func (r *receiver) init(fd int, family platform.Family) {
	r.fd, r.v6 = fd, family == platform.IPv6
	room := roomIPv4
	if r.v6 {
		room = roomIPv6
		r.sources = make([]unix.RawSockaddrInet6, receiveBatch)
		r.controls = make([]byte, receiveBatch*roomControl)
	}
	r.headers = make([]mmsghdr, receiveBatch)
	r.iovecs = make([]unix.Iovec, receiveBatch)
	r.buffers = make([]byte, receiveBatch*room)
	for i := range r.headers {
		r.iovecs[i].Base = &r.buffers[i*room]
		r.iovecs[i].SetLen(room)
		h := &r.headers[i].hdr
		h.Iov = &r.iovecs[i]
		h.SetIovlen(1)
		if r.v6 {
			h.Name = (*byte)(unsafe.Pointer(&r.sources[i]))
			h.Control = &r.controls[i*roomControl]
		}
	}
}

// read fills p with waiting packets that pass, at most one batch, and reports whether the socket is empty.
func (r *receiver) read(p []platform.Packet, passes func(*platform.Packet) bool) (n int, empty bool, err error) {
	if len(p) == 0 {
		return 0, false, nil
	}
	for {
		headers := r.headers[:min(len(p), len(r.headers))]
		if r.v6 {
			for i := range headers {
				headers[i].hdr.Namelen = unix.SizeofSockaddrInet6
				headers[i].hdr.SetControllen(roomControl)
			}
		}
		got, err := recvmmsg(r.fd, headers)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return 0, true, nil
		case err != nil:
			return 0, false, err
		}
		for i := range headers[:got] {
			if r.packet(i, &p[n]) && passes(&p[n]) {
				n++
			}
		}
		// All packets of a full batch were dropped: read the next batch.
		if n > 0 || got < len(headers) {
			return n, got < len(headers), nil
		}
	}
}

// packet decodes the i-th packet of a batch.
func (r *receiver) packet(i int, p *platform.Packet) bool {
	room := len(r.buffers) / receiveBatch
	b := r.buffers[i*room:][:min(int(r.headers[i].length), room)]
	if !r.v6 {
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
		return true
	}
	p.TTL, p.Dst = 0, netip.Addr{}
	p.Src = netip.AddrFrom16(r.sources[i].Addr)
	p.Payload = b
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
		data := c[header:length]
		if h.Level == unix.IPPROTO_IPV6 {
			switch {
			case h.Type == unix.IPV6_HOPLIMIT && len(data) >= 4:
				p.TTL = uint8(binary.NativeEndian.Uint32(data))
			case h.Type == unix.IPV6_PKTINFO && len(data) >= 16:
				p.Dst = netip.AddrFrom16([16]byte(data[:16]))
			}
		}
		c = c[min((length+int(align))&^int(align), len(c)):]
	}
	return true
}
