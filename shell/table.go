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

// writeTable writes a table without borders, as network operating systems do, and without trailing
// spaces.
func writeTable(w io.Writer, columns []column, rows [][]string) error {
	titles := make([]string, len(columns))
	aligns := make([]tw.Align, len(columns))
	for i, c := range columns {
		titles[i], aligns[i] = c.title, c.align
	}
	lines := &plain{columns: len(columns)}
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

// plain renders a table as plain lines of cells. For a table of thousands of rows it takes half the time of the
// renderer that can draw borders.
type plain struct {
	w       io.Writer
	columns int
	line    []byte
	err     error
}

var _ tw.Renderer = (*plain)(nil)

// Start implements tw.Renderer.
func (p *plain) Start(w io.Writer) error { p.w = w; return nil }

// Header implements tw.Renderer.
func (p *plain) Header(_ [][]string, f tw.Formatting) { p.write(&f) }

// Row implements tw.Renderer.
func (p *plain) Row(_ []string, f tw.Formatting) { p.write(&f) }

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

// write writes a line with two spaces between cells.
func (p *plain) write(f *tw.Formatting) {
	p.line = p.line[:0]
	for i := range p.columns {
		cell := f.Row.Current[i]
		left, right := 0, f.Row.Widths.Get(i)-runewidth.StringWidth(cell.Data)
		switch cell.Align {
		case tw.AlignRight:
			left, right = right, 0
		case tw.AlignCenter:
			left = right / 2
			right -= left
		default: // left
		}
		p.line = append(p.line, blanks(left)...)
		p.line = append(p.line, cell.Data...)
		p.line = append(p.line, blanks(right+2)...)
	}
	p.line = append(bytes.TrimRight(p.line, " "), '\n')
	if p.err == nil {
		_, p.err = p.w.Write(p.line)
	}
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
