// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"fmt"
	"slices"
	"strings"
)

// A Key is one key of the configuration file, declared once. Everything that is the same for all keys follows
// from the declaration: reading and writing files, checking values, copying and comparing, the command with
// its help and its "no", what a commit's plan says, reference.toml, docs/configuration.md and the schema of the API.
type Key struct {
	// Name is that in its table; Path has the tables that lead there.
	Name string
	Type Type
	// Help is a line for "?", the references and the schema. It is no sentence: it has no period.
	Help string
	// Doc is what docs/configuration.md says of the key, in Markdown; empty: Help.
	Doc string
	// Default is what leaving the key out means, as a value of the type. Nil if no value means that.
	Default any
	// Absent is what leaving it out means where no value does, or where the value depends on something: "required",
	// "the system's". It is Markdown.
	Absent string
	// Example is a value for reference.toml, where the default is none or would not show the form.
	Example any
	// Shown keys stand in the reference although they have no default: their example means the same as leaving them out.
	Shown bool
	// Dependent keys exclude another key or have a meaning beside another one only. The reference has them commented out.
	Dependent bool
	// Command is the command without its value; empty: the name, with hyphens. Keys whose command does more have it in conf/commands.
	Command string
	// Value is what the command calls its value, ValueHelp what "?" says of it.
	Value, ValueHelp string
	// Words explains keywords of the command.
	Words map[string]string
	// Rank orders the commands of a table; zero: after those with a rank, in the order of the declarations.
	Rank int
	// Effect is what a commit that changes the key does.
	Effect Effect
	// Presence tables say something by being there, even without a key.
	Presence bool
	// Secret says what of the value must not be shown.
	Secret Secrecy
	// Since is the release that brought the key; empty: the first one.
	Since string
	// Router ties the key to the validated virtual router; see the functions that return a binding.
	Router binding
	// Refused is what a Host cannot do.
	Refused map[Host]Refusal

	schema *Schema
	index  int // in the schema and in its tables
}

// Effect is what a commit that changes a key does.
type Effect uint8

// The effects.
const (
	// InPlace takes effect at the commit. No virtual router gives up Master for it.
	InPlace Effect = iota
	// Restarts restarts the virtual router: a Master hands over first.
	Restarts
	// Identifies makes it another virtual router, object or route.
	Identifies
	// NextStart takes effect when the router starts the next time.
	NextStart
)

// String returns what documents say of the effect.
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

// Secrecy says what of a value must not be shown.
type Secrecy uint8

// The kinds of secrets.
const (
	Public     Secrecy = iota
	Concealed          // the whole value
	UserHashes         // the hashes in a users list
)

// Refusal is what a Host refuses: a value, or every value if that is nil. Why follows the value, and says what to do instead.
type Refusal struct {
	Value any
	Why   string
}

// refusal is why the host refuses a value of the key; "" if it does not.
func (k *Key) refusal(h Host, v any) string {
	if r, ok := k.Refused[h]; ok && (r.Value == nil || r.Value == v) {
		return r.Why
	}
	return ""
}

// A Schema declares a table of the file: its keys, in the order in which they are written.
type Schema struct {
	// Intro introduces the table in reference.toml: a sentence.
	Intro string

	keys   []*Key
	named  map[string]*Key
	holder *Key // the key that has the table or the list of tables; nil for the top level
}

func newSchema(intro string) *Schema { return &Schema{Intro: intro, named: map[string]*Key{}} }

// Keys returns the keys in the order in which they are written.
func (s *Schema) Keys() []*Key { return s.keys }

// Holder is the key whose value is such a table, or a list of them; nil for the top level.
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

// Path returns the key with the tables that lead to it, such as "api.host" or "vrouter.priority".
func (k *Key) Path() string {
	if k.schema.holder == nil {
		return k.Name
	}
	return k.schema.holder.Path() + "." + k.Name
}

// Schema is the table that the key is in.
func (k *Key) Schema() *Schema { return k.schema }

// ByVersion tells whether the range of the key, or of one below it, depends on the version of the protocol.
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

// hidden tells whether the value must not occur in messages.
func (k *Key) hidden() bool { return k.Secret != Public }

// CommandWords are the keywords of the command, up to its value.
func (k *Key) CommandWords() string {
	if k.Command != "" {
		return k.Command
	}
	return strings.ReplaceAll(k.Name, "_", "-")
}

// KeyOf is a Key whose values are of a type: int, bool, string, []string, *Table or []*Table.
type KeyOf[T any] struct{ *Key }

// Declare adds a key to a table, behind those that are declared already. It is called while the program initializes, before
// there are tables. A declaration that refers to a variable has to stand below it: Go would initialize the variable, and then
// the key, after the keys that follow here, and files would be written in another order.
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

// isIn tells whether the tables of a schema have the key, themselves or below them by single tables.
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

// in returns the table of the key that is t, or below it by single tables; nil if that is not in the file.
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

// Raw returns the value of the key in a table, or in one below it, nil if it is unset.
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
	switch list := v.(type) { // without room behind it: what copies of the table append must not meet there
	case []string:
		v = slices.Clip(list)
	case []*Table:
		v = slices.Clip(list)
	}
	k.in(t, true).put(k, v)
}

// IsSet tells whether the file has the key. An empty list says nothing.
func (k *Key) IsSet(t *Table) bool { return k.Raw(t) != nil }

// Unset takes the key out of a table, or of one below it; that goes, too, when nothing is left in it and its being there says
// nothing.
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

// In returns the value of the key in a table, or in one below it, and whether it is set.
func (k KeyOf[T]) In(t *Table) (T, bool) {
	v, ok := k.Raw(t).(T)
	return v, ok
}

// Value returns the value of the key, or else the zero value.
func (k KeyOf[T]) Value(t *Table) T {
	v, _ := k.In(t)
	return v
}

// OrDefault returns the value of the key, or else its default.
func (k KeyOf[T]) OrDefault(t *Table) T {
	v, ok := k.In(t)
	if !ok && k.Default != nil {
		return k.Default.(T)
	}
	return v
}

// Set sets the key.
func (k KeyOf[T]) Set(t *Table, v T) { k.SetRaw(t, v) }
