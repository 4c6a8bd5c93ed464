// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Tally counts, by the kernel's notifications, how many of a set of addresses a namespace has. It costs the watched
// router almost no processor time.
type Tally struct {
	fd   int
	quit chan struct{}
	done chan struct{}

	mu   sync.Mutex
	want map[netip.Addr]bool
	has  map[netip.Addr]bool
	last time.Time // of the latest change
	err  error
}

// Tally starts a tally, which ends with the lab. The namespace must not have any of the addresses yet.
func (l *Lab) Tally(n *Namespace, addrs []netip.Addr) *Tally {
	l.tb.Helper()
	t := &Tally{quit: make(chan struct{}), done: make(chan struct{}), want: map[netip.Addr]bool{}, has: map[netip.Addr]bool{}}
	for _, a := range addrs {
		t.want[a] = true
	}
	err := n.Do(func() error {
		var err error
		if t.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE); err != nil {
			return err
		}
		patience := unix.NsecToTimeval(int64(50 * time.Millisecond))
		return errors.Join(
			unix.SetsockoptInt(t.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, captureBuffer),
			unix.SetsockoptTimeval(t.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience),
			unix.Bind(t.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK,
				Groups: 1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_IPV6_IFADDR-1)}),
		)
	})
	if err != nil {
		l.tb.Fatalf("tally: %v", err)
	}
	go t.read()
	l.atClose(t.Stop)
	return t
}

// Stop ends the tally.
func (t *Tally) Stop() {
	select {
	case <-t.quit:
		return
	default:
	}
	close(t.quit)
	<-t.done
	_ = unix.Close(t.fd)
}

func (t *Tally) read() {
	defer close(t.done)
	buf := make([]byte, 64<<10)
	for {
		select {
		case <-t.quit:
			return
		default:
		}
		n, _, err := unix.Recvfrom(t.fd, buf, 0)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			t.mu.Lock()
			t.err = err
			t.mu.Unlock()
			return
		}
		now := time.Now()
		messages, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			continue
		}
		t.mu.Lock()
		for i := range messages {
			t.note(&messages[i], now)
		}
		t.mu.Unlock()
	}
}

func (t *Tally) note(m *syscall.NetlinkMessage, now time.Time) {
	attrs, err := syscall.ParseNetlinkRouteAttr(m)
	if err != nil {
		return
	}
	for _, a := range attrs {
		if a.Attr.Type != unix.IFA_LOCAL && (a.Attr.Type != unix.IFA_ADDRESS || len(a.Value) != 16) {
			continue
		}
		addr, _ := netip.AddrFromSlice(a.Value)
		if !t.want[addr] {
			continue
		}
		switch has := t.has[addr]; {
		case m.Header.Type == unix.RTM_NEWADDR && !has:
			t.has[addr], t.last = true, now
		case m.Header.Type == unix.RTM_DELADDR && has:
			delete(t.has, addr)
			t.last = now
		}
	}
}

// Wait waits until the namespace has all addresses and returns the time of the last one.
func (t *Tally) Wait(limit time.Duration) (time.Time, error) {
	deadline := time.Now().Add(limit)
	for {
		t.mu.Lock()
		has, last, err := len(t.has), t.last, t.err
		t.mu.Unlock()
		switch {
		case err != nil:
			return last, fmt.Errorf("tally: %w", err)
		case has == len(t.want):
			return last, nil
		case time.Now().After(deadline):
			return last, fmt.Errorf("%d of %d addresses after %v", has, len(t.want), limit)
		}
		time.Sleep(pollInterval)
	}
}
