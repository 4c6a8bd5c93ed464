// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// keyKind is the kind of a key.
type keyKind int

const (
	keyNone     keyKind = iota // bytes without a meaning
	keyText                    // a run of printable characters
	keyQuestion                // "?" was typed
	keyControl                 // one control byte; text holds it
	keyEscape                  // a control sequence, as received
	keyMeta                    // Esc and a character; text holds the character
)

// key is one unit of input for the line editor. A chunk read from the terminal may contain many keys.
type key struct {
	kind keyKind
	text string
	raw  string // the received bytes
}

func (k key) control(b byte) bool { return k.kind == keyControl && k.text[0] == b }

func (k key) enter() bool { return k.control('\r') || k.control('\n') }

// Control bytes, named after the keys that send them.
const (
	ctrlA     = 0x01
	ctrlB     = 0x02
	ctrlC     = 0x03
	ctrlD     = 0x04
	ctrlE     = 0x05
	ctrlF     = 0x06
	ctrlG     = 0x07
	ctrlH     = 0x08
	ctrlK     = 0x0b
	ctrlL     = 0x0c
	ctrlN     = 0x0e
	ctrlP     = 0x10
	ctrlR     = 0x12
	ctrlT     = 0x14
	ctrlU     = 0x15
	ctrlV     = 0x16
	ctrlW     = 0x17
	ctrlY     = 0x19
	ctrlZ     = 0x1a
	escape    = 0x1b
	backspace = 0x7f
)

const (
	pasteBegin = "\x1b[200~"
	pasteEnd   = "\x1b[201~"
)

// scanner splits the terminal's input into keys.
type scanner struct {
	pasting bool // between the marks of a bracketed paste, in which "?" and Tab are text
	cr      bool // the last byte was CR: ignore an LF after it
	quoting bool // Ctrl-V was typed
}

// next returns the first key of b and its length in bytes, which is 0 if the key is incomplete.
func (s *scanner) next(b []byte) (key, int) {
	k, n := s.cut(b)
	k.raw = string(b[:n])
	return k, n
}

func (s *scanner) cut(b []byte) (key, int) {
	if len(b) == 0 {
		return key{}, 0
	}
	cr := s.cr
	s.cr = false
	c := b[0]
	switch {
	case c == '\n' && cr:
		return key{}, 1
	case c == escape:
		k, n := s.sequence(b)
		if n == 0 {
			s.cr = cr
		}
		return k, n
	case c == ctrlV && !s.pasting:
		s.quoting = true
		return key{}, 1
	case c == '\t' && (s.pasting || s.quoting):
		s.quoting = false
		return key{kind: keyText, text: " "}, 1
	case c < 0x20 || c == backspace:
		s.cr = c == '\r'
		s.quoting = false
		if c == ctrlC {
			s.pasting = false // the end mark of the paste may be lost
		}
		return key{kind: keyControl, text: string(rune(c))}, 1
	}
	return s.printable(b)
}

// printable takes characters up to the next one that is not printable.
func (s *scanner) printable(b []byte) (key, int) {
	var text strings.Builder
	n := 0
	for n < len(b) {
		c := b[n]
		if c < 0x20 || c == backspace {
			break
		}
		if c == '?' && !s.pasting && !s.quoting {
			if n == 0 {
				return key{kind: keyQuestion, text: "?"}, 1
			}
			break
		}
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError && size == 1 {
			if !utf8.FullRune(b[n:]) {
				break // the rest of the character has not arrived yet
			}
			n++
			continue
		}
		s.quoting = false
		if unicode.IsPrint(r) {
			text.WriteRune(r)
		} else if unicode.IsSpace(r) {
			text.WriteByte(' ')
		}
		n += size
	}
	if text.Len() == 0 {
		return key{}, n
	}
	return key{kind: keyText, text: text.String()}, n
}

// maxSequence limits the length of control sequences. Longer ones are noise.
const maxSequence = 32

// sequence takes a key that begins with Esc. There is no timeout: Esc waits for the next byte. This
// supports Esc and b typed one after the other, and sequences that a slow line splits in two.
func (s *scanner) sequence(b []byte) (key, int) {
	if len(b) < 2 {
		return key{}, 0
	}
	switch c := b[1]; {
	case c == '[':
		return s.csi(b)
	case c == 'O':
		if len(b) < 3 {
			return key{}, 0
		}
		return key{kind: keyEscape, text: string(b[:3])}, 3
	case c == escape:
		return key{}, 1
	case c < 0x20 || c == backspace:
		return key{kind: keyMeta, text: string(rune(c))}, 2
	}
	if !utf8.FullRune(b[1:]) {
		return key{}, 0
	}
	r, size := utf8.DecodeRune(b[1:])
	return key{kind: keyMeta, text: string(r)}, 1 + size
}

func (s *scanner) csi(b []byte) (key, int) {
	if len(b) >= 3 && b[2] == '[' { // function keys of the Linux console
		if len(b) < 4 {
			return key{}, 0
		}
		return key{}, 4
	}
	for i := 2; i < len(b); i++ {
		switch c := b[i]; {
		case i >= maxSequence, c < 0x20, c > 0x7e:
			return key{}, i
		case c >= 0x40:
			n := i + 1
			switch {
			case bytes.Equal(b[:n], []byte(pasteBegin)):
				s.pasting = true
				return key{}, n
			case bytes.Equal(b[:n], []byte(pasteEnd)):
				s.pasting = false
				return key{}, n
			}
			return key{kind: keyEscape, text: string(b[:n])}, n
		}
	}
	return key{}, 0
}

// line takes a whole line of plain text, as a paste contains it, if b begins with one. It takes up
// to n bytes, including the line end.
func (s *scanner) line(b []byte) (text string, n int, ok bool) {
	try := *s
	var sb strings.Builder
	for n < len(b) {
		k, size := try.next(b[n:])
		if size == 0 {
			return "", 0, false
		}
		n += size
		switch {
		case k.kind == keyText:
			sb.WriteString(k.text)
		case k.enter():
			*s = try
			return sb.String(), n, true
		case k.kind != keyNone:
			return "", 0, false
		}
	}
	return "", 0, false
}
