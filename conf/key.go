// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"fmt"
	"slices"
	"strings"
)

// A Key is one key of the configuration file, declared once. The declaration drives everything that works alike for
// all keys: reading and writing files, checking, copying and comparing values, the command with its help and its
// "no", the plan of a commit, reference.toml, docs/configuration.md and the schema of the API.
type Key struct {
	// Name is the name within the table; Path includes the tables above it.
	Name string
	Type Type
	// Help is one line for "?", the references and the schema. It is not a sentence and has no
	// period.
	Help string
	// Doc is the description in docs/configuration.md, in Markdown; empty: Help.
	Doc string
	// Default is the value that an omitted key has. Nil if omitting the key is not the same as any
	// value.
	Default any
	// Absent describes an omitted key where Default is nil or depends on something: "required", "the system's". It
	// is Markdown.
	Absent string
	// Example is a value for reference.toml, if there is no default or the default does not show
	// the format.
	Example any
	// Shown keys appear in the reference although they have no default: the example means the same as omitting the key.
	Shown bool
	// Dependent keys exclude another key or only have a meaning together with one. The reference comments them out.
	Dependent bool
	// Command is the command without its value; empty: the name, with hyphens. Commands that do more are in conf/commands.
	Command string
	// Value is the name of the command's value, ValueHelp its text for "?".
	Value, ValueHelp string
	// Words explains the keywords of the command.
	Words map[string]string
	// Rank orders the commands of a table; commands with rank zero come last, in the order of declaration.
	Rank int
	// Effect is what a commit that changes the key does.
	Effect Effect
	// Presence tables have a meaning even when empty.
	Presence bool
	// Secret says which part of the value must not be shown.
	Secret Secrecy
	// Since is the first release with the key; empty: the first release.
	Since string
	// Router ties the key to a field of the validated virtual router; see the functions that return
	// a binding.
	Router binding
	// Refused lists what each Host does not support.
	Refused map[Host]Refusal

	schema *Schema
	index  int // in the schema and in the values of its tables
}

// Effect is what a commit that changes a key does.
type Effect uint8

// The effects.
const (
	// InPlace takes effect at the commit. No virtual router gives up the Master state.
	InPlace Effect = iota
	// Restarts restarts the virtual router: a Master first hands over.
	Restarts
	// Identifies changes the identity: the result is another virtual router, object or route.
	Identifies
	// NextStart takes effect at the next start of the router.
	NextStart
)

// String returns the description of the effect for documents.
func (e Effect) String() string {
	switch e {
	case InPlace:
		return "in place"
	case Restarts:
		return "restart"
	case Identifies:
		return "another one"
	case NextStart:
		return "next start"
	default:
		return fmt.Sprintf("Effect(%d)", uint8(e))
	}
}

// Secrecy says which part of a value must not be shown.
type Secrecy uint8

// The kinds of secrets.
const (
	Public     Secrecy = iota
	Concealed          // the whole value
	UserHashes         // the hashes in a users list
)

// Refusal is a value that a Host refuses, or every value if Value is nil. Why is a phrase that follows the value and says
// what to do instead.
type Refusal struct {
	Value any
	Why   string
}

// refusal returns why the host refuses a value of the key; "" if it accepts it.
func (k *Key) refusal(h Host, v any) string {
	if r, ok := k.Refused[h]; ok && (r.Value == nil || r.Value == v) {
		return r.Why
	}
	return ""
}

// A Schema declares a table of the file: its keys, in the order of a file.
type Schema struct {
	// Intro is the sentence that introduces the table in reference.toml.
	Intro string

	keys   []*Key
	named  map[string]*Key
	holder *Key // the key whose value is the table or the list of tables; nil for the top level
}

func newSchema(intro string) *Schema { return &Schema{Intro: intro, named: map[string]*Key{}} }

// Keys returns the keys in the order of a file.
func (s *Schema) Keys() []*Key { return s.keys }

// Holder returns the key whose value is such a table, or a list of them; nil for the top level.
func (s *Schema) Holder() *Key { return s.holder }

// ByRank returns the keys in the order of their commands.
func (s *Schema) ByRank() []*Key {
	const last = 1000
	rank := func(k *Key) int {
		if k.Rank == 0 {
			return last
		}
		return k.Rank
	}
	keys := slices.Clone(s.keys)
	slices.SortStableFunc(keys, func(a, b *Key) int { return rank(a) - rank(b) })
	return keys
}

// New returns an empty table.
func (s *Schema) New() *Table { return &Table{schema: s, values: make([]any, len(s.keys))} }

// Path returns the key with the tables above it, such as "api.host" or "vrouter.priority".
func (k *Key) Path() string {
	if k.schema.holder == nil {
		return k.Name
	}
	return k.schema.holder.Path() + "." + k.Name
}

// Schema returns the schema of the table that the key is in.
func (k *Key) Schema() *Schema { return k.schema }

// ByVersion reports whether the range of the key, or of a key below it, depends on the version of the
// protocol.
func (k *Key) ByVersion() bool {
	switch t := k.Type.(type) {
	case Integer:
		return t.HighV3 > 0
	case Duration:
		return t.V3 != nil
	case SubTable:
		return slices.ContainsFunc(t.Of.keys, (*Key).ByVersion)
	default:
		return false
	}
}

// hidden reports whether messages must not contain the value.
func (k *Key) hidden() bool { return k.Secret != Public }

// CommandWords returns the keywords of the command, up to its value.
func (k *Key) CommandWords() string {
	if k.Command != "" {
		return k.Command
	}
	return strings.ReplaceAll(k.Name, "_", "-")
}

// KeyOf is a Key with the type of its values: int, bool, string, []string, *Table or []*Table.
type KeyOf[T any] struct{ *Key }

// Declare adds a key to a table, after the keys already declared. Call it only during the initialization of the program,
// before tables exist. A declaration that refers to a variable must stand below the variable: otherwise Go would initialize
// both after the keys that follow, which would change the order of the keys in files.
func Declare[T any](s *Schema, k Key) KeyOf[T] {
	key := &k
	if s.named[k.Name] != nil {
		panic("conf: the key " + k.Name + " is declared twice")
	}
	if sub := k.Type.below(); sub != nil {
		sub.holder = key
	}
	key.schema, key.index = s, len(s.keys)
	s.keys = append(s.keys, key)
	s.named[k.Name] = key
	return KeyOf[T]{key}
}

// isIn reports whether the key is in the tables of a schema, directly or through single tables below
// it.
func (k *Key) isIn(s *Schema) bool {
	for at := k.schema; at != s; at = at.holder.schema {
		if at.holder == nil {
			return false
		}
		if _, list := at.holder.Type.(SubTables); list {
			return false
		}
	}
	return true
}

// in returns the table that contains the key: t, or a table that t contains through single tables; nil if
// the file does not have it.
func (k *Key) in(t *Table, create bool) *Table {
	if t == nil || t.schema == k.schema {
		return t
	}
	if !k.isIn(t.schema) {
		panic("conf: the key " + k.Path() + " is not in this table")
	}
	holder := k.schema.holder
	at := holder.in(t, create)
	if at == nil {
		return nil
	}
	below, _ := at.get(holder).(*Table)
	if below == nil && create {
		below = k.schema.New()
		at.put(holder, below)
	}
	return below
}

// Raw returns the value of the key in a table, or in a table below it; nil if it is unset.
func (k *Key) Raw(t *Table) any {
	if at := k.in(t, false); at != nil {
		return at.get(k)
	}
	return nil
}

// SetRaw sets the key to a value of its type; nil and empty lists unset it.
func (k *Key) SetRaw(t *Table, v any) {
	if unset(v) {
		k.Unset(t)
		return
	}
	switch list := v.(type) { // no spare capacity: copies of the table must not share an array when they append
	case []string:
		v = slices.Clip(list)
	case []*Table:
		v = slices.Clip(list)
	}
	k.in(t, true).put(k, v)
}

// IsSet reports whether the file has the key. An empty list counts as unset.
func (k *Key) IsSet(t *Table) bool { return k.Raw(t) != nil }

// Unset removes the key from a table, or from a table below it. If that table becomes empty and is not a Presence table,
// Unset removes it too.
func (k *Key) Unset(t *Table) {
	at := k.in(t, false)
	if at == nil {
		return
	}
	at.put(k, nil)
	if at != t && at.IsEmpty() && !k.schema.holder.Presence {
		k.schema.holder.Unset(t)
	}
}

// In returns the value of the key in a table, or in a table below it, and whether it is set.
func (k KeyOf[T]) In(t *Table) (T, bool) {
	v, ok := k.Raw(t).(T)
	return v, ok
}

// Value returns the value of the key, or the zero value if it is unset.
func (k KeyOf[T]) Value(t *Table) T {
	v, _ := k.In(t)
	return v
}

// OrDefault returns the value of the key, or its default if it is unset.
func (k KeyOf[T]) OrDefault(t *Table) T {
	v, ok := k.In(t)
	if !ok && k.Default != nil {
		return k.Default.(T)
	}
	return v
}

// Set sets the key.
func (k KeyOf[T]) Set(t *Table, v T) { k.SetRaw(t, v) }
