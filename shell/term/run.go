// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"vrrpsh/shell"
)

// Options configure a terminal.
type Options struct {
	// In and Out are the input and output of the same terminal; nil means os.Stdin and os.Stdout.
	In, Out *os.File
	// HistoryFile keeps the lines of earlier sessions. Its mode is 0600. If it is empty, there is no file.
	HistoryFile string
	// HistorySize is how many lines are kept; 0 means 1000.
	HistorySize int
	// Private tells whether a line must not be written to the history file. Lines that name a
	// secret, a password or authentication are never written.
	Private func(line string) bool
}

// ErrLost is wrapped in the error of Run when the conversation ended without the user's action. The
// terminal has already displayed the reason.
var ErrLost = errors.New("session lost")

// ErrBusy is returned by Run while another Run uses the terminal.
var ErrBusy = errors.New("the terminal is in use")

// running prevents two terminals in one process, which the line editor does not support.
var running atomic.Bool

// Run lets the user talk to conv until the conversation ends, and then returns nil. It returns
// ctx's error when ctx ends, ErrHangup when the terminal has gone, ErrLost when the conversation is
// lost, and an error with a stack trace when the conversation or the line editor panicked. In every
// case it restores the terminal. Run does not close the conversation.
//
// While a command runs, Ctrl-C cancels the command's context. The caller handles signals other than
// SIGWINCH and SIGCONT.
func Run(ctx context.Context, conv shell.Conversation, o Options) error {
	return run(ctx, conv, o, (*terminal).loop)
}

// RunLine works as Run for a single line, which it executes without a prompt.
func RunLine(ctx context.Context, conv shell.Conversation, line string, o Options) (status shell.Status, err error) {
	err = run(ctx, conv, o, func(t *terminal) error {
		t.setMode()
		status = t.execute(line)
		return t.in.reason()
	})
	return status, err
}

func run(ctx context.Context, conv shell.Conversation, o Options, talk func(*terminal) error) (err error) {
	if !running.CompareAndSwap(false, true) {
		return ErrBusy
	}
	defer running.Store(false)
	if o.In == nil {
		o.In = os.Stdin
	}
	if o.Out == nil {
		o.Out = os.Stdout
	}
	// The line editor opens /dev/tty, too, but panics when that fails.
	f, err := os.OpenFile("/dev/tty", os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("no controlling terminal: %w", err)
	}
	_ = f.Close()
	tty, err := openTTY(o.In, o.Out)
	if err != nil {
		return err
	}
	defer tty.restore()
	in, err := newInput(tty.fd)
	if err != nil {
		return err
	}
	defer in.close()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("terminal: panic: %v\n%s", p, debug.Stack())
		}
	}()

	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { in.change(func() { in.cancelled = ctx.Err() }) })()
	t, err := newTerminal(ctx, conv, tty, in, o)
	if err != nil {
		return err
	}
	defer close(t.dead)
	t.startPlain()
	wg.Go(func() { in.collectNotices(ctx, conv.Notices()) })
	wg.Go(func() { t.watchSize(ctx) })
	defer t.awaitAnswer()
	return talk(t)
}

// watchSize notices when the terminal changes its size. It also notices when the process continues
// after a stop, because the parent shell may have left the terminal in another mode.
func (t *terminal) watchSize(ctx context.Context) {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGWINCH, syscall.SIGCONT)
	defer signal.Stop(ch)
	t.conv.Resize(t.tty.size())
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-ch:
			if s == syscall.SIGCONT {
				_ = t.tty.setRaw()
			}
			t.conv.Resize(t.tty.size())
			t.in.change(func() { t.in.resized = true })
		}
	}
}

// loop reads and executes lines until the terminal must stop.
func (t *terminal) loop() error {
	for {
		t.showNotices()
		line, why := t.readLine()
		switch why {
		case endEnter:
		case endStop:
			return t.in.reason()
		case endLost:
			if t.conv.Ended() {
				return nil
			}
			return t.lost(true)
		case endTooLong:
			t.tty.write(complaint(t.plain, fmt.Errorf("line too long: more than %d characters", maxLine)))
			continue
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		if status := t.execute(line); status == shell.Unreachable {
			return t.lost(false)
		}
		if t.conv.Ended() {
			return nil
		}
	}
}

// lost returns the error of a conversation that ended without the user's action. If show is set, it also displays the
// reason.
func (t *terminal) lost(show bool) error {
	err := cmp.Or(t.conv.Err(), errors.New("the session has ended"))
	if show {
		t.tty.write(complaint(t.plain, err))
	}
	return fmt.Errorf("%w: %w", ErrLost, err)
}

func (t *terminal) showNotices() {
	for _, s := range t.in.takeNotices() {
		t.tty.write(notice(s))
	}
}

// execute runs one line with the terminal as its input and output.
func (t *terminal) execute(line string) shell.Status {
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	pg := newPager(ctx, cancel, t)
	t.in.onInterrupt(func() { cancel(); pg.stop() })
	defer t.in.onInterrupt(nil)
	defer pg.close() // at this point Ctrl-C still cuts the output short
	columns, _ := t.tty.size()
	return t.conv.Execute(ctx, line, shell.IO{Out: pg, Err: pg.errors(), Width: columns, Terminal: pg})
}
