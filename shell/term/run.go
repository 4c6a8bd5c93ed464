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

// Options are how a terminal behaves.
type Options struct {
	// In and Out are the terminal, os.Stdin and os.Stdout when nil. Both must be the same one.
	In, Out *os.File
	// HistoryFile keeps the lines of earlier sessions, with mode 0600; empty for none.
	HistoryFile string
	// HistorySize is how many lines are kept, 1000 when 0.
	HistorySize int
	// Private tells lines that must not reach the history file, beside those that name a
	// secret, a password or authentication.
	Private func(line string) bool
}

// ErrLost is in the error of Run when the conversation ended without the user's doing. The
// terminal has shown the reason already.
var ErrLost = errors.New("session lost")

// ErrBusy is what Run returns while another Run has the terminal.
var ErrBusy = errors.New("the terminal is in use")

// running keeps two terminals out of one process, whose line editor could not bear it.
var running atomic.Bool

// Run talks to the user until the conversation ends: then it returns nil, having put the
// terminal back, as on every other way out. It returns ctx's error when ctx ends, ErrHangup
// when the terminal has gone, ErrLost when the conversation has, and an error with a stack
// when the conversation or the line editor panicked. It does not close the conversation.
//
// While a command runs Ctrl-C ends the command's context. Signals other than SIGWINCH and
// SIGCONT are the caller's.
func Run(ctx context.Context, conv shell.Conversation, o Options) (err error) {
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
	// The line editor opens it, too, but panics when it cannot.
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
	wg.Go(func() { in.collectNotices(ctx, conv.Notices()) })
	wg.Go(func() { t.watchSize(ctx) })
	return t.loop()
}

// watchSize notes when the terminal changes its size, or comes back after the process was
// stopped, when the shell that stopped it has left it in a mode of its own.
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

// loop reads and executes lines.
func (t *terminal) loop() error {
	for {
		t.showNotices()
		line, why := t.readLine()
		switch why {
		case endEnter, endResize:
		case endStop:
			return t.in.reason()
		case endLost:
			if t.conv.Ended() {
				return nil
			}
			return t.lost(true)
		case endTooLong:
			t.tty.write(fmt.Sprintf("%% Line too long: more than %d characters\n", maxLine))
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

// lost makes the error of a conversation that ended by itself; show when nobody has told yet.
func (t *terminal) lost(show bool) error {
	err := cmp.Or(t.conv.Err(), errors.New("the session has ended"))
	if show {
		t.tty.write(complaint(err))
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
	defer pg.close() // while Ctrl-C still cuts the output short
	columns, _ := t.tty.size()
	return t.conv.Execute(ctx, line, shell.IO{Out: pg, Err: pg.errors(), Width: columns, Terminal: pg})
}
