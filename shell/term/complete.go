// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"slices"
	"strings"

	prompt "github.com/c-bata/go-prompt"

	"vrrpsh/platform/printable"
	"vrrpsh/shell"
)

// suggest is go-prompt's completer: it returns the suggestions to pop up. go-prompt calls it after
// every key and with an empty line in between. go-prompt fails when the list becomes shorter than
// the index of the selected entry. Therefore the list does not change while an entry is selected.
func (t *terminal) suggest(d prompt.Document) []prompt.Suggest {
	t.doc = d
	before := d.TextBeforeCursor()
	if t.selected >= 0 {
		if before == "" {
			return nil
		}
		t.popup = literals(t.popup, t.found)
		return t.popup
	}
	t.popup = nil
	if before == "" || !t.pops() {
		return nil
	}
	list := t.lookup(before)
	if len(list) == 0 || !t.fits() {
		return nil
	}
	if len(list) == 1 && list[0].Literal && list[0].Text == lastWord(before) {
		return nil
	}
	for _, s := range list {
		t.popup = append(t.popup, prompt.Suggest{Text: printable.Line(s.Text), Description: printable.Line(s.Help)})
	}
	return t.popup
}

// literals returns the entries of popup that can be selected. They come first in found.
func literals(popup []prompt.Suggest, found []shell.Suggestion) []prompt.Suggest {
	n := slices.IndexFunc(found, func(s shell.Suggestion) bool { return !s.Literal })
	if n < 0 || n > len(popup) {
		return popup
	}
	return popup[:n]
}

// lookup asks the conversation for the possible words at the end of before, literal words first.
func (t *terminal) lookup(before string) []shell.Suggestion {
	if t.valid && t.looked == before {
		return t.found
	}
	word := lastWord(before)
	var words, others []shell.Suggestion
	for _, s := range t.conv.Complete(before) {
		switch {
		case !s.Literal:
			others = append(others, s)
		case len(s.Text) >= len(word) && strings.EqualFold(s.Text[:len(word)], word):
			words = append(words, s)
		}
	}
	t.looked, t.found, t.valid = before, slices.Concat(words, others), true
	return t.found
}

// tab completes the word as far as it is unambiguous. If several words are possible, the user
// selects one.
func (t *terminal) tab() []byte {
	if t.selected >= 0 {
		t.selectNext()
		return []byte{'\t'}
	}
	before := t.doc.TextBeforeCursor()
	word := lastWord(before)
	t.valid = false // the possible words may have changed
	list := t.lookup(before)
	n := literal(list)
	switch n {
	case 0:
		t.bell()
		return nil
	case 1:
		text := list[0].Text
		if !strings.HasSuffix(text, "/") && !strings.HasPrefix(t.doc.TextAfterCursor(), " ") {
			text += " "
		}
		return t.change(replaceWord(runes(word), text))
	}
	if common := commonPrefix(list[:n]); len(common) > len(word) {
		return t.change(replaceWord(runes(word), common))
	}
	if !t.shows(list) {
		return t.help()
	}
	t.selectNext()
	return []byte{'\t'}
}

// literal returns how many words at the beginning of a list of lookup can be typed as they are.
func literal(list []shell.Suggestion) int {
	if n := slices.IndexFunc(list, func(s shell.Suggestion) bool { return !s.Literal }); n >= 0 {
		return n
	}
	return len(list)
}

// shows tells whether list is currently displayed.
func (t *terminal) shows(list []shell.Suggestion) bool {
	return len(t.d.menu.items) > 0 && len(t.popup) == len(list) && slices.EqualFunc(t.popup, list, func(p prompt.Suggest, s shell.Suggestion) bool {
		return p.Text == s.Text
	})
}

// selectNext repeats go-prompt's reaction to Tab.
func (t *terminal) selectNext() {
	t.selected++
	if t.selected >= len(t.popup) {
		t.selected = -1
	}
}

func commonPrefix(list []shell.Suggestion) string {
	common := list[0].Text
	for _, s := range list[1:] {
		for !strings.HasPrefix(s.Text, common) {
			r := []rune(common)
			common = string(r[:len(r)-1])
		}
	}
	return common
}

// help displays the answer to "?" above the line.
func (t *terminal) help() []byte {
	before := t.doc.TextBeforeCursor()
	text := t.conv.Help(before)
	t.above(func() {
		t.tty.write(t.prefix + t.doc.Text + "?\n")
		pg := newPager(t.ctx, func() {}, t)
		_, _ = pg.Write([]byte(text))
		pg.close()
	})
	return t.change(nil)
}
