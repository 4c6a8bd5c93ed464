package conf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"unicode/utf8"
)

// Marshal returns a configuration as a file, always the same bytes for the same
// configuration: keys in documented order, one [[vrouter]] table per virtual router. It
// fails only for strings that are not UTF-8.
func Marshal(f *File, format Format) ([]byte, error) {
	if format == JSON {
		return marshalJSON(f)
	}
	w := &tomlWriter{}
	w.table("", reflect.ValueOf(f).Elem())
	return w.buf.Bytes(), w.err
}

func marshalJSON(f *File) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(f); err != nil {
		return nil, fmt.Errorf("marshal configuration: %w", err)
	}
	return b.Bytes(), nil
}

// listWidth is how long a list may get before it is written one element a line.
const listWidth = 80

type tomlWriter struct {
	buf bytes.Buffer
	err error
}

// table writes the keys of a table, then the tables below it under headers of their own.
func (w *tomlWriter) table(path string, table reflect.Value) {
	fields := fieldsOf(table.Type())
	for _, f := range fields {
		v := table.Field(f.index)
		if isUnset(v) || isTable(v.Type()) || isTables(v.Type()) {
			continue
		}
		w.key(f.name, v)
	}
	for _, f := range fields {
		v := table.Field(f.index)
		if isUnset(v) {
			continue
		}
		name := join(path, f.name)
		switch {
		case isTable(v.Type()):
			w.header("[" + name + "]")
			w.table(name, v.Elem())
		case isTables(v.Type()):
			for i := range v.Len() {
				w.header("[[" + name + "]]")
				w.element(v.Index(i))
			}
		}
	}
}

// element writes one table of a list of tables: what is below it is written inline, as its
// position in the file would otherwise decide which element it belongs to.
func (w *tomlWriter) element(table reflect.Value) {
	for _, f := range fieldsOf(table.Type()) {
		if v := table.Field(f.index); !isUnset(v) {
			w.key(f.name, v)
		}
	}
}

func (w *tomlWriter) header(s string) {
	if w.buf.Len() > 0 {
		w.buf.WriteByte('\n')
	}
	w.buf.WriteString(s)
	w.buf.WriteByte('\n')
}

func (w *tomlWriter) key(name string, v reflect.Value) {
	w.buf.WriteString(name)
	w.buf.WriteString(" = ")
	w.value(v)
	w.buf.WriteByte('\n')
}

func (w *tomlWriter) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		w.value(v.Elem())
	case reflect.String:
		w.text(v.String())
	case reflect.Int:
		w.buf.Write(strconv.AppendInt(w.buf.AvailableBuffer(), v.Int(), 10))
	case reflect.Bool:
		w.buf.Write(strconv.AppendBool(w.buf.AvailableBuffer(), v.Bool()))
	case reflect.Slice:
		w.list(v)
	case reflect.Struct:
		w.inline(v)
	default:
		panic(fmt.Sprintf("conf: no TOML form for %s", v.Type()))
	}
}

func (w *tomlWriter) list(v reflect.Value) {
	start := w.buf.Len()
	w.buf.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			w.buf.WriteString(", ")
		}
		w.value(v.Index(i))
	}
	w.buf.WriteByte(']')
	if w.buf.Len()-start <= listWidth || v.Len() < 2 {
		return
	}
	w.buf.Truncate(start)
	w.buf.WriteString("[\n")
	for i := range v.Len() {
		w.buf.WriteString("  ")
		w.value(v.Index(i))
		w.buf.WriteString(",\n")
	}
	w.buf.WriteByte(']')
}

func (w *tomlWriter) inline(table reflect.Value) {
	w.buf.WriteByte('{')
	first := true
	for _, f := range fieldsOf(table.Type()) {
		v := table.Field(f.index)
		if isUnset(v) {
			continue
		}
		if !first {
			w.buf.WriteByte(',')
		}
		first = false
		w.buf.WriteByte(' ')
		w.buf.WriteString(f.name)
		w.buf.WriteString(" = ")
		w.value(v)
	}
	if !first {
		w.buf.WriteByte(' ')
	}
	w.buf.WriteByte('}')
}

// text writes a basic string (TOML 1.0 section "String").
func (w *tomlWriter) text(s string) {
	if !utf8.ValidString(s) && w.err == nil {
		w.err = fmt.Errorf("marshal configuration: a string is not valid UTF-8")
	}
	w.buf.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			w.buf.WriteByte('\\')
			w.buf.WriteRune(r)
		case r == '\t':
			w.buf.WriteString(`\t`)
		case r == '\n':
			w.buf.WriteString(`\n`)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&w.buf, `\u%04X`, r)
		default:
			w.buf.WriteRune(r)
		}
	}
	w.buf.WriteByte('"')
}
