// SPDX-License-Identifier: GPL-3.0-only

package commands_test

import (
	"errors"
	"testing"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/conf/commands"
)

// editor executes commands.
type editor struct {
	t     *testing.T
	tree  *completions.Tree
	draft *commands.Draft
	at    commands.Place
}

// newEditor starts with a file in TOML.
func newEditor(t *testing.T, text string) *editor {
	t.Helper()
	file, err := conf.Parse("test", []byte(text), conf.TOML)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := completions.Compile(commands.Settings(), completions.Topics())
	if err != nil {
		t.Fatal(err)
	}
	return &editor{t: t, tree: tree, draft: commands.Of(file), at: commands.Place{Mode: completions.Config}}
}

// edit executes a line.
func (e *editor) edit(line string) error {
	inv, perr := e.tree.Parse(e.at.Mode, completions.Administrator, line)
	if perr != nil {
		return perr
	}
	if !inv.Last().Command.Setting {
		return errors.New("not a setting")
	}
	at, err := e.draft.Edit(inv, e.at)
	if err == nil {
		e.at = at
	}
	return err
}

func (e *editor) must(lines ...string) {
	e.t.Helper()
	for _, line := range lines {
		if err := e.edit(line); err != nil {
			e.t.Fatalf("%s: %v", line, err)
		}
	}
}
