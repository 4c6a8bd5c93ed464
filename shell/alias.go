// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"slices"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
)

// aliases returns the configured aliases that have an effect: those that are no keyword of exec mode.
func (s *Session) aliases() []conf.Alias {
	cfg := s.env.Manager.Running().Config
	if cfg == nil || len(cfg.General.Aliases) == 0 {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(cfg.General.Aliases), func(a conf.Alias) bool { return s.tree.Keyword(completions.Exec, a.Name) })
}

// expand replaces an alias that begins a line of exec mode by its command. Commands of aliases begin with no alias.
func (s *Session) expand(mode completions.Mode, line string) string {
	if mode != completions.Exec {
		return line
	}
	typed := strings.TrimLeft(line, " \t")
	name, rest := typed, ""
	if i := strings.IndexAny(typed, " \t"); i >= 0 {
		name, rest = typed[:i], typed[i:]
	}
	for _, a := range s.aliases() {
		if a.Name == name {
			return a.Command + rest
		}
	}
	return line
}

// aliasCandidates adds the aliases that begin with a prefix, the only word of a line in exec mode.
func (s *Session) aliasCandidates(found []completions.Candidate, line string) []completions.Candidate {
	prefix := strings.TrimLeft(line, " \t")
	if s.place.Mode != completions.Exec || strings.ContainsAny(prefix, " \t|") {
		return found
	}
	for _, a := range s.aliases() {
		if strings.HasPrefix(a.Name, prefix) {
			found = append(found, completions.Candidate{Text: a.Name, Help: "Alias: " + a.Command, Literal: true})
		}
	}
	return found
}

// aliasRow is an alias in "show aliases".
type aliasRow struct {
	Name    string `json:"name"`
	Command string `json:"command"`
}

func aliasRows(c *call) []aliasRow {
	rows := []aliasRow{}
	for _, a := range c.session.aliases() {
		rows = append(rows, aliasRow(a))
	}
	return rows
}

func showAliases(c *call) error {
	var rows [][]string
	for _, a := range aliasRows(c) {
		rows = append(rows, []string{a.Name, a.Command})
	}
	return c.table([]column{left("Alias"), left("Command")}, rows)
}

// greet shows the banner at the beginning of a session. SSH clients have seen it before the login.
func (s *Session) greet() {
	cfg := s.env.Manager.Running().Config
	if cfg == nil || strings.HasPrefix(s.user.Source, "ssh ") {
		return
	}
	for _, line := range cfg.General.Banner {
		s.notify(line)
	}
}
