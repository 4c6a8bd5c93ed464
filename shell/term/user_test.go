package term_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"vrrpsh/shell/term"
)

// deadline is for what happens within milliseconds unless something is wrong.
const deadline = 20 * time.Second

// user sits at a terminal.
type user struct {
	t        *testing.T
	cmd      *exec.Cmd
	pty, tty *os.File
	before   unix.Termios
	screen   *screen
	changed  chan struct{}
	exited   chan struct{}
	reading  chan struct{}
}

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
	u.prompt("r1# ")
	return u
}

func open(t *testing.T, s setup) *user {
	t.Helper()
	p, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(p, &pty.Winsize{Cols: s.cols, Rows: s.rows}); err != nil {
		t.Fatal(err)
	}
	// Package pty leaves it blocking; then a read that is under way would hold up a Close.
	if err := unix.SetNonblock(int(p.Fd()), true); err != nil {
		t.Fatal(err)
	}
	cols, rows := int(s.cols), int(s.rows)
	if cols == 0 {
		cols, rows = 80, 24
	}
	u := &user{
		t: t, pty: p, tty: tty, screen: newScreen(max(cols, 8), max(rows, 2)), // what Run takes them for
		changed: make(chan struct{}, 1), exited: make(chan struct{}), reading: make(chan struct{}),
	}
	u.before = u.termios()
	u.cmd = exec.Command(os.Args[0])
	u.cmd.Env = append(append(os.Environ(), childEnv+"=1", "TERM_TEST_HISTORY="+s.history, "TERM=xterm"), s.env...)
	u.cmd.Stdin, u.cmd.Stdout, u.cmd.Stderr = tty, tty, tty
	u.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: !s.noTTY}
	if err := u.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(u.reading)
		b := make([]byte, 4096)
		for {
			n, err := p.Read(b)
			if err != nil {
				return
			}
			_, _ = u.screen.Write(b[:n])
			select {
			case u.changed <- struct{}{}:
			default:
			}
		}
	}()
	go func() { _ = u.cmd.Wait(); close(u.exited) }()
	t.Cleanup(func() {
		_ = u.cmd.Process.Kill()
		<-u.exited
		_ = tty.Close()
		_ = p.Close()
		<-u.reading
		if strings.Contains(u.screen.text(), "DATA RACE") {
			t.Errorf("the child has a data race:\n%s", u.screen.text())
		}
	})
	return u
}

func (u *user) termios() unix.Termios {
	u.t.Helper()
	v, err := unix.IoctlGetTermios(int(u.tty.Fd()), term.IoctlGetTermios)
	if err != nil {
		u.t.Fatal(err)
	}
	return *v
}

// until waits until the screen shows something.
func (u *user) until(what string, ok func() bool) {
	u.t.Helper()
	end := time.After(deadline)
	for !ok() {
		select {
		case <-u.changed:
		case <-end:
			u.t.Fatalf("waiting for %s; the screen shows:\n%s", what, u.screen.text())
		}
	}
}

func (u *user) send(s string) {
	u.t.Helper()
	if _, err := io.WriteString(u.pty, s); err != nil {
		u.t.Fatal(err)
	}
}

// shows waits for text anywhere on the screen or above it.
func (u *user) shows(text string) {
	u.t.Helper()
	u.until(strconv.Quote(text), func() bool { return strings.Contains(u.screen.text(), text) })
}

// prompt waits for the cursor to stand behind exactly this text, with nothing behind it.
func (u *user) prompt(text string) { u.t.Helper(); u.cursor(text, "") }

func (u *user) cursor(before, after string) {
	u.t.Helper()
	u.until(fmt.Sprintf("the cursor between %q and %q", before, after), func() bool {
		b, a := u.screen.cursorLine()
		return b == before && a == after
	})
}

// run types a line and waits for what it says.
func (u *user) run(line, want string) {
	u.t.Helper()
	u.send(line + "\r")
	u.shows(want)
}

// ends waits for the end of the process and checks what Run said and that the terminal is
// as it was.
func (u *user) ends(want string) {
	u.t.Helper()
	u.shows("run: " + want)
	select {
	case <-u.exited:
	case <-time.After(deadline):
		u.t.Fatal("the process goes on")
	}
	if code := u.cmd.ProcessState.ExitCode(); code != 0 {
		u.t.Errorf("status %d", code)
	}
	if diff := cmp.Diff(u.before, u.termios()); diff != "" {
		u.t.Errorf("the terminal is not as it was:\n%s", diff)
	}
	if u.screen.mode("?2004") {
		u.t.Error("bracketed paste was left on")
	}
	if !u.screen.mode("?25") {
		u.t.Error("the cursor was left hidden")
	}
	if b, _ := u.screen.cursorLine(); b != "" {
		u.t.Errorf("the cursor was left behind %q", b)
	}
}

func (u *user) resize(cols, rows uint16) {
	u.t.Helper()
	u.screen.resize(int(cols), int(rows))
	if err := pty.Setsize(u.pty, &pty.Winsize{Cols: cols, Rows: rows}); err != nil {
		u.t.Fatal(err)
	}
}

// read is how many bytes the process has read, from all it reads.
func (u *user) read() (n int) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", u.cmd.Process.Pid))
	if err != nil {
		u.t.Skip(err)
	}
	_, _ = fmt.Sscanf(string(b), "rchar: %d", &n)
	return n
}

// poke makes until look again though nothing was written.
func (u *user) poke() {
	time.AfterFunc(10*time.Millisecond, func() {
		select {
		case u.changed <- struct{}{}:
		default:
		}
	})
}
