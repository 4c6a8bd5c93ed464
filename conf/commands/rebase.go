// SPDX-License-Identifier: GPL-3.0-only

package commands

import (
	"fmt"
	"slices"
	"strings"

	"vrrpsh/conf"
	"vrrpsh/engine"
)

// Rebase applies the changes of a draft since its base to the configuration theirs, in a new draft. It returns the places that both
// changed differently; the result is usable only without such conflicts.
func (d *Draft) Rebase(theirs *conf.Candidate) (result *Draft, conflicts []string) {
	base, other := Of(d.base.File), Of(theirs.File)
	result = Based(theirs.Base, theirs.File.Clone())
	conflicts = rebaseKeys(settings().top, "", [3]*target{rootOf(base.file), rootOf(d.file), rootOf(other.file)}, result.file, conflicts)
	switch was, is := conf.API.IsSet(base.file), conf.API.IsSet(d.file); {
	case was && !is:
		conf.API.Unset(result.file)
	case is && !was:
		haveAPI(result.file)
	}
	for _, o := range settings().objects {
		conflicts = rebaseTables(o.all(), o.in(base.file), o.in(d.file), o.in(other.file), o.in(result.file), conflicts)
	}
	conflicts = rebaseTables(settings().router, base.routers(), d.routers(), other.routers(), result.routers(), conflicts)
	result.touch()
	return result, conflicts
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
func rebaseTables[K comparable](list []setting, base, ours, theirs, result tables[K], conflicts []string) []string {
	for _, k := range ours.keys {
		our := ours.edited(k)
		switch {
		case base.has(k) && !theirs.has(k):
			if !base.edited(k).table.Equal(our.table) {
				conflicts = append(conflicts, fmt.Sprintf("%s: changed here, removed there", ours.name(k)))
			}
		case !theirs.has(k):
			result.put(k, our.table)
		default:
			old := &target{file: our.file, table: our.table.Schema().New()}
			if base.has(k) {
				old = base.edited(k)
			}
			to := result.edited(k)
			conflicts = rebaseKeys(list, ours.name(k)+": ", [3]*target{old, our, theirs.edited(k)}, to.table, conflicts)
			result.put(k, to.table)
		}
	}
	for _, k := range base.keys {
		switch {
		case ours.has(k) || !theirs.has(k):
		case !base.edited(k).table.Equal(theirs.edited(k).table):
			conflicts = append(conflicts, fmt.Sprintf("%s: removed here, changed there", base.name(k)))
		default:
			result.remove(k)
		}
	}
	return conflicts
}

// rebaseKeys rebases one set of settings; of holds base, ours and theirs.
func rebaseKeys(list []setting, place string, of [3]*target, to *conf.Table, conflicts []string) []string {
	for i := range list {
		s := &list[i]
		if agree(of[0].table, of[1].table, s.keys...) || agree(of[1].table, of[2].table, s.keys...) {
			continue
		}
		if !agree(of[0].table, of[2].table, s.keys...) {
			theirs := strings.Join(s.render(of[2], Hide), ", ")
			ours := strings.Join(s.render(of[1], Hide), ", ")
			conflicts = append(conflicts, fmt.Sprintf("%s%s: %q here, %q there", place, leading(s.syntax), ours, theirs))
			continue
		}
		copyKeys(to, of[1].table, s.keys...)
	}
	return conflicts
}
