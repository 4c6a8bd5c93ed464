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
	// maxTypeAhead is how many bytes are taken from the terminal before somebody wants them.
	maxTypeAhead = 1 << 20
	// maxNotices is how many notices wait for the next prompt.
	maxNotices = 1000
)

// ErrHangup is what Run returns when the terminal has gone.
var ErrHangup = errors.New("the terminal is gone")

// input collects all that can happen while the terminal waits: bytes typed, notices, changes
// of size, and the end. One goroutine sleeps in poll, so that an idle shell costs nothing and
// Ctrl-C is seen while a command runs.
type input struct {
	fd   int
	wake [2]*os.File // a byte or the end of it wakes the poll
	done sync.WaitGroup

	mu        sync.Mutex
	cond      *sync.Cond
	scan      scanner
	buf       []byte
	notices   []string
	skipped   int // notices that found no room
	resized   bool
	ended     bool   // there will be no more notices: the session has ended
	err       error  // the terminal has gone
	cancelled error  // the context has ended
	closed    bool   // the terminal is done with it
	interrupt func() // stops the command that runs
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

// change alters the state and wakes who waits.
func (in *input) change(fn func()) {
	in.mu.Lock()
	defer in.mu.Unlock()
	fn()
	in.cond.Broadcast()
}

// pump takes what the terminal sends.
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

// room waits until there is room for more; false when the terminal is done.
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
			// As a terminal does it itself: Ctrl-C throws away what was typed before it.
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

// onInterrupt says what Ctrl-C does; nil: it is a key like others.
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

// takeNotices returns the lines to show.
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

// event is what the line editor waits for.
type event int

const (
	eventKey event = iota
	eventNotice
	eventResize
	eventEnded // the session
	eventStop  // the context, or the terminal has gone
)

// next waits for something to happen. What was typed before the terminal went still counts.
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
		if k, ok := in.keyLocked(); ok { // before notices, a flood of which must not stop the user
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

// keyLocked returns the next key that means something, if it is all there.
func (in *input) keyLocked() (key, bool) {
	for {
		k, n := in.scan.next(in.buf)
		if n == 0 {
			return key{}, false
		}
		in.buf = in.buf[n:]
		in.cond.Broadcast() // there is room
		if k.kind != keyNone {
			return k, true
		}
	}
}

// key waits for a key alone: in the pager, for an answer, in the search. Its errors are those
// of ctx and of a terminal that has gone.
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

// character is key, with text one character at a time.
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

// line takes a whole line if one is there already, as in a paste.
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

// reason tells why the terminal has to stop, nil when it does not.
func (in *input) reason() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.cancelled != nil {
		return in.cancelled
	}
	return in.err
}
