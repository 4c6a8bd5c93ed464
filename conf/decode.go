// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// decoder converts the contents of a TOML or JSON file to a File, and records every key that is
// unknown or has the wrong type. Such keys stay unset.
type decoder struct {
	faults []Fault
}

func (d *decoder) fault(path, value, problem string) {
	if len(d.faults) > maxFaults { // one more than is reported
		return
	}
	d.faults = append(d.faults, Fault{Path: path, Value: value, Problem: problem})
}

func (d *decoder) table(raw map[string]any, t *Table, path string) {
	known := 0
	for _, k := range t.schema.keys {
		value, ok := raw[k.Name]
		if !ok {
			continue
		}
		known++
		if value != nil { // JSON null means unset
			if v := d.value(value, path, k); !unset(v) {
				t.put(k, v)
			}
		}
	}
	if known == len(raw) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if len(d.faults) > maxFaults { // looking for a suggestion takes longer than reading the key
			return
		}
		if t.schema.named[name] == nil {
			d.fault(join(path, bareKey(name)), "", "unknown key"+suggestion(name, t.schema.keys))
		}
	}
}

// value decodes the value of one key, or returns nil if it has the wrong type.
func (d *decoder) value(raw any, path string, k *Key) any {
	at := func() string { return join(path, k.Name) }
	shown := func(raw any) string {
		if k.hidden() {
			return ""
		}
		return literal(raw)
	}
	switch typ := k.Type.(type) {
	case SubTable:
		if m, ok := raw.(map[string]any); ok {
			t := typ.Of.New()
			d.table(m, t, at())
			return t
		}
	case SubTables:
		if list, ok := tables(raw); ok {
			if len(list) > maxTables {
				d.fault(at(), strconv.Itoa(len(list))+" tables", fmt.Sprintf("are more than %d", maxTables))
				return nil
			}
			all := make([]*Table, len(list))
			for i, m := range list {
				all[i] = typ.Of.New()
				d.table(m, all[i], nth(at(), i))
			}
			return all
		}
	case Strings:
		if list, ok := raw.([]any); ok {
			texts := make([]string, 0, len(list))
			for i, element := range list {
				if s, ok := element.(string); ok {
					texts = append(texts, s)
				} else {
					d.fault(nth(at(), i), shown(element), "is not a string")
				}
			}
			return texts
		}
	}
	v, want := k.Type.decode(raw)
	if want != "" {
		d.fault(at(), shown(raw), "is not "+want)
		return nil
	}
	return v
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

// literal returns a raw value, shortened, as a user would type it.
func literal(raw any) string {
	switch v := raw.(type) {
	case string:
		return quote(v)
	case map[string]any, []map[string]any:
		return "a table"
	case []any:
		return "a list"
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e9 {
			return fmt.Sprintf("%.1f", v) // as in the file, not the integer that it is not
		}
		return shortened(fmt.Sprint(v))
	case time.Time:
		return v.Format(time.RFC3339)
	default:
		return shortened(fmt.Sprint(v))
	}
}

// quote returns a string in quotes, without control characters and not too long for a message.
func quote(s string) string {
	return strconv.Quote(shortened(s))
}

// shortened cuts a value that is too long for a message.
func shortened(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most-3] + "..."
	}
	return s
}

// bareKey returns a key as a path shows it.
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

// suggestion returns the key that the user probably meant.
func suggestion(name string, keys []*Key) string {
	if len(name) > 32 {
		return ""
	}
	best, distance := "", 3
	for _, k := range keys {
		if d := editDistance(name, k.Name); d < distance && 2*d < len(k.Name) {
			best, distance = k.Name, d
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
