// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"vrrpsh/engine/vrrp"
)

// A Type defines which values a key accepts, in a file and in commands.
type Type interface {
	// decode converts a value of a TOML or JSON file to a value of the key, or returns what it expected. The
	// decoder, which knows the path, decodes tables.
	decode(raw any) (v any, want string)
	// problem returns what is wrong with a value for virtual routers of a version (zero: of every version): a phrase
	// that follows the value, empty if the value is valid.
	problem(v any, version vrrp.Version) string
	// Param is the type of the value in the syntax of a command, as in "<name:param>"; empty if the
	// syntax needs more than a type.
	Param() string
	// Parse reads a value from a command.
	Parse(word string) (any, error)
	// Doc returns the description of the type for docs/configuration.md.
	Doc() string
	// schema returns the JSON schema.
	schema() map[string]any
	// below returns the schema of the tables that are the values; nil for other types.
	below() *Schema
}

// value implements what most types share: every value is valid, a command needs more than a type, and there are no tables below.
type value struct{}

func (value) problem(any, vrrp.Version) string { return "" }
func (value) below() *Schema                   { return nil }

// Param implements Type.
func (value) Param() string { return "" }

// FormatValue formats a value as in a command, before quoting.
func FormatValue(v any) string {
	switch v := v.(type) {
	case int:
		return strconv.Itoa(v)
	case bool:
		return strconv.FormatBool(v)
	case string:
		return v
	case []string:
		return strings.Join(v, " ")
	default:
		panic(fmt.Sprintf("conf: no word for a %T", v))
	}
}

// Integer is an integer within a range.
type Integer struct {
	value
	Low, High int
	HighV3    int // the maximum in version 3 if it differs
	// Also reports whether a file may have a value outside the range because the earlier daemon accepted it with a
	// clear meaning.
	Also func(n int) bool
	// Reserved maps values outside the range, which a user might expect to be valid, to their
	// problems.
	Reserved map[int]string
}

var _ Type = Integer{}

func (Integer) decode(raw any) (any, string) {
	switch n := raw.(type) {
	case int64:
		return int(n), ""
	case json.Number:
		if i, err := n.Int64(); err == nil {
			return int(i), ""
		}
		if f, err := n.Float64(); err == nil {
			return nil, wantInteger(f)
		}
	case float64:
		return nil, wantInteger(n)
	}
	return nil, "an integer"
}

// wantInteger is what a key with the value 51.0 needs instead.
func wantInteger(f float64) string {
	if f == math.Trunc(f) && math.Abs(f) < 1e9 {
		return fmt.Sprintf("an integer: write %.0f", f)
	}
	return "an integer"
}

func (i Integer) problem(v any, version vrrp.Version) string {
	n, high := v.(int), i.High
	if version == vrrp.V3 && i.HighV3 > 0 {
		high = i.HighV3
	}
	switch {
	case n >= i.Low && n <= high, i.Also != nil && i.Also(n):
		return ""
	case i.Reserved[n] != "":
		return i.Reserved[n]
	case i.High == i.Low+1:
		return fmt.Sprintf("is not %d or %d", i.Low, i.High)
	default:
		return outOfRange(i.Low, high)
	}
}

// Param implements Type.
func (i Integer) Param() string { return fmt.Sprintf("%d-%d", i.Low, i.High) }

// Parse implements Type.
func (Integer) Parse(word string) (any, error) {
	n, err := strconv.Atoi(word)
	if err != nil {
		return nil, fmt.Errorf("not a number")
	}
	return n, nil
}

// Doc implements Type.
func (i Integer) Doc() string {
	if i.High == i.Low+1 {
		return fmt.Sprintf("%d, %d", i.Low, i.High)
	}
	s := fmt.Sprintf("integer %d-%d", i.Low, i.High)
	if i.HighV3 > 0 {
		s += fmt.Sprintf(" (version 3: %d-%d)", i.Low, i.HighV3)
	}
	return s
}

func (i Integer) schema() map[string]any {
	return map[string]any{"type": "integer", "minimum": i.Low, "maximum": i.High}
}

// Boolean is true or false.
type Boolean struct {
	value
	// Quoted also allows the strings "true" and "false".
	Quoted bool
}

var _ Type = Boolean{}

func (b Boolean) decode(raw any) (any, string) {
	switch v := raw.(type) {
	case bool:
		return v, ""
	case string:
		if b.Quoted && (v == "true" || v == "false") {
			return v == "true", ""
		}
	}
	return nil, "true or false"
}

// Parse implements Type.
func (Boolean) Parse(word string) (any, error) { return word == "true", nil }

// Doc implements Type.
func (b Boolean) Doc() string {
	if b.Quoted {
		return `boolean, "true", "false"`
	}
	return "boolean"
}

func (b Boolean) schema() map[string]any {
	if b.Quoted {
		return map[string]any{"anyOf": []any{map[string]any{"type": "boolean"}, map[string]any{"enum": []any{"true", "false"}}}}
	}
	return map[string]any{"type": "boolean"}
}

// Word is a keyword with its meaning.
type Word struct{ Word, Help string }

// Choice is one of a few keywords.
type Choice struct {
	value
	Words []Word
	// Aliases are other words that files may contain; messages do not mention them.
	Aliases []Word
}

var _ Type = Choice{}

func (Choice) decode(raw any) (any, string) { return decodeString(raw) }

func (c Choice) problem(v any, _ vrrp.Version) string {
	words := make([]string, len(c.Words))
	for i, w := range c.Words {
		words[i] = w.Word
		if v == w.Word {
			return ""
		}
	}
	for _, w := range c.Aliases {
		if v == w.Word {
			return ""
		}
	}
	return "is not " + oneOf(words)
}

// All returns the words, then the aliases.
func (c Choice) All() []Word { return append(c.Words[:len(c.Words):len(c.Words)], c.Aliases...) }

// Parse implements Type.
func (Choice) Parse(word string) (any, error) { return word, nil }

// Doc implements Type.
func (c Choice) Doc() string {
	words := make([]string, len(c.Words))
	for i, w := range c.Words {
		words[i] = strconv.Quote(w.Word)
	}
	return strings.Join(words, ", ")
}

func (c Choice) schema() map[string]any {
	var words []any
	for _, w := range c.All() {
		words = append(words, w.Word)
	}
	return map[string]any{"type": "string", "enum": words}
}

// Duration is a string such as "1s" within a range.
type Duration struct {
	value
	Low, High time.Duration
	// Off also allows zero, even below the range.
	Off bool
	// V3 is the range for version 3 if it differs; a value must be a multiple of the Step of its
	// range.
	V3       *Duration
	Step     time.Duration
	NotAStep string // the problem with values that are not a multiple of Step
}

var _ Type = Duration{}

func (Duration) decode(raw any) (any, string) { return decodeString(raw) }

func (d Duration) problem(v any, version vrrp.Version) string {
	if d.V3 != nil {
		switch version {
		case 0:
			if d.here(v.(string)) == "" || d.V3.here(v.(string)) == "" {
				return ""
			}
			return fmt.Sprintf("is out of range %s-%s (version 3, in steps of %s) or %s-%s (version 2, in steps of %s)", shortDuration(d.V3.Low),
				shortDuration(d.V3.High), d.V3.Step, shortDuration(d.Low), shortDuration(d.High), d.Step)
		case vrrp.V3:
			return d.V3.here(v.(string))
		case vrrp.V2: // d itself is the range
		}
	}
	return d.here(v.(string))
}

// here checks a value against the range of d, ignoring V3.
func (d Duration) here(s string) string {
	t, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return notDuration
	case d.Off && t == 0:
		return ""
	case t < d.Low || t > d.High:
		return outOfRange(shortDuration(d.Low), shortDuration(d.High))
	case d.Step > 0 && t%d.Step != 0:
		return d.NotAStep
	default:
		return ""
	}
}

// Param implements Type.
func (Duration) Param() string { return "duration" }

// Parse implements Type. Whole seconds need no unit.
func (Duration) Parse(word string) (any, error) {
	if _, err := strconv.Atoi(word); err == nil {
		return word + "s", nil
	}
	return word, nil
}

// Doc implements Type.
func (d Duration) Doc() string {
	if d.V3 != nil {
		return "duration"
	}
	s := fmt.Sprintf("duration %s-%s", shortDuration(d.Low), shortDuration(d.High))
	if d.Off {
		s += `, or "0s"`
	}
	return s
}

func (d Duration) schema() map[string]any {
	return map[string]any{"type": "string", "description": d.Doc(), "example": shortDuration(d.High)}
}

// Strings is a list of strings.
type Strings struct{ value }

var _ Type = Strings{}

func (Strings) decode(any) (any, string) { return nil, "a list of strings" }

// Parse implements Type.
func (Strings) Parse(word string) (any, error) { return strings.Fields(word), nil }

// Doc implements Type.
func (Strings) Doc() string { return "list of strings" }

func (Strings) schema() map[string]any {
	return map[string]any{"type": "array", "items": map[string]any{"type": "string"}}
}

// SubTable is one table.
type SubTable struct {
	value
	Of *Schema
}

var _ Type = SubTable{}

func (SubTable) decode(any) (any, string) { return nil, "a table" }

// Parse implements Type.
func (SubTable) Parse(string) (any, error) {
	return nil, fmt.Errorf("a table cannot be typed as a word")
}

// Doc implements Type.
func (SubTable) Doc() string { return "table" }

func (t SubTable) schema() map[string]any { return t.Of.JSONSchema() }
func (t SubTable) below() *Schema         { return t.Of }

// SubTables is a list of tables.
type SubTables struct {
	value
	Of *Schema
}

var _ Type = SubTables{}

func (SubTables) decode(any) (any, string) { return nil, "a list of tables" }

// Parse implements Type.
func (SubTables) Parse(string) (any, error) {
	return nil, fmt.Errorf("tables cannot be typed as a word")
}

// Doc implements Type.
func (SubTables) Doc() string { return "list of tables" }

func (t SubTables) schema() map[string]any {
	return map[string]any{"type": "array", "items": t.Of.JSONSchema()}
}
func (t SubTables) below() *Schema { return t.Of }

func outOfRange(low, high any) string { return fmt.Sprintf("is out of range %v-%v", low, high) }

// oneOf joins words as in `"a", "b" or "c"`.
func oneOf(words []string) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i == 0:
		case i == len(words)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(w))
	}
	return b.String()
}

const notDuration = `is not a duration such as "1s" or "250ms"`

// shortDuration is like Duration.String, but writes whole seconds in seconds only.
func shortDuration(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.Itoa(int(d/time.Second)) + "s"
	}
	return d.String()
}
