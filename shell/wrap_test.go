// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/completions"
)

func TestWrap(t *testing.T) {
	for _, tc := range []struct {
		name                 string
		text                 string
		width, first, others int
		want                 []string
	}{
		{"no width", "one two three", 0, 2, 4, []string{"  one two three"}},
		{"too narrow to care", "one two three", 8, 2, 4, []string{"  one two three"}},
		{"fits", "one two three four", 20, 2, 4, []string{"  one two three four"}},
		{"does not", "one two three four five six seven", 20, 2, 4, []string{"  one two three four", "    five six seven"}},
		{"long word", "a " + strings.Repeat("x", 30) + " b", 20, 0, 0, []string{"a", strings.Repeat("x", 30), "b"}},
		{"wide characters", "日本語日本 語日本語日本", 20, 0, 2, []string{"日本語日本", "  語日本語日本"}},
		{"nothing", "", 20, 2, 4, []string{"  "}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := wrap(tc.text, tc.width, tc.first, tc.others)
			if diff := cmp.Diff(tc.want, got[:min(len(got), len(tc.want))]); diff != "" {
				t.Error(diff)
			}
			if tc.width < minWrap {
				return
			}
			if again := strings.Join(strings.Fields(strings.Join(got, " ")), " "); again != tc.text {
				t.Errorf("words are lost: %q", got)
			}
		})
	}
}

func TestHelpInColumns(t *testing.T) {
	found := []completions.Candidate{{Text: "brief", Help: "One line each of all there are"}, {Text: "<cr>", Help: "Run the command"}, {Text: "eth0"}}
	for width, want := range map[int]string{
		0:  "  brief  One line each of all there are\n  <cr>   Run the command\n  eth0\n",
		28: "  brief  One line each of\n         all there are\n  <cr>   Run the command\n  eth0\n",
		20: "  brief\n    One line each of\n    all there are\n  <cr>\n    Run the command\n  eth0\n",
	} {
		if diff := cmp.Diff(want, helpText(found, width)); diff != "" {
			t.Errorf("%d columns: -want +got:\n%s", width, diff)
		}
	}
}

// TestTerminalWidth: the configured width applies to lines and sentences, whatever size the
// terminal reports.
func TestTerminalWidth(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	s := newSession(t, env, admin)
	s.Resize(80, 24)
	must(t, s, "terminal width 30")
	widest := func(text string) int {
		most := 0
		for l := range strings.Lines(text) {
			most = max(most, len(strings.TrimRight(l, "\n")))
		}
		return most
	}
	var b bytes.Buffer
	io := IO{Out: &b, Err: &b, Width: 80}
	for _, line := range []string{"show vrrp brief", "show vrrp explain", "show running-config", "show vrrp brief | json", "show vrrp group 7"} {
		b.Reset()
		s.Execute(t.Context(), line, io)
		if w := widest(b.String()); w > 30 || w < 20 {
			t.Errorf("%s: the longest line has %d columns:\n%s", line, w, b.String())
		}
	}
	if help := s.Help("show vrrp "); widest(help) > 30 {
		t.Errorf("help:\n%s", help)
	}
	must(t, s, "terminal width 0")
	if out := must(t, s, "show vrrp brief"); widest(out) < 60 {
		t.Errorf("with the width of the terminal:\n%s", out)
	}
	// A character that arrives in two parts is not split.
	b.Reset()
	f := &fold{w: &b, width: 3}
	for _, part := range []string{"ab\xc3", "\xa9d\nabc\n", "de"} {
		if n, err := f.Write([]byte(part)); n != len(part) || err != nil {
			t.Error(n, err)
		}
	}
	if want := "abé\nd\nabc\nde"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
