package shell

import (
	"reflect"
	"strings"
)

// fieldByKey returns the field of a target that a key of the file names.
func fieldByKey(t *target, key string) reflect.Value {
	file := reflect.ValueOf(t.file).Elem()
	if table, name, ok := strings.Cut(key, "."); ok {
		if element, listed := t.element(table); listed {
			if element.IsNil() {
				return reflect.Value{}
			}
			return tagged(element.Elem(), name)
		}
		if v := tagged(file, table); v.IsNil() {
			return reflect.Value{}
		}
		return tagged(tagged(file, table).Elem(), name)
	}
	return tagged(file, key)
}

// element returns the target's table of a list of tables; nil if it is in another. It is not ok for what
// is no list.
func (t *target) element(list string) (table reflect.Value, ok bool) {
	switch list {
	case "vrouter":
		return reflect.ValueOf(t.router), true
	case "track":
		return reflect.ValueOf(t.track), true
	case "notify":
		return reflect.ValueOf(t.hook), true
	default:
		return reflect.Value{}, false
	}
}

func tagged(v reflect.Value, name string) reflect.Value {
	for i := range v.NumField() {
		if tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("toml"), ","); tag == name {
			return v.Field(i)
		}
	}
	return reflect.Value{}
}

// copyKeys copies the values of keys. What they point to is shared: values of a File are
// replaced, never changed in place.
func copyKeys(to, from *target, keys []string) {
	for _, key := range keys {
		table, _, _ := strings.Cut(key, ".")
		_, listed := to.element(table)
		src := fieldByKey(from, key)
		dst := fieldByKey(to, key)
		switch {
		case !src.IsValid() && dst.IsValid():
			dst.SetZero()
		case !src.IsValid():
		case !dst.IsValid() && !src.IsZero() && !listed:
			v := tagged(reflect.ValueOf(to.file).Elem(), table)
			v.Set(reflect.New(v.Type().Elem()))
			fieldByKey(to, key).Set(src)
		case dst.IsValid():
			dst.Set(src)
		}
	}
}
