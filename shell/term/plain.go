// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"os"
	"strings"

	"vrrpsh/platform/printable"
	"vrrpsh/shell"
)

// Plain line mode is for programs that type commands, and for terminals that cannot move their cursor: the terminal receives
// printable characters, line ends and backspaces only. A user turns it on with "terminal plain", and an administrator for a
// user; a dumb terminal has it from the beginning.

// startPlain turns on plain line mode if the terminal is dumb.
func (t *terminal) startPlain() {
	if os.Getenv("TERM") == "dumb" {
		t.dumb = t.conv.Execute(t.ctx, "terminal plain", shell.IO{Out: discard{}, Err: discard{}}) != shell.Done
	}
}

// discard is a writer that keeps nothing.
type discard struct{}

// Write implements io.Writer.
func (discard) Write(b []byte) (int, error) { return len(b), nil }

// setMode turns plain line mode on or off, as the conversation wants it now.
func (t *terminal) setMode() {
	t.plain = t.dumb || t.conv.Plain()
	t.tty.setCodes(!t.plain)
}

// wipe erases text, which is all that the line of the cursor has.
func (t *terminal) wipe(text string) {
	if t.plain {
		t.tty.write(erase([]rune(text)))
		return
	}
	t.tty.write(eraseLine)
}

// plainLine is a line that is typed in plain line mode. The cursor is always at its end.
type plainLine struct {
	t    *terminal
	text []rune
	past int // index of the line in the history, its length for none
}

// readPlain reads one line.
func (t *terminal) readPlain() (string, ending) {
	l := &plainLine{t: t, past: len(t.hist.lines)}
	l.draw()
	for {
		switch e, k := t.in.next(); e {
		case eventKey:
			if line, why, done := l.key(k); done {
				t.tty.write("\n")
				return line, why
			}
		case eventNotice:
			t.tty.write("\n")
			t.showNotices()
			l.draw()
		case eventResize: // nothing is drawn again
		case eventEnded:
			t.tty.write("\n")
			return "", endLost
		case eventStop:
			t.tty.write("\n")
			return "", endStop
		}
	}
}

func (l *plainLine) draw() { l.t.tty.write(l.t.prefix + string(l.text)) }

// again displays the line again, below what was displayed after it.
func (l *plainLine) again() {
	l.t.tty.write("\n")
	l.draw()
}

// set replaces the line.
func (l *plainLine) set(text string) {
	next, same := []rune(text), 0
	for same < len(next) && same < len(l.text) && next[same] == l.text[same] {
		same++
	}
	l.t.tty.write(erase(l.text[same:]) + string(next[same:]))
	l.text = next
}

// key handles a key. done means that the reading of the line ends.
func (l *plainLine) key(k key) (line string, why ending, done bool) {
	t := l.t
	switch k.kind {
	case keyText:
		if len(string(l.text))+len(k.text) > maxLine {
			t.overflow = true
			return "", 0, false
		}
		l.set(string(l.text) + k.text)
	case keyQuestion:
		t.tty.write("?")
		l.help()
	case keyControl:
		return l.control(k.text[0])
	case keyEscape:
		switch sequences[k.text] {
		case "\x1b[A":
			l.recall(-1)
		case "\x1b[B":
			l.recall(1)
		}
	default: // there are no words to move over
	}
	return "", 0, false
}

func (l *plainLine) control(c byte) (line string, why ending, done bool) {
	t := l.t
	switch c {
	case '\r', '\n':
		if t.overflow {
			return "", endTooLong, true
		}
		t.hist.add(string(l.text))
		return string(l.text), endEnter, true
	case '\t':
		l.complete()
	case ctrlC:
		t.overflow, l.text, l.past = false, nil, len(t.hist.lines)
		l.again()
	case ctrlD:
		if len(l.text) == 0 {
			l.set("exit")
			return "exit", endEnter, true
		}
	case ctrlZ:
		t.overflow = false
		if !t.known("end") { // the current mode cannot be left
			l.set("")
			break
		}
		if len(l.text) > 0 { // the line runs first
			t.in.unread(string(rune(ctrlZ)))
			return l.control('\r')
		}
		l.set("end")
		return "end", endEnter, true
	case ctrlH, backspace:
		if n := len(l.text); n > 0 {
			l.set(string(l.text[:n-1]))
		}
	case ctrlU:
		l.set("")
	case ctrlW:
		l.set(string(l.text[:len(l.text)-wordBack(string(l.text))]))
	case ctrlP:
		l.recall(-1)
	case ctrlN:
		l.recall(1)
	case ctrlL, ctrlR:
		l.again()
	}
	return "", 0, false
}

// recall replaces the line by another one of the history.
func (l *plainLine) recall(step int) {
	lines := l.t.hist.lines
	switch at := l.past + step; {
	case at < 0 || at > len(lines):
	case at == len(lines):
		l.past = at
		l.set("")
	default:
		l.past = at
		l.set(printable.Line(lines[at]))
	}
}

// complete completes the last word as far as it is unambiguous. If several words are possible, it lists them.
func (l *plainLine) complete() {
	before := string(l.text)
	word := lastWord(before)
	l.t.valid = false // the possible words may have changed
	list := l.t.lookup(before)
	n := literal(list)
	switch common := ""; {
	case n == 0:
		return
	case n == 1:
		common = list[0].Text
		if !strings.HasSuffix(common, "/") {
			common += " "
		}
		l.set(strings.TrimSuffix(before, word) + common)
	default:
		if common = commonPrefix(list[:n]); len(common) > len(word) {
			l.set(strings.TrimSuffix(before, word) + common)
			return
		}
		l.help()
	}
}

// help displays the answer to "?".
func (l *plainLine) help() {
	t := l.t
	t.tty.write("\n")
	pg := newPager(t.ctx, func() {}, t)
	_, _ = pg.Write([]byte(t.conv.Help(string(l.text))))
	pg.close()
	l.draw()
}
