// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// waiter is a kqueue with all BPF devices and the user event that wake triggers.
type waiter struct {
	mu     sync.RWMutex // held for reading during a wait, so that close waits for it
	opened bool
	closed bool
	queue  int
	events [64]unix.Kevent_t
}

// wakeEvent is the number of the user event.
const wakeEvent = 0

func (w *waiter) open() error {
	var err error
	if w.queue, err = unix.Kqueue(); err != nil {
		return fmt.Errorf("kqueue: %w", err)
	}
	unix.CloseOnExec(w.queue)
	w.opened = true
	return w.change(wakeEvent, unix.EVFILT_USER, unix.EV_ADD|unix.EV_CLEAR, 0)
}

func (w *waiter) change(ident, filter, flags int, note uint32) error {
	var e [1]unix.Kevent_t
	unix.SetKevent(&e[0], ident, filter, flags)
	e[0].Fflags = note
	if _, err := unix.Kevent(w.queue, e[:], nil, nil); err != nil {
		return fmt.Errorf("kqueue: %w", err)
	}
	return nil
}

func (w *waiter) add(fd int) error { return w.change(fd, unix.EVFILT_READ, unix.EV_ADD, 0) }

func (w *waiter) remove(fd int) { _ = w.change(fd, unix.EVFILT_READ, unix.EV_DELETE, 0) }

func (w *waiter) wake() { _ = w.change(wakeEvent, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER) }

func (w *waiter) close() {
	if !w.opened {
		return
	}
	w.wake()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.closed = true
		_ = unix.Close(w.queue)
	}
}

func (w *waiter) wait(until time.Time) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return errClosed
	}
	for {
		var timeout *unix.Timespec
		if !until.IsZero() {
			t := unix.NsecToTimespec(int64(max(time.Until(until), 0)))
			timeout = &t
		}
		_, err := unix.Kevent(w.queue, nil, w.events[:], timeout)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("wait: %w", err)
		}
		return nil
	}
}
