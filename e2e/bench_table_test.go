// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vrrpsh/e2e/lab"
)

// programs are the columns.
var programs = []lab.Kind{lab.KindVrrpsh, lab.KindKeepalived, lab.KindFRR}

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

// growth returns a Markdown table that shows how the cost grows with the number of virtual routers, for the programs and interface types
// with several measured numbers; titles are "1000 × ether".
func (t *benchTable) growth() string {
	type series struct{ program, iftype string }
	sizes := map[series][]int{}
	for _, r := range t.rows {
		var n int
		var iftype string
		if _, err := fmt.Sscanf(r.title, "%d × %s", &n, &iftype); err != nil || strings.Contains(r.title, ",") {
			continue
		}
		for program := range r.values {
			s := series{program, iftype}
			if !slices.Contains(sizes[s], n) {
				sizes[s] = append(sizes[s], n)
			}
		}
	}
	var b strings.Builder
	for _, program := range programs {
		for _, iftype := range []string{ether, macvlan} {
			ns := slices.Sorted(slices.Values(sizes[series{string(program), iftype}]))
			if len(ns) < 2 {
				continue
			}
			fmt.Fprintf(&b, "\n| %s, %s |", program, iftype)
			for _, n := range ns {
				fmt.Fprintf(&b, " %d |", n)
			}
			b.WriteString("\n|---|" + strings.Repeat("---:|", len(ns)) + "\n")
			var done []string
			for _, r := range t.rows {
				if slices.Contains(done, r.what) {
					continue
				}
				cells, found := "", false
				for _, n := range ns {
					cell := "–"
					title := fmt.Sprintf("%d × %s", n, iftype)
					if at := slices.IndexFunc(t.rows, func(o benchRow) bool { return o.title == title && o.what == r.what }); at >= 0 {
						if v := t.rows[at].values[string(program)]; len(v) > 0 {
							cell, found = figure(median(v)), true
						}
					}
					cells += " " + cell + " |"
				}
				if done = append(done, r.what); found {
					fmt.Fprintf(&b, "| %s |%s\n", r.what, cells)
				}
			}
		}
	}
	return b.String()
}

// figure formats a number with three significant digits.
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
