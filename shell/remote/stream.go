// SPDX-License-Identifier: GPL-3.0-only

package remote

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"vrrpsh/shell"
)

var _ shell.Terminal = (*stream)(nil)

// flushDelay is how long output waits for more output, so that a table of short writes needs few
// frames, but a growing progress line is still visible.
const flushDelay = 20 * time.Millisecond

// stream carries the output of one command, in the order of the writes, and its requests to the user's terminal.
type stream struct {
	s  *session
	id uint64

	mu    sync.Mutex
	op    op // of the data in buf
	buf   []byte
	timer *time.Timer
	err   error
	done  bool
}

func newStream(s *session, id uint64) *stream { return &stream{s: s, id: id} }

// writer returns a writer for output (opOut) or errors (opErr).
func (st *stream) writer(o op) io.Writer { return &streamWriter{st, o} }

type streamWriter struct {
	st *stream
	op op
}

// Write implements io.Writer. It fails after the client has gone or the command has ended.
func (w *streamWriter) Write(b []byte) (int, error) {
	st := w.st
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.done {
		return 0, io.ErrClosedPipe
	}
	if st.op != w.op {
		st.flushLocked()
		st.op = w.op
	}
	for n := 0; n < len(b); {
		c := min(len(b)-n, maxChunk-len(st.buf))
		st.buf = append(st.buf, b[n:n+c]...)
		n += c
		if len(st.buf) >= maxChunk {
			st.flushLocked()
		}
	}
	if st.err != nil {
		return 0, st.err
	}
	if len(st.buf) > 0 && st.timer == nil {
		st.timer = time.AfterFunc(flushDelay, st.flush)
	}
	return len(b), nil
}

// Ask implements shell.Terminal.
func (st *stream) Ask(ctx context.Context, prompt string, secret bool) (string, error) {
	st.flush()
	s := st.s
	ch := make(chan *frame, 1)
	s.mu.Lock()
	s.question++
	id := s.question
	s.answer = ch
	s.mu.Unlock()
	if err := s.send(&frame{Op: opAsk, ID: id, For: st.id, Text: prompt, Secret: secret}); err != nil {
		return "", err
	}
	select {
	case f := <-ch:
		switch f.Error {
		case "":
			return f.Text, nil
		case io.EOF.Error():
			return "", io.EOF
		default:
			return "", errors.New(f.Error)
		}
	case <-s.ctx.Done():
		return "", errGone
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// NoMore implements shell.Terminal.
func (st *stream) NoMore() {
	st.flush()
	_ = st.s.send(&frame{Op: opNoMore, ID: st.id})
}

// Progress implements shell.Terminal.
func (st *stream) Progress(what string) {
	st.flush()
	_ = st.s.send(&frame{Op: opProgress, ID: st.id, Text: what})
}

// Show implements shell.Terminal. It truncates a text that is too long for a frame, which is also too long for any
// terminal.
func (st *stream) Show(text string) error {
	st.flush()
	const most = maxFrame / 8
	if len(text) > most {
		text = text[:strings.LastIndexByte(text[:most], '\n')+1]
	}
	return st.s.send(&frame{Op: opScreen, ID: st.id, Text: text})
}

func (st *stream) flush() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.flushLocked()
}

func (st *stream) flushLocked() {
	if st.timer != nil {
		st.timer.Stop()
		st.timer = nil
	}
	if len(st.buf) == 0 {
		return
	}
	if st.err == nil {
		st.err = st.s.send(&frame{Op: st.op, ID: st.id, Data: st.buf})
	}
	st.buf = st.buf[:0]
}

// close sends the remaining output. Later writes, from goroutines that the command left running, fail.
func (st *stream) close() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.flushLocked()
	st.done = true
}
