// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// ahBatch limits the packets read between two calls of Wait. The router only reports these packets.
const ahBatch = 16

// ahProgram accepts IPv4 packets with TTL 255 in which VRRP follows an IPsec Authentication Header.
var ahProgram = []bpf.Instruction{
	bpf.LoadAbsolute{Off: 8, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: frame.TTL, SkipFalse: 4},
	bpf.LoadMemShift{Off: 0},
	bpf.LoadIndirect{Off: 0, Size: 1}, // Next Header
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: frame.Protocol, SkipFalse: 1},
	bpf.RetConstant{Val: keepAll},
	bpf.RetConstant{Val: keepNone},
}

// ahListener receives VRRPv2 in IPsec Authentication Headers. The kernel never delivers these packets to a socket of
// the VRRP protocol. One socket serves all interfaces: the other sockets join the multicast groups. The socket is open
// while there is an IPv4 Conn.
type ahListener struct {
	fd      atomic.Int32 // 0: closed
	mu      sync.Mutex
	conns   map[int]int                   // number of IPv4 Conns, by interface
	buffers *[ahBatch][roomIPv4 + 64]byte // of the packets read last
	control [unix.SizeofCmsghdr * 8]byte  // control messages with the interface
}

// join starts to receive the packets of an interface.
func (a *ahListener) join(s *System, link int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conns == nil {
		a.conns, a.buffers = make(map[int]int), new([ahBatch][roomIPv4 + 64]byte)
	}
	a.conns[link]++
	if a.fd.Load() != 0 {
		return
	}
	var fd int
	err := s.space.do(func() (err error) {
		fd, err = openAH()
		return err
	})
	if err == nil {
		if err = s.waiter.add(fd, true); err != nil {
			_ = unix.Close(fd)
		}
	}
	if err != nil {
		s.log.Debug("cannot listen for VRRP in Authentication Headers", "error", err)
		return
	}
	a.fd.Store(int32(fd))
}

// leave undoes join.
func (a *ahListener) leave(link int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conns[link]--; a.conns[link] > 0 {
		return
	}
	delete(a.conns, link)
	if fd := int(a.fd.Load()); fd != 0 && len(a.conns) == 0 {
		a.fd.Store(0)
		_ = unix.Close(fd)
	}
}

// release closes the socket.
func (a *ahListener) release() {
	if fd := int(a.fd.Swap(0)); fd != 0 {
		_ = unix.Close(fd)
	}
}

func openAH() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, frame.ProtocolAH)
	if err != nil {
		return -1, fmt.Errorf("raw socket: %w", err)
	}
	program, err := bpf.Assemble(ahProgram)
	if err == nil {
		err = setFilter(fd, program)
	}
	if err == nil {
		drain(fd)
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	}
	if err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// take fills p with packets that pass. Only the goroutine that waits may call take.
func (a *ahListener) take(s *System, p []platform.Packet) int {
	fd := int(a.fd.Load())
	if fd == 0 || !s.waiter.isReady(fd) {
		return 0
	}
	s.waiter.emptied(fd) // until the next wait, however many there are
	a.mu.Lock()
	defer a.mu.Unlock()
	if int(a.fd.Load()) != fd {
		return 0
	}
	taken := 0
	for i := range min(ahBatch, len(p)) {
		n, c, _, _, err := unix.Recvmsg(fd, a.buffers[i][:], a.control[:], unix.MSG_DONTWAIT)
		if err != nil {
			break
		}
		link, b := pktInfoLink(a.control[:c]), a.buffers[i][:n]
		if a.conns[link] == 0 || len(b) < 20 {
			continue
		}
		message, ok := frame.BehindAH(b[min(int(b[0]&0xf)*4, len(b)):])
		if !ok {
			continue
		}
		p[taken] = platform.Packet{Link: link, TTL: b[8], AH: true, Payload: message,
			Src: netip.AddrFrom4([4]byte(b[12:16])), Dst: netip.AddrFrom4([4]byte(b[16:20]))}
		if s.intake(platform.IPv4).passes(&p[taken]) {
			taken++
		}
	}
	return taken
}

// pktInfoLink returns the interface index from the IP_PKTINFO control message, or 0 without one.
func pktInfoLink(c []byte) int {
	messages, err := unix.ParseSocketControlMessage(c)
	if err != nil {
		return 0
	}
	for i := range messages {
		m := &messages[i]
		if m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_PKTINFO && len(m.Data) >= int(unsafe.Sizeof(unix.Inet4Pktinfo{})) {
			return int(binary.NativeEndian.Uint32(m.Data)) // ipi_ifindex comes first
		}
	}
	return 0
}
