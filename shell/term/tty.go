// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Sizes assumed for terminals that do not report their size, and the least size that the line editor can work with.
const (
	defaultColumns, defaultRows = 80, 24
	minColumns, minRows         = 8, 2
)

const (
	bracketedPasteOn  = "\x1b[?2004h"
	bracketedPasteOff = "\x1b[?2004l"
	showCursor        = "\x1b[?25h"
	plainText         = "\x1b[0m"
	screenOn          = "\x1b[?1049h\x1b[?25l"
	screenOff         = "\x1b[?1049l"
)

// tty is the terminal in raw mode.
type tty struct {
	in, out *os.File
	fd      int
	saved   unix.Termios
	raw     unix.Termios
	once    sync.Once

	screen atomic.Bool // the alternate screen is displayed
	codes  atomic.Bool // the terminal has received control sequences that must be undone

	mu sync.Mutex // one write at a time
}

// active is the terminal that Restore restores.
var active atomic.Pointer[tty]

// openTTY puts the terminal into raw mode. Output processing stays on, so that commands can end
// lines with "\n" alone. Reads return immediately, because poll reports when there is input.
func openTTY(in, out *os.File) (*tty, error) {
	t := &tty{in: in, out: out, fd: int(in.Fd())}
	saved, err := unix.IoctlGetTermios(t.fd, ioctlGetTermios)
	if err != nil {
		return nil, fmt.Errorf("not a terminal: %w", err)
	}
	t.saved = *saved
	t.raw = *saved
	t.raw.Iflag &^= unix.ICRNL | unix.IXON | unix.INLCR | unix.IGNCR | unix.ISTRIP | unix.BRKINT
	t.raw.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.raw.Oflag |= unix.OPOST | unix.ONLCR
	t.raw.Cc[unix.VMIN] = 0
	t.raw.Cc[unix.VTIME] = 0
	if err := t.setRaw(); err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	active.Store(t)
	return t, nil
}

// setCodes prepares the terminal for control sequences, or undoes that.
func (t *tty) setCodes(on bool) {
	switch {
	case t.codes.Swap(on) == on:
	case on:
		t.write(bracketedPasteOn)
	default:
		t.write(bracketedPasteOff)
	}
}

func (t *tty) setRaw() error { return unix.IoctlSetTermios(t.fd, ioctlSetTermios, &t.raw) }

// restore restores the terminal, once.
func (t *tty) restore() {
	t.once.Do(func() {
		active.CompareAndSwap(t, nil)
		// Restore the mode first and without the mutex: a write may block on a terminal that nobody reads.
		_ = unix.IoctlSetTermios(t.fd, ioctlSetTermios, &t.saved)
		if t.screen.Load() {
			_, _ = t.out.WriteString(screenOff)
		}
		if t.codes.Load() {
			_, _ = t.out.WriteString(bracketedPasteOff + showCursor + plainText)
		}
	})
}

// Restore restores the state of the terminal before Run. It may be called from any goroutine, at
// any time, and more than once.
func Restore() {
	if t := active.Load(); t != nil {
		t.restore()
	}
}

func (t *tty) write(s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = t.out.WriteString(s) // a read reports that the terminal has gone
}

// size returns columns and rows, but at least the size that the line editor can work with.
func (t *tty) size() (columns, rows int) {
	columns, rows = defaultColumns, defaultRows
	if ws, err := unix.IoctlGetWinsize(int(t.out.Fd()), unix.TIOCGWINSZ); err == nil {
		if ws.Col > 0 {
			columns = int(ws.Col)
		}
		if ws.Row > 0 {
			rows = int(ws.Row)
		}
	}
	return max(columns, minColumns), max(rows, minRows)
}
