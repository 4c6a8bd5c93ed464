// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

const (
	// claimBatch claims are read at a time from each socket, and then none for claimPause. In a flood the kernel
	// discards what does not fit into claimBuffer, in bytes.
	claimBatch  = 64
	claimPause  = 20 * time.Millisecond
	claimBuffer = 64 << 10
	// claimAddresses is the maximum number of addresses that the filter of one socket compares: for these it takes up to 12 of the
	// 20 KiB that kernels before 6.7 allow a socket by default (net.core.optmem_max).
	claimAddresses = 500
)

var _ platform.ClaimWatcher = (*System)(nil)

// WatchClaims implements platform.ClaimWatcher. A socket hears all interfaces. Its filter compares the addresses, so that other ARP
// messages and Neighbor Advertisements wake nobody.
func (s *System) WatchClaims(ctx context.Context, addrs []netip.Addr, fn func([]platform.Claim)) error {
	s.watches.Add(1)
	defer s.watches.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()
	w := &claimWatch{addrs: make(map[netip.Addr]bool, len(addrs)), fn: fn}
	var byFamily [2][]netip.Addr // IPv4 and IPv6
	for _, a := range addrs {
		w.addrs[a] = true
		i := 0
		if a.Is6() {
			i = 1
		}
		byFamily[i] = append(byFamily[i], a)
	}
	var sockets []claimSocket
	defer func() {
		for _, c := range sockets {
			_ = c.file.Close()
		}
	}()
	err := s.space.do(func() error {
		for i, open := range []func([]netip.Addr) (claimSocket, error){openARP, openNeighbors} {
			for part := range slices.Chunk(byFamily[i], claimAddresses) {
				c, err := open(part)
				if err != nil {
					return err
				}
				sockets = append(sockets, c)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("watch claims: %w", err)
	}
	var all sync.WaitGroup
	errs := make([]error, len(sockets))
	for i, c := range sockets {
		all.Go(func() {
			defer cancel()
			defer context.AfterFunc(ctx, func() { _ = c.file.SetReadDeadline(time.Unix(1, 0)) })()
			errs[i] = w.listen(ctx, c)
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("watch claims: %w", err)
	}
	return nil
}

// claimSocket is a socket that receives claims.
type claimSocket struct {
	file *os.File
	read func(fd int, b, oob []byte) (platform.Claim, error)
}

// errNoClaim is the error for a message that claims nothing.
var errNoClaim = errors.New("no claim")

type claimWatch struct {
	addrs map[netip.Addr]bool
	mu    sync.Mutex // held while fn is called
	fn    func([]platform.Claim)
}

// listen reports the claims that a socket receives until ctx ends.
func (w *claimWatch) listen(ctx context.Context, c claimSocket) error {
	raw, err := c.file.SyscallConn()
	if err != nil {
		return err
	}
	b, oob := make([]byte, 2048), make([]byte, 256)
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil
		}
		batch, err := w.read(raw.Read, c, b, oob)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if len(batch) > 0 {
			w.mu.Lock()
			w.fn(batch)
			w.mu.Unlock()
		}
		pause.Reset(claimPause)
	}
}

// read waits for a message, and reads up to claimBatch messages.
func (w *claimWatch) read(wait func(func(fd uintptr) (done bool)) error, c claimSocket, b, oob []byte) ([]platform.Claim, error) {
	var batch []platform.Claim
	var failed error
	err := wait(func(fd uintptr) bool {
		for n := range claimBatch {
			claim, err := c.read(int(fd), b, oob)
			switch {
			case errors.Is(err, unix.EAGAIN):
				return n > 0
			case errors.Is(err, errNoClaim), errors.Is(err, unix.EINTR), errors.Is(err, unix.ENETDOWN): // an interface went down
			case err != nil:
				failed = err
				return true
			case w.addrs[claim.Addr]: // the filter may compare a part only
				batch = addClaim(batch, claim)
			}
		}
		return true
	})
	return batch, errors.Join(err, failed)
}

// addClaim counts a claim.
func addClaim(batch []platform.Claim, c platform.Claim) []platform.Claim {
	for i := range batch {
		if o := &batch[i]; o.Link == c.Link && o.Addr == c.Addr && o.MAC == c.MAC {
			o.Times++
			return batch
		}
	}
	c.Times = 1
	return append(batch, c)
}

// claimFilter completes a filter by the comparison of the 4 bytes at an offset with the last 4 bytes of addresses.
func claimFilter(offset uint32, addrs []netip.Addr, p ...bpf.Instruction) ([]bpf.RawInstruction, error) {
	values := make([]uint32, 0, len(addrs))
	for _, a := range addrs {
		b := a.AsSlice()
		values = append(values, binary.BigEndian.Uint32(b[len(b)-4:]))
	}
	slices.Sort(values)
	p = append(p, bpf.LoadAbsolute{Off: offset, Size: 4})
	return bpf.Assemble(append(p, search(values, keepAll, keepNone)...))
}

// prepare attaches a filter to a socket and limits its buffer.
func prepare(fd int, prog []bpf.RawInstruction) error {
	return errors.Join(
		setFilter(fd, prog),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, claimBuffer))
}

// openARP opens a socket for the ARP messages, requests and replies, whose sender claims one of these addresses. Messages to other hosts are
// left out: the kernel marks as such also those of VLANs that this host does not have.
func openARP(addrs []netip.Addr) (claimSocket, error) {
	const sender = 14 + 14 // in the Ethernet frame
	prog, err := claimFilter(sender, addrs, bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: unix.PACKET_OTHERHOST, SkipTrue: 1}, bpf.RetConstant{Val: keepNone})
	if err != nil {
		return claimSocket{}, err
	}
	// With protocol 0 the socket receives nothing before the filter is attached.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return claimSocket{}, fmt.Errorf("packet socket: %w", err)
	}
	if err = prepare(fd, prog); err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ARP)})
	}
	if err != nil {
		_ = unix.Close(fd)
		return claimSocket{}, fmt.Errorf("packet socket: %w", err)
	}
	return claimSocket{os.NewFile(uintptr(fd), "arp"), readARP}, nil
}

// networkOrder returns a protocol number in the byte order that packet sockets use.
func networkOrder(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return binary.NativeEndian.Uint16(b[:])
}

func readARP(fd int, b, _ []byte) (platform.Claim, error) {
	n, from, err := unix.Recvfrom(fd, b, 0)
	if err != nil {
		return platform.Claim{}, err
	}
	ll, ok := from.(*unix.SockaddrLinklayer)
	p, err := frame.Parse(b[:n])
	if !ok || err != nil || p.Kind != frame.ARP {
		return platform.Claim{}, errNoClaim
	}
	return platform.Claim{Link: ll.Ifindex, Addr: p.SenderIP, MAC: p.SenderMAC}, nil
}

// openNeighbors opens a socket for the Neighbor Advertisements of these addresses. The hop limit must be 255, or else they come from another
// link (RFC 4861 section 7.1.2).
func openNeighbors(addrs []netip.Addr) (claimSocket, error) {
	const target = 8 + 12 // in the ICMPv6 message, with which such a packet begins
	prog, err := claimFilter(target, addrs, bpf.LoadAbsolute{Off: netOff + 7, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: frame.TTL, SkipTrue: 1}, bpf.RetConstant{Val: keepNone})
	if err != nil {
		return claimSocket{}, err
	}
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_ICMPV6)
	if err != nil {
		return claimSocket{}, fmt.Errorf("ICMPv6 socket: %w", err)
	}
	var blocked unix.ICMPv6Filter
	for i := range blocked.Data {
		blocked.Data[i] = ^uint32(0)
	}
	blocked.Data[frame.NeighborAdvertisementType/32] &^= 1 << (frame.NeighborAdvertisementType % 32)
	const icmp6Filter = 1
	err = errors.Join(prepare(fd, prog),
		unix.SetsockoptICMPv6Filter(fd, unix.IPPROTO_ICMPV6, icmp6Filter, &blocked),
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1))
	if err != nil {
		_ = unix.Close(fd)
		return claimSocket{}, fmt.Errorf("ICMPv6 socket: %w", err)
	}
	drain(fd) // what came before the filters
	return claimSocket{os.NewFile(uintptr(fd), "neighbors"), readNeighbor}, nil
}

func readNeighbor(fd int, b, oob []byte) (platform.Claim, error) {
	n, oobn, _, _, err := unix.Recvmsg(fd, b, oob, 0)
	if err != nil {
		return platform.Claim{}, err
	}
	p, err := frame.ParseNA(b[:n])
	// Without an Ethernet address it does not change what other hosts know.
	if err != nil || p.Kind != frame.NeighborAdvertisement || p.SenderMAC == (frame.MAC{}) {
		return platform.Claim{}, errNoClaim
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return platform.Claim{}, errNoClaim
	}
	for _, m := range messages {
		if m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_PKTINFO && len(m.Data) >= unix.SizeofInet6Pktinfo {
			return platform.Claim{Link: int(binary.NativeEndian.Uint32(m.Data[16:])), Addr: p.TargetIP, MAC: p.SenderMAC}, nil
		}
	}
	return platform.Claim{}, errNoClaim
}
