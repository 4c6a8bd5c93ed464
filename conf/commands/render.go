// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/engine"
)

// Reveal and Hide are the two ways to write secrets: Reveal writes them in clear.
func Reveal(s string) string { return s }

// Hide writes a mask instead of a secret.
func Hide(string) string { return conf.Mask }

// Write writes a configuration as commands, and each secret as the function secret returns it. Pasted into an empty router, the
// commands produce the same configuration.
func (d *Draft) Write(w io.Writer, secret func(string) string) {
	t := rootOf(d.file)
	for _, s := range settings().top {
		for _, line := range s.render(t, secret) {
			fmt.Fprintln(w, line)
		}
	}
	for _, o := range settings().objects {
		names, named := o.tables(d.file)
		for _, name := range names {
			for _, line := range o.lines(named[name], secret) {
				fmt.Fprintln(w, line)
			}
		}
	}
	written := make(map[string]bool)
	for _, k := range d.keys {
		if !written[k.Interface] {
			written[k.Interface] = true
			fmt.Fprintln(w, "!")
			d.writeInterface(w, k.Interface, secret)
		}
	}
}

// writeInterface writes an interface and its virtual routers, which may be apart in the file.
func (d *Draft) writeInterface(w io.Writer, name string, secret func(string) string) {
	fmt.Fprintf(w, "interface %s\n", name)
	for i, k := range d.keys {
		if k.Interface == name {
			d.writeRouter(w, i, secret)
		}
	}
}

// WritePlace writes the part of the configuration that a mode edits.
func (d *Draft) WritePlace(w io.Writer, p Place, secret func(string) string) {
	switch p.Mode {
	case completions.ConfigIf:
		d.writeInterface(w, p.Iface, secret)
	case completions.ConfigRouter:
		fmt.Fprintf(w, "interface %s\n", p.Router.Interface)
		if i := d.find(p.Router); i >= 0 {
			d.writeRouter(w, i, secret)
		}
	default:
		o := objectOf(p.Mode)
		if o == nil {
			d.Write(w, secret)
			return
		}
		for _, line := range o.lines(o.find(d.file, p.Object), secret) {
			fmt.Fprintln(w, line)
		}
	}
}

// writeRouter writes one virtual router, indented below its interface.
func (d *Draft) writeRouter(w io.Writer, i int, secret func(string) string) {
	fmt.Fprintf(w, " %s\n", RouterCommand(d.keys[i]))
	t := d.target(i)
	for _, s := range settings().router {
		for _, line := range s.render(t, secret) {
			fmt.Fprintf(w, "  %s\n", line)
		}
	}
}

// Delta is one line of a comparison: a command and its nesting depth.
type Delta struct {
	Op      string `json:"op"` // "+", "-", or " " for a command that enters the mode of the next lines
	Command string `json:"command"`
	Depth   int    `json:"depth"`
}

// String returns the line as displayed.
func (d Delta) String() string { return d.Op + strings.Repeat(" ", d.Depth) + d.Command }

// Compare returns the commands that turn one configuration into another.
func Compare(from, to *Draft) []Delta {
	out := compareTop(nil, settings().top, from.file, to.file)
	old := make(map[engine.Key]int, len(from.keys))
	for i, k := range from.keys {
		old[k] = i
	}
	shown := ""
	// heading adds the command that enters an interface, once for consecutive virtual routers on it.
	heading := func(k engine.Key, op string) {
		if shown != k.Interface {
			out = append(out, Delta{Op: " ", Command: "interface " + k.Interface})
			shown = k.Interface
		}
		out = append(out, Delta{Op: op, Command: RouterCommand(k), Depth: 1})
	}
	none := &target{file: conf.NewFile(), table: conf.RouterTable.New()}
	kept := make(map[engine.Key]bool, len(to.keys))
	for i, k := range to.keys {
		kept[k] = true
		j, existed := old[k]
		if !existed {
			heading(k, "+")
			out = appendChanges(out, settings().router, none, to.target(i), 2)
			continue
		}
		a, b := from.target(j), to.target(i)
		if a.table.Equal(b.table) {
			continue
		}
		if changes := appendChanges(nil, settings().router, a, b, 2); len(changes) > 0 {
			heading(k, " ")
			out = append(out, changes...)
		}
	}
	for j, k := range from.keys {
		if !kept[k] {
			heading(k, "-")
			out = appendChanges(out, settings().router, from.target(j), none, 2)
		}
	}
	return out
}

// CompareOthers compares everything except virtual routers and static routes.
func CompareOthers(from, to *conf.File) []Delta {
	others := slices.DeleteFunc(slices.Clone(settings().top), func(s setting) bool { return s.id == staticRoute.id })
	return compareTop([]Delta{}, others, from, to)
}

// compareTop compares the settings of the top level, and the objects.
func compareTop(out []Delta, list []setting, from, to *conf.File) []Delta {
	out = appendChanges(out, list, rootOf(from), rootOf(to), 0)
	for _, o := range settings().objects {
		before, was := o.tables(from)
		after, is := o.tables(to)
		for _, name := range after {
			out = o.compare(out, was[name], is[name])
		}
		for _, name := range before {
			if is[name] == nil {
				out = o.compare(out, was[name], nil)
			}
		}
	}
	return out
}

// compare compares two tables; one of them may be nil.
func (o *object) compare(out []Delta, was, is *target) []Delta {
	head := appendChanges(nil, o.makers[:1], was, is, 0)
	rest := appendChanges(nil, o.settings, was, is, 1)
	if len(head) == 0 && len(rest) > 0 {
		for _, line := range o.makers[0].render(is, Hide) {
			head = append(head, Delta{Op: " ", Command: line})
		}
	}
	return append(append(out, head...), rest...)
}

// commands returns the commands of a setting for a target: none if the target does not exist.
func (s *setting) commands(t *target, secret func(string) string) []string {
	if t == nil {
		return nil
	}
	return s.render(t, secret)
}

// appendChanges compares settings one by one. It compares lines in clear and shows them masked.
func appendChanges(out []Delta, list []setting, from, to *target, depth int) []Delta {
	for i := range list {
		s := &list[i]
		was, is := s.commands(from, Reveal), s.commands(to, Reveal)
		if slices.Equal(was, is) {
			continue
		}
		wasMasked, isMasked := s.commands(from, Hide), s.commands(to, Hide)
		// If only the order differs, remove all lines and add them again.
		reordered := !slices.ContainsFunc(is, func(l string) bool { return !slices.Contains(was, l) }) && len(is) == len(was)
		for j, line := range was {
			if reordered || !slices.Contains(is, line) {
				out = append(out, Delta{"-", wasMasked[j], depth})
			}
		}
		for j, line := range is {
			if reordered || !slices.Contains(was, line) {
				out = append(out, Delta{"+", isMasked[j], depth})
			}
		}
	}
	return out
}
