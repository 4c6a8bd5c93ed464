// SPDX-License-Identifier: GPL-3.0-only

package remote

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"vrrpsh/shell"
)

// How many requests may wait behind the one being served, and how long all their lines.
const (
	maxPending      = 16
	maxPendingBytes = 256 << 10
)

// errGone is what a command sees that asks a client that has left.
var errGone = errors.New("the client has left")

// session is the router's side of one client. One goroutine reads frames, so that an
// interrupt is seen while a command runs; one serves requests in turn; one passes notices on.
type session struct {
	srv  *Server
	peer Peer
	conv shell.Conversation
	conn net.Conn
	r    *bufio.Reader

	ctx     context.Context // ends with the session
	cancel  context.CancelFunc
	pending chan *frame
	turn    chan struct{} // has a value while a command is executed, until the client was told of its end

	wmu  sync.Mutex // one frame at a time
	once sync.Once  // one goodbye

	mu          sync.Mutex
	running     uint64             // the execute being served
	interrupt   context.CancelFunc // stops it
	interrupted uint64             // an execute interrupted before it began
	question    uint64             // the ask that waits for its answer
	answer      chan *frame
	waiting     int // bytes of the lines of pending
}

func newServerSession(s *Server, p Peer, conv shell.Conversation, conn net.Conn, r *bufio.Reader) *session {
	ctx, cancel := context.WithCancel(context.Background())
	return &session{
		srv: s, peer: p, conv: conv, conn: conn, r: r,
		ctx: ctx, cancel: cancel, pending: make(chan *frame, maxPending), turn: make(chan struct{}, 1),
	}
}

// run talks to the client until the session ends, then closes the conversation.
func (s *session) run() {
	defer func() {
		s.cancel()
		_ = s.conn.Close()
	}()
	_ = s.conn.SetDeadline(time.Time{}) // the HTTP server's no longer count
	if err := s.send(&frame{Op: opHello, State: stateOf(s.conv)}); err != nil {
		s.closeConversation()
		return
	}
	var wg sync.WaitGroup
	wg.Go(s.work)
	wg.Go(s.notices)
	s.read()
	s.cancel()
	close(s.pending)
	_ = s.conn.Close()
	wg.Wait()
}

// read takes frames until the client leaves or breaks the protocol.
func (s *session) read() {
	for {
		f, err := readFrame(s.r, maxRequest)
		if err != nil {
			var bad *malformedError
			var long frameTooLongError
			if errors.As(err, &bad) || errors.As(err, &long) {
				s.violation(err)
			}
			return
		}
		switch f.Op {
		case opInterrupt:
			s.stop(f.ID)
		case opAnswer:
			s.answered(f)
		case opResize:
			s.conv.Resize(f.Columns, f.Rows)
		case opClose:
			return
		case opExecute, opComplete, opHelp, opPrompt:
			if s.wait(len(f.Line)) > maxPendingBytes {
				s.violation(fmt.Errorf("requests of more than %d bytes at once", maxPendingBytes))
				return
			}
			select {
			case s.pending <- f:
			default:
				s.violation(fmt.Errorf("more than %d requests at once", maxPending))
				return
			}
		default:
			s.violation(fmt.Errorf("unknown request %.20q", string(f.Op)))
			return
		}
	}
}

// wait counts the bytes of the requests that wait.
func (s *session) wait(more int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting += more
	return s.waiting
}

func (s *session) violation(err error) {
	s.srv.warn("shell session ended", "peer", s.peer.String(), "error", err)
	s.end(err.Error())
}

// stop interrupts the execute id, which may not have begun.
func (s *session) stop(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == id && s.interrupt != nil {
		s.interrupt()
		return
	}
	s.interrupted = id
}

func (s *session) answered(f *frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answer != nil && f.ID == s.question {
		s.answer <- f
		s.answer = nil
	}
}

// work serves the requests in turn.
func (s *session) work() {
	defer s.closeConversation()
	for f := range s.pending {
		s.wait(-len(f.Line))
		if s.ctx.Err() != nil {
			continue
		}
		if err := s.request(f); err != nil {
			s.end(err.Error())
		}
	}
}

// request serves one; its errors are those of the connection.
func (s *session) request(f *frame) error {
	switch f.Op {
	case opExecute:
		return s.execute(f)
	case opComplete:
		var list []shell.Suggestion
		s.guard(f.Line, func() { list = s.conv.Complete(f.Line) })
		return s.send(&frame{Op: opComplete, ID: f.ID, Suggestions: list})
	case opHelp:
		var text string
		s.guard(f.Line, func() { text = s.conv.Help(f.Line) })
		return s.send(&frame{Op: opHelp, ID: f.ID, Text: text})
	default:
		return s.send(&frame{Op: opPrompt, ID: f.ID, State: stateOf(s.conv)})
	}
}

func (s *session) execute(f *frame) error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	s.mu.Lock()
	s.running, s.interrupt = f.ID, cancel
	if s.interrupted == f.ID {
		cancel()
	}
	s.mu.Unlock()

	out := newStream(s, f.ID)
	sio := shell.IO{Out: out.writer(opOut), Err: out.writer(opErr), Width: f.Width}
	if f.CanAsk {
		sio.Terminal = out
	}
	status := shell.Failed
	if !s.guard(f.Line, func() { status = s.conv.Execute(ctx, f.Line, sio) }) {
		_, _ = io.WriteString(sio.Err, "% Internal error: the command was given up\n")
	}
	s.mu.Lock()
	s.running, s.interrupt = 0, nil
	s.mu.Unlock()
	out.close()
	return s.send(&frame{Op: opDone, ID: f.ID, Status: status, State: stateOf(s.conv)})
}

// await waits for the end of the command that is executed, and keeps others from beginning.
func (s *session) await(limit time.Duration) {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case s.turn <- struct{}{}:
		context.AfterFunc(s.ctx, func() { <-s.turn })
	case <-t.C:
	case <-s.ctx.Done():
	}
}

// guard keeps a command that panics from taking the router down. The line is not logged:
// it may hold a secret.
func (s *session) guard(line string, fn func()) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			s.srv.warn("a shell command panicked", "peer", s.peer.String(), "length", len(line),
				"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	fn()
	return true
}

// notices passes on what the router has to tell until the conversation has no more.
func (s *session) notices() {
	ch := s.conv.Notices()
	if ch == nil {
		return
	}
	for {
		select {
		case <-s.ctx.Done():
			return
		case line, ok := <-ch:
			if !ok {
				if !s.conv.Ended() && s.ctx.Err() == nil {
					s.end("the router has ended the session")
				}
				return
			}
			if err := s.send(&frame{Op: opNotice, Text: line}); err != nil {
				s.end(err.Error())
				return
			}
		}
	}
}

// end says goodbye, once, and closes the connection, which ends the reading. The goodbye
// goes first, so that the client does not take a command that stops for one that failed.
func (s *session) end(why string) {
	s.once.Do(func() {
		_ = s.conn.SetWriteDeadline(time.Now().Add(time.Second)) // of a frame that is stuck
		_ = s.send(&frame{Op: opBye, Text: why})
		s.cancel()
		_ = s.conn.Close()
	})
}

func (s *session) closeConversation() {
	s.guard("", func() { _ = s.conv.Close() })
}

func (s *session) send(f *frame) error {
	b, err := encode(f)
	if err != nil {
		return err
	}
	return s.write(b)
}

func (s *session) write(b []byte) error {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.srv.writeTimeout())); err != nil {
		return err
	}
	if _, err := s.conn.Write(b); err != nil {
		_ = s.conn.Close() // half a frame may be out
		return err
	}
	return nil
}
