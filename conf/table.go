// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"slices"
	"strconv"
	"strings"
)

// Table is one table of a file: a value, or nil, for each key declared for it. Values are replaced and never changed in
// place, so that tables can share them; the exception is the tables of a list.
type Table struct {
	schema *Schema
	values []any // by Key.index: nil, int, bool, string, []string, *Table or []*Table
}

// File is the contents of a configuration file: the top-level table. The keys are the same in TOML and JSON.
// Validate interprets it.
type File = Table

// NewFile returns an empty configuration.
func NewFile() *File { return Root.New() }

// Mask replaces secrets wherever a configuration is shown.
const Mask = "********"

// Schema returns the declaration of the table.
func (t *Table) Schema() *Schema { return t.schema }

func (t *Table) get(k *Key) any { return t.values[k.index] }

func (t *Table) put(k *Key, v any) { t.values[k.index] = v }

// unset reports whether a value counts as unset.
func unset(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []string:
		return len(v) == 0
	case []*Table:
		return len(v) == 0
	case *Table:
		return v == nil
	default:
		return false
	}
}

// each calls f for every key that is set, in the order of a file.
func (t *Table) each(f func(k *Key, v any)) {
	for i, v := range t.values {
		if v != nil {
			f(t.schema.keys[i], v)
		}
	}
}

// Clone returns a deep copy.
func (t *Table) Clone() *Table {
	c := &Table{schema: t.schema, values: slices.Clone(t.values)}
	for i, v := range c.values {
		c.values[i] = CloneValue(v)
	}
	return c
}

// CloneValue returns a deep copy of a value of a key.
func CloneValue(v any) any {
	switch v := v.(type) {
	case []string:
		return slices.Clip(slices.Clone(v)) // see SetRaw
	case *Table:
		return v.Clone()
	case []*Table:
		list := make([]*Table, len(v))
		for i, t := range v {
			list[i] = t.Clone()
		}
		return list
	default:
		return v
	}
}

// Fork returns a copy whose own keys, and those of single tables below it, can be changed independently; the
// tables of its lists are shared until SetRaw replaces them.
func (t *Table) Fork() *Table {
	c := &Table{schema: t.schema, values: slices.Clone(t.values)}
	for i, v := range c.values {
		if below, ok := v.(*Table); ok {
			c.values[i] = below.Fork()
		}
	}
	return c
}

// Equal reports whether both tables have the same values.
func (t *Table) Equal(other *Table) bool {
	if t == nil || other == nil || t == other {
		return t == other
	}
	for i, v := range t.values {
		if !SameValue(v, other.values[i]) {
			return false
		}
	}
	return true
}

// SameValue reports whether two values of a key are the same.
func SameValue(a, b any) bool {
	switch a := a.(type) {
	case []string:
		b, ok := b.([]string)
		return ok && slices.Equal(a, b)
	case *Table:
		b, ok := b.(*Table)
		return ok && a.Equal(b)
	case []*Table:
		b, ok := b.([]*Table)
		return ok && slices.EqualFunc(a, b, (*Table).Equal)
	default:
		return a == b
	}
}

// IsEmpty reports whether no key of the table is set.
func (t *Table) IsEmpty() bool {
	return !slices.ContainsFunc(t.values, func(v any) bool { return v != nil })
}

// General returns a copy with only the table's own keys, without the tables below it.
func (t *Table) General() *Table {
	c := t.schema.New()
	t.each(func(k *Key, v any) {
		if k.Type.below() == nil {
			c.put(k, v)
		}
	})
	return c
}

// Redacted returns a copy with Mask in place of secrets and users' password hashes.
func (t *Table) Redacted() *Table {
	c := t.schema.New()
	t.each(func(k *Key, v any) {
		switch old := v.(type) {
		case string:
			if k.Secret == Concealed {
				v = Mask
			}
		case []string:
			if k.Secret == UserHashes {
				lines := make([]string, len(old))
				for i, line := range old {
					lines[i] = redactUser(line)
				}
				v = lines
			}
		case *Table:
			v = old.Redacted()
		case []*Table:
			list := make([]*Table, len(old))
			for i := range old {
				list[i] = old[i].Redacted()
			}
			v = list
		}
		c.put(k, v)
	})
	return c
}

// redactUser keeps the algorithm, name and level of a users line. It keeps nothing of an invalid
// line: the password could be anywhere in it.
func redactUser(line string) string {
	if _, err := ParseUser(line); err != nil {
		return Mask
	}
	parts := strings.SplitN(line, ":", 3)
	return parts[0] + ":" + parts[1] + ":" + Mask
}

// nth appends an index to the path of a list.
func nth(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// join appends a key to the path of its table.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
