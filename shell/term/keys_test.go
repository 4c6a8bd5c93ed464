// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// scanAll cuts input that arrives in chunks into keys. Adjacent texts are joined, because a text
// ends where its chunk ends.
func scanAll(chunks ...string) (keys []string) {
	var s scanner
	var buf []byte
	text := false
	for _, c := range chunks {
		buf = append(buf, c...)
		for {
			k, n := s.next(buf)
			if n == 0 {
				break
			}
			buf = buf[n:]
			switch {
			case k.kind == keyNone:
			case k.kind == keyText && text:
				keys[len(keys)-1] += k.text
			default:
				keys = append(keys, k.text)
				text = k.kind == keyText
			}
		}
	}
	return keys
}

func TestScanner(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
	}{
		{"text and control", "show\tv\r", []string{"show", "\t", "v", "\r"}},
		{"question", "sh?x", []string{"sh", "?", "x"}},
		{"quoted question", "sh\x16?x?", []string{"sh?x", "?"}},
		{"line ends", "a\r\nb\nc\rd", []string{"a", "\r", "b", "\n", "c", "\r", "d"}},
		{"sequences", "\x1b[A\x1b[1;5C\x1bOHx", []string{"\x1b[A", "\x1b[1;5C", "\x1bOH", "x"}},
		{"meta", "\x1bbé\x1bé", []string{"b", "é", "é"}},
		{"escape twice", "\x1b\x1b[A", []string{"\x1b[A"}},
		{"unfinished", "a\x1b[1;", []string{"a"}},
		{"console function key", "\x1b[[Aa", []string{"a"}},
		{"paste", "\x1b[200~a?\tb\r\x1b[201~?", []string{"a? b", "\r", "?"}},
		{"Ctrl-C ends a paste", "\x1b[200~a\x03?", []string{"a", "\x03", "?"}},
		{"not printable", "a\u200b\u0085\u00a0b\xff", []string{"a  b"}},
		{"broken sequence", "\x1b[12\rx", []string{"\r", "x"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, scanAll(tt.in)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The result does not depend on how the network cuts the bytes, and no control character gets into
// the text of a line.
func TestScannerAnyBytes(t *testing.T) {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{"\x1b[A", "\x1bOF", "\x1bb", "\x1b", "\r\n", "?", "\x16", "é", "日", "\x1b[200~", "\x1b[201~", "\xc3", "\t"}),
		rapid.StringN(0, 5, 12),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 5), func(b []byte) string { return string(b) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		whole := strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces"), "")
		var single []string
		for i := range len(whole) {
			single = append(single, whole[i:i+1])
		}
		keys := scanAll(whole)
		if diff := cmp.Diff(keys, scanAll(single...)); diff != "" {
			t.Fatalf("%q cut into bytes:\n%s", whole, diff)
		}
		for _, k := range keys {
			if utf8.RuneCountInString(k) > 1 && !strings.HasPrefix(k, "\x1b") {
				for _, r := range k {
					if !unicode.IsPrint(r) {
						t.Fatalf("%q has text %q", whole, k)
					}
				}
			}
		}
	})
}
