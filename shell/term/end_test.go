// SPDX-License-Identifier: GPL-3.0-only

package term_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestWaysOut(t *testing.T) {
	t.Run("exit", func(t *testing.T) {
		u := start(t, setup{})
		u.Send("exit\r")
		u.ends("ended")
	})
	t.Run("context at the prompt", func(t *testing.T) {
		u := start(t, setup{})
		u.Send("half a li")
		u.Prompt("r1# half a li")
		_ = u.Cmd.Process.Signal(syscall.SIGUSR1)
		u.ends("canceled")
	})
	t.Run("context during a command", func(t *testing.T) {
		u := start(t, setup{})
		u.Run("wait", "waiting")
		_ = u.Cmd.Process.Signal(syscall.SIGUSR1)
		u.ends("canceled")
	})
	t.Run("context in the pager", func(t *testing.T) {
		u := start(t, setup{})
		u.Run("lines 100", "--More--")
		_ = u.Cmd.Process.Signal(syscall.SIGUSR1)
		u.ends("canceled")
	})
	t.Run("context at a question", func(t *testing.T) {
		u := start(t, setup{})
		u.Run("secret Password", "Password?")
		_ = u.Cmd.Process.Signal(syscall.SIGUSR1)
		u.ends("canceled")
	})
	t.Run("context in the search", func(t *testing.T) {
		u := start(t, setup{})
		u.Send("\x12x")
		u.Shows("reverse-i-search")
		_ = u.Cmd.Process.Signal(syscall.SIGUSR1)
		u.ends("canceled")
	})
	t.Run("panic in a command", func(t *testing.T) {
		u := start(t, setup{})
		u.Send("panic\r")
		u.ends("terminal: panic: a command is broken")
	})
	t.Run("panic in help", func(t *testing.T) {
		u := start(t, setup{})
		u.Send("broken?")
		u.ends("terminal: panic: help is broken")
	})
	t.Run("panic in completion", func(t *testing.T) {
		u := start(t, setup{})
		u.Send("panicking")
		u.Shows("run: terminal: panic: completion is broken")
		<-u.Exited
		u.Restored()
	})
	t.Run("conversation lost at the prompt", func(t *testing.T) {
		u := start(t, setup{})
		u.Send("lose\r")
		u.Shows("% The router has gone\n")
		u.ends("session lost: the router has gone")
	})
	t.Run("conversation lost in a command", func(t *testing.T) {
		u := start(t, setup{})
		u.Send("unreachable\r")
		u.ends("session lost: the router has gone")
		if strings.Count(u.Screen.Text(), "% ") != 1 {
			t.Errorf("not shown exactly once:\n%s", u.Screen.Text())
		}
	})
	t.Run("hangup", func(t *testing.T) {
		u := start(t, setup{})
		_ = u.TTY.Close()
		_ = u.PTY.Close()
		u.Ended()
	})
	t.Run("restored from outside", func(t *testing.T) {
		u := start(t, setup{})
		u.Run("wait", "waiting")
		_ = u.Cmd.Process.Signal(syscall.SIGTERM)
		u.ends("restored")
	})
	t.Run("no controlling terminal", func(t *testing.T) {
		u := open(t, setup{cols: 80, rows: 24, noTTY: true})
		u.Shows("run: no controlling terminal: open /dev/tty")
		<-u.Exited
		u.Restored()
	})
}

func TestOneAtATime(t *testing.T) {
	u := start(t, setup{})
	u.Run("again", "the terminal is in use")
	u.Run("say unharmed", "<unharmed>")
}

// A shell with job control changes the terminal mode while the process is stopped.
func TestContinued(t *testing.T) {
	u := start(t, setup{})
	u.Send("say ab\x02")
	u.Cursor("r1# say a", "b")
	u.Reset()
	_ = u.Cmd.Process.Signal(syscall.SIGCONT)
	u.Until("raw mode", func() bool {
		u.Poke()
		return !u.canonical()
	})
	u.Run("", "<ab>")
}

// An idle shell sleeps: only keys and notices wake it.
func TestIdleCostsNothing(t *testing.T) {
	u := start(t, setup{})
	u.Send("say it")
	u.Prompt("r1# say it")
	switches := func() (n int) {
		dirs, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", u.Cmd.Process.Pid))
		if err != nil || len(dirs) == 0 {
			t.Skip("no /proc to measure with")
		}
		for _, d := range dirs {
			b, _ := os.ReadFile(d)
			for l := range strings.Lines(string(b)) {
				if v, ok := strings.CutPrefix(l, "voluntary_ctxt_switches:"); ok {
					c, _ := strconv.Atoi(strings.TrimSpace(v))
					n += c
				}
			}
		}
		return n
	}
	// Background work of the runtime may still run in the first second; one quiet second is enough.
	var n int
	for range 5 {
		before := switches()
		<-time.After(time.Second)
		if n = switches() - before; n <= 10 {
			return
		}
	}
	t.Errorf("woken %d times in a second", n)
}
