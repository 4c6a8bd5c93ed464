// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"vrrpsh/completions"
)

// TestGuide parses every command that the guide shows after a prompt, in the mode of the prompt.
func TestGuide(t *testing.T) {
	text, err := os.ReadFile("../docs/shell.md")
	if err != nil {
		t.Fatal(err)
	}
	prompt := regexp.MustCompile(`(?m)^r1(?:\(([a-z-]+)\*?\))?# (.+)$`)
	shown := prompt.FindAllStringSubmatch(string(text), -1)
	if len(shown) < 20 {
		t.Fatalf("only %d commands are shown", len(shown))
	}
	for _, m := range shown {
		mode := completions.Mode(m[1])
		if m[1] == "" {
			mode = completions.Exec
		}
		if _, err := grammar(false).Parse(mode, completions.Administrator, m[2]); err != nil {
			t.Errorf("%s: %v", m[0], err)
		}
	}
	// The commands in tables are commands of configure mode.
	for _, m := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(string(text), -1) {
		for _, line := range regexp.MustCompile("`([a-z][^`]*)`").FindAllStringSubmatch(m[1], -1) {
			typed := strings.ReplaceAll(line[1], `\|`, "|")
			if strings.HasPrefix(typed, "r1") {
				continue
			}
			if _, err := grammar(false).Parse(completions.Config, completions.Administrator, typed); err != nil {
				t.Errorf("%s: %v", typed, err)
			}
		}
	}
}
