// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"bytes"
	"strconv"

	prompt "github.com/c-bata/go-prompt"

	"vrrpsh/platform/printable"
)

// writer receives go-prompt's drawings. It collects a drawing and writes it in one piece.
type writer struct {
	tty   *tty
	buf   bytes.Buffer
	mute  bool   // discard drawings
	drawn bool   // the drawing ends by showing the cursor, which means that it is the line
	idle  func() // called after the line has been drawn
	plain bool   // without colors
}

var _ prompt.ConsoleWriter = (*writer)(nil)

// Flush implements prompt.ConsoleWriter.
func (w *writer) Flush() error {
	if w.buf.Len() > 0 && !w.mute {
		w.tty.write(w.buf.String())
	}
	w.buf.Reset()
	if w.drawn {
		w.drawn = false
		w.idle()
	}
	return nil
}

// WriteRaw implements prompt.ConsoleWriter.
func (w *writer) WriteRaw(data []byte) { w.buf.Write(data) }

// WriteRawStr implements prompt.ConsoleWriter.
func (w *writer) WriteRawStr(data string) { w.buf.WriteString(data) }

// Write implements prompt.ConsoleWriter.
func (w *writer) Write(data []byte) { w.WriteStr(string(data)) }

// WriteStr implements prompt.ConsoleWriter. Newlines are the only control characters that pass.
func (w *writer) WriteStr(data string) { w.buf.WriteString(printable.Lines(data)) }

func (w *writer) csi(n int, final byte) {
	w.buf.WriteString("\x1b[" + strconv.Itoa(n) + string(final))
}

// move moves the cursor n cells in one direction, or in the other if n is negative.
func (w *writer) move(n int, forth, back byte) {
	switch {
	case n > 0:
		w.csi(n, forth)
	case n < 0:
		w.csi(-n, back)
	}
}

// EraseScreen implements prompt.ConsoleWriter.
func (w *writer) EraseScreen() { w.csi(2, 'J') }

// EraseUp implements prompt.ConsoleWriter.
func (w *writer) EraseUp() { w.csi(1, 'J') }

// EraseDown implements prompt.ConsoleWriter.
func (w *writer) EraseDown() { w.buf.WriteString("\x1b[J") }

// EraseStartOfLine implements prompt.ConsoleWriter.
func (w *writer) EraseStartOfLine() { w.csi(1, 'K') }

// EraseEndOfLine implements prompt.ConsoleWriter.
func (w *writer) EraseEndOfLine() { w.buf.WriteString("\x1b[K") }

// EraseLine implements prompt.ConsoleWriter.
func (w *writer) EraseLine() { w.csi(2, 'K') }

// ShowCursor implements prompt.ConsoleWriter.
func (w *writer) ShowCursor() {
	w.buf.WriteString(showCursor)
	w.drawn = true
}

// HideCursor implements prompt.ConsoleWriter.
func (w *writer) HideCursor() { w.buf.WriteString("\x1b[?25l") }

// CursorGoTo implements prompt.ConsoleWriter.
func (w *writer) CursorGoTo(row, col int) {
	w.buf.WriteString("\x1b[" + strconv.Itoa(row+1) + ";" + strconv.Itoa(col+1) + "H")
}

// CursorUp implements prompt.ConsoleWriter.
func (w *writer) CursorUp(n int) { w.move(n, 'A', 'B') }

// CursorDown implements prompt.ConsoleWriter.
func (w *writer) CursorDown(n int) { w.move(n, 'B', 'A') }

// CursorForward implements prompt.ConsoleWriter.
func (w *writer) CursorForward(n int) { w.move(n, 'C', 'D') }

// CursorBackward implements prompt.ConsoleWriter.
func (w *writer) CursorBackward(n int) { w.move(n, 'D', 'C') }

// AskForCPR implements prompt.ConsoleWriter; nobody reads the answer.
func (w *writer) AskForCPR() {}

// SaveCursor implements prompt.ConsoleWriter.
func (w *writer) SaveCursor() { w.buf.WriteString("\x1b7") }

// UnSaveCursor implements prompt.ConsoleWriter.
func (w *writer) UnSaveCursor() { w.buf.WriteString("\x1b8") }

// ScrollDown implements prompt.ConsoleWriter.
func (w *writer) ScrollDown() { w.buf.WriteString("\x1bD") }

// ScrollUp implements prompt.ConsoleWriter.
func (w *writer) ScrollUp() { w.buf.WriteString("\x1bM") }

// SetTitle implements prompt.ConsoleWriter. It does nothing: the title of the window belongs to the user.
func (w *writer) SetTitle(string) {}

// ClearTitle implements prompt.ConsoleWriter; see SetTitle.
func (w *writer) ClearTitle() {}

// SetColor implements prompt.ConsoleWriter.
func (w *writer) SetColor(fg, bg prompt.Color, bold bool) {
	if w.plain {
		return
	}
	s := "\x1b[0"
	if bold {
		s = "\x1b[0;1"
	}
	w.buf.WriteString(s + ";" + strconv.Itoa(sgr(fg, 30)) + ";" + strconv.Itoa(sgr(bg, 40)) + "m")
}

// sgr returns the SGR parameter of a color. base is 30 for text and 40 for the background.
func sgr(c prompt.Color, base int) int {
	switch {
	case c == prompt.DefaultColor:
		return base + 9
	case c < prompt.DarkGray:
		return base + int(c-prompt.Black)
	default:
		return base + 60 + int(c-prompt.DarkGray)
	}
}
