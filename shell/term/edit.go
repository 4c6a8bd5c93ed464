// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"strings"
	"unicode"

	prompt "github.com/c-bata/go-prompt"
)

// edit changes the line being typed. It runs in go-prompt's goroutine.
type edit func(*prompt.Buffer)

func runes(s string) int { return len([]rune(s)) }

// setText replaces the line and moves the cursor to its end.
func setText(text string) edit {
	return func(b *prompt.Buffer) {
		b.CursorRight(runes(b.Document().TextAfterCursor()))
		b.DeleteBeforeCursor(runes(b.Text()))
		b.InsertText(text, false, true)
	}
}

// replaceWord replaces the n characters before the cursor with text.
func replaceWord(n int, text string) edit {
	return func(b *prompt.Buffer) {
		b.DeleteBeforeCursor(n)
		b.InsertText(text, false, true)
	}
}

// wordBack returns the length of the word before the cursor, including the space after it.
func wordBack(before string) int {
	trimmed := strings.TrimRightFunc(before, unicode.IsSpace)
	start := strings.LastIndexFunc(trimmed, unicode.IsSpace) + 1
	return runes(before[start:])
}

// wordForth returns the length of the word after the cursor, including the space before it.
func wordForth(after string) int {
	trimmed := strings.TrimLeftFunc(after, unicode.IsSpace)
	end := strings.IndexFunc(trimmed, unicode.IsSpace)
	if end < 0 {
		return runes(after)
	}
	return runes(after) - runes(trimmed[end:])
}

// killer keeps the text that was cut last, for Ctrl-Y.
type killer struct{ cut string }

func (k *killer) back(b *prompt.Buffer, n int) {
	if s := b.DeleteBeforeCursor(n); s != "" {
		k.cut = s
	}
}

func (k *killer) forth(b *prompt.Buffer, n int) {
	if n == 0 {
		return
	}
	k.cut = string([]rune(b.Document().TextAfterCursor())[:n])
	b.Delete(n)
}

func (k *killer) lineBack(b *prompt.Buffer)  { k.back(b, runes(b.Document().TextBeforeCursor())) }
func (k *killer) lineForth(b *prompt.Buffer) { k.forth(b, runes(b.Document().TextAfterCursor())) }
func (k *killer) wordBack(b *prompt.Buffer)  { k.back(b, wordBack(b.Document().TextBeforeCursor())) }
func (k *killer) wordForth(b *prompt.Buffer) { k.forth(b, wordForth(b.Document().TextAfterCursor())) }
func (k *killer) yank(b *prompt.Buffer)      { b.InsertText(k.cut, false, true) }

func goWordBack(b *prompt.Buffer)  { b.CursorLeft(wordBack(b.Document().TextBeforeCursor())) }
func goWordForth(b *prompt.Buffer) { b.CursorRight(wordForth(b.Document().TextAfterCursor())) }

// swap exchanges the characters around the cursor and moves the cursor after them. At the end of
// the line it exchanges the last two characters.
func swap(b *prompt.Buffer) {
	before, after := []rune(b.Document().TextBeforeCursor()), []rune(b.Document().TextAfterCursor())
	if len(before) == 0 || len(before)+len(after) < 2 {
		return
	}
	if len(after) > 0 {
		b.CursorRight(1)
		before = append(before, after[0])
	}
	n := len(before)
	b.DeleteBeforeCursor(2)
	b.InsertText(string([]rune{before[n-1], before[n-2]}), false, true)
}
