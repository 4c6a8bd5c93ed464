// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"bytes"
	"strconv"
	"strings"
)

// tomlLines returns the line, counted from 1, of every table, key and list element of a TOML text
// by its path, such as "vrouter[1].priority". The scan never fails, even if the text is not quite
// valid TOML.
func tomlLines(data []byte) map[string]int {
	s := &tomlScanner{data: data, line: 1, lines: map[string]int{}, counts: map[string]int{}}
	s.scan()
	return s.lines
}

// excess returns the line at which values nest deeper than maxDepth or their number exceeds maxValues, and the problem; 0:
// neither.
func excess(data []byte) (line int, problem string) {
	s := &tomlScanner{data: data, line: 1}
	s.scan()
	if s.values > maxValues {
		return s.deep, tooMany
	}
	return s.deep, tooNested
}

type tomlScanner struct {
	data   []byte
	pos    int
	line   int
	prefix string         // path of the current table
	lines  map[string]int // nil: check only the limits
	counts map[string]int // number of elements so far of
	values int            // keys, tables and list elements so far
	deep   int            // line at which the nesting or the number of values exceeded its limit
}

func (s *tomlScanner) scan() {
	for s.pos < len(s.data) && s.deep == 0 {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\r', '\n':
			s.next()
		case '#':
			s.toLineEnd()
		case '[':
			s.header()
			s.toLineEnd()
		default:
			line := s.line
			path := s.resolve(s.prefix, s.keys(), false)
			s.record(path, line)
			s.blanks()
			if s.peek() != '=' {
				s.toLineEnd()
				continue
			}
			s.next()
			s.value(path, 0)
			s.toLineEnd()
		}
	}
}

func (s *tomlScanner) peek() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

func (s *tomlScanner) next() {
	if s.pos < len(s.data) {
		if s.data[s.pos] == '\n' {
			s.line++
		}
		s.pos++
	}
}

func (s *tomlScanner) blanks() {
	for c := s.peek(); c == ' ' || c == '\t'; c = s.peek() {
		s.next()
	}
}

// space skips blanks, newlines and comments between the elements of a list.
func (s *tomlScanner) space() {
	for {
		switch s.peek() {
		case ' ', '\t', '\r', '\n':
			s.next()
		case '#':
			s.toLineEnd()
		default:
			return
		}
	}
}

func (s *tomlScanner) toLineEnd() {
	if i := bytes.IndexByte(s.data[s.pos:], '\n'); i >= 0 {
		s.pos += i
	} else {
		s.pos = len(s.data)
	}
}

// header reads "[a.b]" or "[[a.b]]".
func (s *tomlScanner) header() {
	line := s.line
	s.next()
	list := s.peek() == '['
	if list {
		s.next()
	}
	s.prefix = s.resolve("", s.keys(), list)
	s.record(s.prefix, line)
}

// keys reads a dotted key, or only skips it if no lines are recorded.
func (s *tomlScanner) keys() []string {
	var keys []string
	for n := 0; ; n++ {
		if n > maxDepth {
			s.deep = s.line
			return keys
		}
		s.blanks()
		start := s.pos
		switch c := s.peek(); c {
		case '"', '\'':
			s.text()
			key := strings.Trim(string(s.data[start:s.pos]), string(c))
			if unquoted, err := strconv.Unquote(string(s.data[start:s.pos])); err == nil && c == '"' {
				key = unquoted
			}
			keys = append(keys, bareKey(key))
		default:
			for isBare(rune(s.peek())) {
				s.pos++
			}
			if s.pos == start { // not a key
				return keys
			}
			if s.lines != nil {
				keys = append(keys, string(s.data[start:s.pos]))
			}
		}
		s.blanks()
		if s.peek() != '.' {
			return keys
		}
		s.next()
	}
}

// resolve returns the path of a key, with the index of the last element of every list of tables in
// the path.
func (s *tomlScanner) resolve(path string, keys []string, list bool) string {
	if s.lines == nil {
		return ""
	}
	for i, key := range keys {
		path = join(path, key)
		n := s.counts[path]
		if list && i == len(keys)-1 {
			s.counts[path] = n + 1
			return nth(path, n)
		}
		if n > 0 {
			path = nth(path, n-1)
		}
	}
	return path
}

func (s *tomlScanner) record(path string, line int) {
	if s.values++; s.values > maxValues {
		s.deep = line
	}
	if s.lines == nil {
		return
	}
	if _, known := s.lines[path]; !known {
		s.lines[path] = line
	}
}

// value skips one value and records the lines of its contents.
func (s *tomlScanner) value(path string, depth int) {
	if depth > maxDepth {
		s.deep = s.line
		return
	}
	s.blanks()
	switch s.peek() {
	case '"', '\'':
		s.text()
	case '[':
		s.list(path, depth)
	case '{':
		s.inline(path, depth)
	default:
		for c := s.peek(); c != 0 && strings.IndexByte(",]}#\n", c) < 0; c = s.peek() {
			s.next()
		}
	}
}

func (s *tomlScanner) list(path string, depth int) {
	s.next()
	for i := 0; s.deep == 0; i++ {
		s.space()
		if c := s.peek(); c == ']' || c == 0 {
			s.next()
			return
		}
		element := path
		if s.lines != nil {
			element = nth(element, i)
		}
		s.record(element, s.line)
		before := s.pos
		s.value(element, depth+1)
		s.space()
		if s.peek() == ',' {
			s.next()
		}
		if s.pos == before { // not TOML
			s.next()
		}
	}
}

func (s *tomlScanner) inline(path string, depth int) {
	s.next()
	for s.deep == 0 {
		s.space()
		if c := s.peek(); c == '}' || c == 0 {
			s.next()
			return
		}
		before, line := s.pos, s.line
		key := s.resolve(path, s.keys(), false)
		s.record(key, line)
		if s.peek() == '=' {
			s.next()
			s.value(key, depth+1)
		}
		s.space()
		if s.peek() == ',' {
			s.next()
		}
		if s.pos == before { // not TOML
			s.next()
		}
	}
}

// text skips a TOML string of any kind.
func (s *tomlScanner) text() {
	q := s.peek()
	if long := bytes.Repeat([]byte{q}, 3); bytes.HasPrefix(s.data[s.pos:], long) {
		s.pos += 3
		for s.pos < len(s.data) && !bytes.HasPrefix(s.data[s.pos:], long) {
			s.escape(q)
			s.next()
		}
		// A multi-line string may end in up to two quotes before its closing quotes.
		for s.peek() == q {
			s.pos++
		}
		return
	}
	s.next()
	for c := s.peek(); c != q && c != '\n' && c != 0; c = s.peek() {
		s.escape(q)
		s.next()
	}
	if s.peek() == q {
		s.next()
	}
}

// escape skips the backslash of an escape sequence.
func (s *tomlScanner) escape(q byte) {
	if q == '"' && s.peek() == '\\' {
		s.pos++
	}
}
