// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// pingInterval is the time between two echo requests.
	pingInterval = time.Millisecond
	// pingLate is the longest round trip of a counted answer. A request may wait for a neighbor entry, in the host or
	// in the old Master that forwards it; the address is not reachable during this time.
	pingLate = 20 * time.Millisecond
)

// Pinger sends an ICMP echo request to an address every millisecond from the host of a lab,
// and records the answers.
type Pinger struct {
	tb   testing.TB
	file *os.File
	to   unix.Sockaddr
	id   uint16 // of its requests, since answers for other pingers arrive, too
	// request and reply are the types of messages; header is the length of the header before an answer.
	request, reply byte
	header         int
	quit           chan struct{}
	wait           sync.WaitGroup

	mu    sync.Mutex
	sent  []time.Time // by sequence
	back  []bool
	late  []bool // answered, but late
	first int    // sequence of the first answer; −1: none yet
	last  int    // sequence of the latest answer
}

var pingers atomic.Uint32

// Outage is a time without answers between two answers.
type Outage struct {
	// From is when the first unanswered request was sent, To when the next answered one was sent.
	From, To time.Time
}

// Length is how long the address was unreachable.
func (o Outage) Length() time.Duration { return o.To.Sub(o.From) }

// Ping starts a Pinger, which ends with the lab.
func (l *Lab) Ping(addr string) *Pinger {
	l.tb.Helper()
	p := &Pinger{tb: l.tb, id: uint16(pingers.Add(1)), quit: make(chan struct{}), first: -1, last: -1}
	family, protocol := unix.AF_INET, unix.IPPROTO_ICMP
	if to := netip.MustParseAddr(addr); to.Is4() {
		p.to, p.request, p.reply, p.header = &unix.SockaddrInet4{Addr: to.As4()}, icmpEchoRequest, icmpEchoReply, ipHeader
	} else {
		family, protocol = unix.AF_INET6, unix.IPPROTO_ICMPV6
		p.to, p.request, p.reply = &unix.SockaddrInet6{Addr: to.As16()}, icmp6EchoRequest, icmp6EchoReply
	}
	err := l.Host.Do(func() error {
		fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
		if err != nil {
			return err
		}
		p.file = os.NewFile(uintptr(fd), "ping")
		return errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20),
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		)
	})
	if err != nil {
		l.tb.Fatalf("ping: %v", err)
	}
	p.wait.Add(2)
	go p.send()
	go p.receive()
	l.atClose(p.Stop)
	return p
}

// Stop ends the pinger.
func (p *Pinger) Stop() {
	select {
	case <-p.quit:
		return
	default:
	}
	close(p.quit)
	_ = p.file.Close()
	p.wait.Wait()
}

// send sends requests until Stop.
func (p *Pinger) send() {
	defer p.wait.Done()
	raw, err := p.file.SyscallConn()
	if err != nil {
		return
	}
	m := make([]byte, 16)
	m[0] = p.request
	binary.BigEndian.PutUint16(m[4:], p.id)
	tick := time.NewTicker(pingInterval)
	defer tick.Stop()
	for {
		select {
		case <-p.quit:
			return
		case <-tick.C:
		}
		p.mu.Lock()
		seq := len(p.sent)
		p.sent = append(p.sent, time.Now())
		p.back, p.late = append(p.back, false), append(p.late, false)
		p.mu.Unlock()
		binary.BigEndian.PutUint16(m[6:], uint16(seq))
		binary.BigEndian.PutUint64(m[8:], uint64(seq))
		m[2], m[3] = 0, 0
		binary.BigEndian.PutUint16(m[2:], checksum(m)) // of ICMPv6 by the kernel
		// A request that cannot be sent, because the neighbor is unknown, counts as unanswered.
		_ = raw.Control(func(fd uintptr) { _ = unix.Sendto(int(fd), m, 0, p.to) })
	}
}

// receive records the answers until Stop.
func (p *Pinger) receive() {
	defer p.wait.Done()
	raw, err := p.file.SyscallConn()
	if err != nil {
		return
	}
	buf, oob := make([]byte, 256), make([]byte, 128)
	for {
		var n, oobn int
		var rerr error
		err := raw.Read(func(fd uintptr) bool {
			n, oobn, _, _, rerr = unix.Recvmsg(int(fd), buf, oob, 0)
			return !errors.Is(rerr, unix.EAGAIN)
		})
		if err != nil {
			return
		}
		b := buf[min(p.header, max(n, 0)):max(n, 0)]
		if rerr != nil || len(b) < 16 || b[0] != p.reply || binary.BigEndian.Uint16(b[4:]) != p.id {
			continue // ignore EHOSTUNREACH of an earlier request
		}
		seq := int(binary.BigEndian.Uint64(b[8:]))
		p.answered(seq, arrival(oob[:oobn]))
	}
}

// answered records one answer.
func (p *Pinger) answered(seq int, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if seq >= len(p.sent) {
		return
	}
	if wall(at).Sub(wall(p.sent[seq])) > pingLate {
		p.late[seq] = true
		return
	}
	p.back[seq] = true
	if p.first < 0 {
		p.first = seq
	}
	p.last = max(p.last, seq)
}

// wall drops the monotonic clock, which the kernel's timestamps do not have.
func wall(t time.Time) time.Time { return t.Round(0) }

// WaitAnswer waits until a request sent after since has been answered.
func (p *Pinger) WaitAnswer(since time.Time, limit time.Duration) {
	p.tb.Helper()
	Until(p.tb, limit, "an answered ping", func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.last < 0 || p.sent[p.last].Before(since) {
			return fmt.Errorf("no later request was answered")
		}
		return nil
	})
}

// Longest returns the longest outage among those that ended after since. The time before the first answer
// does not count, nor does an outage that has not ended.
func (p *Pinger) Longest(since time.Time) Outage {
	p.mu.Lock()
	defer p.mu.Unlock()
	var longest, current Outage
	for seq := max(p.first, 0); seq <= p.last; seq++ {
		switch {
		case !p.back[seq] && current.From.IsZero():
			current.From = p.sent[seq]
		case p.back[seq] && !current.From.IsZero():
			current.To = p.sent[seq]
			if current.To.After(since) && current.Length() > longest.Length() {
				longest = current
			}
			current = Outage{}
		}
	}
	return longest
}

// Lost returns the number of requests sent after since and before the latest answer that were never answered, not
// even late.
func (p *Pinger) Lost(since time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	lost := 0
	for seq := 0; seq <= p.last; seq++ {
		if !p.back[seq] && !p.late[seq] && p.sent[seq].After(since) {
			lost++
		}
	}
	return lost
}

// Sent returns how many requests were sent.
func (p *Pinger) Sent() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sent)
}
