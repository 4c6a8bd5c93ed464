package conf

import (
	"reflect"
	"strings"
)

// clone returns a deep copy of a value made of pointers, structs, slices and scalars.
func clone(v reflect.Value) reflect.Value {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return v
		}
		c := reflect.New(v.Type().Elem())
		cloneInto(c.Elem(), v.Elem())
		return c
	case reflect.Slice:
		if v.IsNil() {
			return v
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			cloneInto(c.Index(i), v.Index(i))
		}
		return c
	default:
		return v
	}
}

func cloneInto(dst, src reflect.Value) {
	if src.Kind() != reflect.Struct {
		dst.Set(clone(src))
		return
	}
	dst.Set(src)
	for i := range src.NumField() {
		f := src.Field(i)
		if (f.Kind() == reflect.Pointer || f.Kind() == reflect.Slice) && !f.IsNil() {
			dst.Field(i).Set(clone(f))
		}
	}
}

// equal compares two values of the same type. Unlike reflect.DeepEqual it does not tell an
// empty list from an unset one.
func equal(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Pointer:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return a.Pointer() == b.Pointer() || equal(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !equal(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Struct:
		for i := range a.NumField() {
			if !equal(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	default:
		return a.Equal(b)
	}
}

// redact masks the secrets of a table and of the tables in it.
func redact(table reflect.Value) {
	for _, f := range fieldsOf(table.Type()) {
		v := table.Field(f.index)
		if isUnset(v) {
			continue
		}
		switch {
		case f.secret:
			v.Elem().SetString(Mask)
		case f.users:
			for i := range v.Len() {
				v.Index(i).SetString(redactUser(v.Index(i).String()))
			}
		case isTable(v.Type()):
			redact(v.Elem())
		case isTables(v.Type()):
			for i := range v.Len() {
				redact(v.Index(i))
			}
		}
	}
}

// redactUser keeps algorithm, name and level of a users line. Of a line that is not one
// nothing is kept: the password could be anywhere in it.
func redactUser(line string) string {
	if _, err := ParseUser(line); err != nil {
		return Mask
	}
	parts := strings.SplitN(line, ":", 3)
	return parts[0] + ":" + parts[1] + ":" + Mask
}
