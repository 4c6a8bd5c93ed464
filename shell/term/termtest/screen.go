// SPDX-License-Identifier: GPL-3.0-only

package termtest

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	runewidth "github.com/mattn/go-runewidth"
)

// Screen is the part of a terminal emulator that the tests need. It keeps lines that scroll off the
// top.
type Screen struct {
	mu         sync.Mutex
	cols, rows int
	cells      [][]rune
	gone       []string
	x, y       int
	wrap       bool // the cursor is after the last column
	pending    []byte
	modes      map[string]bool
	sequences  int
	other      [][]rune // the lines that the alternate screen hides
	ox, oy     int
	total      int
	answer     func(string) // writes to the program
}

func newScreen(cols, rows int) *Screen {
	s := &Screen{cols: cols, rows: rows, modes: map[string]bool{"?25": true}}
	for range rows {
		s.cells = append(s.cells, blank(cols))
	}
	return s
}

func blank(n int) []rune { return []rune(strings.Repeat(" ", n)) }

// Text returns the whole screen, including lines that have scrolled off, without trailing blanks.
func (s *Screen) Text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := append([]string(nil), s.gone...)
	for _, l := range s.cells {
		lines = append(lines, trimCells(l))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// Visible returns the lines that are on the screen now.
func (s *Screen) Visible() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for _, l := range s.cells {
		lines = append(lines, trimCells(l))
	}
	return lines
}

func trimCells(l []rune) string {
	return strings.TrimRight(strings.ReplaceAll(string(l), "\x00", ""), " ")
}

// CursorLine returns the text to the left of the cursor and to the right of it.
func (s *Screen) CursorLine() (before, after string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.cells[s.y]
	return string(l[:s.x]), strings.TrimRight(string(l[s.x:]), " ")
}

// Mode tells whether a mode, such as "?2004", is on.
func (s *Screen) Mode(m string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.modes[m]
}

// Written returns the number of bytes received.
func (s *Screen) Written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// Sequences returns the number of control sequences received.
func (s *Screen) Sequences() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sequences
}

func (s *Screen) resize(cols, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cells := fit(s.cells, cols, rows)
	for len(cells) > rows {
		if s.y < len(cells)-1 {
			cells = cells[:len(cells)-1]
		} else {
			s.scrollOff(cells[0])
			cells = cells[1:]
			s.y--
		}
	}
	s.cols, s.rows, s.cells, s.x, s.wrap = cols, rows, cells, min(s.x, cols-1), false
}

// fit returns lines with this number of columns, and at least this number of them.
func fit(lines [][]rune, cols, rows int) [][]rune {
	cells := make([][]rune, 0, rows)
	for _, l := range lines {
		n := blank(cols)
		copy(n, l)
		cells = append(cells, n)
	}
	for len(cells) < rows {
		cells = append(cells, blank(cols))
	}
	return cells
}

// Write implements io.Writer: it receives the bytes for the terminal.
func (s *Screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total += len(b)
	s.sequences += bytes.Count(b, []byte{0x1b})
	s.pending = append(s.pending, b...)
	for len(s.pending) > 0 {
		n := s.step(s.pending)
		if n == 0 {
			break
		}
		s.pending = s.pending[n:]
	}
	return len(b), nil
}

func (s *Screen) step(b []byte) int {
	switch b[0] {
	case '\r':
		s.x, s.wrap = 0, false
		return 1
	case '\n':
		s.feed()
		s.wrap = false
		return 1
	case '\b':
		s.x, s.wrap = max(0, s.x-1), false
		return 1
	case '\a':
		return 1
	case 0x1b:
		return s.escape(b)
	}
	if !utf8.FullRune(b) {
		return 0
	}
	r, n := utf8.DecodeRune(b)
	w := runewidth.RuneWidth(r)
	if s.wrap || s.x+w > s.cols {
		s.x, s.wrap = 0, false
		s.feed()
	}
	s.cells[s.y][s.x] = r
	if w == 2 {
		s.cells[s.y][s.x+1] = 0
	}
	if s.x += w; s.x >= s.cols {
		s.x, s.wrap = s.cols-1, true
	}
	return n
}

func (s *Screen) feed() {
	if s.y < s.rows-1 {
		s.y++
		return
	}
	s.scrollOff(s.cells[0])
	s.cells = append(s.cells[1:], blank(s.cols))
}

// scrollOff keeps a line that leaves the screen, unless it is the alternate screen.
func (s *Screen) scrollOff(line []rune) {
	if s.other == nil {
		s.gone = append(s.gone, trimCells(line))
	}
}

func (s *Screen) escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case 'D':
		s.feed()
		return 2
	case 'M':
		if s.y > 0 {
			s.y--
		} else {
			s.cells = append([][]rune{blank(s.cols)}, s.cells[:s.rows-1]...)
		}
		return 2
	case '[':
	default:
		return 2
	}
	for i := 2; i < len(b); i++ {
		if b[i] >= 0x40 && b[i] <= 0x7e {
			s.csi(string(b[2:i]), b[i])
			return i + 1
		}
	}
	return 0
}

func (s *Screen) csi(params string, final byte) {
	n, err := strconv.Atoi(params)
	if err != nil {
		n = 0
	}
	switch final {
	case 'A':
		s.y = max(0, s.y-max(n, 1))
	case 'B':
		s.y = min(s.rows-1, s.y+max(n, 1))
	case 'C':
		s.x = min(s.cols-1, s.x+max(n, 1))
	case 'D':
		s.x = max(0, s.x-max(n, 1))
	case 'H':
		row, column, _ := strings.Cut(params, ";")
		y, _ := strconv.Atoi(row)
		x, _ := strconv.Atoi(column)
		s.x, s.y = min(max(x, 1), s.cols)-1, min(max(y, 1), s.rows)-1
	case 'J':
		if n == 2 {
			for i := range s.cells {
				s.cells[i] = blank(s.cols)
			}
			return
		}
		copy(s.cells[s.y][s.x:], blank(s.cols-s.x))
		for i := s.y + 1; i < s.rows; i++ {
			s.cells[i] = blank(s.cols)
		}
		return
	case 'K':
		copy(s.cells[s.y][s.x:], blank(s.cols-s.x))
		return
	case 'n':
		if n == 6 && s.answer != nil {
			s.answer("\x1b[" + strconv.Itoa(s.y+1) + ";" + strconv.Itoa(s.x+1) + "R")
		}
		return
	case 'h':
		s.modes[params] = true
		if params == "?1049" {
			s.other, s.ox, s.oy = s.cells, s.x, s.y
			s.cells = nil
			for range s.rows {
				s.cells = append(s.cells, blank(s.cols))
			}
		}
		return
	case 'l':
		s.modes[params] = false
		if params == "?1049" && s.other != nil {
			s.cells = fit(s.other, s.cols, s.rows)[:s.rows] // the terminal may have another size now
			s.x, s.y, s.other, s.wrap = min(s.ox, s.cols-1), min(s.oy, s.rows-1), nil, false
		}
		return
	default:
		return
	}
	s.wrap = false
}
