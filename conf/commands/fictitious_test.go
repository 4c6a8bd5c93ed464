// SPDX-License-Identifier: GPL-3.0-only

package commands_test

import (
	"bytes"
	"strings"
	"testing"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/conf/commands"
)

// fictitious is a key that nothing uses. It consists of its declaration only.
var fictitious = conf.Declare[int](conf.RouterTable, conf.Key{
	Name: "fictitious_limit", Type: conf.Integer{Low: 3, High: 7}, Default: 5, Help: "No effect, for a test",
})

const withoutIt = "[[vrouter]]\ngroup = 1\ninterface = \"eth0\"\nvip = \"10.0.0.1\"\n"

// TestADeclaredKeyIsEverywhere checks that everything that follows from a declaration works for a key
// that is only declared.
func TestADeclaredKeyIsEverywhere(t *testing.T) {
	contains := func(where, text, want string) {
		t.Helper()
		if !strings.Contains(text, want) {
			t.Errorf("%s has no %q:\n%s", where, want, text)
		}
	}
	written := withoutIt + "fictitious_limit = 4\n"
	file, _, err := conf.Load("r.toml", []byte(written), conf.TOML)
	if err != nil || fictitious.Value(conf.VRouters.Value(file)[0]) != 4 {
		t.Fatalf("read from a file: %v", err)
	}
	data, err := conf.Marshal(file, conf.JSON)
	if err != nil {
		t.Fatal(err)
	}
	contains("the file as JSON", string(data), `"fictitious_limit": 4`)
	if again, err := conf.Parse("r.json", data, conf.JSON); err != nil || !again.Equal(file) {
		t.Errorf("read from JSON: %v", err)
	}
	_, _, err = conf.Load("r.toml", []byte(withoutIt+"fictitious_limit = 8\n"), conf.TOML)
	contains("the fault", err.Error(), "r.toml:5: vrouter[0].fictitious_limit: 8 is out of range 3-7")
	_, _, err = conf.Load("r.toml", []byte(withoutIt+"fictitous_limit = 4\n"), conf.TOML)
	contains("the fault", err.Error(), "did you mean fictitious_limit?")

	e := newEditor(t, withoutIt)
	before := e.draft.Copy()
	e.must("interface eth0 vrrp 1 fictitious-limit 4")
	if !e.draft.File().Equal(file) {
		t.Error("the command gives another configuration than the file")
	}
	var shown bytes.Buffer
	e.draft.Write(&shown, commands.Reveal)
	contains("show", shown.String(), "\n  fictitious-limit 4\n")
	var changes strings.Builder
	for _, d := range commands.Compare(before, e.draft) {
		changes.WriteString(d.String() + "\n")
	}
	contains("the comparison", changes.String(), "+  fictitious-limit 4\n")
	if err := e.edit("interface eth0 vrrp 1 fictitious-limit 8"); err == nil || !strings.Contains(err.Error(), "3-7") {
		t.Errorf("8 as a command: %v", err)
	}
	for _, form := range []string{"no", "default"} {
		e.must("interface eth0 vrrp 1 fictitious-limit 4", form+" interface eth0 vrrp 1")
		e = newEditor(t, withoutIt)
		e.must("interface eth0 vrrp 1", "fictitious-limit 4", form+" fictitious-limit")
		if !e.draft.File().Equal(before.File()) {
			t.Errorf("%s does not undo it", form)
		}
	}

	help := func(line string) string {
		var b strings.Builder
		found, _ := e.tree.Complete(completions.ConfigRouter, completions.Administrator, line, nil)
		for _, c := range found {
			b.WriteString(c.Text + "\t" + c.Help + "\n")
		}
		return b.String()
	}
	contains("?", help("fictit"), "fictitious-limit\tNo effect, for a test (default 5)\n")
	contains("?", help("fictitious-limit "), "<3-7>")
	contains("reference.toml", string(conf.Reference()), "# No effect, for a test. Integer 3-7.\nfictitious_limit = 5\n")
	contains("docs/configuration.md", conf.RouterTable.Table(), "| `vrouter.fictitious_limit` | integer 3-7 | 5 | No effect, for a test |")
	var reference bytes.Buffer
	if err := e.tree.Reference(&reference); err != nil {
		t.Fatal(err)
	}
	contains("docs/commands.md", reference.String(), "### `fictitious-limit <limit 3-7>`")
	if _, ok := conf.RouterTable.JSONSchema()["properties"].(map[string]any)["fictitious_limit"]; !ok {
		t.Error("the schema does not have it")
	}
}
