// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"encoding"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

var updateFields = flag.Bool("update-fields", false, "rewrite the list of the hand-over's fields, for a new version")

// TestHandoverFields checks that the names in a hand-over, and the named numbers, match its version.
func TestHandoverFields(t *testing.T) {
	const file = "testdata/handover/fields.txt"
	l := lister{enums: make(map[reflect.Type]bool)}
	l.fields(reflect.TypeFor[Handover](), "")
	l.enum(reflect.TypeFor[vrrp.DropReason]()) // counters have names
	fmt.Fprintf(&l.names, "engine.HookEvents: %q\n", engine.HookEventNames())
	got := fmt.Sprintf("version %d\n%s", handoverVersion, l.String())
	b, err := os.ReadFile(file)
	if err != nil && !*updateFields {
		t.Fatal(err)
	}
	recorded := string(b)
	if recorded == got {
		return
	}
	version, _, _ := strings.Cut(recorded, "\n")
	if now := fmt.Sprintf("version %d", handoverVersion); !*updateFields || version == now {
		t.Fatalf(`The hand-over has changed (-%s +now):
%s
Other releases read it by these names and numbers.
- A field that only has a new name in Go: keep its name in the document with a json tag.
- A number that only has a new name: if String has to change, make ReadHandover understand the old name, too.
- A field or a number that is new, gone, or means something else: add 1 to handoverVersion. If releases of the previous version would fail
  without it, set handoverNeeds to the new version, too. Make ReadHandover understand documents of earlier versions (Version
  tells them apart). New numbers come last. Then run this test with -update-fields.`, version, cmp.Diff(strings.Split(recorded, "\n"), strings.Split(got, "\n")))
	}
	if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
		t.Fatal(err)
	}
}

// lister lists the JSON fields of a type.
type lister struct {
	strings.Builder
	enums map[reflect.Type]bool
	names strings.Builder
}

func (l *lister) String() string { return l.Builder.String() + l.names.String() }

func (l *lister) fields(t reflect.Type, path string) {
	text := t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) || t.Implements(reflect.TypeFor[json.Marshaler]())
	switch {
	case t.Kind() == reflect.Uint8 && t.Implements(reflect.TypeFor[fmt.Stringer]()):
		l.enum(t)
		fallthrough
	case text:
		fmt.Fprintf(l, "%s %s\n", path, t)
	case t.Kind() == reflect.Struct:
		for _, f := range reflect.VisibleFields(t) {
			if f.Anonymous || !f.IsExported() {
				continue // fields of embedded structs are visible, too
			}
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "" {
				name = f.Name
			}
			l.fields(f.Type, strings.TrimPrefix(path+"."+name, "."))
		}
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Array:
		l.fields(t.Elem(), path+"[]")
	default:
		fmt.Fprintf(l, "%s %s\n", path, t)
	}
}

// enum lists the names of the numbers of an enum.
func (l *lister) enum(t reflect.Type) {
	if l.enums[t] {
		return
	}
	l.enums[t] = true
	var seen []string
	fmt.Fprintf(&l.names, "%s:", t)
	for i := range 256 {
		v := reflect.New(t).Elem()
		v.SetUint(uint64(i))
		name := v.Interface().(fmt.Stringer).String()
		if !slices.Contains(seen, name) && !strings.HasPrefix(name, t.Name()+"(") {
			seen = append(seen, name)
			fmt.Fprintf(&l.names, " %d=%q", i, name)
		}
	}
	fmt.Fprintln(&l.names)
}

// TestSpecimen checks that the document sent to another release for a check has every field, and that this release understands it.
func TestSpecimen(t *testing.T) {
	type part struct{ A []struct{ B *int } }
	specimen, err := Specimen(new(part))
	if err != nil {
		t.Fatal(err)
	}
	h, err := ReadHandover(specimen, new(part))
	if err != nil {
		t.Fatal(err)
	}
	if h.Version != handoverVersion || h.Needs != handoverNeeds || string(h.System) != `{"A":[{"B":1}]}` ||
		len(h.Engine.Groups) != 1 || len(h.Engine.Config.Tracks[0].Script.Command) != 1 {
		t.Errorf("the specimen is %s", specimen)
	}
	var doc map[string]any
	if err := json.Unmarshal(specimen, &doc); err != nil {
		t.Fatal(err)
	}
	rename := func(from, to string, at map[string]any) func() {
		return func() { at[to] = at[from]; delete(at, from) }
	}
	for _, c := range []struct {
		name string
		edit func()
		left any
		want string // in the error; "": no error
	}{
		{"as it is", func() {}, new(part), ""},
		{"another system's part", func() {}, new(struct{ X int }), "state left in the kernel"},
		{"of a later release", func() { doc["Written"], doc["More"] = handoverVersion+1, 1 }, new(struct{ X int }), ""},
		{"that needs a later one", func() { doc["Version"] = handoverVersion + 1 }, nil, fmt.Sprintf("needs version %d, this release understands version %d", handoverVersion+1, handoverVersion)},
		{"with an unknown field", func() { doc["Version"], doc["Written"] = 1, handoverVersion }, nil, `unknown field "More"`},
		{"with an unknown field of a group", func() {
			delete(doc, "More")
			rename("Peer", "Rival", doc["Engine"].(map[string]any)["Groups"].([]any)[0].(map[string]any))()
		}, nil, `unknown field "Rival"`},
		{"without a version", func() { delete(doc, "Version") }, nil, "hand-over without a version"},
	} {
		c.edit()
		b, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ReadHandover(b, c.left)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

// TestMarshalFor checks that the previous release understands a document that is handed back: the first release requires version 1.
func TestMarshalFor(t *testing.T) {
	h := &Handover{Version: handoverVersion, Needs: handoverNeeds, Engine: engine.Handover{EventSeq: 7}}
	b, err := h.MarshalFor(1)
	if err != nil {
		t.Fatal(err)
	}
	var first struct{ Version int }
	if err := json.Unmarshal(b, &first); err != nil || first.Version != 1 {
		t.Errorf("the first release sees version %d (%v)", first.Version, err)
	}
	h.Needs = 2
	if _, err := h.MarshalFor(1); err == nil || errors.Is(err, ErrStopped) {
		t.Errorf("error %v", err)
	}
}
