package shell

import (
	"fmt"
	"reflect"
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
	for i, k := range ours.keys() {
		b, t := base.find(k), theirs.find(k)
		our := ours.target(i)
		switch {
		case b < 0 && t < 0:
			*result.ensure(k) = *our.router
		case b >= 0 && t < 0:
			if !reflect.DeepEqual(base.target(b).router, our.router) {
				conflicts = append(conflicts, fmt.Sprintf("%s: changed here, removed there", k))
			}
		default:
			old := &target{file: base.file, router: &conf.VRouter{}}
			if b >= 0 {
				old = base.target(b)
			}
			conflicts = rebaseKeys(routerSettings, k.String()+": ", [3]*target{old, our, theirs.target(t)},
				result.target(result.find(k)), conflicts)
		}
	}
	for i, k := range base.keys() {
		t := theirs.find(k)
		if ours.find(k) >= 0 || t < 0 {
			continue
		}
		if !reflect.DeepEqual(base.target(i).router, theirs.target(t).router) {
			conflicts = append(conflicts, fmt.Sprintf("%s: removed here, changed there", k))
			continue
		}
		result.remove(func(other engine.Key) bool { return other == k })
	}
	return result, conflicts
}

// rebaseKeys does it for one set of settings of base, ours and theirs.
func rebaseKeys(settings []setting, place string, of [3]*target, to *target, conflicts []string) []string {
	for i := range settings {
		s := &settings[i]
		if s.part || same(of[0], of[1], s.keys) || same(of[1], of[2], s.keys) {
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
