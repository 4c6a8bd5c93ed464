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

// Limits on the number and the total length of the requests that wait behind the current request.
const (
	maxPending      = 16
	maxPendingBytes = 256 << 10
)

// errGone is the error of a command that asks a client that has left.
var errGone = errors.New("the client has left")

// session is the router's side of one client. One goroutine reads frames, so that it sees an
// interrupt while a command runs. A second one serves requests in order. A third one passes on
// notices.
type session struct {
	srv  *Server
	peer Peer
	conv shell.Conversation
	conn net.Conn
	r    *bufio.Reader

	ctx     context.Context // ends with the session
	cancel  context.CancelFunc
	pending chan *frame
	turn    chan struct{} // holds a value from the start of a command until the client has been told that it ended

	wmu  sync.Mutex // one frame at a time
	once sync.Once  // one goodbye

	mu          sync.Mutex
	running     uint64             // the execute request being served
	interrupt   context.CancelFunc // stops it
	interrupted uint64             // an execute request that was interrupted before it began
	question    uint64             // the question that waits for its answer
	answer      chan *frame
	waiting     int // total length of the lines of pending, in bytes
}

func newServerSession(s *Server, p Peer, conv shell.Conversation, conn net.Conn, r *bufio.Reader) *session {
	ctx, cancel := context.WithCancel(context.Background())
	return &session{
		srv: s, peer: p, conv: conv, conn: conn, r: r,
		ctx: ctx, cancel: cancel, pending: make(chan *frame, maxPending), turn: make(chan struct{}, 1),
	}
}

// run serves the client until the session ends, then closes the conversation.
func (s *session) run() {
	defer func() {
		s.cancel()
		_ = s.conn.Close()
	}()
	_ = s.conn.SetDeadline(time.Time{}) // cancel the deadlines of the HTTP server
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

// read reads frames until the client leaves or violates the protocol.
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
			// The client may have set the other fields, too.
			f = &frame{Op: f.Op, ID: f.ID, Line: f.Line, Width: f.Width, CanAsk: f.CanAsk}
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

// wait adds more to the length of the waiting requests.
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

// stop interrupts the execute request id, which may not have begun yet.
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

// work serves the requests in order.
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

// request serves one request. It returns only errors of the connection.
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
		_, _ = io.WriteString(sio.Err, "% Internal error: the command was aborted\n")
	}
	s.mu.Lock()
	s.running, s.interrupt = 0, nil
	s.mu.Unlock()
	out.close()
	return s.send(&frame{Op: opDone, ID: f.ID, Status: status, State: stateOf(s.conv)})
}

// await waits for the end of the running command and prevents further commands from starting.
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

// guard keeps a panic in a command from ending the router. It does not log the line, which may
// contain a secret.
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

// notices passes on the conversation's notices until there are no more.
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

// end sends a goodbye, once, and closes the connection, which ends read. The goodbye comes first,
// so that the client does not mistake an interrupted command for a failed one.
func (s *session) end(why string) {
	s.once.Do(func() {
		_ = s.conn.SetWriteDeadline(time.Now().Add(time.Second)) // for a frame that is stuck
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
		_ = s.conn.Close() // the peer may have received half a frame
		return err
	}
	return nil
}
