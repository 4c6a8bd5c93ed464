// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"vrrpsh/conf"
	"vrrpsh/shell"
)

// Payloads of session requests (RFC 4254 section 6).
type (
	ptyRequest struct {
		Term          string
		Columns, Rows uint32
		Width, Height uint32
		Modes         string
	}
	windowChange struct{ Columns, Rows, Width, Height uint32 }
	execRequest  struct{ Command string }
	signal       struct{ Name string }
	exitStatus   struct{ Status uint32 }
)

var errStopped = errors.New("the session is stopped")

// session is one channel of a client: a terminal, a command or a script.
type session struct {
	*connection
	channel ssh.Channel
	in      *input

	pty     *ptyRequest
	started bool
	done    chan struct{} // closed when the terminal, command or script has ended
	resize  chan windowChange

	mu        sync.Mutex
	interrupt context.CancelFunc // of the running command
}

// newSession returns a session. Its readers end when the client has closed the channel.
func newSession(c *connection, channel ssh.Channel, readers *sync.WaitGroup) *session {
	s := &session{connection: c, channel: channel, done: make(chan struct{}), resize: make(chan windowChange, 1)}
	limit := maxInput
	if c.administrator {
		limit = maxScript
	}
	s.in = newInput(channel, limit, readers)
	return s
}

// run answers requests until the client closes the channel, sends too much, or its terminal, command or script has ended.
func (s *session) run(ctx context.Context, requests <-chan *ssh.Request) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := func() {
		cancel()
		if s.started {
			<-s.done
		}
	}
	for {
		select {
		case <-s.in.flooded:
			_, _ = fmt.Fprintf(s.patient(s.channel.Stderr()), "%% More than %d bytes of input wait: the session ends\r\n", s.in.limit)
			stop()
			_ = s.channel.Close()
			return
		case r, open := <-requests:
			if !open {
				stop()
				return
			}
			ok := s.request(ctx, r)
			if r.WantReply {
				_ = r.Reply(ok, nil)
			}
			if ok && s.starts(r) {
				go s.start(ctx, r)
			}
		case <-s.done:
			_ = s.channel.Close()
			return
		}
	}
}

func (s *session) starts(r *ssh.Request) bool { return r.Type == "shell" || r.Type == "exec" }

// request handles a request and tells whether it is granted.
func (s *session) request(ctx context.Context, r *ssh.Request) bool {
	switch r.Type {
	case "pty-req":
		p := new(ptyRequest)
		if s.started || s.pty != nil || s.grant.noPTY || ssh.Unmarshal(r.Payload, p) != nil {
			return false
		}
		s.pty = p
		return true
	case "window-change":
		var w windowChange
		if s.pty == nil || ssh.Unmarshal(r.Payload, &w) != nil {
			return false
		}
		select { // only the newest size counts
		case <-s.resize:
		default:
		}
		s.resize <- w
		return true
	case "shell", "exec":
		var e execRequest
		if s.started || r.Type == "exec" && ssh.Unmarshal(r.Payload, &e) != nil {
			return false
		}
		s.started = true
		return true
	case "signal":
		var sig signal
		if ssh.Unmarshal(r.Payload, &sig) != nil {
			return false
		}
		return s.signal(sig.Name)
	default: // env, subsystem, x11-req, auth-agent-req@openssh.com, ...
		return false
	}
}

// signal interrupts the running command.
func (s *session) signal(name string) bool {
	if name != "INT" && name != "TERM" && name != "HUP" {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.interrupt != nil {
		s.interrupt()
	}
	return s.interrupt != nil
}

// start starts the terminal, command or script that the client requested.
func (s *session) start(ctx context.Context, r *ssh.Request) {
	defer close(s.done)
	var e execRequest
	if r.Type == "exec" {
		_ = ssh.Unmarshal(r.Payload, &e) // request has already checked the payload
	}
	command := strings.TrimSpace(e.Command)
	if s.grant.forced {
		command = s.grant.command
	}
	// The user may have changed since login.
	user, ok := findUser(s.server.o.Config(), s.conn.User())
	if !ok {
		_, _ = io.WriteString(s.channel.Stderr(), "% This user no longer exists\n")
		s.exit(uint32(shell.Failed))
		return
	}
	release, err := s.server.o.Shells.Reserve(user.Name, user.Level >= conf.Administrator)
	if err != nil {
		_, _ = fmt.Fprintf(s.channel.Stderr(), "%% %s\n", err)
		s.exit(uint32(shell.Failed))
		return
	}
	defer release()
	conv := s.server.o.NewSession(user, s.from.String())
	if s.pty != nil && (command == "" || shell.NeedsTerminal(command)) {
		s.exit(s.terminal(ctx, conv, command))
		return
	}
	defer func() { _ = conv.Close() }()
	s.exit(uint32(s.script(ctx, conv, command)))
}

// script runs a command or, if there is none, the lines of standard input.
func (s *session) script(ctx context.Context, conv shell.Conversation, command string) shell.Status {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.interrupt = cancel
	s.mu.Unlock()
	out := shell.IO{Out: s.patient(s.channel), Err: s.patient(s.channel.Stderr())}
	if s.pty != nil { // ssh -t host COMMAND: the client's terminal is raw
		out.Out, out.Err = lineEnds{out.Out}, lineEnds{out.Out}
		out.Width = int(min(s.pty.Columns, maxSize))
		go s.watchForInterrupt(cancel)
	}
	if command != "" && s.pty == nil {
		s.in.drop() // nothing reads it
	}
	switch {
	case command == "":
		defer context.AfterFunc(ctx, s.in.drop)()
		return shell.Script(ctx, conv, s.in, out, false)
	case strings.ContainsAny(command, "\r\n"):
		return shell.Script(ctx, conv, strings.NewReader(command), out, false)
	default:
		return conv.Execute(ctx, command, out)
	}
}

// maxPiece is how many bytes a session writes at a time: the SSH library holds 64 packets of a connection while a key exchange
// waits for the client.
const maxPiece = 8 << 10

// patience writes to a client. If the client does not read for that long, patience closes its channel, or its
// connection if the client does not even answer that.
type patience struct {
	w                   io.Writer
	limit               time.Duration
	channel, connection io.Closer
}

func (s *session) patient(w io.Writer) io.Writer {
	return patience{w, s.server.o.Limits.Stuck, s.channel, s.conn}
}

// Write implements io.Writer.
func (p patience) Write(b []byte) (written int, err error) {
	defer time.AfterFunc(p.limit, func() { _ = p.channel.Close() }).Stop()
	defer time.AfterFunc(p.limit+killGrace, func() { _ = p.connection.Close() }).Stop()
	for piece := range slices.Chunk(b, maxPiece) {
		n, err := p.w.Write(piece)
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// watchForInterrupt reads typed keys while a command runs.
func (s *session) watchForInterrupt(cancel context.CancelFunc) {
	b := make([]byte, 256)
	for {
		n, err := s.in.Read(b)
		if bytes.IndexByte(b[:n], 0x03) >= 0 {
			cancel()
		}
		if err != nil {
			return
		}
	}
}

// exit sends the exit status to the client. Without it, the client reports 255.
func (s *session) exit(status uint32) {
	_, _ = s.channel.SendRequest("exit-status", false, ssh.Marshal(exitStatus{status}))
}

// lineEnds converts line ends for raw terminals.
type lineEnds struct{ w io.Writer }

// Write implements io.Writer.
func (l lineEnds) Write(b []byte) (int, error) {
	if _, err := l.w.Write(bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// farewell returns the message for a terminal that is closed because the user typed nothing.
func farewell(idle time.Duration) string {
	return fmt.Sprintf("\r\n%% No input for %s: the session ends\r\n", idle)
}
