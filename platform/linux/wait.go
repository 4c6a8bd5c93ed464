// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// waiter waits for sockets, for a time, and for the descriptor that Wake writes to. It waits as goroutines wait for files: a
// goroutine that waits in a system call keeps the runtime's monitor awake, which costs more than all adverts. If the goroutine may
// not change its thread, it waits in the system call nevertheless: to get back to the thread would take longer.
type waiter struct {
	mu     sync.RWMutex // held for reading during a wait, so that close waits for it
	opened bool
	closed atomic.Bool
	epoll  int
	file   *os.File // the epoll instance, for the runtime
	raw    syscall.RawConn
	wake   int
	timer  int // a timerfd
	keeps  atomic.Bool
	look   func(fd uintptr) bool // looks for events once; allocated once
	found  int                   // what look has found: the number of events, or an error
	failed error

	// patient are the descriptors whose packets may wait; resting says that they do, until rest. They belong to the waiting
	// goroutine, but for additions.
	patientMu sync.Mutex
	patient   []int
	resting   bool
	rest      time.Time

	// events and ready belong to the waiting goroutine. ready has a bit for each descriptor that
	// was readable at the end of the last wait, so that idle sockets cost nothing.
	events [8 + 2*maxIsolated]unix.EpollEvent // more than there are descriptors
	ready  []uint64
}

func (w *waiter) open() error {
	var err error
	if w.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	if err = unix.SetNonblock(w.epoll, true); err != nil {
		_ = unix.Close(w.epoll)
		return fmt.Errorf("epoll: %w", err)
	}
	w.file = os.NewFile(uintptr(w.epoll), "epoll")
	w.wake, w.timer = -1, -1
	if w.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err == nil {
		w.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	}
	if err == nil {
		w.raw, err = w.file.SyscallConn()
	}
	w.opened = true
	if err == nil {
		err = errors.Join(w.add(w.wake, true), w.add(w.timer, true))
	}
	if err != nil {
		w.close()
		return fmt.Errorf("wait: %w", err)
	}
	w.look = func(uintptr) bool {
		w.found, w.failed = w.poll()
		return w.found > 0 || w.failed != nil
	}
	return nil
}

// add makes the waits end when a descriptor is readable; unless urgent, only those that do not rest. A closed descriptor is
// removed by itself.
func (w *waiter) add(fd int, urgent bool) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed.Load() {
		return errClosed
	}
	if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	if !urgent {
		w.patientMu.Lock()
		defer w.patientMu.Unlock()
		w.patient = append(w.patient, fd)
	}
	return nil
}

// forget removes a patient descriptor that is about to be closed.
func (w *waiter) forget(fd int) {
	w.patientMu.Lock()
	defer w.patientMu.Unlock()
	w.patient = slices.DeleteFunc(w.patient, func(o int) bool { return o == fd })
}

// setResting makes the patient descriptors rest, or ends their rest.
func (w *waiter) setResting(resting bool) {
	w.patientMu.Lock()
	defer w.patientMu.Unlock()
	if w.resting == resting {
		return
	}
	w.resting = resting
	e := unix.EpollEvent{Events: unix.EPOLLIN}
	if resting {
		e.Events = 0
	}
	for _, fd := range w.patient {
		e.Fd = int32(fd)
		_, _, _ = unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(w.epoll), unix.EPOLL_CTL_MOD, uintptr(fd), uintptr(unsafe.Pointer(&e)), 0, 0)
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
	_ = w.file.Close()
	for _, fd := range []int{w.wake, w.timer} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
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
		w.setResting(true)
		first := until.IsZero() || w.rest.Before(until)
		if n, err := w.waitFor(now, earlier(until, w.rest)); n > 0 || err != nil || !first {
			return true, err
		}
		now = time.Now()
	}
	w.setResting(false)
	_, err = w.waitFor(now, until)
	return false, err
}

// earlier returns the earlier of two times; the zero time of a means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// waitFor waits until a time, and returns how many descriptors are ready.
func (w *waiter) waitFor(now, until time.Time) (int, error) {
	var left time.Duration
	if !until.IsZero() {
		if left = until.Sub(now); left <= 0 {
			w.look(0)
			return w.note(), w.failed
		}
	}
	// A timer that is not set never ends a wait. Setting it also forgets that it has ended one.
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(left))}
	_, _, _ = unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(w.timer), 0, uintptr(unsafe.Pointer(&spec)), 0, 0, 0)
	if w.keeps.Load() {
		for !w.look(0) {
			fds := [1]unix.PollFd{{Fd: int32(w.epoll), Events: unix.POLLIN}}
			if _, err := unix.Poll(fds[:], -1); err != nil && !errors.Is(err, unix.EINTR) {
				return 0, fmt.Errorf("wait: %w", err)
			}
		}
	} else if err := w.raw.Read(w.look); err != nil {
		return 0, fmt.Errorf("wait: %w", err)
	}
	return w.note(), w.failed
}

// poll fills events with the descriptors that are ready.
func (w *waiter) poll() (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(w.epoll), uintptr(unsafe.Pointer(&w.events[0])), uintptr(len(w.events)), 0, 0, 0)
	if errno == 0 {
		return int(n), nil
	} else if errno == unix.EINTR {
		return 0, nil
	}
	return 0, fmt.Errorf("wait: %w", errno)
}

// note notes what is ready, and returns how many descriptors that are, without the timer.
func (w *waiter) note() int {
	n := 0
	for i := range w.events[:w.found] {
		switch fd := int(w.events[i].Fd); fd {
		case w.timer:
			continue
		case w.wake:
			var count [8]byte
			_, _ = unix.Read(w.wake, count[:])
		default:
			w.setReady(fd)
		}
		n++
	}
	return n
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

// KeepThread implements platform.ThreadKeeper.
func (s *System) KeepThread() { s.waiter.keeps.Store(true) }

// Wake implements platform.System.
func (s *System) Wake() { s.waiter.signal() }
