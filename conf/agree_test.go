// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vrrpsh/engine/vrrp"
)

// around is a file around one key, with parts that both formats can express.
type around struct {
	name    string
	version vrrp.Version
	router  map[string]any // for the virtual router
}

var surroundings = []around{
	{"version 2", vrrp.V2, map[string]any{"group": 51, "interface": "eth0", "vip": "10.0.0.1"}},
	{"version 3", vrrp.V3, map[string]any{"group": 51, "interface": "eth0", "vip": "10.0.0.1", "version": 3}},
	{"IPv6", vrrp.V3, map[string]any{"group": 51, "interface": "eth0", "vips": []any{"fe80::1", "2001:db8::1"}}},
}

// required are the keys that the tables require.
func (a around) required(s *Schema, k *Key) map[string]any {
	switch s {
	case RouterTable:
		return maps.Clone(a.router)
	case trackingTable:
		return map[string]any{"object": "uplink"}
	case TrackTable:
		if k != TrackScript.Key && slices.Contains(TrackKinds(), k) {
			return map[string]any{"name": "uplink"}
		}
		return map[string]any{"name": "uplink", "script": []any{"/bin/true"}}
	case NotifyTable:
		return map[string]any{"command": []any{"/bin/true"}}
	case StaticTable:
		return map[string]any{"route": "10.0.0.0/8", "nh": "10.0.0.1"}
	default:
		return map[string]any{}
	}
}

// with returns a file in which the key has a value, and the path of the key.
func (a around) with(k *Key, v any) (file map[string]any, path string) {
	var chain []*Key // from the top level to the key
	for at := k; at != nil; at = at.schema.holder {
		chain = append([]*Key{at}, chain...)
	}
	file = map[string]any{}
	if chain[0] == VRouters.Key {
		file["track"] = []any{a.required(TrackTable, nil)}
	}
	table := file
	for _, holder := range chain[:len(chain)-1] {
		below := a.required(holder.Type.below(), k)
		path = join(path, holder.Name)
		if _, list := holder.Type.(SubTables); list {
			table[holder.Name] = []any{below}
			path += "[0]"
		} else {
			table[holder.Name] = below
		}
		table = below
	}
	table[k.Name] = v
	return file, join(path, k.Name)
}

func writeJSON(t require, v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.ReplaceAll(bytes.TrimSpace(b.Bytes()), []byte("\x7f"), []byte(`\u007f`)) // required by TOML
}

// writeTOML writes a file in TOML, independently of Marshal. Numbers, strings and lists of them look the same
// in JSON.
func writeTOML(t require, file map[string]any) []byte {
	var b bytes.Buffer
	var write func(v any)
	write = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for i, k := range slices.Sorted(maps.Keys(v)) {
				b.WriteString([]string{"{ ", ", "}[min(i, 1)] + k + " = ")
				write(v[k])
			}
			b.WriteString([]string{" }", "{}"}[max(0, 1-len(v))])
		case []any:
			b.WriteByte('[')
			for i, element := range v {
				if i > 0 {
					b.WriteString(", ")
				}
				write(element)
			}
			b.WriteByte(']')
		default:
			b.Write(writeJSON(t, v))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(file)) {
		b.WriteString(k + " = ")
		write(file[k])
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// require is the part of testing.T and rapid.T that is used here.
type require interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// without returns faults without their places, because the formats have different places.
func without(err error) []Fault {
	var faults Faults
	errors.As(err, &faults)
	var out []Fault
	for _, f := range faults {
		out = append(out, Fault{Path: f.Path, Value: f.Value, Problem: f.Problem})
	}
	slices.SortFunc(out, func(a, b Fault) int { return strings.Compare(a.String(), b.String()) })
	return out
}

// agree reads a value of a key from TOML and from JSON, checks that the faults are the same, and returns the
// faults of the key.
func agree(t require, k *Key, a around, v any) []Fault {
	t.Helper()
	file, path := a.with(k, v)
	asTOML, asJSON := writeTOML(t, file), writeJSON(t, file)
	f, _, err := Load("f", asTOML, TOML)
	g, _, errJSON := Load("f", asJSON, JSON)
	if len(without(err)) == 0 && err != nil {
		t.Fatalf("%v\n%s", err, asTOML)
	}
	if diff := cmp.Diff(without(err), without(errJSON), cmp.AllowUnexported(Fault{})); diff != "" {
		t.Fatalf("-TOML +JSON\n%s\n%s", diff, asTOML)
	}
	if err == nil {
		if !f.Equal(g) {
			t.Fatalf("TOML and JSON are not the same:\n%s", asTOML)
		}
		for _, format := range []Format{TOML, JSON} {
			data, err := Marshal(f, format)
			if err != nil {
				t.Fatal(err)
			}
			again, _, err := Load("again", data, format)
			if err != nil || !again.Equal(f) {
				t.Fatalf("written as %s (%v):\n%s", format, err, data)
			}
		}
	}
	if secret, ok := v.(string); ok && k.hidden() && len(secret) > 8 && strings.Contains(errorText(err), secret[:8]) {
		t.Fatalf("a secret is shown: %v", err)
	}
	var own []Fault
	for _, fault := range without(err) {
		if strings.HasPrefix(fault.Path, path) {
			own = append(own, fault)
		}
	}
	return own
}

// edge is a value, and whether the key allows it.
type edge struct {
	v     any
	legal bool
}

// edges returns values in, at and just beyond the range of a key.
func edges(k *Key, version vrrp.Version) []edge {
	var all []edge
	add := func(legal bool, values ...any) {
		for _, v := range values {
			all = append(all, edge{v, legal})
		}
	}
	const long = maxText + 1
	switch typ := k.Type.(type) {
	case Integer:
		high := typ.High
		if version == vrrp.V3 && typ.HighV3 > 0 {
			high = typ.HighV3
		}
		add(true, typ.Low, (typ.Low+high)/2, high)
		for _, n := range []int{typ.Low - 1, high + 1, -1 << 63, 1<<63 - 1} {
			add(typ.Also != nil && typ.Also(n), n)
		}
		add(false, "1", true, 1.5, []any{}, map[string]any{})
	case Boolean:
		add(true, true, false)
		add(typ.Quoted, "true", "false")
		add(false, "yes", 1, 1.5, []any{true}, map[string]any{})
	case Choice:
		for _, w := range typ.All() {
			add(true, w.Word)
			add(false, w.Word+" ", strings.ToUpper(w.Word))
		}
		add(false, "", "other", 1, true, []any{}, map[string]any{})
	case Duration:
		of := typ
		if version == vrrp.V3 && typ.V3 != nil {
			of = *typ.V3
		}
		step := max(of.Step, time.Millisecond)
		add(true, of.Low.String(), of.High.String(), (of.Low + step).String(), strconv.Itoa(int(of.High/time.Millisecond))+"ms")
		add(of.Off || of.Low == 0, "0s", "0")
		add(false, (of.High + step).String(), (of.High + 1).String(), "-1s", "1", "", "x", "1s ", 1, true, 1.5, []any{}, map[string]any{})
		if of.Low > 0 {
			add(of.Off && of.Low == step, (of.Low - step).String())
			add(false, (of.Low - 1).String())
		}
		if of.Step > 0 {
			add(false, (of.Low + of.Step/2).String())
		}
	case Text:
		add(true, another(k))
		if k.Example != nil {
			add(true, k.Example)
		}
		if k.Default != nil {
			add(true, k.Default)
		}
		add(false, "a\x1b", "\x7f", "\u0085", "\u2028", "a\nb", strings.Repeat("a", long), 1, true, 1.5, []any{"a"}, map[string]any{})
	case Strings:
		add(true, []any{}, []any{"/a"})
		add(false, []any{"/a", "\x00"}, []any{strings.Repeat("a", long)}, []any{1}, []any{"/a", true}, []any{[]any{}}, "/a", 1, map[string]any{})
	case SubTable:
		add(true, map[string]any{})
		add(false, "a", 1, []any{}, []any{map[string]any{}})
	case SubTables:
		add(true, []any{})
		add(false, "a", 1, map[string]any{}, []any{1}, []any{map[string]any{}, 1})
	}
	return all
}

// TestFormatsAgree reads values in, at and beyond the range of every key as TOML and as JSON.
func TestFormatsAgree(t *testing.T) {
	eachSchema(func(s *Schema) {
		for _, k := range s.Keys() {
			t.Run(k.Path(), func(t *testing.T) {
				for _, a := range surroundings {
					for _, e := range edges(k, a.version) {
						refused := 0
						for _, fault := range agree(t, k, a, e.v) {
							if byItself(k, a, fault) {
								refused++
							}
						}
						if (refused == 0) != e.legal || refused > 1 {
							t.Errorf("%s: %#v is legal: %t, and is refused %d times: %v", a.name, e.v, e.legal, refused, agree(t, k, a, e.v))
						}
					}
				}
				rapid.Check(t, func(t *rapid.T) {
					a := rapid.SampledFrom(surroundings).Draw(t, "around")
					agree(t, k, a, anyRaw(t, k))
				})
			})
		}
	})
}

// byItself tells whether a fault lies in the value itself and not in its combination with other values.
func byItself(k *Key, a around, f Fault) bool {
	if strings.HasPrefix(f.Problem, "is not an integer") || strings.HasPrefix(f.Problem, "is not a string") || strings.HasPrefix(f.Problem, "is not true or false") ||
		strings.HasPrefix(f.Problem, "is not a list") || strings.HasPrefix(f.Problem, "is not a table") {
		return true
	}
	for _, e := range edges(k, a.version) {
		values, ok := e.v.([]any)
		if !ok {
			values = []any{e.v}
		}
		for _, v := range values {
			if fits(k, v) && f.Problem == k.Problem(v, a.version) {
				return true
			}
		}
	}
	return false
}

// fits tells whether a value has the type of a key, or the type of its elements.
func fits(k *Key, v any) bool {
	switch v.(type) {
	case int:
		_, ok := k.Type.(Integer)
		return ok
	case string:
		switch k.Type.(type) {
		case Choice, Duration, Text, Strings:
			return true
		}
	}
	return false
}

// anyRaw draws a value for a key, usually one of its type.
func anyRaw(t *rapid.T, k *Key) any {
	scalar := func(of Type) any {
		switch of.(type) {
		case Integer:
			return rapid.OneOf(rapid.Int(), rapid.IntRange(-1, 300)).Draw(t, "int")
		case Boolean:
			return rapid.Bool().Draw(t, "bool")
		case Duration:
			return time.Duration(rapid.Int64().Draw(t, "duration")).String()
		default:
			return rapid.String().Draw(t, "string")
		}
	}
	list := func() any {
		all := make([]any, rapid.IntRange(0, 3).Draw(t, "elements"))
		for i := range all {
			all[i] = scalar(rapid.SampledFrom([]Type{Text{}, Text{}, Text{}, Integer{}}).Draw(t, "of"))
		}
		return all
	}
	if rapid.IntRange(0, 9).Draw(t, "wrong") == 0 {
		k = rapid.SampledFrom(RouterTable.Keys()).Draw(t, "as")
	}
	switch k.Type.(type) {
	case Strings:
		return list()
	case SubTable, SubTables:
		below := map[string]any{}
		for _, k := range k.Type.below().Keys() {
			if rapid.Bool().Draw(t, k.Name) {
				below[k.Name] = anyRaw(t, k)
			}
		}
		if _, one := k.Type.(SubTable); one {
			return below
		}
		return []any{below}
	default:
		return scalar(k.Type)
	}
}
