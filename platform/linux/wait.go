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

// waiter is one epoll instance over all sockets and the descriptor that Wake writes to.
type waiter struct {
	mu     sync.RWMutex // held for reading during a wait, so that close waits for it
	opened bool
	closed atomic.Bool
	epoll  int
	wake   int
	added  atomic.Int32 // number of descriptors
	// events and ready belong to the waiting goroutine. ready has a bit for each descriptor that
	// was readable at the end of the last wait, so that idle sockets cost nothing.
	events []unix.EpollEvent
	ready  []uint64
	// coarse is set if the kernel cannot wait in nanoseconds (before Linux 5.11).
	coarse bool
}

func (w *waiter) open() error {
	var err error
	if w.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	if w.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = unix.Close(w.epoll)
		return fmt.Errorf("eventfd: %w", err)
	}
	w.opened = true
	return w.add(w.wake)
}

func (w *waiter) add(fd int) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed.Load() {
		return errClosed
	}
	if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	w.added.Add(1)
	return nil
}

func (w *waiter) remove(fd int) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed.Load() {
		return
	}
	if unix.EpollCtl(w.epoll, unix.EPOLL_CTL_DEL, fd, nil) == nil {
		w.added.Add(-1)
	}
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
	_ = unix.Close(w.epoll)
	_ = unix.Close(w.wake)
}

func (w *waiter) wait(until time.Time) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed.Load() {
		return errClosed
	}
	for {
		n, err := w.poll(until)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("wait: %w", err)
		}
		clear(w.ready)
		for i := range w.events[:n] {
			if fd := int(w.events[i].Fd); fd != w.wake {
				w.setReady(fd)
				continue
			}
			var count [8]byte
			_, _ = unix.Read(w.wake, count[:])
		}
		return nil
	}
}

// poll fills events with all descriptors that are ready.
func (w *waiter) poll(until time.Time) (int, error) {
	if n := int(w.added.Load()); n > len(w.events) {
		w.events = make([]unix.EpollEvent, n)
	}
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
		n, errno := epollPwait2(w.epoll, w.events, ts)
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
	return unix.EpollWait(w.epoll, w.events, ms)
}

// epollPwait2 is epoll_pwait2(2) without a signal mask; a nil timeout waits forever.
func epollPwait2(epoll int, events []unix.EpollEvent, timeout *unix.Timespec) (int, unix.Errno) {
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epoll),
		uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), uintptr(unsafe.Pointer(timeout)), 0, 0)
	return int(n), errno
}

// Wait implements platform.System.
func (s *System) Wait(until time.Time) error { return s.waiter.wait(until) }

// Wake implements platform.System.
func (s *System) Wake() { s.waiter.signal() }
