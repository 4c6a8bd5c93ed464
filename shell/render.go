package shell

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// reveal and hide are the ways to render secrets.
func reveal(s string) string { return s }
func hide(string) string     { return conf.Mask }

// renderFile writes a configuration as commands.
func renderFile(w io.Writer, d *draft, secret func(string) string) {
	t := &target{file: d.file}
	for i := range topSettings {
		for _, line := range topSettings[i].render(t, secret) {
			fmt.Fprintln(w, line)
		}
	}
	for _, m := range tableModes {
		names, named := m.tables(d.file)
		for _, name := range names {
			for _, line := range m.lines(named[name], secret) {
				fmt.Fprintln(w, line)
			}
		}
	}
	shown := ""
	for i, k := range d.keys() {
		if k.Interface != shown || i == 0 {
			fmt.Fprintf(w, "!\ninterface %s\n", k.Interface)
			shown = k.Interface
		}
		renderRouter(w, d, i, secret)
	}
}

// renderRouter writes one virtual router, indented below its interface.
func renderRouter(w io.Writer, d *draft, i int, secret func(string) string) {
	fmt.Fprintf(w, " %s\n", routerCommand(keyOf(&d.file.VRouters[i], d.families[i])))
	t := d.target(i)
	for j := range routerSettings {
		for _, line := range routerSettings[j].render(t, secret) {
			fmt.Fprintf(w, "  %s\n", line)
		}
	}
}

func (d *draft) target(i int) *target {
	return &target{file: d.file, router: &d.file.VRouters[i], family: d.families[i]}
}

// routerCommand returns for example "vrrp 51 ipv6".
func routerCommand(k engine.Key) string {
	if k.Family == vrrp.IPv6 {
		return fmt.Sprintf("vrrp %d ipv6", k.VRID)
	}
	return fmt.Sprintf("vrrp %d", k.VRID)
}

// delta is one line of a comparison: a command with how deep it is nested.
type delta struct {
	Op      string `json:"op"` // "+", "-" or " " for the command that leads to the others
	Command string `json:"command"`
	Depth   int    `json:"depth"`
}

// String returns the line as it is shown.
func (d delta) String() string { return d.Op + strings.Repeat(" ", d.Depth) + d.Command }

// compareDrafts returns what leads from one configuration to another, as commands.
func compareDrafts(from, to *draft) []delta {
	var out []delta
	out = appendChanges(out, topSettings, &target{file: from.file}, &target{file: to.file}, 0)
	for _, m := range tableModes {
		out = m.compare(out, from.file, to.file)
	}
	old := make(map[engine.Key]int, len(from.file.VRouters))
	for i, k := range from.keys() {
		old[k] = i
	}
	shown := ""
	// heading leads to an interface, once for those that follow each other.
	heading := func(k engine.Key, op string) {
		if shown != k.Interface {
			out = append(out, delta{Op: " ", Command: "interface " + k.Interface})
			shown = k.Interface
		}
		out = append(out, delta{Op: op, Command: routerCommand(k), Depth: 1})
	}
	kept := make(map[engine.Key]bool, len(to.file.VRouters))
	for i, k := range to.keys() {
		kept[k] = true
		j, existed := old[k]
		if !existed {
			heading(k, "+")
			out = appendChanges(out, routerSettings, &target{file: &conf.File{}, router: &conf.VRouter{}}, to.target(i), 2)
			continue
		}
		a, b := from.target(j), to.target(i)
		if reflect.DeepEqual(a.router, b.router) {
			continue
		}
		if changes := appendChanges(nil, routerSettings, a, b, 2); len(changes) > 0 {
			heading(k, " ")
			out = append(out, changes...)
		}
	}
	for j, k := range from.keys() {
		if !kept[k] {
			heading(k, "-")
			out = appendChanges(out, routerSettings, from.target(j), &target{file: &conf.File{}, router: &conf.VRouter{}}, 2)
		}
	}
	return out
}

// appendChanges compares the settings one by one. Lines are compared in clear and shown masked.
func appendChanges(out []delta, settings []setting, from, to *target, depth int) []delta {
	for i := range settings {
		s := &settings[i]
		was, is := s.render(from, reveal), s.render(to, reveal)
		if slices.Equal(was, is) {
			continue
		}
		wasMasked, isMasked := s.render(from, hide), s.render(to, hide)
		// In another order only: everything is taken back and given again.
		reordered := !slices.ContainsFunc(is, func(l string) bool { return !slices.Contains(was, l) }) && len(is) == len(was)
		for j, line := range was {
			if reordered || !slices.Contains(is, line) {
				out = append(out, delta{"-", wasMasked[j], depth})
			}
		}
		for j, line := range is {
			if reordered || !slices.Contains(was, line) {
				out = append(out, delta{"+", isMasked[j], depth})
			}
		}
	}
	return out
}
