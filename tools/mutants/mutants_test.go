// SPDX-License-Identifier: GPL-3.0-only

package main

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"testing"
)

// TestMutantsFitTheSource looks up the text of every mutant, so that the list does not go stale.
func TestMutantsFitTheSource(t *testing.T) {
	faults, musts := make(map[string]bool), 0
	for _, s := range all() {
		text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(s.file)))
		if err != nil {
			t.Error(err)
			continue
		}
		if len(s.by) == 0 {
			t.Errorf("%s: nothing judges its mutants", s.file)
		}
		for i := range s.mutants {
			m := &s.mutants[i]
			if faults[s.file+m.fault] {
				t.Errorf("%s: %s: there are two of these", s.file, m.fault)
			}
			faults[s.file+m.fault] = true
			if m.must {
				musts++
			}
			mutated, err := m.mutate(string(text))
			if err == nil {
				_, err = parser.ParseFile(token.NewFileSet(), s.file, mutated, parser.SkipObjectResolution)
			}
			if err != nil {
				t.Errorf("%s: %s: %v", s.file, m.fault, err)
			}
		}
	}
	if len(faults) < 100 || musts < 7 {
		t.Errorf("only %d mutants, of which %d must be caught", len(faults), musts)
	}
}

func TestMutate(t *testing.T) {
	m := mutant{old: "a < b", new: "a <= b"}
	for text, want := range map[string]string{"if a < b {": "if a <= b {", "if a > b {": "", "a < b || a < b": ""} {
		if got, err := m.mutate(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q became %q, %v; want %q", text, got, err, want)
		}
	}
	if _, err := (&mutant{old: "a", new: "a"}).mutate("a"); err == nil {
		t.Error("a mutant that changes nothing is accepted")
	}
}

func TestFirstFailure(t *testing.T) {
	for text, want := range map[string]string{
		"=== RUN\n--- FAIL: TestA (0.1s)\n    --- FAIL: TestA/b\n--- FAIL: TestB": "TestA",
		"panic: no\n\ngoroutine 1": "panic: no",
		"exit status 1":            "",
	} {
		if got := firstFailure(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
