// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"io"
	"slices"
	"sync"

	"vrrpsh/completions"
	"vrrpsh/conf/commands"
)

// allCommands returns the commands listed in package completions and the settings.
func allCommands() []completions.Command {
	return append(completions.Commands(), commands.Settings()...)
}

var (
	routerTree = sync.OnceValue(func() *completions.Tree {
		return mustCompile(slices.DeleteFunc(allCommands(), func(c completions.Command) bool { return c.Demo }))
	})
	demoTree = sync.OnceValue(func() *completions.Tree { return mustCompile(allCommands()) })
)

// grammar returns the command tree of a router or of the demo.
func grammar(demo bool) *completions.Tree {
	if demo {
		return demoTree()
	}
	return routerTree()
}

// mustCompile panics on a mistake in the table of commands. The tests find such mistakes.
func mustCompile(all []completions.Command) *completions.Tree {
	t, err := completions.Compile(all, completions.Topics())
	if err != nil {
		panic(err)
	}
	return t
}

// WriteReference writes the command reference in Markdown.
func WriteReference(w io.Writer) error { return demoTree().Reference(w) }

// NeedsTerminal tells whether a command displays something live, which the user can scroll: even as the only command of a
// client, such as "ssh -t host 'monitor vrrp'", it needs a terminal.
func NeedsTerminal(line string) bool {
	if len(line) > maxLine {
		return false
	}
	inv, err := routerTree().Parse(completions.Exec, completions.Administrator, line)
	return err == nil && inv.Last().Command.ID == "monitor.vrrp"
}
