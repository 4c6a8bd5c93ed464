// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"slices"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// An object is a list of named tables of the file, such as the tracked objects. One command makes such a table
// and says what it is for ("track uplink interface eth1"); the mode that it leads to has the rest.
type object struct {
	list conf.KeyOf[[]*conf.Table]
	name conf.KeyOf[string]
	// word begins the commands; value is what they call the name.
	word, value string
	help        string
	// unknown is said of a name that does not exist, with hint of one that is to be edited.
	unknown, hint string
	mode          completions.Mode
	// makers are the commands that make a table; without what they set there is none. The first shows and merges what all of
	// them set.
	makers []setting
	// settings are those of the mode.
	settings []setting
	// nameOf is what a table of the list is called.
	nameOf func(t *conf.Table, index int) string
}

// objectOf returns the objects that a mode edits, or nil.
func objectOf(mode completions.Mode) *object {
	for _, o := range settings().objects {
		if o.mode == mode {
			return o
		}
	}
	return nil
}

// all returns the settings of a table in the order in which they are shown.
func (o *object) all() []setting { return append(o.makers[:1:1], o.settings...) }

// commands returns the command that leads to a table, those that make one, and those of the mode.
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

// tables returns the names in the order of the file, and the tables. A file that is not valid may have a
// name twice; the first counts.
func (o *object) tables(f *conf.File) (names []string, named map[string]*target) {
	list := o.list.Value(f)
	named = make(map[string]*target, len(list))
	for i, t := range list {
		name := o.nameOf(t, i)
		if named[name] != nil {
			continue
		}
		if !o.name.IsSet(t) { // it has the name that follows from its place
			t = t.Clone()
			o.name.Set(t, name)
		}
		names, named[name] = append(names, name), &target{file: f, table: t}
	}
	return names, named
}

// find returns a table to be read, or nil.
func (o *object) find(f *conf.File, name string) *target {
	_, named := o.tables(f)
	return named[name]
}

// put puts a table into a file, in the place of the one with its name or else at the end.
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

// remove takes the tables with a name out of a file. The others keep the names that followed from their places.
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

// edited returns a copy of the table with a name, or a new one.
func (o *object) edited(f *conf.File, name string) *target {
	if t := o.find(f, name); t != nil {
		return &target{file: f, table: t.table.Clone()}
	}
	t := o.name.Schema().New()
	o.name.Set(t, name)
	return &target{file: f, table: t}
}

// lines returns the commands that give a table its values.
func (o *object) lines(t *target, secret func(string) string) []string {
	lines := o.makers[0].render(t, secret)
	for i := range o.settings {
		for _, line := range o.settings[i].render(t, secret) {
			lines = append(lines, " "+line)
		}
	}
	return lines
}

// Names returns what objects of a kind there are, "track" or "notify", each with the command that makes it.
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
