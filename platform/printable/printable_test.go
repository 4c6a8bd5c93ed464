// SPDX-License-Identifier: GPL-3.0-only

package printable

import "testing"

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ in, line, lines string }{
		{"eth0 → größer 日本\u00a0\u00ad", "eth0 → größer 日本\u00a0\u00ad", "eth0 → größer 日本\u00a0\u00ad"},
		{"a\nb", "a?b", "a\nb"},
		{"a\tb\rc\x00", "a?b?c?", "a?b?c?"},
		{"\x1b[31mred\x7f", "?[31mred?", "?[31mred?"},
		{"\u009b31m\u0080\u009f", "?31m??", "?31m??"}, // CSI of eight bits
		{"\xff\x9b\ufffd", "???", "???"},
		{"", "", ""},
	} {
		if got := Line(c.in); got != c.line {
			t.Errorf("Line(%q) = %q, want %q", c.in, got, c.line)
		}
		if got := Lines(c.in); got != c.lines {
			t.Errorf("Lines(%q) = %q, want %q", c.in, got, c.lines)
		}
	}
}
