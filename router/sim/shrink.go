// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"slices"
	"strings"
)

// Shrink makes a Scenario smaller that still does what shows says, with at most so many runs.
func Shrink(s *Scenario, runs int, shows func(*Result) bool) *Scenario {
	k := &shrinker{best: s, runs: runs, shows: shows}
	for size := -1; size != k.size() && k.runs > 0; {
		size = k.size()
		k.steps()
		k.machines()
		k.rates()
		k.tables()
		k.lines()
	}
	k.round()
	return k.best
}

type shrinker struct {
	best  *Scenario
	runs  int
	shows func(*Result) bool
}

// size is how large the Scenario is.
func (k *shrinker) size() int { return len(k.best.JSON()) }

// try takes a smaller Scenario if it does.
func (k *shrinker) try(change func(*Scenario)) bool {
	if k.runs <= 0 {
		return false
	}
	c := *k.best
	c.Machines, c.Steps = slices.Clone(c.Machines), slices.Clone(c.Steps)
	change(&c)
	if string(c.JSON()) == string(k.best.JSON()) {
		return false
	}
	k.runs--
	if !k.shows(Run(&c, false)) {
		return false
	}
	k.best = &c
	return true
}

// steps leaves steps out: half of them at a time, then fewer.
func (k *shrinker) steps() {
	for n := (len(k.best.Steps) + 1) / 2; n > 0; n /= 2 {
		for at := 0; at < len(k.best.Steps); {
			if !k.try(func(s *Scenario) { s.Steps = slices.Delete(s.Steps, at, min(at+n, len(s.Steps))) }) {
				at += n
			}
		}
	}
	if n := len(k.best.Steps); n > 0 {
		k.try(func(s *Scenario) { s.Chaos = s.Steps[n-1].At + s.Steps[n-1].For + 1e9 })
	}
}

// machines leaves nothing on machines.
func (k *shrinker) machines() {
	for i := range k.best.Machines {
		k.try(func(s *Scenario) {
			s.Machines[i] = Machine{}
			s.Steps = slices.DeleteFunc(s.Steps, func(t Step) bool { return t.On == i })
		})
	}
}

// rates leaves faults out that come by chance.
func (k *shrinker) rates() {
	for _, change := range []func(*Rates){
		func(r *Rates) { *r = Rates{} },
		func(r *Rates) { r.Loss, r.Duplicate, r.Corrupt = 0, 0, 0 },
		func(r *Rates) { r.Delay, r.Jitter, r.Late = 0, 0, 0 },
		func(r *Rates) { r.News, r.KernelTime, r.DiskTime = 0, 0, 0 },
		func(r *Rates) { r.Kernel, r.Done = 0, 0 },
		func(r *Rates) { r.Disk = 0 },
	} {
		k.try(func(s *Scenario) { change(&s.Rates) })
	}
}

// round makes times short.
func (k *shrinker) round() {
	for i := range k.best.Steps {
		for _, unit := range []Duration{1e9, 1e8, 1e7, 1e6} {
			if k.try(func(s *Scenario) { s.Steps[i].At = s.Steps[i].At / unit * unit }) {
				break
			}
		}
		for _, unit := range []Duration{1e9, 1e8, 1e7, 1e6} {
			if k.try(func(s *Scenario) { s.Steps[i].For = (s.Steps[i].For + unit - 1) / unit * unit }) {
				break
			}
		}
	}
	k.try(func(s *Scenario) { s.Chaos = (s.Chaos/1e9 + 1) * 1e9 })
}

// tables leaves tables of the configurations out, everywhere.
func (k *shrinker) tables() {
	for _, name := range k.names(func(t string) []string { return []string{tableName(t)} }) {
		k.rewrite(func(table string) (string, bool) { return table, tableName(table) != name })
	}
}

// lines leaves lines of the configurations out, in a table or in all.
func (k *shrinker) lines() {
	keys := k.names(func(t string) []string {
		var keys []string
		for line := range strings.Lines(t) {
			key, _, found := strings.Cut(line, " = ")
			switch key {
			case "group", "interface", "vips", "version", "name":
			default:
				if found {
					keys = append(keys, key, tableName(t)+"\n"+key)
				}
			}
		}
		return keys
	})
	for _, key := range keys {
		name, only, in := strings.Cut(key, "\n")
		if !in {
			name, only = "", name
		}
		k.rewrite(func(table string) (string, bool) {
			if in && tableName(table) != name {
				return table, true
			}
			var b strings.Builder
			for line := range strings.Lines(table) {
				if !strings.HasPrefix(line, only+" = ") {
					b.WriteString(line)
				}
			}
			return b.String(), true
		})
	}
}

// tables are the tables of a configuration as setting.toml writes it, with what comes before the first.
func tablesOf(text string) []string {
	parts := strings.Split(text, "[[")
	for i := 1; i < len(parts); i++ {
		parts[i] = "[[" + parts[i]
	}
	return parts
}

// tableName is what tells a table from others: the header, and what names it.
func tableName(table string) string {
	var name []string
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "[[") || strings.HasPrefix(line, "group =") || strings.HasPrefix(line, "interface =") ||
			strings.HasPrefix(line, "name =") || strings.HasPrefix(line, "route =") {
			name = append(name, strings.TrimSpace(line))
		}
		if strings.HasPrefix(line, "vips =") && strings.Contains(line, ":") {
			name = append(name, "IPv6")
		}
	}
	return strings.Join(name, " ")
}

// names returns what is found in the tables of all configurations.
func (k *shrinker) names(find func(table string) []string) []string {
	var names []string
	for _, text := range textsOf(k.best) {
		for _, t := range tablesOf(*text) {
			for _, name := range find(t) {
				if name != "" && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	return names
}

// textsOf returns the configurations of a Scenario.
func textsOf(s *Scenario) []*string {
	var texts []*string
	for i := range s.Machines {
		texts = append(texts, &s.Machines[i].Config, &s.Machines[i].Final)
	}
	for i := range s.Steps {
		if do := s.Steps[i].Do; do == OpCommit || do == OpReload {
			texts = append(texts, &s.Steps[i].Text)
		}
	}
	return texts
}

// rewrite changes every table of every configuration, or leaves it out.
func (k *shrinker) rewrite(change func(table string) (string, bool)) {
	k.try(func(s *Scenario) {
		for _, text := range textsOf(s) {
			var b strings.Builder
			for _, t := range tablesOf(*text) {
				if t, stays := change(t); stays {
					b.WriteString(t)
				}
			}
			*text = b.String()
		}
	})
}
