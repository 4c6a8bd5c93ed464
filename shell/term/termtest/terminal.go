// SPDX-License-Identifier: GPL-3.0-only

package termtest

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	xterm "golang.org/x/term"
)

// Patience is the limit for events that take milliseconds unless something is wrong or the machine is very busy.
const Patience = 30 * time.Second

// Terminal is a terminal with a program on it.
type Terminal struct {
	T        testing.TB
	Cmd      *exec.Cmd
	PTY, TTY *os.File // the user's side and the program's
	Screen   *Screen
	Exited   chan struct{} // closed when the program has ended

	before  *xterm.State
	changed chan struct{}
	reading chan struct{}
}

// Start runs a program on a terminal with this number of columns and rows; 0 is a terminal that does not report its
// size. The terminal is the program's controlling terminal, unless the program gets its own session (cmd.SysProcAttr).
// Both end with the test.
func Start(t testing.TB, cmd *exec.Cmd, cols, rows uint16) *Terminal {
	t.Helper()
	p, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(p, &pty.Winsize{Cols: cols, Rows: rows}); err != nil {
		t.Fatal(err)
	}
	// Package pty leaves it blocking; then a pending read would delay Close.
	if err := unix.SetNonblock(int(p.Fd()), true); err != nil {
		t.Fatal(err)
	}
	width, height := int(cols), int(rows)
	if width == 0 {
		width, height = 80, 24
	}
	u := &Terminal{
		T: t, Cmd: cmd, PTY: p, TTY: tty, Screen: newScreen(max(width, 8), max(height, 2)), // the smallest size that the program draws for
		changed: make(chan struct{}, 1), Exited: make(chan struct{}), reading: make(chan struct{}),
	}
	u.Screen.answer = func(s string) { _, _ = io.WriteString(p, s) }
	u.before = u.state()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go u.read()
	go func() { _ = cmd.Wait(); close(u.Exited) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-u.Exited
		_ = tty.Close()
		_ = p.Close()
		<-u.reading
		if strings.Contains(u.Screen.Text(), "DATA RACE") {
			t.Errorf("the program has a data race:\n%s", u.Screen.Text())
		}
	})
	return u
}

func (u *Terminal) read() {
	defer close(u.reading)
	b := make([]byte, 4096)
	for {
		n, err := u.PTY.Read(b)
		if err != nil {
			return
		}
		_, _ = u.Screen.Write(b[:n])
		u.look()
	}
}

// look makes Until look again.
func (u *Terminal) look() {
	select {
	case u.changed <- struct{}{}:
	default:
	}
}

// state returns the settings of the terminal.
func (u *Terminal) state() *xterm.State {
	u.T.Helper()
	s, err := xterm.GetState(int(u.TTY.Fd()))
	if err != nil {
		u.T.Fatal(err)
	}
	return s
}

// Until waits until ok returns true. It calls ok whenever the screen changes.
func (u *Terminal) Until(what string, ok func() bool) {
	u.T.Helper()
	end := time.After(Patience)
	for !ok() {
		select {
		case <-u.changed:
		case <-end:
			u.T.Fatalf("waiting for %s; the screen shows:\n%s", what, u.Screen.Text())
		}
	}
}

// Poke makes Until call ok again although the screen has not changed.
func (u *Terminal) Poke() { time.AfterFunc(10*time.Millisecond, u.look) }

// Send types keys.
func (u *Terminal) Send(s string) {
	u.T.Helper()
	if _, err := io.WriteString(u.PTY, s); err != nil {
		u.T.Fatal(err)
	}
}

// Shows waits for text anywhere on the screen, including scrolled-off lines.
func (u *Terminal) Shows(text string) {
	u.T.Helper()
	u.Until(strconv.Quote(text), func() bool { return strings.Contains(u.Screen.Text(), text) })
}

// Prompt waits until the cursor is after exactly this text, with no text after the cursor.
func (u *Terminal) Prompt(text string) { u.T.Helper(); u.Cursor(text, "") }

// Cursor waits until the cursor is between exactly these texts.
func (u *Terminal) Cursor(before, after string) {
	u.T.Helper()
	u.Until(fmt.Sprintf("the cursor between %q and %q", before, after), func() bool {
		b, a := u.Screen.CursorLine()
		return b == before && a == after
	})
}

// Run types a line and waits for its output.
func (u *Terminal) Run(line, want string) {
	u.T.Helper()
	u.Send(line + "\r")
	u.Shows(want)
}

// Resize changes the size of the terminal.
func (u *Terminal) Resize(cols, rows uint16) {
	u.T.Helper()
	u.Screen.resize(int(cols), int(rows))
	if err := pty.Setsize(u.PTY, &pty.Winsize{Cols: cols, Rows: rows}); err != nil {
		u.T.Fatal(err)
	}
}

// Ended waits for the end of the program.
func (u *Terminal) Ended() {
	u.T.Helper()
	select {
	case <-u.Exited:
	case <-time.After(Patience):
		u.T.Fatalf("the program is still running; the screen shows:\n%s", u.Screen.Text())
	}
}

// Left waits for the end of the program and checks its exit status, and that the terminal has its original settings.
func (u *Terminal) Left(status int) {
	u.T.Helper()
	u.Ended()
	if code := u.Cmd.ProcessState.ExitCode(); code != status {
		u.T.Errorf("status %d, want %d; the screen shows:\n%s", code, status, u.Screen.Text())
	}
	u.Restored()
}

// Restored checks that the terminal has the settings from before the program started.
func (u *Terminal) Restored() {
	u.T.Helper()
	if now := u.state(); !reflect.DeepEqual(now, u.before) {
		u.T.Errorf("the terminal has the settings %+v, want %+v", now, u.before)
	}
	u.Until("the terminal's modes", func() bool {
		u.Poke()
		return !u.Screen.Mode("?2004") && u.Screen.Mode("?25") && !u.Screen.Mode("?1049")
	})
}

// Reset gives the terminal the settings from before the program started.
func (u *Terminal) Reset() {
	u.T.Helper()
	if err := xterm.Restore(int(u.TTY.Fd()), u.before); err != nil {
		u.T.Fatal(err)
	}
}
