// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"strings"
)

// sequences maps the control sequences that are passed on to go-prompt to the form that go-prompt
// knows. It would insert unknown sequences as text.
var sequences = map[string]string{
	"\x1b[A": "\x1b[A", "\x1bOA": "\x1b[A", // Up
	"\x1b[B": "\x1b[B", "\x1bOB": "\x1b[B", // Down
	"\x1b[C": "\x1b[C", "\x1bOC": "\x1b[C", // Right
	"\x1b[D": "\x1b[D", "\x1bOD": "\x1b[D", // Left
	"\x1b[H": "\x01", "\x1bOH": "\x01", "\x1b[1~": "\x01", "\x1b[7~": "\x01", // Home
	"\x1b[F": "\x05", "\x1bOF": "\x05", "\x1b[4~": "\x05", "\x1b[8~": "\x05", // End
	"\x1b[3~": "\x1b[3~", // Delete
	"\x1b[Z":  "\x1b[Z",  // Shift-Tab
}

// wordLeft and wordRight are the sequences that terminals send for Ctrl or Alt with an arrow key.
var (
	wordLeft  = map[string]bool{"\x1b[1;5D": true, "\x1b[1;3D": true, "\x1b[5D": true, "\x1bOd": true}
	wordRight = map[string]bool{"\x1b[1;5C": true, "\x1b[1;3C": true, "\x1b[5C": true, "\x1bOc": true}
)

// key translates a key into input for go-prompt; nil means none.
func (t *terminal) key(k key) []byte {
	switch k.kind {
	case keyText:
		if len(t.doc.Text)+len(k.text) > maxLine {
			t.overflow = true
			t.bell()
			return nil
		}
		t.selected = -1
		return []byte(k.text)
	case keyQuestion:
		return t.help()
	case keyControl:
		return t.control(k.text[0])
	case keyEscape:
		return t.sequence(k.text)
	case keyMeta:
		return t.meta(k.text)
	default:
		return nil
	}
}

func (t *terminal) control(c byte) []byte {
	switch c {
	case '\r', '\n':
		if t.overflow {
			return t.hand(endTooLong)
		}
		return t.hand(endEnter)
	case '\t':
		return t.tab()
	case ctrlC:
		t.overflow = false
		t.selected = -1
		return []byte{ctrlC}
	case ctrlD:
		if t.doc.Text == "" {
			return t.say("exit")
		}
		t.selected = -1
		return []byte{ctrlD}
	case ctrlZ:
		if !t.known("end") { // the current mode cannot be left
			t.overflow = false
			return t.change(setText(""))
		}
		if t.doc.Text != "" && t.doc.TextAfterCursor() == "" {
			t.then = "end"
			return t.control('\r')
		}
		return t.say("end")
	case ctrlR:
		return t.search()
	case ctrlK:
		return t.change(t.kill.lineForth)
	case ctrlU:
		return t.change(t.kill.lineBack)
	case ctrlW:
		return t.change(t.kill.wordBack)
	case ctrlY:
		return t.change(t.kill.yank)
	case ctrlT:
		return t.change(swap)
	case ctrlL:
		t.tty.write("\x1b[H\x1b[2J")
		t.d.forget()
		t.d.top = 0
		return t.change(nil)
	case ctrlA, ctrlB, ctrlE, ctrlF, ctrlH, ctrlN, ctrlP, backspace:
		t.selected = -1
		return []byte{c}
	default:
		return nil
	}
}

// say executes a command instead of the typed line.
func (t *terminal) say(line string) []byte {
	t.overflow, t.unkept = false, true
	t.queued = append(t.queued, func() []byte { return t.hand(endEnter) })
	return t.change(setText(line))
}

// known tells whether word is a command in the current mode.
func (t *terminal) known(word string) bool {
	for _, s := range t.conv.Complete(word) {
		if s.Literal && s.Text == word {
			return true
		}
	}
	return false
}

func (t *terminal) sequence(s string) []byte {
	switch {
	case t.answered(s):
		if t.selected >= 0 {
			return nil
		}
		return t.change(nil)
	case wordLeft[s]:
		return t.change(goWordBack)
	case wordRight[s]:
		return t.change(goWordForth)
	}
	seq, ok := sequences[s]
	if !ok {
		return nil
	}
	switch {
	case t.selected < 0:
		if seq == "\x1b[Z" {
			return nil
		}
	case seq == "\x1b[A", seq == "\x1b[Z":
		t.selected--
	case seq == "\x1b[B":
		t.selectNext()
	default:
		t.selected = -1
	}
	return []byte(seq)
}

func (t *terminal) meta(s string) []byte {
	switch strings.ToLower(s) {
	case "b":
		return t.change(goWordBack)
	case "f":
		return t.change(goWordForth)
	case "d":
		return t.change(t.kill.wordForth)
	case "\x7f", "\x08":
		return t.change(t.kill.wordBack)
	case "\r", "\n":
		return t.control('\r')
	default:
		return nil
	}
}
