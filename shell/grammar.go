package shell

import (
	"io"
	"slices"
	"sync"

	"vrrpsh/completions"
)

// settingByID finds the setting of a command.
var settingByID = func() map[string]*setting {
	m := make(map[string]*setting)
	for i := range topSettings {
		m[settingID(completions.Config, topSettings[i].id)] = &topSettings[i]
	}
	for i := range routerSettings {
		m[settingID(completions.ConfigRouter, routerSettings[i].id)] = &routerSettings[i]
	}
	for _, s := range tableModes {
		for i := range s.makers {
			m[settingID(completions.Config, s.makers[i].id)] = &s.makers[i]
		}
		for i := range s.settings {
			m[settingID(s.mode, s.settings[i].id)] = &s.settings[i]
		}
	}
	return m
}()

// commands returns all commands: those that completions lists, and the settings.
func commands() []completions.Command {
	all := append(completions.Commands(), subModes...)
	for i := range topSettings {
		all = append(all, topSettings[i].command(completions.Config))
	}
	for _, s := range tableModes {
		all = append(all, s.commands()...)
	}
	for i := range routerSettings {
		all = append(all, routerSettings[i].command(completions.ConfigRouter))
	}
	return all
}

var (
	routerTree = sync.OnceValue(func() *completions.Tree {
		return mustCompile(slices.DeleteFunc(commands(), func(c completions.Command) bool { return c.Demo }))
	})
	demoTree = sync.OnceValue(func() *completions.Tree { return mustCompile(commands()) })
)

// grammar returns the commands of a router, or of the demo.
func grammar(demo bool) *completions.Tree {
	if demo {
		return demoTree()
	}
	return routerTree()
}

// mustCompile panics on a mistake in the table of commands, which the tests would find.
func mustCompile(all []completions.Command) *completions.Tree {
	t, err := completions.Compile(all, completions.Topics())
	if err != nil {
		panic(err)
	}
	return t
}

// WriteReference writes the reference of all commands in Markdown.
func WriteReference(w io.Writer) error { return demoTree().Reference(w) }
