package shell

import (
	"vrrpsh/completions"
	"vrrpsh/conf"
)

// A tableMode is a list of named tables of the file, such as the tracked objects. One command makes such a table
// and says what it is for ("track uplink interface eth1"); the mode that it leads to has the rest.
type tableMode struct {
	// word begins the commands and is the key of the list; value is what they call the name.
	word, value string
	help        string
	// unknown is said of a name that does not exist, with hint of one that is to be edited.
	unknown, hint string
	mode          completions.Mode
	// makers are the commands that make a table. The first shows and merges what all of them set.
	makers []setting
	// settings are those of the mode.
	settings []setting
	// list returns all tables of a file with their names. They are only read.
	list func(*conf.File) (names []string, list []*target)
	// target returns a table in a copy of the file's list. It is added when there is none of that name.
	target func(f *conf.File, name string) *target
	remove func(f *conf.File, name string)
}

var tableModes = []*tableMode{&trackTables, &notifyTables}

// tableModeOf returns the tables that a mode edits, or nil.
func tableModeOf(mode completions.Mode) *tableMode {
	for _, m := range tableModes {
		if m.mode == mode {
			return m
		}
	}
	return nil
}

// all returns the settings of a table in the order in which they are shown.
func (m *tableMode) all() []setting { return append(m.makers[:1:1], m.settings...) }

// commands returns the command that leads to a table, those that make one, and those of the mode.
func (m *tableMode) commands() []completions.Command {
	list := []completions.Command{{
		ID: m.word, Modes: []completions.Mode{completions.Config}, Syntax: m.word + " <" + m.value + ">",
		No: m.word + " <" + m.value + ">", Help: m.help, Words: m.makers[0].words,
		Level: completions.Administrator, Enter: m.mode, Setting: true,
	}}
	for i := range m.makers {
		c := m.makers[i].command(completions.Config)
		c.Enter = m.mode
		list = append(list, c)
	}
	for i := range m.settings {
		list = append(list, m.settings[i].command(m.mode))
	}
	return list
}

// tables returns the names in the order of the file, and the tables, to be read. A file that is not valid may have a
// name twice; the first counts.
func (m *tableMode) tables(f *conf.File) (names []string, named map[string]*target) {
	all, list := m.list(f)
	named = make(map[string]*target, len(all))
	for i, name := range all {
		if named[name] == nil {
			names, named[name] = append(names, name), list[i]
		}
	}
	return names, named
}

// find returns a table to be read, or nil.
func (m *tableMode) find(f *conf.File, name string) *target {
	_, named := m.tables(f)
	return named[name]
}

// lines returns the commands that give a table its values.
func (m *tableMode) lines(t *target, secret func(string) string) []string {
	lines := m.makers[0].render(t, secret)
	for i := range m.settings {
		for _, line := range m.settings[i].render(t, secret) {
			lines = append(lines, " "+line)
		}
	}
	return lines
}

// compare returns what leads from the tables of one file to those of another.
func (m *tableMode) compare(out []delta, from, to *conf.File) []delta {
	before, was := m.tables(from)
	after, is := m.tables(to)
	for _, name := range after {
		out = m.compareTable(out, was[name], is[name])
	}
	for _, name := range before {
		if is[name] == nil {
			out = m.compareTable(out, was[name], nil)
		}
	}
	return out
}

func (m *tableMode) compareTable(out []delta, was, is *target) []delta {
	// A table that does not exist has no commands.
	if was == nil {
		was = &target{file: is.file}
	}
	if is == nil {
		is = &target{file: was.file}
	}
	head := appendChanges(nil, m.makers[:1], was, is, 0)
	rest := appendChanges(nil, m.settings, was, is, 1)
	if len(head) == 0 && len(rest) > 0 {
		for _, line := range m.makers[0].render(is, hide) {
			head = append(head, delta{Op: " ", Command: line})
		}
	}
	return append(append(out, head...), rest...)
}

// tableMode returns the tables that the command edits one of, or nil.
func (c *call) tableMode() *tableMode {
	if m := tableModeOf(c.step.Command.Enter); m != nil {
		return m
	}
	return tableModeOf(c.step.Mode)
}

// editTable goes to a table, or removes it.
func (c *call) editTable(m *tableMode, name string) error {
	s := c.session
	if m.find(s.draft.file, name) == nil {
		return c.unknownTable(m, name)
	}
	if c.inv.Form == completions.Plain {
		s.enter(m.mode, place{table: name})
		return nil
	}
	s.mu.Lock()
	file := *s.draft.file
	m.remove(&file, name)
	*s.draft.file = file
	s.draft.touch()
	s.mu.Unlock()
	c.settle()
	if s.mode == m.mode && s.table == name {
		s.enter(completions.Config, place{})
	}
	return nil
}

// unknownTable is the error of a name that does not exist, at the place of the line where it stands.
func (c *call) unknownTable(m *tableMode, name string) error {
	reason := m.unknown
	if c.inv.Form == completions.Plain {
		reason += ": " + m.hint
	}
	for i := range c.inv.Steps {
		if a, ok := c.inv.Steps[i].Arg(m.value); ok {
			return &completions.Error{Kind: completions.Invalid, Offset: a.Offset, Reason: reason}
		}
	}
	return failed("%s %s: %s", m.word, name, reason)
}
