package conf

import (
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var commentedOut = regexp.MustCompile(`(?m)^#([a-z_0-9]+ = )`)

func reference(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("reference.toml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestReferenceHasDefaults checks that the values shown are what leaving the keys out means.
func TestReferenceHasDefaults(t *testing.T) {
	_, got, err := Load("reference.toml", []byte(reference(t)), TOML)
	if err != nil {
		t.Fatal(err)
	}
	_, want, err := Load("minimal.toml", []byte("[[vrouter]]\ngroup = 51\ninterface = \"eth0\"\nvip = \"10.0.0.1/24\"\n"+
		"[[protocols.static]]\nroute = \"10.0.0.0\"\nmask = \"255.0.0.0\"\nnh = \"10.0.0.254\"\n"+
		"[[track]]\nname = \"uplink\"\ninterface = \"eth1\"\n[[notify]]\ncommand = [\"/usr/local/bin/notify\"]\n[api]\n"), TOML)
	if err != nil {
		t.Fatal(err)
	}
	same := []cmp.Option{cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmpopts.EquateEmpty()}
	if diff := cmp.Diff(want, got, same...); diff != "" {
		t.Errorf("-defaults +reference\n%s", diff)
	}
}

// TestReferenceIsComplete checks that every key is shown, set or commented out.
func TestReferenceIsComplete(t *testing.T) {
	full := commentedOut.ReplaceAllString(reference(t), "$1")
	f, err := Parse("reference.toml", []byte(full), TOML)
	if err != nil {
		t.Fatal(err)
	}
	each(reflect.ValueOf(f).Elem(), "", func(path string, v reflect.Value) {
		if isUnset(v) {
			t.Errorf("reference.toml does not show %s", path)
		}
	})
}

// TestDocumentation checks that docs/configuration.md has a line for every key, and none for others.
func TestDocumentation(t *testing.T) {
	data, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_0-9.]+)` \\|").FindAllStringSubmatch(string(data), -1) {
		if rows[m[1]] {
			t.Errorf("docs/configuration.md explains %s twice", m[1])
		}
		rows[m[1]] = true
	}
	f := parsed(t, commentedOut.ReplaceAllString(reference(t), "$1"))
	each(reflect.ValueOf(f).Elem(), "", func(path string, v reflect.Value) {
		if isTable(v.Type()) || isTables(v.Type()) {
			if !strings.Contains(string(data), fmt.Sprintf("[%s]", path)) && !rows[path] {
				t.Errorf("docs/configuration.md does not explain the table %s", path)
			}
			delete(rows, path)
			return
		}
		if !rows[path] {
			t.Errorf("docs/configuration.md does not explain %s", path)
		}
		delete(rows, path)
	})
	for path := range rows {
		t.Errorf("docs/configuration.md explains %s, which does not exist", path)
	}
}

// each calls fn for every key of a table and of the tables below it.
func each(table reflect.Value, path string, fn func(path string, v reflect.Value)) {
	for _, f := range fieldsOf(table.Type()) {
		v, at := table.Field(f.index), join(path, f.name)
		fn(at, v)
		switch {
		case isUnset(v):
		case isTable(v.Type()):
			each(v.Elem(), at, fn)
		case isTables(v.Type()):
			each(v.Index(0), at, fn)
		}
	}
}
