// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"vrrpsh/conf"
)

var update = flag.Bool("update", false, "write the schemas of the keys into openapi.json")

// TestReference checks that the schemas of configurations match the declared keys: -update writes
// them.
func TestReference(t *testing.T) {
	document := bytes.Clone(openAPIDocument)
	for name, schema := range map[string]map[string]any{
		"ConfigGlobal": conf.Root.GeneralSchema(), "ConfigRouter": conf.RouterTable.JSONSchema(), "ConfigRoute": conf.StaticTable.JSONSchema(),
	} {
		const indent = "      "
		want, err := json.MarshalIndent(schema, indent, "  ")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, found := bytes.Cut(document, []byte("\n"+indent+`"`+name+`": `))
		if !found {
			t.Fatalf("openapi.json has no %s", name)
		}
		var have json.RawMessage
		if err := json.NewDecoder(bytes.NewReader(rest)).Decode(&have); err != nil {
			t.Fatal(err)
		}
		document = bytes.Replace(document, have, want, 1)
	}
	switch {
	case bytes.Equal(document, openAPIDocument):
	case *update:
		if err := os.WriteFile("openapi.json", document, 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Error("openapi.json is out of date: go test ./api -run Reference -update")
	}
}
