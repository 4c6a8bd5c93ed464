// SPDX-License-Identifier: GPL-3.0-only

package completions

import "strings"

// SecretIn returns where a line that is typed in any mode gives a secret, or, if no command is like it, where one may begin: behind
// the last word that still was that of a command with a secret. It is false for lines without. Of a line that is longer than any
// command only the beginning is looked at: a secret may begin behind that.
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

// within is a node that words lead to.
type within struct {
	node   *node
	secret bool // at least one word is that of a command with a secret
}

// secretFrom follows words as they may be meant: as every abbreviation, as what a word with a slip may have been, and as values whatever
// their range.
func (t *Tree) secretFrom(root *node, tokens []token) (int, bool) {
	at := []within{{node: root}}
	for _, tok := range tokens {
		var next []within
		begun := false // all that is known is within a command with a secret
		for _, w := range at {
			begun = begun || w.secret && w.node.secretBelow()
			for _, e := range w.node.params {
				if e.secret {
					return tok.start, true
				}
				if e.param.rest { // takes all that follows
					next = append(next, within{node: &node{params: []*edge{e}}})
					continue
				}
				next = t.enter(next, within{e.to, w.secret && e.to.secretBelow()})
			}
			for _, e := range w.node.words {
				if !tok.quoted && couldBe(tok.text, e.word, w.secret) {
					next = t.enter(next, within{e.to, e.to.secretBelow() && e.form == Plain && !e.do})
				}
			}
		}
		if len(next) == 0 {
			return tok.start, begun
		}
		at = next
	}
	return 0, false
}

// enter adds a node, and what can follow if a command ends there that leads to another mode.
func (t *Tree) enter(list []within, w within) []within {
	list = append(list, w)
	if c := w.node.end; c != nil && c.Enter != "" {
		list = append(list, within{node: t.modes[c.Enter].settings})
	}
	return list
}

// couldBe tells whether a word may stand for a keyword: an abbreviation, or, unless it may be the secret itself, a word with two slips
// at most.
func couldBe(typed, word string, secret bool) bool {
	typed = strings.ToLower(typed)
	if secret || strings.HasPrefix(word, typed) {
		return strings.HasPrefix(word, typed)
	}
	const slips = 2
	return len(typed) > slips && distance(typed, word) <= slips
}

// secretBelow tells whether a value of the command that is being typed is a secret.
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
