// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"slices"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// An object is a list of named tables in the file, such as the tracked objects. One command creates a table and says what it
// is for ("track uplink interface eth1"); the mode that the command enters holds its other settings.
type object struct {
	list conf.KeyOf[[]*conf.Table]
	name conf.KeyOf[string]
	// word is the first word of the commands; value is the name of their argument for the table.
	word, value string
	help        string
	// unknown is the error for a name that does not exist; hint is added when the user tried to edit it.
	unknown, hint string
	mode          completions.Mode
	// makers are the commands that create a table; a table needs one of them. The first also renders and merges the settings
	// of all makers.
	makers []setting
	// settings are the settings of the mode.
	settings []setting
	// nameOf returns the name of a table of the list.
	nameOf func(t *conf.Table, index int) string
}

// objectOf returns the object that a mode edits, or nil.
func objectOf(mode completions.Mode) *object {
	for _, o := range settings().objects {
		if o.mode == mode {
			return o
		}
	}
	return nil
}

// all returns the settings of a table in display order.
func (o *object) all() []setting { return append(o.makers[:1:1], o.settings...) }

// commands returns the command that enters the mode of a table, the commands that create a table, and those of the mode.
func (o *object) commands() []completions.Command {
	list := []completions.Command{{
		ID: o.word, Modes: []completions.Mode{completions.Config}, Syntax: o.word + " <" + o.value + ">",
		No: o.word + " <" + o.value + ">", Help: o.help, Words: o.makers[0].words,
		Level: completions.Administrator, Enter: o.mode, Setting: true,
	}}
	for i := range o.makers {
		c := o.makers[i].command(completions.Config)
		c.Enter = o.mode
		list = append(list, c)
	}
	for i := range o.settings {
		list = append(list, o.settings[i].command(o.mode))
	}
	return list
}

// tables returns the names in file order, and the tables by name. An invalid file may use a name twice; the first counts.
func (o *object) tables(f *conf.File) (names []string, named map[string]*target) {
	list := o.list.Value(f)
	named = make(map[string]*target, len(list))
	for i, t := range list {
		name := o.nameOf(t, i)
		if named[name] != nil {
			continue
		}
		if !o.name.IsSet(t) { // its name follows from its position
			t = t.Clone()
			o.name.Set(t, name)
		}
		names, named[name] = append(names, name), &target{file: f, table: t}
	}
	return names, named
}

// find returns a table for reading, or nil.
func (o *object) find(f *conf.File, name string) *target {
	_, named := o.tables(f)
	return named[name]
}

// put replaces the table of the same name in a file, or appends the table.
func (o *object) put(f *conf.File, t *conf.Table) {
	list := slices.Clone(o.list.Value(f))
	for i, other := range list {
		name := o.nameOf(other, i)
		if name == o.name.Value(t) {
			list[i] = t
			o.list.Set(f, list)
			return
		}
	}
	o.list.Set(f, append(list, t))
}

// remove deletes the tables with a name from a file. The other tables keep the names that followed from their positions.
func (o *object) remove(f *conf.File, name string) {
	var list []*conf.Table
	for i, t := range o.list.Value(f) {
		called := o.nameOf(t, i)
		if called == name {
			continue
		}
		if !o.name.IsSet(t) {
			t = t.Clone()
			o.name.Set(t, called)
		}
		list = append(list, t)
	}
	o.list.Set(f, list)
}

// edited returns a copy of the table with a name, or a new table.
func (o *object) edited(f *conf.File, name string) *target {
	if t := o.find(f, name); t != nil {
		return &target{file: f, table: t.table.Clone()}
	}
	t := o.name.Schema().New()
	o.name.Set(t, name)
	return &target{file: f, table: t}
}

// lines returns the commands that set the values of a table.
func (o *object) lines(t *target, secret func(string) string) []string {
	lines := o.makers[0].render(t, secret)
	for i := range o.settings {
		for _, line := range o.settings[i].render(t, secret) {
			lines = append(lines, " "+line)
		}
	}
	return lines
}

// Names returns the names of the objects of a kind ("track" or "notify"), each with the command that creates it.
func Names(f *conf.File, word string) (names, commands []string) {
	for _, o := range settings().objects {
		if o.word != word {
			continue
		}
		all, named := o.tables(f)
		for _, name := range all {
			names, commands = append(names, name), append(commands, o.makers[0].render(named[name], Hide)[0])
		}
	}
	return names, commands
}
