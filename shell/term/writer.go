// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"strings"

	prompt "github.com/c-bata/go-prompt"

	"vrrpsh/platform/printable"
)

// writer receives go-prompt's drawings. It does not display them: go-prompt draws the whole line and all suggestions at every
// key, and scrolls the terminal to make room for them. It only tells that the line is to be drawn, which terminal.draw does.
type writer struct {
	last  string // written last
	drawn bool   // the drawing ends by showing the cursor, which means that it is the line
	ends  bool   // the drawing ends the line

	draw   func()            // the line has changed
	finish func(line string) // the line has ended
}

var _ prompt.ConsoleWriter = (*writer)(nil)

// Flush implements prompt.ConsoleWriter.
func (w *writer) Flush() error {
	drawn, ends := w.drawn, w.ends
	w.drawn, w.ends = false, false
	switch {
	case drawn:
		w.draw()
	case ends:
		w.finish(w.last)
	}
	return nil
}

// WriteStr implements prompt.ConsoleWriter.
func (w *writer) WriteStr(data string) {
	if line, ends := strings.CutSuffix(data, "\n"); ends {
		w.last, w.ends = printable.Line(line), true
	}
}

// ShowCursor implements prompt.ConsoleWriter.
func (w *writer) ShowCursor() { w.drawn = true }

// The other methods of prompt.ConsoleWriter do nothing.

func (w *writer) WriteRaw([]byte)                           {}
func (w *writer) Write([]byte)                              {}
func (w *writer) WriteRawStr(string)                        {}
func (w *writer) EraseScreen()                              {}
func (w *writer) EraseUp()                                  {}
func (w *writer) EraseDown()                                {}
func (w *writer) EraseStartOfLine()                         {}
func (w *writer) EraseEndOfLine()                           {}
func (w *writer) EraseLine()                                {}
func (w *writer) HideCursor()                               {}
func (w *writer) CursorGoTo(int, int)                       {}
func (w *writer) CursorUp(int)                              {}
func (w *writer) CursorDown(int)                            {}
func (w *writer) CursorForward(int)                         {}
func (w *writer) CursorBackward(int)                        {}
func (w *writer) AskForCPR()                                {}
func (w *writer) SaveCursor()                               {}
func (w *writer) UnSaveCursor()                             {}
func (w *writer) ScrollDown()                               {}
func (w *writer) ScrollUp()                                 {}
func (w *writer) SetTitle(string)                           {}
func (w *writer) ClearTitle()                               {}
func (w *writer) SetColor(prompt.Color, prompt.Color, bool) {}
