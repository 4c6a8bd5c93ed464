// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// waiter waits for sockets and for the descriptor that Wake writes to. It has two epoll instances: one with all sockets, and
// one with those whose packets may not wait.
type waiter struct {
	mu     sync.RWMutex // held for reading during a wait, so that close waits for it
	opened bool
	closed atomic.Bool
	all    int
	urgent int
	wake   int
	// rest is until when packets wait that may.
	rest time.Time
	// events and ready belong to the waiting goroutine. ready has a bit for each descriptor that
	// was readable at the end of the last wait, so that idle sockets cost nothing.
	events [8 + 2*maxIsolated]unix.EpollEvent // more than there are descriptors
	ready  []uint64
	// coarse is set if the kernel cannot wait in nanoseconds (before Linux 5.11).
	coarse bool
}

func (w *waiter) open() error {
	var err error
	if w.all, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	if w.urgent, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		_ = unix.Close(w.all)
		return fmt.Errorf("epoll: %w", err)
	}
	if w.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = unix.Close(w.all)
		_ = unix.Close(w.urgent)
		return fmt.Errorf("eventfd: %w", err)
	}
	w.opened = true
	return w.add(w.wake, true)
}

// add makes the waits end when a descriptor is readable; unless urgent, only those that do not rest. A closed descriptor is
// removed by itself.
func (w *waiter) add(fd int, urgent bool) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed.Load() {
		return errClosed
	}
	for epoll, in := range map[int]bool{w.all: true, w.urgent: urgent} {
		if !in {
			continue
		}
		if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
			return fmt.Errorf("epoll: %w", err)
		}
	}
	return nil
}

// isReady reports whether a descriptor was readable at the end of the last wait and was not
// emptied since.
func (w *waiter) isReady(fd int) bool {
	i := fd / 64
	return i < len(w.ready) && w.ready[i]&(1<<(fd%64)) != 0
}

// emptied records that nothing is left to read from a descriptor.
func (w *waiter) emptied(fd int) { w.ready[fd/64] &^= 1 << (fd % 64) }

func (w *waiter) setReady(fd int) {
	for fd/64 >= len(w.ready) {
		w.ready = append(w.ready, 0)
	}
	w.ready[fd/64] |= 1 << (fd % 64)
}

func (w *waiter) signal() {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if !w.closed.Load() {
		w.write()
	}
}

func (w *waiter) write() {
	one := [8]byte{}
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(w.wake, one[:])
}

func (w *waiter) close() {
	if !w.opened || w.closed.Swap(true) {
		return
	}
	// Wake a running wait; later callers see closed.
	w.write()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, fd := range []int{w.all, w.urgent, w.wake} {
		_ = unix.Close(fd)
	}
}

// wait waits until a descriptor is ready. If unsure, only the urgent ones were looked at.
func (w *waiter) wait(now, until time.Time) (unsure bool, err error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed.Load() {
		return false, errClosed
	}
	clear(w.ready)
	if w.rest.After(now) {
		first := until.IsZero() || w.rest.Before(until)
		if n, err := w.waitFor(w.urgent, earlier(until, w.rest)); n > 0 || err != nil || !first {
			return true, err
		}
	}
	_, err = w.waitFor(w.all, until)
	return false, err
}

// earlier returns the earlier of two times; the zero time of a means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// waitFor waits for one of the epoll instances, and returns how many descriptors are ready.
func (w *waiter) waitFor(epoll int, until time.Time) (int, error) {
	for {
		n, err := w.poll(epoll, until)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("wait: %w", err)
		}
		for i := range w.events[:n] {
			if fd := int(w.events[i].Fd); fd != w.wake {
				w.setReady(fd)
				continue
			}
			var count [8]byte
			_, _ = unix.Read(w.wake, count[:])
		}
		return n, nil
	}
}

// poll fills events with the descriptors that are ready.
func (w *waiter) poll(epoll int, until time.Time) (int, error) {
	var left time.Duration
	if !until.IsZero() {
		left = max(time.Until(until), 0)
	}
	if !w.coarse {
		var ts *unix.Timespec
		if !until.IsZero() {
			t := unix.NsecToTimespec(int64(left))
			ts = &t
		}
		n, errno := epollPwait2(epoll, w.events[:], ts)
		if errno == 0 {
			return n, nil
		}
		if errno != unix.ENOSYS {
			return 0, errno
		}
		w.coarse = true
	}
	ms := -1
	if !until.IsZero() {
		ms = int((left + time.Millisecond - 1) / time.Millisecond)
	}
	return unix.EpollWait(epoll, w.events[:], ms)
}

// epollPwait2 is epoll_pwait2(2) without a signal mask; a nil timeout waits forever.
func epollPwait2(epoll int, events []unix.EpollEvent, timeout *unix.Timespec) (int, unix.Errno) {
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epoll),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(unsafe.Pointer(timeout)), 0, 0)
	return int(n), errno
}

// Wait implements platform.System.
func (s *System) Wait(until time.Time) error {
	now := time.Now()
	patience, heard := forever, false
	for i := range s.intakes {
		p, h := s.intakes[i].prepare(now)
		patience, heard = min(patience, p), heard || h
	}
	switch {
	case patience == 0 || patience == forever:
		s.waiter.rest = time.Time{}
	case heard:
		s.waiter.rest = now.Add(patience)
	}
	unsure, err := s.waiter.wait(now, until)
	for i := range s.intakes {
		s.intakes[i].ready(&s.waiter, unsure)
	}
	return err
}

// Wake implements platform.System.
func (s *System) Wake() { s.waiter.signal() }
