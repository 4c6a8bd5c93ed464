// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Marshal returns a configuration in the form of a file, always the same bytes for the same
// configuration: keys in documented order, one [[vrouter]] table per virtual router. It fails only
// for strings that are not UTF-8.
func Marshal(f *File, format Format) ([]byte, error) {
	if format == JSON {
		return marshalJSON(f)
	}
	w := &tomlWriter{}
	w.table("", f)
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

// MarshalJSON returns the keys that are set, in the order of a file.
func (t *Table) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	var err error
	b.WriteByte('{')
	t.each(func(k *Key, v any) {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(k.Name) + ":")
		if err == nil {
			err = enc.Encode(v)
		}
	})
	b.WriteByte('}')
	return b.Bytes(), err
}

// listWidth is the maximum width of a list on one line; longer lists have one element a line.
const listWidth = 80

type tomlWriter struct {
	buf bytes.Buffer
	err error
}

// table writes the keys of a table, then the tables below it, each under its own header.
func (w *tomlWriter) table(path string, t *Table) {
	t.each(func(k *Key, v any) {
		if k.Type.below() == nil {
			w.key(k.Name, v)
		}
	})
	t.each(func(k *Key, v any) {
		name := join(path, k.Name)
		switch v := v.(type) {
		case *Table:
			w.header("[" + name + "]")
			w.table(name, v)
		case []*Table:
			for _, element := range v {
				w.header("[[" + name + "]]")
				// Tables below an element are written inline: under a header, their position in the file would decide
				// which element they belong to.
				element.each(w.keyOf)
			}
		}
	})
}

func (w *tomlWriter) keyOf(k *Key, v any) { w.key(k.Name, v) }

func (w *tomlWriter) header(s string) {
	if w.buf.Len() > 0 {
		w.buf.WriteByte('\n')
	}
	w.buf.WriteString(s)
	w.buf.WriteByte('\n')
}

func (w *tomlWriter) key(name string, v any) {
	w.buf.WriteString(name)
	w.buf.WriteString(" = ")
	w.value(v)
	w.buf.WriteByte('\n')
}

func (w *tomlWriter) value(v any) {
	switch v := v.(type) {
	case string:
		w.text(v)
	case int:
		w.buf.Write(strconv.AppendInt(w.buf.AvailableBuffer(), int64(v), 10))
	case bool:
		w.buf.Write(strconv.AppendBool(w.buf.AvailableBuffer(), v))
	case []string:
		writeList(w, v, w.text)
	case []*Table:
		writeList(w, v, w.inline)
	case *Table:
		w.inline(v)
	default:
		panic(fmt.Sprintf("conf: no TOML form for a %T", v))
	}
}

func writeList[T any](w *tomlWriter, list []T, write func(T)) {
	start := w.buf.Len()
	w.buf.WriteByte('[')
	for i, element := range list {
		if i > 0 {
			w.buf.WriteString(", ")
		}
		write(element)
	}
	w.buf.WriteByte(']')
	if w.buf.Len()-start <= listWidth || len(list) < 2 {
		return
	}
	w.buf.Truncate(start)
	w.buf.WriteString("[\n")
	for _, element := range list {
		w.buf.WriteString("  ")
		write(element)
		w.buf.WriteString(",\n")
	}
	w.buf.WriteByte(']')
}

func (w *tomlWriter) inline(t *Table) {
	w.buf.WriteByte('{')
	before := " "
	t.each(func(k *Key, v any) {
		w.buf.WriteString(before + k.Name + " = ")
		w.value(v)
		before = ", "
	})
	if before != " " {
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
