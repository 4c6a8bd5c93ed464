// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"fmt"
	"slices"
	"strings"

	"vrrpsh/conf"
	"vrrpsh/engine"
)

// Choice says whose change wins where both sides changed the same place.
type Choice uint8

// The choices.
const (
	Undecided Choice = iota
	Ours
	Theirs
)

// Rebase applies the changes of a draft since its base to the configuration theirs, in a new draft. It calls decide for each place that
// both changed differently, with a description, and returns the places that stay undecided; the result is usable only without such conflicts.
func (d *Draft) Rebase(theirs *conf.Candidate, decide func(conflict string) Choice) (result *Draft, conflicts []string) {
	base, other := Of(d.base.File), Of(theirs.File)
	result = Based(theirs.Base, theirs.File.Clone())
	r := &rebase{decide: decide}
	r.keys(settings().top, "", [3]*target{rootOf(base.file), rootOf(d.file), rootOf(other.file)}, result.file)
	switch was, is := conf.API.IsSet(base.file), conf.API.IsSet(d.file); {
	case was && !is:
		conf.API.Unset(result.file)
	case is && !was:
		haveAPI(result.file)
	}
	for _, o := range settings().objects {
		rebaseTables(r, o.all(), o.in(base.file), o.in(d.file), o.in(other.file), o.in(result.file))
	}
	rebaseTables(r, settings().router, base.routers(), d.routers(), other.routers(), result.routers())
	result.touch()
	return result, r.conflicts
}

// rebase is a Rebase in progress.
type rebase struct {
	decide    func(conflict string) Choice
	conflicts []string // that stay undecided
}

// ours reports a conflict and tells whether our change wins. Otherwise the result stays as theirs.
func (r *rebase) ours(format string, args ...any) bool {
	conflict := fmt.Sprintf(format, args...)
	choice := r.decide(conflict)
	if choice == Undecided {
		r.conflicts = append(r.conflicts, conflict)
	}
	return choice == Ours
}

// tables are the tables of a list in a file, identified by a K.
type tables[K comparable] struct {
	keys []K
	// edited returns a copy of a table, or a new table; put puts it back.
	edited func(K) *target
	put    func(K, *conf.Table)
	remove func(K)
	name   func(K) string // for display
}

func (t *tables[K]) has(k K) bool { return slices.Contains(t.keys, k) }

// routers returns the virtual routers as tables.
func (d *Draft) routers() tables[engine.Key] {
	return tables[engine.Key]{
		keys: d.keys, edited: d.edited, put: d.put,
		remove: func(k engine.Key) { d.remove(func(other engine.Key) bool { return other == k }) },
		name:   engine.Key.String,
	}
}

// in returns the tables of a file.
func (o *object) in(f *conf.File) tables[string] {
	names, _ := o.tables(f)
	return tables[string]{
		keys:   names,
		edited: func(name string) *target { return o.edited(f, name) },
		put:    func(_ string, t *conf.Table) { o.put(f, t) },
		remove: func(name string) { o.remove(f, name) },
		name:   func(name string) string { return o.word + " " + name },
	}
}

// rebaseTables rebases the tables of a list.
func rebaseTables[K comparable](r *rebase, list []setting, base, ours, theirs, result tables[K]) {
	for _, k := range ours.keys {
		our := ours.edited(k)
		switch {
		case base.has(k) && !theirs.has(k):
			if !base.edited(k).table.Equal(our.table) && r.ours("%s: changed here, removed there", ours.name(k)) {
				result.put(k, our.table)
			}
		case !theirs.has(k):
			result.put(k, our.table)
		default:
			old := &target{file: our.file, table: our.table.Schema().New()}
			if base.has(k) {
				old = base.edited(k)
			}
			to := result.edited(k)
			r.keys(list, ours.name(k)+": ", [3]*target{old, our, theirs.edited(k)}, to.table)
			result.put(k, to.table)
		}
	}
	for _, k := range base.keys {
		switch {
		case ours.has(k) || !theirs.has(k):
		case base.edited(k).table.Equal(theirs.edited(k).table), r.ours("%s: removed here, changed there", base.name(k)):
			result.remove(k)
		}
	}
}

// keys rebases one set of settings; of holds base, ours and theirs.
func (r *rebase) keys(list []setting, place string, of [3]*target, to *conf.Table) {
	for i := range list {
		s := &list[i]
		if agree(of[0].table, of[1].table, s.keys...) || agree(of[1].table, of[2].table, s.keys...) {
			continue
		}
		if !agree(of[0].table, of[2].table, s.keys...) {
			theirs := strings.Join(s.render(of[2], Hide), ", ")
			ours := strings.Join(s.render(of[1], Hide), ", ")
			if !r.ours("%s%s: %q here, %q there", place, leading(s.syntax), ours, theirs) {
				continue
			}
		}
		copyKeys(to, of[1].table, s.keys...)
	}
}
