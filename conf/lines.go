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
	s := newScanner(data)
	s.lines = map[string]int{}
	s.scan()
	return s.lines
}

// excess returns the line at which a TOML text exceeds a limit, and the limit, if any.
func excess(data []byte) (line int, problem string) {
	s := newScanner(data)
	s.scan()
	return s.line, s.problem
}

type tomlScanner struct {
	data    []byte
	pos     int
	line    int
	table   place          // the current table
	lines   map[string]int // nil: check only the limits
	counts  map[string]int // number of elements so far of
	read    extent
	problem string // the limit that the text exceeds; ends the scan
}

// place is where a value is.
type place struct {
	path  string
	size  int // of the path, with its keys as they are written, which path may shorten
	depth int // number of tables and lists that contain it
}

// newScanner returns a scanner at the first byte after a byte order mark, which the TOML library skips, too.
func newScanner(data []byte) *tomlScanner {
	s := &tomlScanner{data: data, line: 1, counts: map[string]int{}}
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(data, []byte(mark)) {
			s.pos = len(mark)
		}
	}
	return s
}

func (s *tomlScanner) scan() {
	for s.pos < len(s.data) && s.problem == "" {
		switch c := s.data[s.pos]; c {
		case ' ', '\t', '\r', '\n':
			s.next()
		case '#':
			s.toLineEnd()
		case '[':
			s.header()
			s.toLineEnd()
		default:
			key := s.key(s.table, false)
			s.blanks()
			if s.peek() != '=' {
				s.toLineEnd()
				continue
			}
			s.next()
			s.value(key)
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
	s.next()
	list := s.peek() == '['
	if list {
		s.next()
	}
	s.table = s.key(place{}, list)
}

// key reads a dotted key of a table and returns its place, with the index of the last element of every list of tables in the
// path. The last part of the key of a list adds an element.
func (s *tomlScanner) key(at place, list bool) place {
	line := s.line
	for s.problem == "" {
		part, size := s.part()
		last := size == 0 || s.peek() != '.'
		if size > 0 {
			at = place{join(at.path, part), at.size + 1 + size, at.depth + 1}
			n := s.counts[at.path]
			switch {
			case list && last:
				s.counts[at.path] = n + 1
				at.path = nth(at.path, n)
			case n > 0:
				at.path = nth(at.path, n-1)
			}
		}
		if last {
			s.record(at, line)
			return at
		}
		s.count(at)
		s.next()
	}
	return at
}

// part reads a part of a dotted key, with the blanks around it. size is its length in the file; 0: there is no key.
func (s *tomlScanner) part() (name string, size int) {
	s.blanks()
	defer s.blanks()
	start := s.pos
	c := s.peek()
	if c != '"' && c != '\'' {
		for isBare(rune(s.peek())) {
			s.pos++
		}
		return string(s.data[start:s.pos]), s.pos - start
	}
	s.text()
	text := string(s.data[start:s.pos])
	name = strings.Trim(text, string(c))
	if unquoted, err := strconv.Unquote(text); err == nil && c == '"' {
		name = unquoted
	}
	return bareKey(name), len(text)
}

// count counts a value.
func (s *tomlScanner) count(at place) {
	if problem := s.read.add(at.size, at.depth); s.problem == "" {
		s.problem = problem
	}
}

// record counts a value and remembers its line.
func (s *tomlScanner) record(at place, line int) {
	s.count(at)
	if s.lines == nil {
		return
	}
	if _, known := s.lines[at.path]; !known {
		s.lines[at.path] = line
	}
}

// value skips one value and records the lines of its contents.
func (s *tomlScanner) value(at place) {
	s.blanks()
	switch s.peek() {
	case '"', '\'':
		s.text()
	case '[':
		s.list(at)
	case '{':
		s.inline(at)
	default:
		for c := s.peek(); c != 0 && strings.IndexByte(",]}#\n", c) < 0; c = s.peek() {
			s.next()
		}
	}
}

func (s *tomlScanner) list(at place) {
	s.next()
	for i := 0; s.problem == ""; i++ {
		s.space()
		if c := s.peek(); c == ']' || c == 0 {
			s.next()
			return
		}
		element := place{nth(at.path, i), at.size, at.depth + 1}
		s.record(element, s.line)
		before := s.pos
		s.value(element)
		s.space()
		if s.peek() == ',' {
			s.next()
		}
		if s.pos == before { // not TOML
			s.next()
		}
	}
}

func (s *tomlScanner) inline(at place) {
	s.next()
	for s.problem == "" {
		s.space()
		if c := s.peek(); c == '}' || c == 0 {
			s.next()
			return
		}
		before := s.pos
		key := s.key(at, false)
		if s.peek() == '=' {
			s.next()
			s.value(key)
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
