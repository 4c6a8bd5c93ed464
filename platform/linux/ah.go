// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"fmt"
	"sync"
	"sync/atomic"

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
	fd       atomic.Int32 // 0: closed
	mu       sync.Mutex
	conns    int // number of IPv4 Conns
	receiver receiver
}

// join opens the socket for the first Conn.
func (a *ahListener) join(s *System) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conns++; a.fd.Load() != 0 {
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
	a.receiver.init(platform.IPv4)
	a.fd.Store(int32(fd))
}

// leave closes the socket after the last Conn.
func (a *ahListener) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conns--; a.conns == 0 {
		a.release()
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
	n, _, _ := a.receiver.read(fd, p[:min(ahBatch, len(p))], func(p *platform.Packet) bool {
		message, ok := frame.BehindAH(p.Payload)
		p.Payload, p.AH = message, true
		return ok && s.intake(platform.IPv4).passes(p)
	})
	return n
}
