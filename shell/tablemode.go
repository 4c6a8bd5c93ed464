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
func tableModeOf(m completions.Mode) *tableMode {
	for _, s := range tableModes {
		if s.mode == m {
			return s
		}
	}
	return nil
}

// all returns the settings of a table in the order in which they are shown.
func (s *tableMode) all() []setting { return append(s.makers[:1:1], s.settings...) }

// commands returns the command that leads to a table, those that make one, and those of the mode.
func (s *tableMode) commands() []completions.Command {
	list := []completions.Command{{
		ID: s.word, Modes: []completions.Mode{completions.Config}, Syntax: s.word + " <" + s.value + ">",
		No: s.word + " <" + s.value + ">", Help: s.help, Words: s.makers[0].words,
		Level: completions.Administrator, Enter: s.mode, Setting: true,
	}}
	for i := range s.makers {
		c := s.makers[i].command(completions.Config)
		c.Enter = s.mode
		list = append(list, c)
	}
	for i := range s.settings {
		list = append(list, s.settings[i].command(s.mode))
	}
	return list
}

// has tells whether a file has the table.
func (s *tableMode) has(f *conf.File, name string) bool { return slices.Contains(s.names(f), name) }

// at returns a table of a file that is only read.
func (s *tableMode) at(f *conf.File, name string) *target {
	file := *f
	return s.target(&file, name)
}

// lines returns the commands that give a table its values.
func (s *tableMode) lines(f *conf.File, name string, secret func(string) string) []string {
	t := s.at(f, name)
	lines := s.makers[0].render(t, secret)
	for i := range s.settings {
		for _, line := range s.settings[i].render(t, secret) {
			lines = append(lines, " "+line)
		}
	}
	return lines
}

// compare returns what leads from the tables of one file to those of another.
func (s *tableMode) compare(out []delta, from, to *conf.File) []delta {
	empty := &conf.File{}
	for _, name := range s.names(to) {
		was := empty
		if s.has(from, name) {
			was = from
		}
		out = s.compareTable(out, was, to, name)
	}
	for _, name := range s.names(from) {
		if !s.has(to, name) {
			out = s.compareTable(out, from, empty, name)
		}
	}
	return out
}

func (s *tableMode) compareTable(out []delta, from, to *conf.File, name string) []delta {
	// A table that does not exist has no commands.
	table := func(f *conf.File) *target {
		if s.has(f, name) {
			return s.at(f, name)
		}
		return &target{file: f}
	}
	was, is := table(from), table(to)
	head := appendChanges(nil, s.makers[:1], was, is, 0)
	rest := appendChanges(nil, s.settings, was, is, 1)
	if len(head) == 0 && len(rest) > 0 {
		for _, line := range s.makers[0].render(is, hide) {
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
