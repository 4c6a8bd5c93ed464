// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/olekukonko/ll"
	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/tw"
)

type column struct {
	title string
	align tw.Align
}

func left(title string) column   { return column{title, tw.AlignLeft} }
func right(title string) column  { return column{title, tw.AlignRight} }
func center(title string) column { return column{title, tw.AlignCenter} }

// table writes a table without borders, as network operating systems do, and without trailing spaces. On a terminal, rows
// that are wider than it continue on further lines; pipes see one line for each row.
func (c *call) table(columns []column, rows [][]string) error {
	width := 0
	if !c.piped() {
		width = c.session.textWidth(c.io.Width)
	}
	return writeTable(c.out, width, columns, rows)
}

// writeTable writes a table; see table. A width of 0 means unlimited.
func writeTable(w io.Writer, width int, columns []column, rows [][]string) error {
	titles := make([]string, len(columns))
	aligns := make([]tw.Align, len(columns))
	for i, c := range columns {
		titles[i], aligns[i] = c.title, c.align
	}
	lines := &plain{columns: len(columns), width: width}
	t := tablewriter.NewTable(w,
		tablewriter.WithRenderer(lines),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: headerAligns(aligns)}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: aligns}),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithPadding(tw.PaddingNone),
		tablewriter.WithTrimSpace(tw.Off),
	)
	t.Header(titles)
	if err := t.Bulk(rows); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	if err := t.Render(); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	return lines.err
}

// titled is an output that treats titles, and sentences besides the data, apart from the data.
type titled interface{ writeTitles(line []byte) error }

// plain renders a table as plain lines of cells. For a table of thousands of rows it takes half the time of the
// renderer that can draw borders.
type plain struct {
	w       io.Writer
	columns int
	width   int // of the terminal, 0: unlimited
	line    []byte
	err     error
}

var _ tw.Renderer = (*plain)(nil)

// Start implements tw.Renderer.
func (p *plain) Start(w io.Writer) error { p.w = w; return nil }

// Header implements tw.Renderer.
func (p *plain) Header(_ [][]string, f tw.Formatting) {
	p.format(&f)
	if t, ok := p.w.(titled); ok && p.err == nil {
		p.err = t.writeTitles(p.line)
		return
	}
	p.write()
}

// Row implements tw.Renderer.
func (p *plain) Row(_ []string, f tw.Formatting) {
	p.format(&f)
	p.write()
}

// Footer implements tw.Renderer; the tables have no footers.
func (p *plain) Footer([][]string, tw.Formatting) {}

// Line implements tw.Renderer; there are no lines between rows.
func (p *plain) Line(tw.Formatting) {}

// Close implements tw.Renderer.
func (p *plain) Close() error { return p.err }

// Logger implements tw.Renderer; there is nothing to log.
func (p *plain) Logger(*ll.Logger) {}

// Config implements tw.Renderer.
func (p *plain) Config() tw.Rendition {
	return tw.Rendition{
		Borders:  tw.BorderNone,
		Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
	}
}

func (p *plain) write() {
	if p.err == nil {
		_, p.err = p.w.Write(p.line)
	}
}

// continuation is the indent of a row's further lines, unless a cell continues below itself.
const continuation = 2

// format formats a row, with two spaces between cells. A cell that does not fit on the line begins the next one; the last
// cell is broken at spaces first.
func (p *plain) format(f *tw.Formatting) {
	p.line = p.line[:0]
	at, used := 0, 0 // the column of the next cell, and of the end of the line
	for i := range p.columns {
		cell, width := f.Row.Current[i], f.Row.Widths.Get(i)
		need := runewidth.StringWidth(cell.Data)
		lines := []string{cell.Data}
		if p.width > 0 && at+need > p.width {
			word := longestWord(cell.Data)
			last := i == p.columns-1
			if !last || at+word > p.width {
				p.line = append(bytes.TrimRight(p.line, " "), '\n')
				used, at = 0, continuation
				if last { // as far to the right as it fits, below its title
					at = max(at, p.width-word)
				}
			}
			if last {
				lines = breakWords(cell.Data, p.width-at, 0, 0)
				need = runewidth.StringWidth(lines[0])
				width = need
			}
		}
		left := 0
		switch cell.Align {
		case tw.AlignRight:
			left = width - need
		case tw.AlignCenter:
			left = (width - need) / 2
		default: // left
		}
		if p.width > 0 {
			left = min(left, p.width-at-need)
		}
		p.line = append(p.line, blanks(at+left-used)...)
		p.line = append(p.line, lines[0]...)
		used = at + max(left, 0) + need
		for _, l := range lines[1:] {
			p.line = append(append(append(p.line, '\n'), blanks(at)...), l...)
		}
		at += width + 2
	}
	p.line = append(bytes.TrimRight(p.line, " "), '\n')
}

// longestWord returns the width of the longest word.
func longestWord(text string) int {
	longest := 0
	for word := range strings.FieldsSeq(text) {
		longest = max(longest, runewidth.StringWidth(word))
	}
	return longest
}

func blanks(n int) string { return strings.Repeat(" ", max(n, 0)) }

// headerAligns aligns titles with their values. Titles of centered values are left-aligned.
func headerAligns(rows []tw.Align) []tw.Align {
	titles := make([]tw.Align, len(rows))
	for i, a := range rows {
		titles[i] = a
		if a == tw.AlignCenter {
			titles[i] = tw.AlignLeft
		}
	}
	return titles
}
