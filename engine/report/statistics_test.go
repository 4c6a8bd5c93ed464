// SPDX-License-Identifier: GPL-3.0-only

package report

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// TestStatisticsDocumented compares the table of docs/statistics.md with the counters.
func TestStatisticsDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/statistics.md")
	if err != nil {
		t.Fatal(err)
	}
	var c engine.Counters
	doc, err := json.Marshal(statistics(&c))
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(doc, &fields); err != nil {
		t.Fatal(err)
	}
	var want []string
	for name := range fields {
		switch name {
		case "dropped":
			for r := vrrp.DropNone + 1; int(r) < vrrp.NumDropReasons; r++ {
				want = append(want, "dropped."+r.String())
			}
		case "tolerated":
			want = append(want, "tolerated.length", "tolerated.interval", "tolerated.address-list")
		default:
			want = append(want, name)
		}
	}
	_, table, _ := strings.Cut(string(b), "## What is counted")
	table, _, _ = strings.Cut(table, "Counters of the interface")
	var got []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(table, -1) {
		got = append(got, m[1])
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("documented counters\n%q, want\n%q", got, want)
	}
}
