package conf

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// decoder turns what a TOML or JSON file says into a File, and notes every key that is
// unknown or has the wrong type. What is wrong stays unset.
type decoder struct {
	faults []Fault
}

func (d *decoder) fault(path, value, problem string) {
	d.faults = append(d.faults, Fault{Path: path, Value: value, Problem: problem})
}

// table decodes the keys of a table.
func (d *decoder) table(raw map[string]any, table reflect.Value, path string) {
	fields := fieldsOf(table.Type())
	known := 0
	for _, f := range fields {
		value, ok := raw[f.name]
		if !ok {
			continue
		}
		known++
		if value != nil { // JSON null is unset
			d.value(value, table.Field(f.index), path, f)
		}
	}
	if known == len(raw) {
		return
	}
	for _, key := range slices.Sorted(mapKeys(raw)) {
		if !slices.ContainsFunc(fields, func(f field) bool { return f.name == key }) {
			d.fault(join(path, bareKey(key)), "", "unknown key"+suggestion(key, fields))
		}
	}
}

func mapKeys(m map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// value decodes the value of one key.
func (d *decoder) value(raw any, v reflect.Value, path string, f field) {
	at := func() string { return join(path, f.name) }
	wrong := func(want string) {
		shown := ""
		if !f.hidden() {
			shown = literal(raw)
		}
		d.fault(at(), shown, "is not "+want)
	}
	switch t := v.Type(); {
	case isTable(t):
		m, ok := raw.(map[string]any)
		if !ok {
			wrong("a table")
			return
		}
		v.Set(reflect.New(t.Elem()))
		d.table(m, v.Elem(), at())
	case isTables(t):
		list, ok := tables(raw)
		if !ok {
			wrong("a list of tables")
			return
		}
		v.Set(reflect.MakeSlice(t, len(list), len(list)))
		for i, m := range list {
			d.table(m, v.Index(i), at()+"["+strconv.Itoa(i)+"]")
		}
	case t.Kind() == reflect.Slice:
		list, ok := raw.([]any)
		if !ok {
			wrong("a list of strings")
			return
		}
		texts := make([]string, 0, len(list))
		for i, element := range list {
			s, ok := element.(string)
			if !ok {
				shown := ""
				if !f.hidden() {
					shown = literal(element)
				}
				d.fault(at()+"["+strconv.Itoa(i)+"]", shown, "is not a string")
				continue
			}
			texts = append(texts, s)
		}
		v.Set(reflect.ValueOf(texts))
	default:
		p := reflect.New(t.Elem())
		if want := scalar(raw, p.Elem()); want != "" {
			wrong(want)
			return
		}
		v.Set(p)
	}
}

// scalar decodes into an integer, string or boolean, or says what it wants.
func scalar(raw any, v reflect.Value) (want string) {
	switch v.Kind() {
	case reflect.Int:
		switch n := raw.(type) {
		case int64:
			v.SetInt(n)
			return ""
		case json.Number:
			if i, err := n.Int64(); err == nil {
				v.SetInt(i)
				return ""
			}
		}
		return "an integer"
	case reflect.String:
		s, ok := raw.(string)
		if !ok {
			return "a string"
		}
		v.SetString(s)
		return ""
	case reflect.Bool:
		if b, ok := raw.(bool); ok {
			v.SetBool(b)
			return ""
		}
		if s, ok := raw.(string); ok && v.Type() == reflect.TypeFor[FlexibleBool]() && (s == "true" || s == "false") {
			v.SetBool(s == "true")
			return ""
		}
		return "true or false"
	default:
		panic(fmt.Sprintf("conf: cannot decode into %s", v.Type()))
	}
}

// tables returns a list of tables, whether written as [[x]] or inline.
func tables(raw any) ([]map[string]any, bool) {
	switch list := raw.(type) {
	case []map[string]any:
		return list, true
	case []any:
		out := make([]map[string]any, len(list))
		for i, element := range list {
			m, ok := element.(map[string]any)
			if !ok {
				return nil, false
			}
			out[i] = m
		}
		return out, true
	default:
		return nil, false
	}
}

// literal returns a raw value as it would be typed, shortened.
func literal(raw any) string {
	switch v := raw.(type) {
	case string:
		return quote(v)
	case map[string]any, []map[string]any:
		return "a table"
	case []any:
		return "a list"
	case time.Time:
		return v.Format(time.RFC3339)
	default:
		return fmt.Sprint(v)
	}
}

// quote returns a string in quotes, without control characters and not too long for a message.
func quote(s string) string {
	const most = 64
	if len(s) > most {
		s = s[:most-3] + "..."
	}
	return strconv.Quote(s)
}

// bareKey returns a key as it may stand in a path.
func bareKey(key string) string {
	for _, r := range key {
		if !isBare(r) {
			return quote(key)
		}
	}
	return key
}

func isBare(r rune) bool {
	return r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// suggestion names the key that was probably meant.
func suggestion(key string, fields []field) string {
	if len(key) > 32 {
		return ""
	}
	best, distance := "", 3
	for _, f := range fields {
		if d := editDistance(key, f.name); d < distance && 2*d < len(f.name) {
			best, distance = f.name, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// editDistance counts the insertions, deletions and replacements between two short words.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
