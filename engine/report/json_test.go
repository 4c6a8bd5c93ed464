// SPDX-License-Identifier: GPL-3.0-only

package report

import (
	"bytes"
	"encoding/json"
	"testing"
)

// TestWriteJSON checks that a list written in parts equals one written as a whole.
func TestWriteJSON(t *testing.T) {
	type element struct {
		Name  string            `json:"name"`
		Parts []string          `json:"parts"`
		Map   map[string]string `json:"map,omitempty"`
	}
	for _, document := range []any{
		[]element{{Name: "a<b>&c", Parts: []string{"x", "y"}}, {Map: map[string]string{"k": "v"}}, {Parts: []string{}}},
		[]element{{}}, []element{}, []element(nil), []int{1, 2}, []byte("abc"), []*element{nil, {Name: "x"}}, [][]string{{"a"}, nil, {}},
		map[string]any{"static": []int{1}}, element{Name: "x"}, nil, "text",
	} {
		var want, got bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(document); err != nil {
			t.Fatal(err)
		}
		if err := WriteJSON(&got, document); err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() {
			t.Errorf("%#v:\n%s\nwant\n%s", document, got.String(), want.String())
		}
	}
	if err := WriteJSON(new(bytes.Buffer), []func(){nil}); err == nil {
		t.Error("a value without a JSON form was written")
	}
}
