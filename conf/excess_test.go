// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"strings"
	"testing"
)

// TestExcessEnds checks that a malicious file costs little: the number of faults, values and tables is bounded, and messages are short.
func TestExcessEnds(t *testing.T) {
	for name, tt := range map[string]struct {
		text   string
		format Format
		last   string // of the lines
		lines  int
	}{
		"empty tables":     {`{"vrouter":[` + strings.Repeat("{},", maxTables-1) + `{}]}`, JSON, "there are more faults than these 100", maxFaults + 1},
		"too many tables":  {`{"vrouter":[` + strings.Repeat("{},", maxTables) + `{}]}`, JSON, "vrouter: 65537 tables are more than 65536", 1},
		"too many values":  {`{"vrouter":[` + strings.Repeat("{},", maxValues) + `{}]}`, JSON, "there are more than 524288 values", 1},
		"tables in TOML":   {strings.Repeat("[[vrouter]]\n", maxValues+1), TOML, "there are more than 524288 values", 1},
		"elements in TOML": {"notify = [" + strings.Repeat("1,", maxValues) + "1]\n", TOML, "there are more than 524288 values", 1},
		"unknown keys":     {strings.Repeat("\n", 3) + manyKeys(1000), TOML, "there are more faults than these 100", maxFaults + 1},
		"a number":         {"debug = " + strings.Repeat("1", 1000) + "\n", TOML, "", 1},
		"a number in JSON": {`{"debug": ` + strings.Repeat("9", 1<<20) + `}`, JSON, "... is not an integer", 1},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Load("x", []byte(tt.text), tt.format)
			lines := strings.Split(errorText(err), "\n")
			if err == nil {
				lines = nil
			}
			if len(lines) != tt.lines {
				t.Fatalf("%d lines, want %d; the first: %.200s", len(lines), tt.lines, errorText(err))
			}
			for _, l := range lines {
				if len(l) > 300 {
					t.Errorf("a line of %d bytes: %.300s", len(l), l)
				}
			}
			if len(lines) > 0 && !strings.HasSuffix(lines[len(lines)-1], tt.last) {
				t.Errorf("the last line is %q, want %q at its end", lines[len(lines)-1], tt.last)
			}
		})
	}
}

// manyKeys returns keys that do not exist.
func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("key" + strings.Repeat("x", i%7) + "_" + strings.Repeat("1", i/7+1) + " = 1\n")
	}
	return b.String()
}

// TestWarningsEnd checks that the number of warnings is bounded.
func TestWarningsEnd(t *testing.T) {
	f := NewFile()
	var routers []*Table
	for i := 1; i <= 250; i++ {
		r := RouterTable.New()
		Group.Set(r, i)
		Interface.Set(r, "eth0")
		VIP.Set(r, "10.0.0."+FormatValue(i))
		AcceptPing.Set(r, true)
		routers = append(routers, r)
	}
	VRouters.Set(f, routers)
	cfg, err := Validate(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(cfg.Warnings); n != maxFaults+1 || cfg.Warnings[n-1] != "150 more warnings" {
		t.Errorf("%d warnings, the last %q", n, cfg.Warnings[n-1])
	}
}
