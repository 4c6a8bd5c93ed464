// SPDX-License-Identifier: GPL-3.0-only

package completions

import (
	"fmt"
	"slices"
	"strings"
)

// Tree is a compiled set of commands. It is immutable and safe for concurrent use.
type Tree struct {
	commands []*Command
	modes    map[Mode]*modeTree
	topics   map[string]string
}

// modeTree holds the tries of one mode.
type modeTree struct {
	root     *node // the commands of the mode
	settings *node // the commands that can follow the command that enters the mode
	no       *node // the commands that can follow "no" and "default"
}

// node is a position in a line between words.
type node struct {
	words  []*edge
	params []*edge
	end    *Command // the command, if the line may end here
}

// edge is a word that leads to another node.
type edge struct {
	word  string // the keyword, unless param is set
	param *param
	help  string
	// level is the lowest level of the commands that continue with the word.
	level Level
	to    *node
	form  Form // of the words "no" and "default"
	do    bool // true for the words "do" and "run"
	// yields is true if all commands that continue with the word have Yields set.
	yields bool
	secret bool // the value must not be shown
	// also is true if the word is only in the Also forms of commands.
	also bool
	// careful is true for the keyword Careful of a command.
	careful bool
}

// Compile builds a tree. topics holds the help of words that begin several commands; the key is the line up
// to and including the word. An error means a mistake in the table.
func Compile(commands []Command, topics map[string]string) (*Tree, error) {
	t := &Tree{modes: make(map[Mode]*modeTree), topics: topics}
	for _, m := range append(slices.Clone(anyMode), Pipe) {
		t.modes[m] = &modeTree{root: &node{}, settings: &node{}, no: &node{}}
	}
	for i := range commands {
		c := commands[i]
		t.commands = append(t.commands, &c)
		if err := t.add(&c); err != nil {
			return nil, fmt.Errorf("command %s: %w", c.ID, err)
		}
	}
	for m, mt := range t.modes {
		if m == Exec || m == Pipe {
			continue
		}
		exec := t.modes[Exec].root
		mt.root.words = append(mt.root.words,
			&edge{word: "no", help: "Remove a setting or switch it off", level: Administrator, to: mt.no, form: No},
			&edge{word: "default", help: "Reset a setting to its default", level: Administrator, to: mt.no, form: Default},
			&edge{word: "do", help: "Run a command of exec mode", to: exec, do: true},
			&edge{word: "run", help: "Run a command of exec mode", to: exec, do: true})
		mt.settings.words = append(mt.settings.words,
			&edge{word: "no", help: "Remove a setting or switch it off", level: Administrator, to: mt.no, form: No},
			&edge{word: "default", help: "Reset a setting to its default", level: Administrator, to: mt.no, form: Default})
	}
	for _, mt := range t.modes {
		for _, n := range []*node{mt.root, mt.settings, mt.no} {
			n.sort()
		}
	}
	return t, nil
}

func (n *node) sort() {
	slices.SortFunc(n.words, compareEdges)
	for _, e := range n.words {
		if e.form == Plain && !e.do {
			e.to.sort()
		}
	}
	for _, e := range n.params {
		e.to.sort()
	}
}

func compareEdges(a, b *edge) int { return strings.Compare(a.word, b.word) }

func (t *Tree) add(c *Command) error {
	seq, err := parseSyntax(c.Syntax)
	if err != nil {
		return err
	}
	in := inserter{tree: t, command: c, last: lastRequired(seq)}
	also := make([][]element, len(c.Also))
	for i, syntax := range c.Also {
		if also[i], err = parseSyntax(syntax); err != nil {
			return err
		}
	}
	for _, m := range c.Modes {
		mt, ok := t.modes[m]
		if !ok {
			return fmt.Errorf("unknown mode %q", m)
		}
		if err := in.insert(mt.root, seq, ""); err != nil {
			return err
		}
		for _, form := range also {
			other := inserter{tree: t, command: c, last: lastRequired(form), also: true}
			if err := other.insert(mt.root, form, ""); err != nil {
				return err
			}
		}
		if c.Setting {
			if err := in.insert(mt.settings, seq, ""); err != nil {
				return err
			}
		}
		if c.No == "" {
			continue
		}
		no, err := parseSyntax(c.No)
		if err != nil {
			return err
		}
		if err := in.insert(mt.no, no, ""); err != nil {
			return fmt.Errorf("no: %w", err)
		}
	}
	return nil
}

// lastRequired returns the last keyword that every form of the command has.
func lastRequired(seq []element) string {
	last := ""
	for _, e := range seq {
		if e.kind == wordElement {
			last = e.words[0]
		}
	}
	return last
}

// inserter adds one command.
type inserter struct {
	tree    *Tree
	command *Command
	last    string
	also    bool // the syntax is one of command.Also
}

func (in *inserter) insert(n *node, seq []element, path string) error {
	if len(seq) == 0 {
		if n.end != nil && n.end != in.command {
			return fmt.Errorf("%q is also command %s", path, n.end.ID)
		}
		n.end = in.command
		return nil
	}
	first, rest := seq[0], seq[1:]
	switch first.kind {
	case wordElement, choiceElement:
		for _, w := range first.words {
			p := strings.TrimSpace(path + " " + w)
			if err := in.insert(in.child(n, w, p), rest, p); err != nil {
				return err
			}
		}
		return nil
	case valueElement:
		return in.insert(in.value(n, first.param), rest, path+" "+first.param.String())
	default:
		return in.insertOptional(n, seq, path)
	}
}

// insertOptional adds a run of optional parts in every order.
func (in *inserter) insertOptional(n *node, seq []element, path string) error {
	run := 0
	for run < len(seq) && seq[run].kind == optionalElement {
		run++
	}
	rest := seq[run:]
	if err := in.insert(n, rest, path); err != nil {
		return err
	}
	for i := range run {
		with := slices.Clone(seq[i].content)
		with = append(with, seq[:i]...)
		with = append(with, seq[i+1:run]...)
		with = append(with, rest...)
		if err := in.insert(n, with, path); err != nil {
			return err
		}
	}
	return nil
}

func (in *inserter) child(n *node, word, path string) *node {
	help := in.command.Words[word]
	if help == "" {
		help = in.tree.topics[path]
	}
	if help == "" && word == in.last {
		help = in.command.Help
	}
	yields := in.command.Yields || in.also
	for _, e := range n.words {
		if e.word == word {
			e.level = min(e.level, in.command.Level)
			e.careful = e.careful || word == in.command.Careful
			if e.help == "" || e.also && !in.also {
				e.help = help
			}
			e.yields, e.also = e.yields && yields, e.also && in.also
			return e.to
		}
	}
	e := &edge{
		word: word, help: help, level: in.command.Level, yields: yields, also: in.also, careful: word == in.command.Careful, to: &node{},
	}
	n.words = append(n.words, e)
	return e.to
}

func (in *inserter) value(n *node, p *param) *node {
	for _, e := range n.params {
		if *e.param == *p {
			e.level = min(e.level, in.command.Level)
			e.secret, e.also = e.secret || p.name == in.command.Secret, e.also && in.also
			return e.to
		}
	}
	help := in.tree.valueHelp(in.command, p)
	e := &edge{param: p, help: help, level: in.command.Level, secret: p.name == in.command.Secret, also: in.also, to: &node{}}
	n.params = append(n.params, e)
	return e.to
}

// valueHelp returns the help of a value: the command's help for "<name>", else the topic, else the
// command's help for the name.
func (t *Tree) valueHelp(c *Command, p *param) string {
	name := "<" + p.name + ">"
	if h := c.Words[name]; h != "" {
		return h
	}
	if h := t.topics[name]; h != "" {
		return h
	}
	return c.Words[p.name]
}

// Keyword reports whether a word is the first word of a command of a mode.
func (t *Tree) Keyword(m Mode, word string) bool {
	return slices.ContainsFunc(t.modes[m].root.words, func(e *edge) bool { return e.word == strings.ToLower(word) })
}

// Commands returns the table that the tree was built from. The caller must not change it.
func (t *Tree) Commands() []*Command { return t.commands }
