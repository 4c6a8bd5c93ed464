package shell

import (
	"slices"

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
	names    func(*conf.File) []string
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

// has tells whether a file has the table.
func (m *tableMode) has(f *conf.File, name string) bool { return slices.Contains(m.names(f), name) }

// at returns a table of a file that is only read.
func (m *tableMode) at(f *conf.File, name string) *target {
	file := *f
	return m.target(&file, name)
}

// lines returns the commands that give a table its values.
func (m *tableMode) lines(f *conf.File, name string, secret func(string) string) []string {
	t := m.at(f, name)
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
	empty := &conf.File{}
	for _, name := range m.names(to) {
		was := empty
		if m.has(from, name) {
			was = from
		}
		out = m.compareTable(out, was, to, name)
	}
	for _, name := range m.names(from) {
		if !m.has(to, name) {
			out = m.compareTable(out, from, empty, name)
		}
	}
	return out
}

func (m *tableMode) compareTable(out []delta, from, to *conf.File, name string) []delta {
	// A table that does not exist has no commands.
	table := func(f *conf.File) *target {
		if m.has(f, name) {
			return m.at(f, name)
		}
		return &target{file: f}
	}
	was, is := table(from), table(to)
	head := appendChanges(nil, m.makers[:1], was, is, 0)
	rest := appendChanges(nil, m.settings, was, is, 1)
	if len(head) == 0 && len(rest) > 0 {
		for _, line := range m.makers[0].render(is, hide) {
			head = append(head, delta{Op: " ", Command: line})
		}
	}
	return append(append(out, head...), rest...)
}

// tables returns the list of tables that the command edits one of, or nil.
func (c *call) tables() *tableMode {
	if m := tableModeOf(c.step.Command.Enter); m != nil {
		return m
	}
	return tableModeOf(c.step.Mode)
}

// editTable goes to a table, or removes it.
func (c *call) editTable(m *tableMode, name string) error {
	s := c.session
	if !m.has(s.draft.file, name) {
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
