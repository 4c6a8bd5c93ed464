//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vrrpsh/e2e/lab"
)

// benchTable collects measurements and prints their medians side by side.
type benchTable struct {
	rows []benchRow
}

type benchRow struct {
	title, what string
	values      map[string][]float64 // by program
}

func (t *benchTable) add(title, what, program string, v float64) {
	fmt.Printf("%s: %s: %s %s\n", title, what, program, figure(v))
	at := slices.IndexFunc(t.rows, func(r benchRow) bool { return r.title == title && r.what == what })
	if at < 0 {
		at = len(t.rows)
		t.rows = append(t.rows, benchRow{title, what, map[string][]float64{}})
	}
	t.rows[at].values[program] = append(t.rows[at].values[program], v)
}

// String returns the table in Markdown.
func (t *benchTable) String() string {
	order := map[string]int{}
	for i, r := range t.rows {
		if _, ok := order[r.title]; !ok {
			order[r.title] = i
		}
	}
	slices.SortStableFunc(t.rows, func(a, b benchRow) int { return order[a.title] - order[b.title] })
	programs := []lab.Kind{lab.KindVrrpsh, lab.KindKeepalived, lab.KindFRR}
	var b strings.Builder
	b.WriteString("| Groups | | vrrpsh | keepalived | FRR | vrrpsh / keepalived |\n|---|---|---:|---:|---:|---:|\n")
	title := ""
	for _, r := range t.rows {
		shown := r.title
		if shown == title {
			shown = ""
		}
		title = r.title
		fmt.Fprintf(&b, "| %s | %s |", shown, r.what)
		for _, p := range programs {
			cell := "–"
			if v := r.values[string(p)]; len(v) > 0 {
				cell = figure(median(v))
			}
			fmt.Fprintf(&b, " %s |", cell)
		}
		ratio := "–"
		ours, theirs := r.values[string(lab.KindVrrpsh)], r.values[string(lab.KindKeepalived)]
		if len(ours) > 0 && len(theirs) > 0 && median(theirs) != 0 {
			ratio = figure(median(ours) / median(theirs))
		}
		fmt.Fprintf(&b, " %s |\n", ratio)
	}
	return b.String()
}

// figure writes a number with three figures.
func figure(v float64) string {
	switch {
	case v == float64(int64(v)):
		return strconv.FormatInt(int64(v), 10)
	case v >= 100 || v <= -100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	default:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
}
