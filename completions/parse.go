// SPDX-License-Identifier: GPL-3.0-only

package completions

import (
	"fmt"
	"slices"
	"strings"
)

// MaxPipes is how many pipes a line may have.
const MaxPipes = 8

// Parse parses a line typed in a mode by a user of a level. Keywords are not case-sensitive and may be
// abbreviated while unique. Commands unknown in the mode are looked up in the modes that contain it. If
// all attempts fail, Parse returns the error of the one that got farthest.
func (t *Tree) Parse(mode Mode, level Level, line string) (*Invocation, *Error) {
	segments := lex(line)
	var best *Error
	for m := mode; m != ""; m = m.Parent() {
		w := t.walker(m, level, line)
		err := w.run(segments[0])
		if err == nil {
			err = w.finish(segments[0].end)
		}
		if err != nil {
			best = deeper(best, err)
			continue
		}
		inv := &Invocation{Line: line, Form: w.form, Do: w.do, Steps: w.steps}
		if len(segments) > 1+MaxPipes {
			return nil, &Error{Kind: Invalid, Offset: segments[1+MaxPipes].start, Reason: fmt.Sprintf("at most %d pipes can follow", MaxPipes)}
		}
		for _, s := range segments[1:] {
			p := t.walker(Pipe, level, line)
			if err := p.run(s); err != nil {
				if err.Kind == Invalid && err.Reason == "" {
					err.foreign(foreignPipes, s, false)
				}
				return nil, err
			}
			if err := p.finish(s.end); err != nil {
				return nil, err
			}
			inv.Pipes = append(inv.Pipes, p.steps[0])
		}
		return inv, nil
	}
	t.hint(best, mode, level, segments[0])
	return nil, best
}

// deeper returns the error of the attempt that understood more words; of equals the first, with the
// suggestions of both.
func deeper(a, b *Error) *Error {
	switch {
	case a == nil || b.depth > a.depth:
		return b
	case b.depth == a.depth && a.Kind == Invalid && b.Kind != Invalid:
		return b
	case b.depth == a.depth && a.Kind == Invalid:
		a.Words = union(a.Words, b.Words)
		a.Expected = union(a.Expected, b.Expected)
	}
	return a
}

func union(a, b []string) []string {
	for _, w := range b {
		if !slices.Contains(a, w) {
			a = append(a, w)
		}
	}
	return a
}

// hint adds to an error that another mode has the command, or that the command has another name here.
func (t *Tree) hint(e *Error, mode Mode, level Level, s segment) {
	if e == nil || e.Kind != Invalid || len(s.tokens) == 0 {
		return
	}
	if e.foreign(foreign, s, true); e.Reason == "" {
		t.elsewhere(e, mode, level, s)
	}
	if e.Reason == "" {
		e.foreign(foreign, s, false)
	}
}

// foreign adds what words of another system are called here. A word that is like one of this system rather is that one.
func (e *Error) foreign(list []foreignWords, s segment, onlySure bool) {
	if hint, whole, sure := abroad(list, s.tokens, e.depth); hint != "" && (sure || !onlySure && (whole || len(e.Words) == 0)) {
		e.Reason, e.Words = hint, nil
	}
}

// elsewhere adds to an error that the command exists in a mode other than the user's.
func (t *Tree) elsewhere(e *Error, mode Mode, level Level, s segment) {
	if e.depth > 0 {
		return
	}
	word := s.tokens[0].text
	known := func(m Mode) string {
		found, _ := t.modes[m].root.match(s.tokens[0], level)
		if found == nil || found.param != nil || len(word) < min(3, len(found.word)) || found.level > level {
			return ""
		}
		return found.word
	}
	if mode == Exec {
		for _, m := range configModes {
			if w := known(m); w != "" && len(e.Words) == 0 {
				e.Reason = fmt.Sprintf("%q is a command of configure mode", w)
				return
			}
		}
		return
	}
	for _, sub := range []struct {
		mode       Mode
		what, line string
	}{
		{ConfigIf, "an interface", "interface NAME"},
		{ConfigRouter, "a virtual router", "interface NAME vrrp N"},
		{ConfigTrack, "a tracked object", "track NAME"},
		{ConfigNotify, "a notification", "notify NAME"},
	} {
		if w := known(sub.mode); w != "" && len(e.Words) == 0 {
			e.Reason = fmt.Sprintf("%q is a setting of %s: %q comes first", w, sub.what, sub.line)
			return
		}
	}
	if w := known(Exec); w != "" {
		e.Reason = fmt.Sprintf("%q is a command of exec mode: \"do %s\"", w, w)
	}
}

// walker follows the words of a line through the tries.
type walker struct {
	tree  *Tree
	level Level
	line  string
	node  *node
	steps []Step
	form  Form
	do    bool
	depth int
	// text is the edge of a value that takes the rest of the line.
	text *edge
}

func (t *Tree) walker(m Mode, level Level, line string) *walker {
	return &walker{tree: t, level: level, line: line, node: t.modes[m].root, steps: []Step{{Mode: m}}}
}

func (w *walker) run(s segment) *Error {
	for i, tok := range s.tokens {
		if err := w.step(tok, i == len(s.tokens)-1, s.end); err != nil {
			err.depth = w.depth
			return err
		}
		if w.text != nil {
			break
		}
		w.depth++
	}
	return nil
}

func (w *walker) step(tok token, last bool, end int) *Error {
	e, err := w.match(tok)
	if err != nil {
		return err
	}
	if e.level > w.level {
		return w.denied(tok, e.level)
	}
	cur := &w.steps[len(w.steps)-1]
	switch {
	case e.do:
		w.steps = []Step{{Mode: Exec}}
		w.do = true
	case e.form != Plain:
		w.form = e.form
	case e.param == nil:
		cur.Words = append(cur.Words, e.word)
	default:
		value := tok.text
		if e.param.rest {
			if !tok.quoted || !last || e.param.kind == "words" {
				value = strings.TrimSpace(w.line[tok.start:end])
			}
			w.text = e
		}
		if tok.open {
			return &Error{Kind: Invalid, Offset: tok.start, Reason: "the closing quote is missing"}
		}
		if err := e.param.check(value); err != nil {
			return &Error{Kind: Invalid, Offset: tok.start, Reason: err.Error(), Expected: []string{e.param.String()}}
		}
		cur.Args = append(cur.Args, Arg{Name: e.param.name, Value: value, Offset: tok.start})
	}
	w.node = e.to
	return nil
}

// match finds the edge of a word. If the command so far does not continue with the word, match looks in
// the mode that the command enters.
func (w *walker) match(tok token) (*edge, *Error) {
	e, err := w.node.match(tok, w.level)
	if err == nil {
		return e, nil
	}
	err.Line = w.line[:tok.end]
	below := w.below()
	if below == nil {
		return nil, err
	}
	e, err2 := below.match(tok, w.level)
	if err2 != nil {
		err2.Line = w.line[:tok.end]
		return nil, deeper(err, err2)
	}
	cmd := w.node.end
	w.steps[len(w.steps)-1].Command = cmd
	w.steps = append(w.steps, Step{Mode: cmd.Enter})
	return e, nil
}

// below returns where a line continues after a command that enters a mode.
func (w *walker) below() *node {
	if w.node.end == nil || w.node.end.Enter == "" || !w.node.end.Setting {
		return nil
	}
	mt := w.tree.modes[w.node.end.Enter]
	if w.form != Plain {
		return mt.no
	}
	return mt.settings
}

func (w *walker) finish(end int) *Error {
	if w.node.end == nil {
		return &Error{
			Kind: Incomplete, Offset: end, Line: w.line, depth: w.depth,
			Expected: w.node.expected(w.level),
		}
	}
	if w.node.end.Level > w.level {
		return w.denied(token{end: len(w.line)}, w.node.end.Level)
	}
	w.steps[len(w.steps)-1].Command = w.node.end
	return nil
}

func (w *walker) denied(tok token, needs Level) *Error {
	return &Error{
		Kind: Denied, Offset: tok.start, Line: w.line[:tok.end], depth: w.depth,
		Reason: fmt.Sprintf("this needs level %d (%s), yours is %d (%s)", needs, needs, w.level, w.level),
	}
}

// match finds the edge of a word. Keywords precede values, and exact matches precede abbreviations;
// commands that the user may not run count only when nothing else fits.
func (n *node) match(tok token, level Level) (*edge, *Error) {
	e, err := n.find(tok, level)
	if err == nil && e.careful && e.level <= level && len(tok.text) < minCareful {
		return nil, &Error{
			Kind: Invalid, Offset: tok.start, Reason: fmt.Sprintf("%q needs at least %d letters", e.word, minCareful),
		}
	}
	return e, err
}

// minCareful is how many letters of a careful keyword are needed.
const minCareful = 4

func (n *node) find(tok token, level Level) (*edge, *Error) {
	var visible, denied, yielding, other []*edge
	if !tok.quoted {
		word := strings.ToLower(tok.text)
		for _, e := range n.words {
			switch {
			case e.word == word:
				return e, nil
			case !strings.HasPrefix(e.word, word):
			case e.also:
				other = append(other, e)
			case e.yields:
				yielding = append(yielding, e)
			case e.level <= level:
				visible = append(visible, e)
			default:
				denied = append(denied, e)
			}
		}
	}
	for _, list := range [][]*edge{yielding, other} {
		if len(visible)+len(denied) > 0 {
			break
		}
		for _, e := range list {
			if e.level <= level {
				visible = append(visible, e)
			} else {
				denied = append(denied, e)
			}
		}
	}
	switch {
	case len(visible) == 1:
		return visible[0], nil
	case len(visible) > 1:
		err := &Error{Kind: Ambiguous, Offset: tok.start}
		for _, e := range visible {
			err.Words = append(err.Words, e.word)
		}
		return nil, err
	}
	var reason error
	for _, e := range n.params {
		if e.also && !tok.quoted && len(n.similar(tok, level)) > 0 { // rather a typing error than a value
			continue
		}
		if reason = e.param.check(tok.text); reason == nil || e.param.rest {
			return e, nil
		}
	}
	if len(denied) == 1 {
		return denied[0], nil
	}
	err := &Error{Kind: Invalid, Offset: tok.start, Expected: n.expected(level)}
	if reason != nil {
		err.Reason = reason.Error()
	}
	if err.Words = n.similar(tok, level); len(err.Words) > 0 {
		err.Reason = ""
	}
	return nil, err
}

// similar returns the keywords that a mistyped word may stand for.
func (n *node) similar(tok token, level Level) []string {
	var words []string
	for _, e := range n.words {
		if e.level <= level && !e.also {
			words = append(words, e.word)
		}
	}
	return similar(tok.text, words)
}

// expected lists what can follow.
func (n *node) expected(level Level) []string {
	var words, other []string
	for _, e := range n.words {
		switch {
		case e.level > level:
		case e.also:
			other = append(other, e.word)
		default:
			words = append(words, e.word)
		}
	}
	for _, e := range n.params {
		if e.also {
			other = append(other, e.param.String())
		} else {
			words = append(words, e.param.String())
		}
	}
	if len(words) == 0 && n.end == nil {
		return other
	}
	return words
}
