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

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"vrrpsh/shell/term"
)

func TestWaysOut(t *testing.T) {
	t.Run("exit", func(t *testing.T) {
		u := start(t, setup{})
		u.send("exit\r")
		u.ends("ended")
	})
	t.Run("context at the prompt", func(t *testing.T) {
		u := start(t, setup{})
		u.send("half a li")
		u.prompt("r1# half a li")
		_ = u.cmd.Process.Signal(syscall.SIGUSR1)
		u.ends("canceled")
	})
	t.Run("context during a command", func(t *testing.T) {
		u := start(t, setup{})
		u.run("wait", "waiting")
		_ = u.cmd.Process.Signal(syscall.SIGUSR1)
		u.ends("canceled")
	})
	t.Run("context in the pager", func(t *testing.T) {
		u := start(t, setup{})
		u.run("lines 100", "--More--")
		_ = u.cmd.Process.Signal(syscall.SIGUSR1)
		u.ends("canceled")
	})
	t.Run("context at a question", func(t *testing.T) {
		u := start(t, setup{})
		u.run("secret Password", "Password?")
		_ = u.cmd.Process.Signal(syscall.SIGUSR1)
		u.ends("canceled")
	})
	t.Run("context in the search", func(t *testing.T) {
		u := start(t, setup{})
		u.send("\x12x")
		u.shows("reverse-i-search")
		_ = u.cmd.Process.Signal(syscall.SIGUSR1)
		u.ends("canceled")
	})
	t.Run("panic in a command", func(t *testing.T) {
		u := start(t, setup{})
		u.send("panic\r")
		u.ends("terminal: panic: a command is broken")
	})
	t.Run("panic in help", func(t *testing.T) {
		u := start(t, setup{})
		u.send("broken?")
		u.ends("terminal: panic: help is broken")
	})
	t.Run("panic in completion", func(t *testing.T) {
		u := start(t, setup{})
		u.send("panicking")
		u.shows("run: terminal: panic: completion is broken")
		<-u.exited
		if diff := cmp.Diff(u.before, u.termios()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("conversation lost at the prompt", func(t *testing.T) {
		u := start(t, setup{})
		u.send("lose\r")
		u.shows("% The router has gone\n")
		u.ends("session lost: the router has gone")
	})
	t.Run("conversation lost in a command", func(t *testing.T) {
		u := start(t, setup{})
		u.send("unreachable\r")
		u.ends("session lost: the router has gone")
		if strings.Count(u.screen.text(), "% ") != 1 {
			t.Errorf("not said once:\n%s", u.screen.text())
		}
	})
	t.Run("hangup", func(t *testing.T) {
		u := start(t, setup{})
		_ = u.tty.Close()
		_ = u.pty.Close()
		select {
		case <-u.exited:
		case <-time.After(deadline):
			t.Fatal("the process goes on")
		}
	})
	t.Run("restored from outside", func(t *testing.T) {
		u := start(t, setup{})
		u.run("wait", "waiting")
		_ = u.cmd.Process.Signal(syscall.SIGTERM)
		u.ends("restored")
	})
	t.Run("no controlling terminal", func(t *testing.T) {
		u := open(t, setup{cols: 80, rows: 24, noTTY: true})
		u.shows("run: no controlling terminal: open /dev/tty")
		<-u.exited
		if diff := cmp.Diff(u.before, u.termios()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestOneAtATime(t *testing.T) {
	u := start(t, setup{})
	u.run("again", "the terminal is in use")
	u.run("say unharmed", "<unharmed>")
}

// A shell with job control sets a mode of its own while the process is stopped.
func TestContinued(t *testing.T) {
	u := start(t, setup{})
	u.send("say ab\x02")
	u.cursor("r1# say a", "b")
	if err := unix.IoctlSetTermios(int(u.tty.Fd()), term.IoctlSetTermios, &u.before); err != nil {
		t.Fatal(err)
	}
	_ = u.cmd.Process.Signal(syscall.SIGCONT)
	u.until("raw mode", func() bool {
		u.poke()
		return u.termios().Lflag&unix.ICANON == 0
	})
	u.run("", "<ab>")
}

// An idle shell sleeps: it is woken by keys and notices only.
func TestIdleCostsNothing(t *testing.T) {
	u := start(t, setup{})
	u.send("say it")
	u.prompt("r1# say it")
	switches := func() (n int) {
		dirs, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", u.cmd.Process.Pid))
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
	// The first second may still see the runtime's background work; one quiet one will do.
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
