// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// sendBatch is how many frames one system call sends.
const sendBatch = 128

// sender sends frames of all interfaces in batches, on one packet socket, from buffers that it reuses.
type sender struct {
	mu      sync.Mutex // guards fd until it is open
	fd      int        // -1: not open
	headers [sendBatch]mmsghdr
	iovecs  [sendBatch]unix.Iovec
	names   [sendBatch]unix.RawSockaddrLinklayer
	ends    [sendBatch]int // end of each frame in arena
	arena   []byte
}

// open opens the socket if it is not open yet.
func (s *sender) open(space namespace) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fd >= 0 {
		return nil
	}
	return space.do(func() error {
		fd, err := openSender()
		if err == nil {
			s.fd = fd
		}
		return err
	})
}

// Send implements platform.System.
func (s *System) Send(frames []platform.Frame) (int, error) {
	sent := 0
	for sent < len(frames) {
		if f := &frames[sent]; f.Peer.IsValid() {
			if err := s.intake(f.Family()).unicast(f); err != nil {
				return sent, fmt.Errorf("send on %s: to %s: %w", s.nameOf(f.Link), f.Peer, noLink(err))
			}
			sent++
			continue
		}
		end := sent + 1 // of the multicast frames, which go out together
		for end < len(frames) && !frames[end].Peer.IsValid() {
			end++
		}
		n, err := sendAll(&s.sender, frames[sent:end], frame.AppendAdvert,
			func(f *platform.Frame) (int, uint16) {
				if f.Source.Is4() {
					return f.Link, unix.ETH_P_IP
				}
				return f.Link, unix.ETH_P_IPV6
			})
		if sent += n; err != nil {
			return sent, fmt.Errorf("send on %s: %w", s.nameOf(frames[sent].Link), noLink(err))
		}
	}
	return sent, nil
}

// Announce implements platform.System.
func (s *System) Announce(list []platform.Announcement) (int, error) {
	n, err := sendAll(&s.sender, list, frame.AppendAnnouncement, func(a *platform.Announcement) (int, uint16) {
		if a.Family() == platform.IPv6 {
			return a.Link, unix.ETH_P_IPV6
		}
		return a.Link, unix.ETH_P_ARP
	})
	if err != nil {
		return n, fmt.Errorf("announce on %s: %w", s.nameOf(list[n].Link), noLink(err))
	}
	return n, nil
}

// unicast sends to a peer. The kernel routes the packet.
func (in *intake) unicast(f *platform.Frame) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.main < 0 {
		return errClosed
	}
	if in.family == platform.IPv6 {
		to := &unix.SockaddrInet6{Addr: f.Peer.As16()}
		if f.Peer.IsLinkLocalUnicast() {
			to.ZoneId = uint32(f.Link)
		}
		info := &unix.Inet6Pktinfo{Addr: f.Source.As16(), Ifindex: uint32(f.Link)}
		_, err := unix.SendmsgN(in.main, f.Payload, unix.PktInfo6(info), to, 0)
		return err
	}
	info := &unix.Inet4Pktinfo{Ifindex: int32(f.Link), Spec_dst: f.Source.As4()}
	_, err := unix.SendmsgN(in.main, f.Payload, unix.PktInfo4(info), &unix.SockaddrInet4{Addr: f.Peer.As4()}, 0)
	return err
}

// sendAll sends all, which add encodes as frames for the interface and protocol that to returns, and returns how many the kernel
// accepted.
func sendAll[T any](s *sender, all []T, add func([]byte, *T) ([]byte, error), to func(*T) (link int, etherType uint16)) (int, error) {
	sent := 0
	for sent < len(all) {
		batch := all[sent:min(sent+sendBatch, len(all))]
		s.arena = s.arena[:0]
		var bad error
		for i := range batch {
			if s.arena, bad = add(s.arena, &batch[i]); bad != nil {
				batch = batch[:i]
				break
			}
			link, etherType := to(&batch[i])
			s.names[i] = unix.RawSockaddrLinklayer{Family: unix.AF_PACKET, Ifindex: int32(link), Protocol: networkOrder(etherType)}
			s.ends[i] = len(s.arena)
		}
		n, err := s.flush(len(batch))
		sent += n
		if err = errors.Join(err, bad); err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// flush sends the first n frames of the arena and returns how many the kernel accepted. The error is
// that of the frame after those.
func (s *sender) flush(n int) (int, error) {
	start := 0
	for i := range n {
		s.iovecs[i].Base = &s.arena[start]
		s.iovecs[i].SetLen(s.ends[i] - start)
		h := &s.headers[i].hdr
		h.Iov = &s.iovecs[i]
		h.SetIovlen(1)
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&s.names[i])), unix.SizeofSockaddrLinklayer
		start = s.ends[i]
	}
	sent := 0
	for sent < n {
		k, err := sendmmsg(s.fd, s.headers[sent:n])
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return sent, err
		default:
			sent += k
		}
	}
	return sent, nil
}
