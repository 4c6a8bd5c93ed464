package shell

import (
	"bytes"
	"fmt"
	"io"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/tw"
)

// column is a column of a table.
type column struct {
	title string
	align tw.Align
}

func left(title string) column   { return column{title, tw.AlignLeft} }
func right(title string) column  { return column{title, tw.AlignRight} }
func center(title string) column { return column{title, tw.AlignCenter} }

// writeTable writes a table without borders, as network operating systems do, and without
// blanks at the ends of lines.
func writeTable(w io.Writer, columns []column, rows [][]string) error {
	titles := make([]string, len(columns))
	aligns := make([]tw.Align, len(columns))
	for i, c := range columns {
		titles[i], aligns[i] = c.title, c.align
	}
	var buf bytes.Buffer
	t := tablewriter.NewTable(&buf,
		tablewriter.WithRendition(tw.Rendition{
			Borders:  tw.BorderNone,
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		}),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAlignmentConfig(tw.CellAlignment{PerColumn: headerAligns(aligns)}),
		tablewriter.WithRowAlignmentConfig(tw.CellAlignment{PerColumn: aligns}),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithPadding(tw.Padding{Left: "", Right: "  ", Overwrite: true}),
		tablewriter.WithTrimSpace(tw.Off),
	)
	t.Header(titles)
	if err := t.Bulk(rows); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	if err := t.Render(); err != nil {
		return fmt.Errorf("table: %w", err)
	}
	for line := range bytes.Lines(buf.Bytes()) {
		if _, err := w.Write(append(bytes.TrimRight(line, " \n"), '\n')); err != nil {
			return err
		}
	}
	return nil
}

// headerAligns puts titles over their values: centered ones stay at the left.
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
