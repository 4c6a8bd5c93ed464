// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Sizes assumed of terminals that do not tell theirs, and the least the line editor can work with.
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

	screen atomic.Bool // the alternate screen is shown

	mu sync.Mutex // one write at a time
}

// active is the terminal that Restore puts back.
var active atomic.Pointer[tty]

// openTTY puts the terminal into raw mode. Output processing stays on, so that commands can
// end lines with "\n" alone, and reads return at once, since poll says when there is something.
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
	t.write(bracketedPasteOn)
	return t, nil
}

func (t *tty) setRaw() error { return unix.IoctlSetTermios(t.fd, ioctlSetTermios, &t.raw) }

// restore puts the terminal back, once.
func (t *tty) restore() {
	t.once.Do(func() {
		active.CompareAndSwap(t, nil)
		// The mode first, and not under the mutex: a write may be stuck in a terminal that nobody reads.
		_ = unix.IoctlSetTermios(t.fd, ioctlSetTermios, &t.saved)
		if t.screen.Load() {
			_, _ = t.out.WriteString(screenOff)
		}
		_, _ = t.out.WriteString(bracketedPasteOff + showCursor + plainText)
	})
}

// Restore puts the terminal back as Run found it. It may be called from anywhere, at any time
// and more than once.
func Restore() {
	if t := active.Load(); t != nil {
		t.restore()
	}
}

func (t *tty) write(s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = t.out.WriteString(s) // a terminal that has gone shows when reading
}

// size returns columns and rows, never less than the line editor can work with.
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
