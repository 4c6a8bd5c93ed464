// SPDX-License-Identifier: GPL-3.0-only

package printable

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line returns s as a part of one line: "?" replaces each control character (C0, DEL and C1) and each invalid UTF-8 byte.
func Line(s string) string { return strings.Map(visible, s) }

// Lines is Line for a text of several lines.
func Lines(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return visible(r)
	}, s)
}

func visible(r rune) rune {
	if unicode.IsControl(r) || r == utf8.RuneError {
		return '?'
	}
	return r
}
