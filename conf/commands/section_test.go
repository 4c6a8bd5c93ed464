// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"slices"
	"testing"

	"vrrpsh/conf"
)

// TestEveryKeyHasACommand finds keys of the file that no command edits. The modes set the names.
func TestEveryKeyHasACommand(t *testing.T) {
	var walk func(s *conf.Schema)
	walk = func(s *conf.Schema) {
		for _, k := range s.Keys() {
			switch typ := k.Type.(type) {
			case conf.SubTable:
				walk(typ.Of)
				continue
			case conf.SubTables:
				if walk(typ.Of); s == conf.Root { // has a mode
					continue
				}
			}
			if k.Effect != conf.Identifies && !edits(k) {
				t.Errorf("no command edits %s", k.Path())
			}
		}
	}
	walk(conf.Root)
}

// edits tells whether there is a command for a key, or for the list that contains it.
func edits(k *conf.Key) bool {
	for _, s := range settings().byID {
		if slices.ContainsFunc(s.keys, func(have *conf.Key) bool { return k == have || isAbout(k.Path(), have) || k.Schema().Holder() == have }) {
			return true
		}
	}
	return false
}

// TestEveryCommandEdits finds commands that Draft.Edit does not execute.
func TestEveryCommandEdits(t *testing.T) {
	for _, c := range Settings() {
		if settings().byID[c.ID] == nil && c.Enter == "" {
			t.Errorf("%q edits nothing", c.Syntax)
		}
	}
}
