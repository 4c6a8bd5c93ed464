// SPDX-License-Identifier: GPL-3.0-only

package term_test

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"vrrpsh/shell/term"
	"vrrpsh/shell/term/termtest"
)

// user is a user at a terminal with a scripted conversation.
type user struct{ *termtest.Terminal }

type setup struct {
	cols, rows uint16
	history    string
	noTTY      bool // stdin is a terminal, but not the controlling one
	env        []string
}

func start(t *testing.T, s setup) *user {
	t.Helper()
	if s.cols == 0 {
		s.cols, s.rows = 80, 24
	}
	u := open(t, s)
	u.Prompt("r1# ")
	return u
}

func open(t *testing.T, s setup) *user {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childEnv+"=1", "TERM_TEST_HISTORY="+s.history, "TERM=xterm"), s.env...)
	if s.noTTY {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	}
	return &user{termtest.Start(t, cmd, s.cols, s.rows)}
}

// canonical tells whether the terminal driver edits lines itself.
func (u *user) canonical() bool {
	u.T.Helper()
	v, err := unix.IoctlGetTermios(int(u.TTY.Fd()), term.IoctlGetTermios)
	if err != nil {
		u.T.Fatal(err)
	}
	return v.Lflag&unix.ICANON != 0
}

// ends waits for the end of the process and checks the result of Run, and that the terminal has its
// original settings.
func (u *user) ends(want string) {
	u.T.Helper()
	u.Shows("run: " + want)
	u.Left(0)
	if b, _ := u.Screen.CursorLine(); b != "" {
		u.T.Errorf("the cursor was left behind %q", b)
	}
}

// read returns the number of bytes that the process has read in all.
func (u *user) read() (n int) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", u.Cmd.Process.Pid))
	if err != nil {
		u.T.Skip(err)
	}
	_, _ = fmt.Sscanf(string(b), "rchar: %d", &n)
	return n
}
