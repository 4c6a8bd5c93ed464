// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"flag"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "rewrite reference.toml and the tables of docs/configuration.md")

// golden compares a file with the expected content, or rewrites it.
func golden(t *testing.T, path, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Errorf("%s is not what the keys say (-update rewrites it): -file +keys\n%s", path, diff)
	}
}

// TestReference compares reference.toml with the keys.
func TestReference(t *testing.T) { golden(t, "reference.toml", string(Reference())) }

// TestReferenceHasDefaults checks that leaving a key out means the same as the value shown for it.
func TestReferenceHasDefaults(t *testing.T) {
	_, got, err := Load("reference.toml", Reference(), TOML)
	if err != nil {
		t.Fatal(err)
	}
	_, want, err := Load("minimal.toml", []byte("[[vrouter]]\ngroup = 51\ninterface = \"eth0\"\nvip = \"10.0.0.1/24\"\n"+
		"[[protocols.static]]\nroute = \"10.0.0.0\"\nmask = \"255.0.0.0\"\nnh = \"10.0.0.254\"\n"+
		"[[track]]\nname = \"uplink\"\ninterface = \"eth1\"\n[[notify]]\ncommand = [\"/usr/bin/logger\", \"-t\", \"vrrpsh\"]\n[api]\n"), TOML)
	if err != nil {
		t.Fatal(err)
	}
	same := []cmp.Option{cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmpopts.EquateEmpty()}
	if diff := cmp.Diff(want, got, same...); diff != "" {
		t.Errorf("-defaults +reference\n%s", diff)
	}
}

// shown finds a key in the reference, commented out or not.
var shown = regexp.MustCompile(`^(#?)([a-z_0-9]+) = `)

// TestReferenceIsComplete checks that every key is shown, and that each commented-out key can be used.
func TestReferenceIsComplete(t *testing.T) {
	// The keys that a key replaces or requires.
	instead := map[string]string{
		"vrouter.timers": "vrouter.advertise_interval",
		"track.route":    "track.interface", "track.script": "track.interface", "track.file": "track.interface",
	}
	beside := map[string]string{
		"vrouter.auth_type": "vrouter.auth_secret", "vrouter.unicast_source": "vrouter.unicast_peers", "vrouter.unicast_ttl_min": "vrouter.unicast_peers",
		"track.interval": "track.script", "track.timeout": "track.script", "track.rise": "track.script", "track.fall": "track.script",
		"track.initial": "track.script", "track.user": "track.script",
		"protocols.static.group": "protocols.static.interface", "protocols.static.interface": "protocols.static.group",
	}
	lines := strings.Split(string(Reference()), "\n")
	at := map[string]int{} // the line of each key
	table := ""
	for i, line := range lines {
		if strings.HasPrefix(line, "[") {
			table = strings.Trim(line, "[]")
		} else if m := shown.FindStringSubmatch(line); m != nil {
			path := join(table, m[2])
			if _, twice := at[path]; twice {
				t.Errorf("%s is shown twice", path)
			}
			at[path] = i
		}
	}
	// alone returns the reference with one more key in use.
	var alone func(lines []string, path string) []string
	alone = func(lines []string, path string) []string {
		lines = append([]string(nil), lines...)
		lines[at[path]] = strings.TrimPrefix(lines[at[path]], "#")
		if other := instead[path]; other != "" {
			lines[at[other]] = "#" + lines[at[other]]
		}
		if other := beside[path]; other != "" && strings.HasPrefix(lines[at[other]], "#") {
			lines = alone(lines, other)
		}
		return lines
	}
	eachSchema(func(s *Schema) {
		for _, k := range s.Keys() {
			path := k.Path()
			if below := k.Type.below(); below != nil && !k.inline() {
				delete(at, path)
				continue
			}
			if k.inlineAbove() {
				if text := lines[at[k.schema.holder.Path()]]; !strings.Contains(text, k.Name+" = ") {
					t.Errorf("%s is not shown in %s", path, text)
				}
				continue
			}
			line, ok := at[path]
			if !ok {
				t.Errorf("%s is not shown", path)
				continue
			}
			if text := lines[line-1]; !strings.HasPrefix(text, "# ") {
				t.Errorf("%s is not explained", path)
			}
			used := strings.Join(alone(lines, path), "\n")
			f, err := Parse("reference.toml", []byte(used), TOML)
			if err != nil {
				t.Errorf("%s in use: %v", path, err)
				continue
			}
			if path == APIUsers.Path() {
				continue // has the form of a hash
			}
			if _, err := Validate(f, nil); err != nil {
				t.Errorf("%s in use: %v", path, err)
			}
		}
	})
}

// eachSchema calls f with every declared table.
func eachSchema(f func(s *Schema)) {
	var visit func(s *Schema)
	visit = func(s *Schema) {
		f(s)
		for _, k := range s.Keys() {
			if below := k.Type.below(); below != nil {
				visit(below)
			}
		}
	}
	visit(Root)
}

// inline tells whether the tables of a key have no header.
func (k *Key) inline() bool {
	below := k.Type.below()
	return below != nil && below.Intro == "" && k.schema != Root
}

// inlineAbove tells whether the key is in such a table.
func (k *Key) inlineAbove() bool { return k.schema.holder != nil && k.schema.holder.inline() }

const configurationDocument = "../docs/configuration.md"

// keyTables matches the tables of keys in a document.
var keyTables = regexp.MustCompile(`(?s)(<!-- keys: ([a-z.]+) -->\n)(.*?)(<!-- end of keys -->\n)`)

// TestDocumentation compares the tables of docs/configuration.md with the keys.
func TestDocumentation(t *testing.T) {
	data, err := os.ReadFile(configurationDocument)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]*Schema{"general": Root}
	eachSchema(func(s *Schema) {
		if s.Intro != "" && s != Root {
			tables[s.Holder().Path()] = s
		}
	})
	written := map[string]bool{}
	document := keyTables.ReplaceAllStringFunc(string(data), func(found string) string {
		m := keyTables.FindStringSubmatch(found)
		s := tables[m[2]]
		switch {
		case s == nil:
			t.Errorf("docs/configuration.md has the keys of %s, which does not exist", m[2])
			return found
		case written[m[2]]:
			t.Errorf("docs/configuration.md has the keys of %s twice", m[2])
		}
		written[m[2]] = true
		return m[1] + "\n" + s.Table() + "\n" + m[4]
	})
	golden(t, configurationDocument, document)
	for name := range tables {
		if !written[name] {
			t.Errorf("docs/configuration.md does not have the keys of %s", name)
		}
	}
	// The rows match the keys, wherever the rows are.
	rows := map[string]int{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_0-9.]+)` \\|.*$").FindAllStringSubmatch(document, -1) {
		rows[row[1]]++
		if n := strings.Count(row[0], "|"); n != 5 {
			t.Errorf("the row of %s has %d cells", row[1], n-1)
		}
	}
	eachSchema(func(s *Schema) {
		for _, k := range s.Keys() {
			path := k.Path()
			if k.Type.below() != nil && !k.inline() {
				continue // has its own chapter
			}
			if rows[path] != 1 {
				t.Errorf("docs/configuration.md has %d rows for %s", rows[path], path)
			}
			delete(rows, path)
		}
	})
	for path := range rows {
		t.Errorf("docs/configuration.md explains %s, which does not exist", path)
	}
}
