package shell

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"vrrpsh/conf"
	"vrrpsh/engine"
)

// mergeFile sets in d what file sets, and leaves the rest.
func mergeFile(d *draft, file *conf.File) {
	for _, set := range topSettings {
		mergeKeys(&target{file: d.file}, &target{file: file}, set.keys)
	}
	if file.API != nil && d.file.API == nil {
		d.file.API = new(conf.API)
	}
	for _, m := range tableModes {
		names, named := m.tables(file)
		for _, name := range names {
			to, from := m.target(d.file, name), named[name]
			for _, set := range m.all() {
				mergeKeys(to, from, set.keys)
			}
		}
	}
	from := fileDraft(file)
	for i, k := range from.keys() {
		to := &target{file: d.file, router: d.ensure(k), family: k.Family}
		for _, set := range routerSettings {
			mergeKeys(to, from.target(i), set.keys)
		}
	}
	d.touch()
}

// mergeKeys copies the keys together if one of them is set.
func mergeKeys(to, from *target, keys []string) {
	for _, key := range keys {
		if v := fieldByKey(from, key); v.IsValid() && !v.IsZero() {
			copyKeys(to, from, keys)
			return
		}
	}
}

// rebaseFile carries what ours changes of base over to theirs, into the result. It returns the places
// that both have changed differently; the result is only good without any.
func rebaseFile(base, ours, theirs *draft) (result *draft, conflicts []string) {
	result = fileDraft(theirs.file.Clone())
	conflicts = rebaseKeys(topSettings, "", [3]*target{{file: base.file}, {file: ours.file}, {file: theirs.file}},
		&target{file: result.file}, conflicts)
	if (base.file.API == nil) != (ours.file.API == nil) {
		if ours.file.API == nil {
			result.file.API = nil
		} else if result.file.API == nil {
			result.file.API = new(conf.API)
		}
	}
	for _, m := range tableModes {
		conflicts = rebaseTables(m.all(), m.in(base.file), m.in(ours.file), m.in(theirs.file), m.in(result.file), conflicts)
	}
	conflicts = rebaseTables(routerSettings, base.routers(), ours.routers(), theirs.routers(), result.routers(), conflicts)
	return result, conflicts
}

// tables are those of a list in a file. What names them is a K.
type tables[K comparable] struct {
	keys []K
	// target returns a table to read or to change; it is made when there is none.
	target func(K) *target
	remove func(K)
	name   func(K) string // for people
}

func (t *tables[K]) has(k K) bool { return slices.Contains(t.keys, k) }

// routers are the virtual routers.
func (d *draft) routers() tables[engine.Key] {
	return tables[engine.Key]{
		keys: d.keys(),
		target: func(k engine.Key) *target {
			return &target{file: d.file, router: d.ensure(k), family: k.Family}
		},
		remove: func(k engine.Key) { d.remove(func(other engine.Key) bool { return other == k }) },
		name:   engine.Key.String,
	}
}

// in are the tables of a file.
func (m *tableMode) in(f *conf.File) tables[string] {
	names, _ := m.tables(f)
	return tables[string]{
		keys:   names,
		target: func(name string) *target { return m.target(f, name) },
		remove: func(name string) { m.remove(f, name) },
		name:   func(name string) string { return m.word + " " + name },
	}
}

// rebaseTables does it for the tables of a list.
func rebaseTables[K comparable](settings []setting, base, ours, theirs, result tables[K], conflicts []string) []string {
	alike := func(a, b *target) bool {
		return reflect.DeepEqual(a.router, b.router) && reflect.DeepEqual(a.track, b.track) && reflect.DeepEqual(a.hook, b.hook)
	}
	for _, k := range ours.keys {
		our := ours.target(k)
		switch {
		case base.has(k) && !theirs.has(k):
			if !alike(base.target(k), our) {
				conflicts = append(conflicts, fmt.Sprintf("%s: changed here, removed there", ours.name(k)))
			}
		case !theirs.has(k):
			for i := range settings {
				copyKeys(result.target(k), our, settings[i].keys)
			}
		default:
			old := &target{file: our.file, router: &conf.VRouter{}}
			if base.has(k) {
				old = base.target(k)
			}
			conflicts = rebaseKeys(settings, ours.name(k)+": ", [3]*target{old, our, theirs.target(k)}, result.target(k), conflicts)
		}
	}
	for _, k := range base.keys {
		switch {
		case ours.has(k) || !theirs.has(k):
		case !alike(base.target(k), theirs.target(k)):
			conflicts = append(conflicts, fmt.Sprintf("%s: removed here, changed there", base.name(k)))
		default:
			result.remove(k)
		}
	}
	return conflicts
}

// rebaseKeys does it for one set of settings of base, ours and theirs.
func rebaseKeys(settings []setting, place string, of [3]*target, to *target, conflicts []string) []string {
	for i := range settings {
		s := &settings[i]
		if same(of[0], of[1], s.keys) || same(of[1], of[2], s.keys) {
			continue
		}
		if !same(of[0], of[2], s.keys) {
			word := leading(s.syntax)
			theirs := strings.Join(s.render(of[2], hide), ", ")
			ours := strings.Join(s.render(of[1], hide), ", ")
			conflicts = append(conflicts, fmt.Sprintf("%s%s: %q here, %q there", place, word, ours, theirs))
			continue
		}
		copyKeys(to, of[1], s.keys)
	}
	return conflicts
}

// same tells whether two targets agree on keys.
func same(a, b *target, keys []string) bool {
	for _, key := range keys {
		x, y := fieldByKey(a, key), fieldByKey(b, key)
		if x.IsValid() != y.IsValid() {
			if x.IsValid() && x.IsZero() || y.IsValid() && y.IsZero() {
				continue
			}
			return false
		}
		if x.IsValid() && !reflect.DeepEqual(x.Interface(), y.Interface()) {
			return false
		}
	}
	return true
}

// rebase carries the candidate over to the configuration that runs now.
func rebase(c *call) error {
	s := c.session
	now := s.env.Manager.Edit()
	if s.draft.base.ID == now.Base.ID {
		c.printf("The candidate is based on the running configuration\n")
		return nil
	}
	c.progress("merging")
	result, conflicts := rebaseFile(fileDraft(s.draft.base.File), s.draft, newDraft(now))
	if len(conflicts) > 0 {
		return &failure{Locked, "Others changed the same settings, nothing was done:\n" + strings.Join(conflicts, "\n")}
	}
	result.base = now.Base
	result.touch()
	c.restart(result)
	c.printf("The candidate is now based on commit %d\n", now.Base.ID)
	return nil
}
