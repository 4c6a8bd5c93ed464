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

// ahQueue limits the packets that wait for one interface, ahBatch the packets that one call reads. The router only
// reports these packets.
const (
	ahQueue = 4
	ahBatch = 16
)

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
	pending atomic.Bool  // packets wait
	mu      sync.Mutex
	conns   map[int]int                  // number of IPv4 Conns, by interface
	waiting map[int][]ahPacket           // by interface
	buffer  [roomIPv4 + 64]byte          // of one packet
	control [unix.SizeofCmsghdr * 8]byte // control messages with its interface
}

type ahPacket struct {
	src, dst netip.Addr
	ttl      uint8
	payload  []byte
}

// join starts to receive the packets of an interface.
func (a *ahListener) join(s *System, link int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conns == nil {
		a.conns, a.waiting = make(map[int]int), make(map[int][]ahPacket)
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
		if err = s.waiter.add(fd); err != nil {
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
func (a *ahListener) leave(s *System, link int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conns[link]--; a.conns[link] > 0 {
		return
	}
	delete(a.conns, link)
	delete(a.waiting, link)
	if fd := int(a.fd.Load()); fd != 0 && len(a.conns) == 0 {
		a.fd.Store(0)
		s.waiter.remove(fd)
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
		err = control(fd, platform.IPv4, func(o options) error { return o.SetBPF(program) })
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

// take fills p with the packets of an interface that pass. Only the goroutine that waits may call take.
func (a *ahListener) take(w *waiter, link int, p []platform.Packet, passes func(*platform.Packet) bool) int {
	fd := int(a.fd.Load())
	readable := fd != 0 && w.isReady(fd)
	if !readable && !a.pending.Load() {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if readable && int(a.fd.Load()) == fd {
		a.read(w, fd)
	}
	n := 0
	for _, q := range a.waiting[link] {
		if n == len(p) {
			break
		}
		p[n] = platform.Packet{Src: q.src, Dst: q.dst, TTL: q.ttl, AH: true, Payload: q.payload}
		if passes(&p[n]) {
			n++
		}
	}
	delete(a.waiting, link)
	a.pending.Store(len(a.waiting) > 0)
	return n
}

// read queues the packets that have arrived.
func (a *ahListener) read(w *waiter, fd int) {
	for range ahBatch {
		n, c, _, _, err := unix.Recvmsg(fd, a.buffer[:], a.control[:], unix.MSG_DONTWAIT)
		if err != nil {
			w.emptied(fd)
			return
		}
		link, b := pktInfoLink(a.control[:c]), a.buffer[:n]
		if a.conns[link] == 0 || len(a.waiting[link]) == ahQueue || len(b) < 20 {
			continue
		}
		message, ok := frame.BehindAH(b[min(int(b[0]&0xf)*4, len(b)):])
		if !ok {
			continue
		}
		a.waiting[link] = append(a.waiting[link], ahPacket{
			src: netip.AddrFrom4([4]byte(b[12:16])), dst: netip.AddrFrom4([4]byte(b[16:20])), ttl: b[8],
			payload: append([]byte{}, message...),
		})
	}
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
