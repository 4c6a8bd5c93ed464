// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"vrrpsh/conf"
	"vrrpsh/shell"
)

// What requests of a session carry (RFC 4254 section 6).
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

	pty     *ptyRequest
	started bool
	done    chan struct{} // closed when what was started has ended
	resize  chan windowChange

	mu        sync.Mutex
	interrupt context.CancelFunc // of the command that runs
}

func newSession(c *connection, channel ssh.Channel) *session {
	return &session{connection: c, channel: channel, done: make(chan struct{}), resize: make(chan windowChange, 1)}
}

// run answers requests until the client closes the channel or what it started has ended.
func (s *session) run(ctx context.Context, requests <-chan *ssh.Request) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for {
		select {
		case r, open := <-requests:
			if !open {
				cancel()
				if s.started {
					<-s.done
				}
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
			go ssh.DiscardRequests(requests)
			return
		}
	}
}

func (s *session) starts(r *ssh.Request) bool { return r.Type == "shell" || r.Type == "exec" }

// request tells whether a request is granted.
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
		select { // the newest counts
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

// signal interrupts the command that runs.
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

// start does what the client has asked for.
func (s *session) start(ctx context.Context, r *ssh.Request) {
	defer close(s.done)
	var e execRequest
	if r.Type == "exec" {
		_ = ssh.Unmarshal(r.Payload, &e) // has passed already
	}
	command := strings.TrimSpace(e.Command)
	if s.grant.forced {
		command = s.grant.command
	}
	// The user may have changed since the login.
	user, ok := findUser(s.server.o.Config(), s.conn.User())
	if !ok {
		_, _ = io.WriteString(s.channel.Stderr(), "% There is no such user any more\n")
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
	if s.pty != nil && command == "" {
		s.exit(s.terminal(ctx, conv))
		return
	}
	defer func() { _ = conv.Close() }()
	s.exit(uint32(s.script(ctx, conv, command)))
}

// script runs a command, or without one the lines of standard input.
func (s *session) script(ctx context.Context, conv shell.Conversation, command string) shell.Status {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.interrupt = cancel
	s.mu.Unlock()
	patient := func(w io.Writer) io.Writer { return patience{w, s.server.o.Limits.Stuck, s.channel, s.conn} }
	out := shell.IO{Out: patient(s.channel), Err: patient(s.channel.Stderr())}
	if s.pty != nil { // ssh -t host COMMAND: the client's terminal is raw
		out.Out, out.Err = lineEnds{out.Out}, lineEnds{out.Out}
		out.Width = int(min(s.pty.Columns, maxSize))
		go s.watchForInterrupt(cancel)
	}
	switch {
	case command == "":
		return shell.Script(ctx, conv, s.input(ctx), out, false)
	case strings.ContainsAny(command, "\r\n"):
		return shell.Script(ctx, conv, strings.NewReader(command), out, false)
	default:
		if s.pty == nil {
			go func() { _, _ = io.Copy(io.Discard, s.channel) }() // nobody reads it, and it would be kept
		}
		return conv.Execute(ctx, command, out)
	}
}

// patience writes to a client, and closes its channel when the client does not read for so long; or its connection, if it does not even
// answer that.
type patience struct {
	w                   io.Writer
	limit               time.Duration
	channel, connection io.Closer
}

// Write implements io.Writer.
func (p patience) Write(b []byte) (int, error) {
	defer time.AfterFunc(p.limit, func() { _ = p.channel.Close() }).Stop()
	defer time.AfterFunc(p.limit+killGrace, func() { _ = p.connection.Close() }).Stop()
	return p.w.Write(b)
}

// input is standard input, until ctx ends.
func (s *session) input(ctx context.Context) io.Reader {
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { _ = w.CloseWithError(errStopped) })
	go func() {
		_, err := io.Copy(w, s.channel)
		_ = w.CloseWithError(err)
	}()
	return r
}

// watchForInterrupt reads what is typed while a command runs.
func (s *session) watchForInterrupt(cancel context.CancelFunc) {
	b := make([]byte, 256)
	for {
		n, err := s.channel.Read(b)
		if bytes.IndexByte(b[:n], 0x03) >= 0 {
			cancel()
		}
		if err != nil {
			return
		}
	}
}

// exit tells the client the exit status, without which it reports 255.
func (s *session) exit(status uint32) {
	_, _ = s.channel.SendRequest("exit-status", false, ssh.Marshal(exitStatus{status}))
}

// lineEnds ends lines as raw terminals want them.
type lineEnds struct{ w io.Writer }

// Write implements io.Writer.
func (l lineEnds) Write(b []byte) (int, error) {
	if _, err := l.w.Write(bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(b), nil
}

// farewell is shown when a terminal is closed because nobody types.
func farewell(idle time.Duration) string {
	return fmt.Sprintf("\r\n%% Nothing was typed for %s: the session ends\r\n", idle)
}
