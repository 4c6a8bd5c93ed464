package shell

import (
	"reflect"
	"strings"
)

// fieldByKey returns the field of a target that a key of the file names.
func fieldByKey(t *target, key string) reflect.Value {
	if name, ok := strings.CutPrefix(key, "vrouter."); ok {
		if t.router == nil {
			return reflect.Value{}
		}
		return tagged(reflect.ValueOf(t.router).Elem(), name)
	}
	file := reflect.ValueOf(t.file).Elem()
	if table, name, ok := strings.Cut(key, "."); ok {
		if v := tagged(file, table); v.IsNil() {
			return reflect.Value{}
		}
		return tagged(tagged(file, table).Elem(), name)
	}
	return tagged(file, key)
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
		src := fieldByKey(from, key)
		dst := fieldByKey(to, key)
		switch {
		case !src.IsValid() && dst.IsValid():
			dst.SetZero()
		case !src.IsValid():
		case !dst.IsValid() && !src.IsZero() && !strings.HasPrefix(key, "vrouter."):
			table, _, _ := strings.Cut(key, ".")
			v := tagged(reflect.ValueOf(to.file).Elem(), table)
			v.Set(reflect.New(v.Type().Elem()))
			fieldByKey(to, key).Set(src)
		case dst.IsValid():
			dst.Set(src)
		}
	}
}
