// SPDX-License-Identifier: GPL-3.0-only

package completions

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// token is one word of a line.
type token struct {
	text       string // without quotes and escapes
	start, end int    // in bytes, quotes included
	quoted     bool
	open       bool // the closing quote is missing
}

// segment is the part of a line between pipes.
type segment struct {
	tokens     []token
	start, end int
}

// lex splits a line into words and at pipes. A pipe is a "|" at the beginning or end of a word,
// outside quotes; inside a word, as in "eth0|eth1", "|" belongs to the word.
func lex(line string) []segment {
	segments := []segment{{}}
	for i := 0; i < len(line); {
		last := &segments[len(segments)-1]
		switch line[i] {
		case ' ', '\t':
			i++
		case '|':
			last.end = i
			segments = append(segments, segment{start: i + 1})
			i++
		case '"':
			t := quotedToken(line, i)
			last.tokens = append(last.tokens, t)
			i = t.end
		default:
			t := token{start: i}
			for i < len(line) && line[i] != ' ' && line[i] != '\t' {
				if line[i] == '|' && (i+1 == len(line) || line[i+1] == ' ') {
					break
				}
				i++
			}
			t.end, t.text = i, line[t.start:i]
			last.tokens = append(last.tokens, t)
		}
	}
	segments[len(segments)-1].end = len(line)
	return segments
}

func quotedToken(line string, start int) token {
	t := token{start: start, quoted: true, open: true}
	var text strings.Builder
	i := start + 1
	for i < len(line) {
		switch c := line[i]; c {
		case '"':
			t.open = false
			t.end, t.text = i+1, text.String()
			return t
		case '\\':
			n := unescape(&text, line[i:])
			i += n
		default:
			text.WriteByte(c)
			i++
		}
	}
	t.end, t.text = len(line), text.String()
	return t
}

// unescape writes the meaning of the escape at the beginning of s and returns the length of the
// escape. Before any other character a backslash stands for itself, so that regular expressions
// need no double backslashes.
func unescape(w *strings.Builder, s string) int {
	if len(s) < 2 {
		w.WriteByte('\\')
		return len(s)
	}
	switch s[1] {
	case '"', '\\':
		w.WriteByte(s[1])
		return 2
	case 'n':
		w.WriteByte('\n')
		return 2
	case 't':
		w.WriteByte('\t')
		return 2
	case 'r':
		w.WriteByte('\r')
		return 2
	case 'x', 'u', 'U':
		if r, _, tail, err := strconv.UnquoteChar(s, '"'); err == nil {
			if s[1] == 'x' && r >= utf8.RuneSelf {
				break
			}
			w.WriteRune(r)
			return len(s) - len(tail)
		}
	}
	w.WriteByte('\\')
	return 1
}

// Quote writes a value as one word of a line: unchanged where possible, otherwise in double quotes.
func Quote(s string) string {
	if s != "" && !strings.ContainsAny(s, " \t\"\\|!#?") && plain(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case !strconv.IsPrint(r):
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func plain(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || !strconv.IsPrint(r) {
			return false
		}
	}
	return true
}

// Split splits a text into words, with quotes as on the command line.
func Split(text string) []string {
	var words []string
	for _, s := range lex(text) {
		for _, t := range s.tokens {
			words = append(words, t.text)
		}
	}
	return words
}

// Join writes words as the rest of a line; Split reverses it.
func Join(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = Quote(w)
	}
	return strings.Join(quoted, " ")
}
