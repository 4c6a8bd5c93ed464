// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// maxTypeAhead is how many bytes are read from the terminal before they are needed.
	maxTypeAhead = 1 << 20
	// maxNotices is how many notices are queued for the next prompt.
	maxNotices = 1000
)

// ErrHangup is what Run returns when the terminal has gone.
var ErrHangup = errors.New("the terminal is gone")

// input collects everything that can happen while the terminal waits: typed bytes, notices, changes
// of the terminal's size, and the end. One goroutine sleeps in poll, so that an idle shell uses no
// CPU time and Ctrl-C is noticed while a command runs.
type input struct {
	fd   int
	wake [2]*os.File // a byte or the end of file wakes the poll
	done sync.WaitGroup

	mu        sync.Mutex
	cond      *sync.Cond
	scan      scanner
	buf       []byte
	notices   []string
	skipped   int // notices dropped because the queue was full
	resized   bool
	ended     bool   // the session has ended, so there will be no more notices
	err       error  // the terminal has gone
	cancelled error  // the context has ended
	closed    bool   // the terminal no longer uses this input
	interrupt func() // stops the running command
}

func newInput(fd int) (*input, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	in := &input{fd: fd, wake: [2]*os.File{r, w}}
	in.cond = sync.NewCond(&in.mu)
	in.done.Go(in.pump)
	return in, nil
}

func (in *input) close() {
	in.change(func() { in.closed = true })
	_ = in.wake[1].Close()
	in.done.Wait()
	_ = in.wake[0].Close()
}

// change changes the state and wakes the waiting goroutines.
func (in *input) change(fn func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	fn()
	in.cond.Broadcast()
}

// pump reads the terminal's input.
func (in *input) pump() {
	wake := int(in.wake[0].Fd())
	b := make([]byte, 4096)
	for in.room() {
		fds := []unix.PollFd{{Fd: int32(in.fd), Events: unix.POLLIN}, {Fd: int32(wake), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil {
			if errors.Is(err, unix.EINTR) {
				continue
			}
			in.change(func() { in.err = fmt.Errorf("terminal: %w", err) })
			return
		}
		if fds[1].Revents != 0 {
			return
		}
		n, err := unix.Read(in.fd, b)
		switch {
		case n > 0:
			in.take(b[:n])
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
		case err != nil, fds[0].Revents&(unix.POLLHUP|unix.POLLERR|unix.POLLNVAL) != 0:
			in.change(func() { in.err = ErrHangup })
			return
		}
	}
}

// room waits until there is room for more input. It returns false when the input is closed.
func (in *input) room() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	for len(in.buf) >= maxTypeAhead && !in.closed {
		in.cond.Wait()
	}
	return !in.closed
}

func (in *input) take(b []byte) {
	var interrupt func()
	in.change(func() {
		if in.interrupt != nil {
			// As in a terminal's own line editing, Ctrl-C discards everything typed before it.
			if i := bytes.LastIndexByte(b, ctrlC); i >= 0 {
				interrupt = in.interrupt
				in.buf = in.buf[:0]
				in.scan = scanner{}
				b = b[i+1:]
			}
		}
		in.buf = append(in.buf, b...)
	})
	if interrupt != nil {
		interrupt()
	}
}

// onInterrupt sets the action of Ctrl-C. If it is nil, Ctrl-C is a key like any other.
func (in *input) onInterrupt(fn func()) { in.change(func() { in.interrupt = fn }) }

// collectNotices collects notices until they end or ctx does.
func (in *input) collectNotices(ctx context.Context, notices <-chan string) {
	if notices == nil {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case s, ok := <-notices:
			if !ok {
				in.change(func() { in.ended = true })
				return
			}
			in.change(func() {
				if len(in.notices) < maxNotices {
					in.notices = append(in.notices, s)
				} else {
					in.skipped++
				}
			})
		}
	}
}

// takeNotices removes and returns the notices to display.
func (in *input) takeNotices() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	list := in.notices
	if in.skipped > 0 {
		list = append(list, fmt.Sprintf("%% %d more lines are not shown", in.skipped))
	}
	in.notices, in.skipped = nil, 0
	return list
}

// event is the kind of event that the line editor waits for.
type event int

const (
	eventKey event = iota
	eventNotice
	eventResize
	eventEnded // the session has ended
	eventStop  // the context has ended or the terminal has gone
)

// next waits for an event. Keys typed before the terminal went away still count.
func (in *input) next() (event, key) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for {
		switch {
		case in.cancelled != nil, in.closed:
			return eventStop, key{}
		case in.resized:
			in.resized = false
			return eventResize, key{}
		}
		if k, ok := in.keyLocked(); ok { // keys come before notices: a flood of notices must not block the user
			return eventKey, k
		}
		switch {
		case len(in.notices) > 0:
			return eventNotice, key{}
		case in.ended:
			return eventEnded, key{}
		case in.err != nil:
			return eventStop, key{}
		}
		in.cond.Wait()
	}
}

// keyLocked returns the next key that has a meaning, if all its bytes have arrived.
func (in *input) keyLocked() (key, bool) {
	for {
		k, n := in.scan.next(in.buf)
		if n == 0 {
			return key{}, false
		}
		in.buf = in.buf[n:]
		in.cond.Broadcast() // there is room again
		if k.kind != keyNone {
			return k, true
		}
	}
}

// key waits for a key only: in the pager, for an answer, in the search. It returns an error when
// ctx ends or the terminal has gone.
func (in *input) key(ctx context.Context) (key, error) {
	defer context.AfterFunc(ctx, func() { in.change(func() {}) })()
	in.mu.Lock()
	defer in.mu.Unlock()
	for {
		switch {
		case ctx.Err() != nil:
			return key{}, ctx.Err()
		case in.cancelled != nil:
			return key{}, in.cancelled
		}
		if k, ok := in.keyLocked(); ok {
			return k, nil
		}
		if in.err != nil {
			return key{}, in.err
		}
		in.cond.Wait()
	}
}

// character works as key, but returns text one character at a time.
func (in *input) character(ctx context.Context) (key, error) {
	k, err := in.key(ctx)
	if r := []rune(k.text); k.kind == keyText && len(r) > 1 {
		in.unread(string(r[1:]))
		k.text = string(r[:1])
	}
	return k, err
}

// unread puts bytes back.
func (in *input) unread(s string) {
	in.change(func() { in.buf = append([]byte(s), in.buf...) })
}

// line takes a whole line if the input already contains one, as after a paste.
func (in *input) line() (string, bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.cancelled != nil {
		return "", false
	}
	s, n, ok := in.scan.line(in.buf)
	if ok {
		in.buf = in.buf[n:]
		in.cond.Broadcast()
	}
	return s, ok
}

// ahead reports whether keys have arrived that nobody has taken, or a paste has not ended yet.
func (in *input) ahead() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	try, b := in.scan, in.buf
	for len(b) > 0 {
		k, n := try.next(b)
		if n == 0 || k.kind != keyNone {
			return true
		}
		b = b[n:]
	}
	return try.pasting
}

// reason returns why the terminal must stop, nil if it need not.
func (in *input) reason() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.cancelled != nil {
		return in.cancelled
	}
	return in.err
}
