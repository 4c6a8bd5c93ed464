// SPDX-License-Identifier: GPL-3.0-only

package completions

import (
	"slices"
	"strings"
)

// SecretIn returns the offset of a secret in a line typed in any mode. If no command matches the line, it returns where a secret may
// begin: after the last word that matched a command with a secret. found is false for lines without a secret. Of a line that is longer than
// any command, only the beginning is read: a secret may begin after it.
func (t *Tree) SecretIn(line string) (offset int, found bool) {
	const enough = 4 << 10
	offset, found = len(line), len(line) > enough
	if found {
		offset = enough
	}
	segments := lex(line[:offset])
	for _, m := range anyMode {
		mt := t.modes[m]
		for _, s := range segments {
			for _, root := range []*node{mt.root, mt.no} {
				if at, ok := t.secretFrom(root, s.tokens); ok && at < offset {
					offset, found = at, true
				}
			}
		}
	}
	return offset, found
}

// within is a node reached by the words so far.
type within struct {
	node   *node
	secret bool // at least one word belongs to a command with a secret
}

// isText reports whether only a text that takes the rest of the line, and is no secret, can follow.
func (w within) isText() bool {
	return len(w.node.words) == 0 && len(w.node.params) > 0 && !slices.ContainsFunc(w.node.params, func(e *edge) bool { return !e.param.rest || e.secret })
}

// secretFrom follows every possible meaning of the words: all abbreviations, all corrections of mistyped words, and values regardless of
// their range.
func (t *Tree) secretFrom(root *node, tokens []token) (int, bool) {
	at := []within{{node: root}}
	for _, tok := range tokens {
		var next []within
		begun := false // a possible meaning is inside a command with a secret
		for _, w := range at {
			begun = begun || w.secret && w.node.secretBelow()
			for _, e := range w.node.params {
				if e.secret {
					return tok.start, true
				}
				if e.param.rest { // takes the rest of the line
					next = append(next, within{node: &node{params: []*edge{e}}})
					continue
				}
				next = t.enter(next, within{node: e.to, secret: w.secret && e.to.secretBelow()})
			}
			for _, e := range w.node.words {
				if !tok.quoted && couldBe(tok.text, e.word, w.secret) {
					next = t.enter(next, within{node: e.to, secret: e.to.secretBelow() && e.form == Plain && !e.do})
				}
			}
		}
		// A text may be anything: it does not tell that the line has no secret.
		if onlyTexts := !slices.ContainsFunc(next, func(w within) bool { return !w.isText() }); len(next) == 0 || begun && onlyTexts {
			return tok.start, begun
		}
		at = next
	}
	return 0, false
}

// enter adds a node, and what can follow if a command that enters another mode ends there.
func (t *Tree) enter(list []within, w within) []within {
	list = append(list, w)
	if c := w.node.end; c != nil && c.Enter != "" {
		list = append(list, within{node: t.modes[c.Enter].settings})
	}
	return list
}

// couldBe reports whether a word may stand for a keyword: as an abbreviation, or, unless the word may be the secret itself, with at most
// two typing errors.
func couldBe(typed, word string, secret bool) bool {
	typed = strings.ToLower(typed)
	if secret || strings.HasPrefix(word, typed) {
		return strings.HasPrefix(word, typed)
	}
	const slips = 2
	return len(typed) > slips && distance(typed, word) <= slips
}

// secretBelow reports whether the command can continue with a secret.
func (n *node) secretBelow() bool {
	for _, e := range n.params {
		if e.secret || e.to.secretBelow() {
			return true
		}
	}
	for _, e := range n.words {
		if e.form == Plain && !e.do && e.to.secretBelow() {
			return true
		}
	}
	return false
}
