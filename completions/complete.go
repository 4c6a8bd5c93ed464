// SPDX-License-Identifier: GPL-3.0-only

package completions

import (
	"slices"
	"strings"
)

// Candidate is a possible continuation of a line.
type Candidate struct {
	Text string
	Help string
	// Literal is true if the user can type Text as it is; descriptions such as "<1-254>" and "<cr>" are not literal.
	Literal bool
}

// End is the text of the candidate that stands for the end of the line.
const End = "<cr>"

// Values returns the existing values of a kind, such as interfaces, groups or revisions. kind is the name of a value
// or its type, prefix is the part already typed, and line holds the commands parsed before it.
type Values func(kind, prefix string, line []Step) []Candidate

// Complete returns the possible continuations of a line: completions of an unfinished last word, or, after a blank,
// all words that can follow. The error says why the words before do not parse.
func (t *Tree) Complete(mode Mode, level Level, line string, values Values) ([]Candidate, *Error) {
	segments := lex(line)
	s := segments[len(segments)-1]
	if len(segments) > 1 {
		mode = Pipe
	}
	prefix := token{start: len(line), end: len(line)}
	if n := len(s.tokens); n > 0 && s.tokens[n-1].end == len(line) && (!s.tokens[n-1].quoted || s.tokens[n-1].open) {
		prefix = s.tokens[n-1]
		s.tokens = s.tokens[:n-1]
	}
	var best *Error
	for m := mode; m != ""; m = m.Parent() {
		w := t.walker(m, level, line)
		if err := w.run(s); err != nil {
			best = deeper(best, err)
			continue
		}
		if found := w.candidates(prefix, values); len(found) > 0 {
			return found, nil
		}
		if _, err := w.match(prefix); err != nil {
			err.depth = w.depth
			best = deeper(best, err)
		}
	}
	return nil, best
}

func (w *walker) candidates(prefix token, values Values) []Candidate {
	if w.text != nil {
		return []Candidate{{Text: w.text.param.short(), Help: w.text.help}}
	}
	found := w.words(nil, w.node, prefix)
	if below := w.below(); below != nil {
		found = w.words(found, below, prefix)
		slices.SortFunc(found, func(a, b Candidate) int { return strings.Compare(a.Text, b.Text) })
	}
	for _, e := range w.node.params {
		if e.level > w.level || e.also && len(found) > 0 {
			continue
		}
		known := 0
		if values != nil {
			for _, v := range values(e.param.kind, prefix.text, w.steps) {
				if strings.HasPrefix(v.Text, prefix.text) {
					v.Literal = true
					found = append(found, v)
					known++
				}
			}
		}
		if known == 0 && (prefix.text == "" || e.param.check(prefix.text) == nil) || known > 0 && prefix.text == "" {
			found = append(found, Candidate{Text: e.param.short(), Help: e.help})
		}
	}
	if w.node.end != nil && w.node.end.Level <= w.level && prefix.text == "" && !prefix.quoted {
		found = append(found, Candidate{Text: End, Help: "Run the command"})
	}
	return found
}

func (w *walker) words(found []Candidate, n *node, prefix token) []Candidate {
	if prefix.quoted {
		return found
	}
	start := strings.ToLower(prefix.text)
	fits := func(e *edge) bool { return e.level <= w.level && strings.HasPrefix(e.word, start) }
	// "sh" is "show", and nothing else is offered that needs more letters.
	known := start != "" && slices.ContainsFunc(n.words, func(e *edge) bool { return fits(e) && !e.yields })
	var other []Candidate // in the words of other systems
	for _, e := range n.words {
		switch c := (Candidate{Text: e.word, Help: e.help, Literal: true}); {
		case !fits(e), known && e.yields && e.careful:
		case e.also:
			other = append(other, c)
		default:
			found = append(found, c)
		}
	}
	if len(found) == 0 {
		return other
	}
	return found
}
