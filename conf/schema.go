package conf

import (
	"reflect"
	"strings"
	"sync"
)

// The types of this package's File describe the syntax: reading, writing, copying,
// comparing and masking follow the struct tags, so that a new key is a new field. The `toml` tag has
// the key. The `conf` tag marks what must not be shown: "secret" a whole
// string, "users" the hashes in a users list.

// field is one key of a table.
type field struct {
	name   string
	index  int
	secret bool // the value is not shown
	users  bool // hashes in the value are not shown
}

// hidden tells whether the value must not occur in messages.
func (f field) hidden() bool { return f.secret || f.users }

var schemas sync.Map // reflect.Type of a table's struct to []field

// fieldsOf returns the keys of a table in documented order.
func fieldsOf(t reflect.Type) []field {
	if known, ok := schemas.Load(t); ok {
		return known.([]field)
	}
	var fields []field
	for i := range t.NumField() {
		sf := t.Field(i)
		name, _, _ := strings.Cut(sf.Tag.Get("toml"), ",")
		if name == "" {
			continue
		}
		mark := sf.Tag.Get("conf")
		fields = append(fields, field{name: name, index: i, secret: mark == "secret", users: mark == "users"})
	}
	schemas.Store(t, fields)
	return fields
}

// isTable tells whether a field's type is a table (pointer to a struct).
func isTable(t reflect.Type) bool {
	return t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct
}

// isTables tells whether a field's type is a list of tables.
func isTables(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct
}

// isUnset tells whether a key is not in the file. An empty list says nothing.
func isUnset(v reflect.Value) bool {
	if v.Kind() == reflect.Slice {
		return v.Len() == 0
	}
	return v.IsNil()
}

// join appends a key to the path of its table.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
