// SPDX-License-Identifier: GPL-3.0-only

package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"vrrpsh/platform/printable"
)

// Program is a program to run.
type Program struct {
	Command  []string // an absolute path and the arguments
	UID, GID uint32   // the user and group as which it runs
	Timeout  time.Duration
	Input    []byte   // its standard input
	Env      []string // in addition to PATH, HOME and LANG
	// Output also gets what the program writes. nil: only Run's result does. A write that fails, or never returns, does not keep Run from
	// returning when the program has ended; it may return later.
	Output io.Writer
	// RawSockets lets the program use raw sockets, as another user, too, where the system has capabilities and this process has that one.
	RawSockets bool
}

const (
	// outputLimit is the number of bytes kept of a program's output.
	outputLimit = 1024
	// outputWait is how long Run waits for the output after the program has ended: a process
	// that the program started may still hold it open.
	outputWait = 200 * time.Millisecond
)

// ErrTimeout means that a program took too long and was killed, with all processes that it had started.
var ErrTimeout = errors.New("took too long and was killed")

// Run runs a program to its end, then ends the processes that the program started, and returns the last line that the program
// wrote. The error is nil if its exit status was 0. Run checks the file each time (see Check).
func Run(ctx context.Context, p Program) (said string, err error) {
	file, err := resolve(p.Command[0], p.UID)
	if err != nil {
		return "", fmt.Errorf("%s %w", p.Command[0], err)
	}
	if p.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, p.Timeout, ErrTimeout)
		defer cancel()
	}
	out := &tail{}
	written := io.Writer(out)
	if p.Output != nil {
		written = io.MultiWriter(out, p.Output)
	}
	err = supervise(func() *exec.Cmd {
		cmd := exec.CommandContext(ctx, file, p.Command[1:]...)
		cmd.Args[0] = p.Command[0]
		cmd.Dir = "/"
		cmd.Env = append([]string{"PATH=" + searchPath, "HOME=/", "LANG=C"}, p.Env...)
		cmd.Stdin = bytes.NewReader(p.Input)
		cmd.Stdout, cmd.Stderr = written, written
		cmd.WaitDelay = outputWait
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if uint32(os.Geteuid()) != p.UID || uint32(os.Getegid()) != p.GID {
			cmd.SysProcAttr.Credential = &syscall.Credential{Uid: p.UID, Gid: p.GID}
			if p.RawSockets {
				allowRawSockets(cmd.SysProcAttr)
			}
		}
		// Nobody has waited for the process yet, so that no other process can have its ID.
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		return cmd
	})
	switch {
	case errors.Is(err, exec.ErrWaitDelay):
		err = nil // the program succeeded; only a background process kept the output open
	case err != nil && ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	said = out.last()
	if err != nil && restricted() && (errors.Is(err, syscall.EPERM) || strings.Contains(strings.ToLower(said), "operation not permitted")) {
		err = fmt.Errorf("%w: the service may lack a right, see more-rights.conf", err)
	}
	return said, err
}

// tail keeps the end of the text written to it.
type tail struct{ buf []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p[max(0, len(p)-outputLimit):]...)
	if n := len(t.buf) - outputLimit; n > 0 {
		t.buf = append(t.buf[:0], t.buf[n:]...)
	}
	return len(p), nil
}

// last returns the last line in printable form.
func (t *tail) last() string {
	text := strings.TrimSpace(string(t.buf))
	text = text[strings.LastIndexByte(text, '\n')+1:]
	return printable.Line(strings.ReplaceAll(text, "\t", " "))
}
