// SPDX-License-Identifier: GPL-3.0-only

package completions

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// chapters are the chapters of the reference, in order.
var chapters = []struct {
	title, text string
	holds       func(*Command) bool
}{
	{"Show", "In every mode.", func(c *Command) bool {
		return strings.HasPrefix(c.ID, "show.")
	}},
	{"Exec mode", "The mode in which a session begins. In the other modes, put `do` before these commands.", func(c *Command) bool {
		return slices.Contains(c.Modes, Exec) && !c.Demo && !strings.HasPrefix(c.ID, "show.")
	}},
	{"The lab", "In `vrrpsh demo` only.", func(c *Command) bool { return c.Demo }},
	{"Configure mode", "These edit and commit the session's candidate, in `configure` and the modes below it.", func(c *Command) bool {
		return !c.Setting && slices.Contains(c.Modes, Config) && !slices.Contains(c.Modes, Exec) && !strings.HasPrefix(c.ID, "show.")
	}},
	{"Settings", "In `configure`.", func(c *Command) bool {
		return c.Setting && slices.Contains(c.Modes, Config)
	}},
	{"Settings of an interface", "After `interface NAME`.", func(c *Command) bool {
		return c.Setting && slices.Contains(c.Modes, ConfigIf)
	}},
	{"Settings of a virtual router", "After `interface NAME` and `vrrp N`, or on one line with them.", func(c *Command) bool {
		return c.Setting && slices.Contains(c.Modes, ConfigRouter)
	}},
	{"Settings of a tracked object", "After `track NAME`, or on one line with it.", func(c *Command) bool {
		return c.Setting && slices.Contains(c.Modes, ConfigTrack)
	}},
	{"Settings of a notification", "After `notify NAME`, or on one line with it.", func(c *Command) bool {
		return c.Setting && slices.Contains(c.Modes, ConfigNotify)
	}},
	{"Pipes", "After a command and `|`; several may follow each other.", func(c *Command) bool {
		return slices.Contains(c.Modes, Pipe)
	}},
}

// Reference writes the reference of all commands in Markdown.
func (t *Tree) Reference(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprint(out, `# Commands

Keywords may be abbreviated while they are unique. `+"`<value 1-9>`"+` stands for a value and its range,
`+"`a|b`"+` for a choice, `+"`[...]`"+` for an optional part. `+"`?`"+` lists what can follow, Tab completes.
Put a text that begins or ends with a blank, or contains `+"`|`"+`, in double quotes.

This page is generated from the table of commands.
`)
	for _, ch := range chapters {
		fmt.Fprintf(out, "\n## %s\n\n%s\n", ch.title, ch.text)
		for _, c := range t.commands {
			if ch.holds(c) {
				t.describe(out, c)
			}
		}
	}
	return out.Flush()
}

func (t *Tree) describe(w io.Writer, c *Command) {
	seq, err := parseSyntax(c.Syntax)
	if err != nil {
		return
	}
	fmt.Fprintf(w, "\n### `%s`\n\n%s.", display(seq), c.Help)
	if c.Level > Viewer && !c.Setting {
		article := "an"
		fmt.Fprintf(w, " Needs %s %s.", article, c.Level)
	}
	if c.Careful != "" {
		fmt.Fprintf(w, " `%s` needs at least %d letters, and the command asks at a terminal.", c.Careful, minCareful)
	}
	if c.No != "" {
		if no, err := parseSyntax(c.No); err == nil {
			fmt.Fprintf(w, " Undo with `no %s`.", display(no))
		}
	}
	var also []string
	for _, form := range c.Also {
		if other, err := parseSyntax(form); err == nil {
			also = append(also, "`"+display(other)+"`")
		}
	}
	if len(also) > 0 {
		fmt.Fprintf(w, " Also %s.", strings.Join(also, ", "))
	}
	fmt.Fprintln(w)
	var rows []string
	t.explain(c, seq, &rows)
	if len(rows) > 0 {
		fmt.Fprint(w, "\n| | |\n|---|---|\n", strings.Join(rows, ""))
	}
}

// explain adds the words of a syntax that have help of their own to rows.
func (t *Tree) explain(c *Command, seq []element, rows *[]string) {
	row := func(word, help string) {
		line := fmt.Sprintf("| `%s` | %s |\n", word, help)
		if help != "" && !slices.Contains(*rows, line) {
			*rows = append(*rows, line)
		}
	}
	for _, e := range seq {
		switch e.kind {
		case wordElement, choiceElement:
			for _, w := range e.words {
				if h := c.Words[w]; h != c.Help {
					row(w, h)
				}
			}
		case valueElement:
			row(e.param.String(), t.valueHelp(c, e.param))
		case optionalElement:
			t.explain(c, e.content, rows)
		}
	}
}
