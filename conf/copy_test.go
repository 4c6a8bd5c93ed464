// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

// fullTable returns a table in which every key is set; lists have two elements.
func fullTable(s *Schema) *Table {
	t := s.New()
	for _, k := range s.Keys() {
		k.SetRaw(t, fullValue(k))
	}
	return t
}

func fullValue(k *Key) any {
	switch typ := k.Type.(type) {
	case SubTable:
		return fullTable(typ.Of)
	case SubTables:
		return []*Table{fullTable(typ.Of), fullTable(typ.Of)}
	case Strings:
		return []string{"one", "two"}
	default:
		return another(k)
	}
}

// visit calls f with a table and all tables below it.
func visit(t *Table, path string, f func(t *Table, path string)) {
	f(t, path)
	t.each(func(k *Key, v any) {
		switch v := v.(type) {
		case *Table:
			visit(v, join(path, k.Name), f)
		case []*Table:
			for i, element := range v {
				visit(element, join(path, k.Name)+"["+strconv.Itoa(i)+"]", f)
			}
		}
	})
}

// edits returns the ways to change the value of a key.
var edits = map[string]func(t *Table, k *Key){
	"set": func(t *Table, k *Key) {
		switch typ := k.Type.(type) {
		case SubTable:
			k.SetRaw(t, typ.Of.New())
		case SubTables:
			k.SetRaw(t, []*Table{typ.Of.New()})
		case Strings:
			k.SetRaw(t, []string{"changed"})
		case Boolean:
			k.SetRaw(t, k.Raw(t) != true)
		case Integer:
			k.SetRaw(t, -1)
		default:
			k.SetRaw(t, "changed")
		}
	},
	"unset": func(t *Table, k *Key) { k.Unset(t) },
	"append": func(t *Table, k *Key) {
		switch v := k.Raw(t).(type) {
		case []string:
			k.SetRaw(t, append(v, "more"))
		case []*Table:
			k.SetRaw(t, append(v, k.Type.below().New()))
		default:
			k.Unset(t)
		}
	},
}

// TestEditsStayInCopies edits every key of a copy and checks that the original does not change.
func TestEditsStayInCopies(t *testing.T) {
	original := fullTable(Root)
	before := string(marshal(t, original, TOML))
	check := func(t *testing.T, edited *File, what string) {
		t.Helper()
		if after := string(marshal(t, original, TOML)); after != before {
			t.Fatalf("%s is seen in the original:\n%s", what, after)
		}
		if string(marshal(t, edited, TOML)) == before {
			t.Errorf("%s changes nothing", what)
		}
	}
	paths := 0
	for name, edit := range edits {
		t.Run("clone/"+name, func(t *testing.T) {
			visit(original, "", func(at *Table, path string) {
				for _, k := range at.schema.keys {
					c := original.Clone()
					visit(c, "", func(table *Table, p string) {
						if p == path {
							edit(table, k)
							paths++
						}
					})
					check(t, c, name+" of "+join(path, k.Name))
				}
			})
		})
		// A fork can change its own keys and those of single tables; a list must be replaced.
		t.Run("fork/"+name, func(t *testing.T) {
			visit(original, "", func(at *Table, path string) {
				if !single(at.schema) {
					return
				}
				for _, k := range at.schema.keys {
					c := original.Fork()
					edit(c, k) // through the top level
					check(t, c, name+" of "+join(path, k.Name))
					c = original.Fork()
					visit(c, "", func(table *Table, p string) {
						if p == path {
							edit(table, k)
						}
					})
					check(t, c, name+" of "+join(path, k.Name)+" in its table")
				}
			})
		})
	}
	if all := 3 * 2 * 60; paths < all { // otherwise the test would also pass without edits
		t.Errorf("only %d keys were edited", paths)
	}
}

// single tells whether a table is the top level, or reached from it through single tables only.
func single(s *Schema) bool {
	for s.holder != nil {
		if _, ok := s.holder.Type.(SubTable); !ok {
			return false
		}
		s = s.holder.schema
	}
	return true
}

// TestForksOfOneTable appends to the lists of two forks of one file.
func TestForksOfOneTable(t *testing.T) {
	const users = 17 // an append or a copy of such a length allocates spare capacity
	f := parsed(t, base+second)
	VRouters.Set(f, append(VRouters.Value(f), router1(t, base)))
	APIUsers.Set(f, slices.Repeat([]string{"a"}, users))
	for _, f := range []*File{f, f.Clone()} {
		before := string(marshal(t, f, TOML))
		forks := []*File{f.Fork(), f.Fork()}
		for i, fork := range forks {
			more := router1(t, base)
			Group.Set(more, 100+i)
			VRouters.Set(fork, append(VRouters.Value(fork), more))
			APIUsers.Set(fork, append(APIUsers.Value(fork), strconv.Itoa(i)))
		}
		for i, fork := range forks {
			if all := VRouters.Value(fork); len(all) != 4 || Group.Value(all[3]) != 100+i || APIUsers.Value(fork)[users] != strconv.Itoa(i) {
				t.Errorf("fork %d has\n%s", i, marshal(t, fork, TOML))
			}
		}
		if after := string(marshal(t, f, TOML)); after != before {
			t.Errorf("the file has become\n%s", after)
		}
	}
}

// TestForkOfNothing sets keys in tables that the file does not have.
func TestForkOfNothing(t *testing.T) {
	f := NewFile()
	eachSchema(func(s *Schema) {
		if s == Root || !single(s) {
			return
		}
		for _, k := range s.Keys() {
			fork := f.Fork()
			k.SetRaw(fork, fullValue(k))
			if !k.IsSet(fork) || !f.IsEmpty() {
				t.Errorf("%s: the fork has it: %t; the original has something: %t", k.Path(), k.IsSet(fork), !f.IsEmpty())
			}
			k.Unset(f) // the table is missing, too
		}
	})
}

// TestKeyOfAnotherTable reads keys from tables that do not have them: the panic names the key.
func TestKeyOfAnotherTable(t *testing.T) {
	for _, k := range []*Key{Priority.Key, APIHost.Key, TimersAdvert.Key, TrackingObject.Key} {
		for _, ask := range map[string]func(*Table){"Raw": func(t *Table) { k.Raw(t) }, "SetRaw": func(t *Table) { k.SetRaw(t, fullValue(k)) }} {
			func() {
				defer func() {
					if problem, _ := recover().(string); !strings.Contains(problem, k.Path()) {
						t.Errorf("%s: the panic is %q", k.Path(), problem)
					}
				}()
				ask(StaticTable.New())
			}()
		}
	}
	for _, k := range []*Key{Priority.Key, TrackingObject.Key} { // in lists below it
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is set in the whole file", k.Path())
				}
			}()
			k.SetRaw(NewFile(), fullValue(k))
		}()
	}
}
