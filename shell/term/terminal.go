// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"unicode"
	"unicode/utf8"

	prompt "github.com/c-bata/go-prompt"

	"vrrpsh/platform/printable"
	"vrrpsh/shell"
)

// maxLine is the longest line that can be typed, in bytes.
const maxLine = 8192

// ending is the reason why reading a line ended.
type ending int

const (
	endEnter   ending = iota // execute the line
	endTooLong               // do not execute the line: a part of it was dropped
	endStop                  // the context has ended, or the terminal has gone
	endLost                  // the conversation has ended
)

// terminal is one conversation on one terminal.
//
// go-prompt reads keys in one goroutine and draws in another. Here the two goroutines take turns:
// after each drawing, the drawing goroutine parks (see park) until the reading goroutine has
// decided on the next key (see Read). Therefore the running goroutine has the state to itself, no
// timer runs while nobody types, and output between two keys cannot mix with a drawing.
type terminal struct {
	ctx    context.Context
	conv   shell.Conversation
	tty    *tty
	in     *input
	out    *writer
	prompt *prompt.Prompt
	hist   *history
	kill   killer
	plain  bool // plain line mode
	dumb   bool // plain line mode although the conversation does not know it

	parked, resume chan struct{}
	dead           chan struct{} // closed when the drawing goroutine has ended

	// The line being typed.
	prefix   string
	d        drawing
	serial   bool // at the end of a serial line
	doc      prompt.Document
	first    bool // go-prompt has not asked for a key yet
	parking  bool // drawing ends in park
	handed   bool // the last key of the line was passed to go-prompt
	end      ending
	edit     edit            // the edit that the private key runs
	queued   []func() []byte // keys that follow
	overflow bool            // a part of the line was dropped
	unkept   bool            // the line must not enter the history
	then     string          // the line that follows the typed one; "": the user types it
	panicked any             // the panic value of the reading goroutine

	// Suggestions.
	popup    []prompt.Suggest // as displayed
	selected int              // index in popup, -1 for none
	looked   string           // the text that found belongs to
	found    []shell.Suggestion
	valid    bool // looked and found belong to this line
	anchor   anchor

	// The question for the cursor's position, see ask.
	asks, asked bool // to be asked; asked and not answered yet
	stale       bool // the answer is about an earlier line
	askedAt     int  // the cursor's row below the beginning of the prompt
	unanswered  int
}

// privateKey is input that makes go-prompt run terminal.edit. No user can type it.
var privateKey = []byte("\x00edit")

func newTerminal(ctx context.Context, conv shell.Conversation, tty *tty, in *input, o Options) (t *terminal, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("terminal: %v", p)
		}
	}()
	t = &terminal{
		ctx: ctx, conv: conv, tty: tty, in: in, selected: -1,
		parked: make(chan struct{}), resume: make(chan struct{}), dead: make(chan struct{}),
	}
	t.out = &writer{draw: t.draw, finish: t.finish}
	t.d = drawing{tty: tty, colors: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
	t.d.forget()
	t.serial = isSerial(tty.in)
	if t.hist, err = openHistory(o); err != nil {
		tty.write(complaint(false, err)) // continue without a history file
	}
	t.prompt = prompt.New(func(string) {}, t.suggest,
		prompt.OptionParser(t),
		prompt.OptionWriter(t.out),
		prompt.OptionLivePrefix(func() (string, bool) { return t.prefix, true }),
		prompt.OptionAddASCIICodeBind(prompt.ASCIICodeBind{ASCIICode: privateKey, Fn: t.runEdit}),
	)
	return t, nil
}

// readLine reads one line with the line editor. Lines of a paste that have already arrived bypass
// the line editor.
func (t *terminal) readLine() (string, ending) {
	t.prefix = printable.Line(t.conv.Prompt())
	t.setMode()
	t.overflow, t.unkept, t.valid = false, false, false
	if line := t.then; line != "" {
		t.then = ""
		t.tty.write(t.prefix + line + "\n")
		return line, endEnter
	}
	if line, ok := t.in.line(); ok {
		return t.pasted(line)
	}
	if t.plain {
		return t.readPlain()
	}
	_ = prompt.OptionHistory(append([]string(nil), t.hist.lines...))(t.prompt)
	_ = prompt.OptionInitialBufferText("")(t.prompt)
	text := t.prompt.Input()
	if p := t.panicked; p != nil {
		t.panicked = nil
		panic(p)
	}
	if t.end != endEnter {
		return "", t.end
	}
	if !t.unkept {
		t.hist.add(text)
	}
	return text, endEnter
}

func (t *terminal) pasted(line string) (string, ending) {
	if len(line) > maxLine {
		t.tty.write(t.prefix + strings.ToValidUTF8(line[:64], "") + "...\n")
		return "", endTooLong
	}
	t.tty.write(t.prefix + line + "\n")
	t.hist.add(line)
	return line, endEnter
}

// draw displays the line being typed, and waits for the next key.
func (t *terminal) draw() {
	before, after := t.displayed()
	t.d.update(before+after, after, t.popupMenu(before+after, after))
	t.ask()
	t.park()
}

// finish displays the line that has ended.
func (t *terminal) finish(line string) {
	t.d.finish(t.prefix + line)
	t.anchor.set = false
	t.outdate()
}

// displayed returns the prompt with the line, as displayed before the cursor and after it: with the selected suggestion.
func (t *terminal) displayed() (before, after string) {
	before, after = t.doc.TextBeforeCursor(), t.doc.TextAfterCursor()
	if t.selected >= 0 && t.selected < len(t.popup) {
		before = strings.TrimSuffix(before, lastWord(before)) + t.popup[t.selected].Text
	}
	return t.prefix + printable.Line(before), printable.Line(after)
}

// Setup implements prompt.ConsoleParser. It is called when the reading of a line begins. The
// terminal is already in raw mode and stays in it between lines.
func (t *terminal) Setup() error {
	t.first, t.parking, t.handed = true, false, false
	t.selected, t.popup, t.doc = -1, nil, prompt.Document{}
	t.d.columns, _ = t.tty.size()
	return nil
}

// TearDown implements prompt.ConsoleParser.
func (t *terminal) TearDown() error { return nil }

// GetWinSize implements prompt.ConsoleParser. go-prompt's own drawings are not displayed, see writer.
func (t *terminal) GetWinSize() *prompt.WinSize {
	return &prompt.WinSize{Row: 1<<16 - 1, Col: 1<<16 - 1}
}

// park is called after the line has been drawn.
func (t *terminal) park() {
	if !t.parking {
		return
	}
	t.parked <- struct{}{}
	<-t.resume
}

var errNoKey = errors.New("no key")

// Read implements prompt.ConsoleParser: it returns one key. It may block, as long as the call after
// the last key of a line returns an error immediately.
func (t *terminal) Read() ([]byte, error) {
	if t.handed {
		return nil, errNoKey
	}
	if t.first {
		// The first drawing must not park, because go-prompt reads only after it. This key makes
		// go-prompt draw again.
		t.first, t.parking = false, true
		return t.change(nil), nil
	}
	select {
	case <-t.parked:
	case <-t.dead:
		return nil, errNoKey
	}
	b := t.nextKey()
	t.resume <- struct{}{}
	return b, nil
}

// nextKey waits for input for go-prompt. It passes a panic on to readLine.
func (t *terminal) nextKey() (b []byte) {
	defer func() {
		if p := recover(); p != nil {
			t.panicked = fmt.Sprintf("%v\n%s", p, debug.Stack())
			b = t.hand(endStop)
		}
	}()
	for b == nil {
		if len(t.queued) > 0 {
			next := t.queued[0]
			t.queued = t.queued[1:]
			b = next()
			continue
		}
		switch e, k := t.in.next(); e {
		case eventKey:
			b = t.key(k)
		case eventNotice:
			t.above(t.showNotices)
			b = t.change(nil)
		case eventResize:
			t.erase() // the terminal has rewrapped the line
			b = t.change(nil)
		case eventEnded:
			b = t.hand(endLost)
		case eventStop:
			b = t.hand(endStop)
		}
	}
	return b
}

// hand ends the reading of the line.
func (t *terminal) hand(e ending) []byte {
	t.handed, t.end = true, e
	return []byte{'\r'}
}

// change makes go-prompt run e, which may be nil, and redraw the line.
func (t *terminal) change(e edit) []byte {
	t.edit = e
	t.selected = -1
	return privateKey
}

func (t *terminal) runEdit(b *prompt.Buffer) {
	if t.edit != nil {
		t.edit(b)
	}
}

// erase erases the line. It must be redrawn afterwards, wherever the cursor is then.
func (t *terminal) erase() {
	before, after := t.displayed()
	columns, _ := t.tty.size()
	t.d.erase(before, after, columns)
	t.outdate()
}

// above runs fn with the cursor at the place of the erased line. The line must be redrawn afterwards.
func (t *terminal) above(fn func()) {
	t.erase()
	fn()
}

func (t *terminal) bell() { t.tty.write("\a") }

// complaint formats an error as a line, as commands do, in plain line mode or not.
func complaint(plain bool, err error) string {
	s := printable.Line(err.Error())
	if plain {
		return "% Error: " + s + "\n"
	}
	r, n := utf8.DecodeRuneInString(s)
	return "% " + string(unicode.ToUpper(r)) + s[n:] + "\n"
}

// notice converts s to one line.
func notice(s string) string { return printable.Lines(strings.TrimRight(s, "\r\n")) + "\n" }

// lastWord returns the word being typed: the text after the last space.
func lastWord(before string) string { return before[strings.LastIndexByte(before, ' ')+1:] }
