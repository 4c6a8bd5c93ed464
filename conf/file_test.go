// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// anyFile draws a File in which every key may be set, even to nonsense.
func anyFile(t *rapid.T) *File { return anyTable(t, Root, "") }

// anyTable sets each key of a table or leaves it unset.
func anyTable(t *rapid.T, s *Schema, path string) *Table {
	table := s.New()
	for _, k := range s.Keys() {
		if at := join(path, k.Name); rapid.Bool().Draw(t, "set "+at) {
			k.SetRaw(table, anyValue(t, k, at))
		}
	}
	return table
}

// anyValue draws a value of the key's type.
func anyValue(t *rapid.T, k *Key, at string) any {
	switch typ := k.Type.(type) {
	case SubTable:
		return anyTable(t, typ.Of, at)
	case SubTables:
		all := make([]*Table, rapid.IntRange(0, 3).Draw(t, at))
		for i := range all {
			all[i] = anyTable(t, typ.Of, at+"["+strconv.Itoa(i)+"]")
		}
		return all
	case Strings:
		return rapid.SliceOfN(rapid.String(), 0, 4).Draw(t, at)
	case Integer:
		return rapid.Int().Draw(t, at)
	case Boolean:
		return rapid.Bool().Draw(t, at)
	default:
		return rapid.String().Draw(t, at)
	}
}

// TestRoundTrip writes and reads any File, in both formats.
func TestRoundTrip(t *testing.T) {
	for _, format := range []Format{TOML, JSON} {
		t.Run(format.String(), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				f := anyFile(t)
				data, err := Marshal(f, format)
				if err != nil {
					t.Fatal(err)
				}
				g, err := Parse("x", data, format)
				if err != nil {
					t.Fatalf("%v in\n%s", err, data)
				}
				if !f.Equal(g) {
					t.Fatalf("differs after writing and reading:\n%s", data)
				}
				again, err := Marshal(g, format)
				if err != nil || string(again) != string(data) {
					t.Fatalf("written again (%v):\n%s\nfirst\n%s", err, again, data)
				}
			})
		})
	}
}

// TestClone changes a copy everywhere and checks that the original does not change.
func TestClone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFile(t)
		before, err := Marshal(f, TOML)
		if err != nil {
			t.Fatal(err)
		}
		g := f.Clone()
		if !g.Equal(f) || !f.Equal(g) {
			t.Fatal("the copy is not equal")
		}
		scribble(g)
		if after, err := Marshal(f, TOML); err != nil || string(after) != string(before) {
			t.Fatalf("a change of the copy is seen in the original:\n%s\n%s", before, after)
		}
	})
}

// scribble overwrites every reachable value in place.
func scribble(t *Table) {
	for i, v := range t.values {
		switch v := v.(type) {
		case *Table:
			scribble(v)
		case []*Table:
			for _, element := range v {
				scribble(element)
			}
		case []string:
			for i := range v {
				v[i] = "scribble"
			}
		}
		t.values[i] = nil
	}
}

func TestEqual(t *testing.T) {
	full := func() *File { return parsed(t, base+"vips = [\"10.0.0.2\"]\ntimers = { advert = 1 }\n[api]\n") }
	changes := map[string]func(*File){
		"scalar":        func(f *File) { Priority.Set(VRouters.Value(f)[0], 1) },
		"value":         func(f *File) { Group.Set(VRouters.Value(f)[0], 1) },
		"list":          func(f *File) { VIPs.Set(VRouters.Value(f)[0], []string{"10.0.0.3"}) },
		"table removed": func(f *File) { API.Unset(f) },
		"nested":        func(f *File) { TimersAdvert.Set(VRouters.Value(f)[0], 2) },
		"router added":  func(f *File) { VRouters.Set(f, append(VRouters.Value(f), RouterTable.New())) },
	}
	for name, change := range changes {
		f := full()
		change(f)
		if f.Equal(full()) || full().Equal(f) {
			t.Errorf("%s: the change is not seen", name)
		}
	}
	if f := full(); !f.Equal(full()) {
		t.Error("the same is not equal")
	}
	empty := full()
	APIUsers.Set(empty, []string{})
	if !empty.Equal(full()) {
		t.Error("an empty list is not equal to an unset one")
	}
}

// TestMarshal shows what a written file looks like.
func TestMarshal(t *testing.T) {
	f := parsed(t, `
[api]
users = ["`+strings.Repeat("a", 50)+`", "`+strings.Repeat("b", 50)+`"]
[[vrouter]]
vips = ["10.0.0.2", "10.0.0.3"]
vip = "10.0.0.1/24"
socket_filter = "false"
interface = "eth0"
group = 1
[vrouter.timers]
advert = 2
[[vrouter]]
group = 2
interface = "eth0"
vip = "10.0.0.4"
description = 'a "quoted"'
`)
	Hostname.Set(f, "r1")
	Debug.Set(f, 0)
	Description.Set(VRouters.Value(f)[1], "a \"quoted\"\ttext\\")
	want := `debug = 0
hostname = "r1"

[[vrouter]]
group = 1
interface = "eth0"
vip = "10.0.0.1/24"
vips = ["10.0.0.2", "10.0.0.3"]
timers = { advert = 2 }
socket_filter = false

[[vrouter]]
group = 2
interface = "eth0"
vip = "10.0.0.4"
description = "a \"quoted\"\ttext\\"

[api]
users = [
  "` + strings.Repeat("a", 50) + `",
  "` + strings.Repeat("b", 50) + `",
]
`
	if diff := cmp.Diff(want, string(marshal(t, f, TOML))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	broken := NewFile()
	Hostname.Set(broken, "\xff")
	if _, err := Marshal(broken, TOML); err == nil {
		t.Error("invalid UTF-8 was written")
	}
}

const (
	testSecret = "thissecretnolongeris"
	testUser   = "{{SHA256}}admin:0:1eb7ac761a1201f9:3df024b5dc20a168d6a3fe406c65ec286e71c61c9c738e079ddd6dae255ee695"
	testHash   = "3df024b5dc20a168d6a3fe406c65ec286e71c61c9c738e079ddd6dae255ee695"
)

func TestRedacted(t *testing.T) {
	text := base + "auth_type = \"rfc2338-simple\"\nauth_secret = \"" + testSecret + "\"\n[api]\nsecret = \"" + testSecret + "\"\nusers = [\"" + testUser + "\", \"" + testHash + "\"]\n"
	f := parsed(t, text)
	want := base[len("[[vrouter]]\n"):] + `auth_type = "rfc2338-simple"
auth_secret = "********"

[api]
users = ["{{SHA256}}admin:0:********", "********"]
secret = "********"
`
	if diff := cmp.Diff("[[vrouter]]\n"+want, string(marshal(t, f.Redacted(), TOML))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if !f.Equal(parsed(t, text)) {
		t.Error("the original was changed")
	}
	if _, err := Validate(f.Redacted(), nil); err == nil {
		t.Error("a redacted configuration is valid: its masks would become secrets")
	}
}

// TestNoSecretsInErrors puts a secret in the wrong place in many ways.
func TestNoSecretsInErrors(t *testing.T) {
	const s = testSecret
	tests := []string{
		"auth_secret = " + s, // no quotes
		"auth_secret = \"" + s,
		"auth_secret = 12" + s,
		"auth_secret = \"" + s + "\" \"" + s + "\"",
		"auth_secret = [\"" + s + "\"]",
		"auth_secret = { a = \"" + s + "\" }",
		"auth_secret = \"" + s + "\\u0001\"",
		"auth_secret = \"" + s + "\\q\"",
		"auth_secret = '''" + s,
		"auth_secret = \"" + s + "\"\nauth_secret = \"" + s + "\"",
		"auth_secret \"" + s + "\"",
		"auth_secret = 2024-01-01" + s,
		"auth_type = \"x\"\nauth_secret = \"" + s + "\"",
		"version = 3\nauth_type = \"rfc2338-simple\"\nauth_secret = \"" + s + "\"",
		"auth_secret = \"" + s + strings.Repeat("a", 5000) + "\"",
		"[api]\nsecret = [\"" + s + "\"]",
		"[api]\nsecret = " + s,
		"[api]\nusers = \"{{SHA256}}a:0:" + s + ":" + s + "\"",
		"[api]\nusers = [\"{{SHA256}}a:0:" + s + ":" + s + "\"]",
		"[api]\nusers = [\n\n {{SHA256}}a:0:" + s + "]",
		"[api]\nusers = [\n\n \"{{SHA256}}a:0:" + s + "\n]",
		"[api]\nusers = [\"{{" + s + "}}a:0::\"]",
		"[api]\nusers = [\"{{SCRYPT}}" + s + "_:0::\"]",
		"[api]\nusers = [\"{{SHA256}}a:0:" + s + "\\n:\"]",
	}
	for _, extra := range tests {
		_, _, err := Load("f.toml", []byte(base+extra+"\n"), TOML)
		if err == nil {
			t.Errorf("no error for %s", extra)
			continue
		}
		if strings.Contains(err.Error(), s[:8]) {
			t.Errorf("secret shown for %s: %v", extra, err)
		}
	}
	_, _, err := Load("f.json", []byte(`{"api": {"secret": {"a": "`+s+`"}, "users": ["`+s+`", 7]}}`), JSON)
	if err == nil || strings.Contains(err.Error(), s) {
		t.Errorf("JSON: %v", err)
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r1.toml")
	if _, _, err := ReadFile(path, TOML); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if err := os.WriteFile(path, []byte(base+"priority = 300\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, origin, err := ReadFile(path, TOML)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Validate(f, origin)
	if want := path + ":5: vrouter[0].priority: 300 is out of range 1-254"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if !errors.Is(err, ErrRejected) {
		t.Error("faults are not ErrRejected")
	}
	if err := os.WriteFile(path, make([]byte, MaxFileSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadFile(path, TOML); err == nil || err.Error() != path+": is larger than 16 MiB" {
		t.Errorf("large file: %v", err)
	}
	if _, _, err := ReadFile(dir, TOML); err == nil {
		t.Error("a directory was read")
	}
}

// TestHostileInput checks that neither deep nesting nor size crashes the process.
func TestHostileInput(t *testing.T) {
	const n = 1 << 20
	inputs := map[string]struct {
		text   string
		format Format
	}{
		"lists":        {"a = " + strings.Repeat("[", n), TOML},
		"tables":       {"a = " + strings.Repeat("{a=", n), TOML},
		"dotted":       {strings.Repeat("a.", 20000) + "a = 1", TOML},
		"header":       {"[" + strings.Repeat("a.", 20000) + "a]", TOML},
		"JSON lists":   {strings.Repeat("[", n), JSON},
		"JSON objects": {strings.Repeat(`{"a":`, n), JSON},
		"zeros":        {strings.Repeat("\x00", n), TOML},
		"JSON zeros":   {strings.Repeat("\x00", n), JSON},
	}
	for name, in := range inputs {
		_, err := Parse("x", []byte(in.text), in.format)
		if err == nil {
			t.Errorf("%s: no error", name)
		} else if !strings.Contains(err.Error(), "deeper than 8 levels") && !strings.Contains(name, "zeros") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEqualIsSameFile checks that two tables are equal exactly if they are written the same.
func TestEqualIsSameFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFile(t)
		if !f.Equal(f.Clone()) {
			t.Fatal("differs from its copy")
		}
		g := anyFile(t)
		if rapid.Bool().Draw(t, "near") { // one key may differ
			g = f.Clone()
			k := rapid.SampledFrom(Root.Keys()).Draw(t, "key")
			k.SetRaw(g, anyValue(t, k, k.Name))
		}
		if got := string(marshalAny(t, f)) == string(marshalAny(t, g)); got != f.Equal(g) {
			t.Fatalf("Equal %t, but written\n%s\n%s", f.Equal(g), marshalAny(t, f), marshalAny(t, g))
		}
	})
}

func marshalAny(t *rapid.T, f *File) []byte {
	data, err := Marshal(f, TOML)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestLines finds the lines of keys in all notations.
func TestLines(t *testing.T) {
	text := `# vrouter = 1
debug = 1 # comment = 2
"hostname" = "a # b \" [x]"
multi = """
fake = 1
"""
raw = '''
[fake]
'''
list = [ # comment ]
  "a]", 'b',

  [1, 2],
]
[[vrouter]]
group = 1
timers = { advert = 1 }
  [vrouter.sub]
  x = 1
  [[vrouter.track]]
  object = "a"
  [[vrouter.track]]
  object = "b"

[[ vrouter ]]
  group = 2
[[vrouter]] # third
[api]
a.b = 1
`
	want := map[string]int{
		"debug": 2, "hostname": 3, "multi": 4, "raw": 7, "list": 10, "list[0]": 11, "list[1]": 11, "list[2]": 13, "list[2][0]": 13,
		"list[2][1]": 13, "vrouter[0]": 15, "vrouter[0].group": 16, "vrouter[0].timers": 17, "vrouter[0].timers.advert": 17,
		"vrouter[0].sub": 18, "vrouter[0].sub.x": 19, "vrouter[0].track[0]": 20, "vrouter[0].track[0].object": 21,
		"vrouter[0].track[1]": 22, "vrouter[0].track[1].object": 23, "vrouter[1]": 25, "vrouter[1].group": 26, "vrouter[2]": 27, "api": 28, "api.a.b": 29,
	}
	if diff := cmp.Diff(want, tomlLines([]byte(text))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if diff := cmp.Diff(want, tomlLines([]byte(strings.ReplaceAll(text, "\n", "\r\n")))); diff != "" {
		t.Errorf("CRLF: -want +got\n%s", diff)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(base+"priority = 300\n[api]\nusers = [\"x\"]\n"), false)
	f.Add([]byte(`{"vrouter": [{"group": 51, "timers": {"advert": 1}}]}`), true)
	f.Add([]byte("a = [[[{b = 1}, '''x''', \"\\\"\"]]] # x\n[[\"x\".y]]\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, json bool) {
		format := TOML
		if json {
			format = JSON
		}
		if meta, err := toml.Decode(string(data), new(any)); err == nil {
			s := newScanner(data)
			s.lines = map[string]int{}
			if s.scan(); s.problem == "" && s.read.values < len(meta.Keys()) {
				t.Fatalf("the limits counted %d values of %d keys", s.read.values, len(meta.Keys()))
			}
		}
		file, cfg, err := Load("f", data, format)
		if err != nil {
			if len(err.Error()) == 0 {
				t.Fatal("an error without text")
			}
			return
		}
		if cfg == nil {
			t.Fatal("no configuration and no error")
		}
		// A valid file can be written, and the result is valid.
		written, err := Marshal(file, TOML)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := Load("f", written, TOML)
		if err != nil || !again.Equal(file) {
			t.Fatalf("%v\n%s", err, written)
		}
	})
}
