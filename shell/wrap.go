// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// minWrap is the least width, in columns, to which text is wrapped. A narrower column would break up sentences.
const minWrap = 16

// wrap breaks a text at spaces to fit width. The width includes the indent: first for the first line, others for the
// rest. Words longer than a line are not broken. If width is less than minWrap, wrap returns one line.
func wrap(text string, width, first, others int) []string {
	if width < minWrap {
		return []string{strings.Repeat(" ", first) + text}
	}
	if width-others < minWrap {
		others = 0
	}
	return breakWords(text, width, first, others)
}

// breakWords works as wrap for any width.
func breakWords(text string, width, first, others int) []string {
	var lines []string
	line, used := strings.Repeat(" ", first), first
	begun := false
	for word := range strings.SplitSeq(text, " ") {
		w := runewidth.StringWidth(word)
		if begun && used+1+w > width {
			lines = append(lines, line)
			line, used, begun = strings.Repeat(" ", others), others, false
		}
		if begun {
			line, used = line+" ", used+1
		}
		line, used, begun = line+word, used+w, true
	}
	return append(lines, line)
}

// wrapped makes the command's output break at spaces where a line is longer than the terminal is wide. Pipes see whole lines.
func (c *call) wrapped() {
	if width := c.session.textWidth(c.io.Width); width >= minWrap && !c.piped() {
		c.out = &wrapper{w: c.out, width: width}
	}
}

// wrapper breaks lines at spaces. Each write to it ends with a line, or the next one continues the line.
type wrapper struct {
	w     io.Writer
	width int
	part  []byte // of an incomplete line
}

// Write implements io.Writer.
func (w *wrapper) Write(b []byte) (int, error) {
	w.part = append(w.part, b...)
	for {
		i := bytes.IndexByte(w.part, '\n')
		if i < 0 {
			return len(b), nil
		}
		line := string(w.part[:i])
		w.part = w.part[i+1:]
		text := strings.TrimLeft(line, " ")
		lines := []string{line}
		if indent := len(line) - len(text); runewidth.StringWidth(line) > w.width {
			lines = wrap(text, w.width, indent, indent+2)
		}
		if _, err := io.WriteString(w.w, strings.Join(lines, "\n")+"\n"); err != nil {
			return 0, err
		}
	}
}

// truncateLines truncates lines to a width.
func truncateLines(text string, width int) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = runewidth.Truncate(l, width, "")
	}
	return strings.Join(lines, "\n")
}

// fold breaks lines after a number of columns, as a terminal of that width does.
type fold struct {
	w     io.Writer
	width int
	used  int    // columns used in the incomplete line
	part  []byte // of an incomplete character
}

// Write implements io.Writer.
func (f *fold) Write(b []byte) (int, error) {
	data := slices.Concat(f.part, b)
	var out bytes.Buffer
	for len(data) > 0 && utf8.FullRune(data) {
		r, n := utf8.DecodeRune(data)
		w := runewidth.RuneWidth(r)
		switch {
		case r == '\n':
			f.used, w = 0, 0
		case f.used+w > f.width && f.used > 0:
			out.WriteByte('\n')
			f.used = 0
		}
		f.used += w
		out.Write(data[:n])
		data = data[n:]
	}
	f.part = data
	if _, err := f.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(b), nil
}
