// SPDX-License-Identifier: GPL-3.0-only

package sshd

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"vrrpsh/platform/program"
	"vrrpsh/shell"
)

const (
	// maxSize is the largest plausible size of a terminal, in columns or rows.
	maxSize = 2000
	// killGrace is how long a terminal's process may take to end after a signal.
	killGrace = 2 * time.Second
	// failedStatus is the exit status if the process cannot be started or was killed.
	failedStatus = 255
)

// lately is a recent point in time on the monotonic clock, so that setting the wall clock does not make users idle.
type lately struct{ at atomic.Pointer[time.Time] }

func (l *lately) now() { t := time.Now(); l.at.Store(&t) }

func (l *lately) ago() time.Duration { return time.Since(*l.at.Load()) }

// terminal runs the terminal of a conversation in a separate process, because the line editor has
// process-wide state, and returns its exit status. If command is not empty, the terminal executes only that. The conversation stays in this process. The
// terminal's process uses it through a socket that no other process has.
func (s *session) terminal(ctx context.Context, conv shell.Conversation, command string) uint32 {
	conn, theirs, err := socketPair()
	if err != nil {
		_ = conv.Close()
		return s.broken(err)
	}
	cmd := s.server.o.Terminal(s.conn.User(), command)
	cmd.Env = []string{"TERM=" + termName(s.pty.Term)}
	cmd.ExtraFiles = []*os.File{theirs}
	var master *os.File
	waited, err := program.Start(func() (pid int, err error) {
		if master, err = pty.StartWithSize(cmd, size(s.pty.Columns, s.pty.Rows)); err != nil {
			return 0, err
		}
		return cmd.Process.Pid, nil
	})
	_ = theirs.Close()
	if err != nil {
		_ = conv.Close()
		_ = conn.Close()
		return s.broken(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.server.o.Shells.ServeConn(conn, s.conn.User(), conv) }()
	ended := make(chan struct{})
	shown := make(chan struct{})
	var typed lately
	typed.now()
	go func() {
		defer close(shown)
		_, _ = io.Copy(s.channel, master) // ends with an error when the last process has ended
	}()
	go s.typing(master, &typed)
	go func() {
		_ = cmd.Wait() // the process state contains the exit status
		waited()
		close(ended)
	}()
	s.attend(ctx, cmd, master, &typed, ended)
	select {
	case <-shown:
	case <-time.After(killGrace): // the client does not read or has gone
	}
	_ = master.Close()
	if err := <-served; err != nil {
		_, _ = io.WriteString(s.channel, "% "+err.Error()+"\r\n")
	}
	if code := cmd.ProcessState.ExitCode(); code >= 0 {
		return uint32(code)
	}
	return failedStatus
}

// attend waits for the end of the terminal's process. It ends the process when the client or the
// router goes, or when the user types nothing for too long.
func (s *session) attend(ctx context.Context, cmd *exec.Cmd, master *os.File, typed *lately, ended <-chan struct{}) {
	limit := s.server.o.Limits.Idle
	idle := time.NewTimer(limit)
	defer idle.Stop()
	gone := ctx.Done()
	var kill <-chan time.Time
	hangUp := func() {
		_ = cmd.Process.Signal(syscall.SIGHUP)
		kill = time.After(killGrace)
	}
	for {
		select {
		case <-ended:
			return
		case w := <-s.resize:
			_ = pty.Setsize(master, size(w.Columns, w.Rows))
		case <-gone:
			gone = nil
			if s.server.ctx.Err() != nil {
				kill = time.After(killGrace) // the process notices the end of the router by itself
			} else {
				hangUp()
			}
		case <-idle.C:
			rest := limit - typed.ago()
			if rest > 0 {
				idle.Reset(rest)
				continue
			}
			_, _ = io.WriteString(s.channel, farewell(limit))
			hangUp()
		case <-kill:
			_ = cmd.Process.Kill()
			kill = nil
		}
	}
}

// typing passes on the user's input. It converts the end of the input, as from a file, to Ctrl-D.
func (s *session) typing(master *os.File, typed *lately) {
	b := make([]byte, 4096)
	for {
		n, err := s.in.Read(b)
		if n > 0 {
			typed.now()
			if _, werr := master.Write(b[:n]); werr != nil {
				return
			}
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				_, _ = master.Write([]byte{0x04})
			}
			return
		}
	}
}

func (s *session) broken(err error) uint32 {
	s.server.o.Log.Error("SSH terminal failed", "user", s.conn.User(), "source", s.from, "error", err)
	_, _ = io.WriteString(s.channel, "% The terminal cannot be started\r\n")
	return failedStatus
}

// socketPair returns the two ends of a connection, one of them for a child process.
func socketPair() (net.Conn, *os.File, error) {
	syscall.ForkLock.RLock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, err
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "shell"), os.NewFile(uintptr(fds[1]), "shell")
	conn, err := net.FileConn(ours)
	_ = ours.Close()
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return conn, theirs, nil
}

func size(columns, rows uint32) *pty.Winsize {
	return &pty.Winsize{Cols: uint16(min(columns, maxSize)), Rows: uint16(min(rows, maxSize))}
}

// termName returns s if it has the form of a terminal name, otherwise "dumb".
func termName(s string) string {
	ok := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.+", r)
	}
	if s == "" || len(s) > 64 || strings.ContainsFunc(s, func(r rune) bool { return !ok(r) }) {
		return "dumb"
	}
	return s
}
