// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vrrpsh/conf"
	"vrrpsh/engine"
)

// Names of the parts beside the engine.
const (
	partHost   = "host"   // which the program needs
	partListen = "listen" // without which it runs; it depends on the name of the host
)

// part is what a part of the program does: it knows what configuration it was given last.
type part struct {
	has    *conf.Config
	unsure bool // it has refused one, and may have what was to be undone
}

var errPart = errors.New("the part refuses")

// newPart makes a part that refuses a configuration when the scenario says so.
func (l *life) newPart(name string) conf.Part {
	p := new(part)
	l.parts[name] = p
	return conf.Part{Name: name, Apply: func(_ context.Context, _, to *conf.Config) error {
		if f := l.m.failing(&l.m.ops, func(s string) bool { return s == name }); f != nil {
			l.m.w.fault("part")
			l.m.note("part %s refuses", name)
			p.unsure = true
			return errPart
		}
		p.has, p.unsure = to, false
		return nil
	}}
}

// parts are all parts beside the engine.
func (l *life) newParts() []conf.Part {
	l.parts = make(map[string]*part)
	listen := l.newPart(partListen)
	listen.Wants = func(c *conf.Config) any { return c.General.Hostname }
	return []conf.Part{l.newPart(partHost), listen}
}

// retryParts tries what is missing again, as the program does.
func (l *life) retryParts() {
	l.afterFunc(5*time.Second, func() {
		if len(l.manager.Missing()) > 0 {
			_ = l.manager.Retry(background)
		}
		if !l.stopping() {
			l.retryParts()
		}
	})
}

// checkParts: when no commit is under way, every part has what runs, unless the program says that it is missing.
func (l *life) checkParts() {
	g := &l.m.commits
	rev := l.manager.Running()
	if len(g.flight) > 0 || l.stopping() {
		return
	}
	missing := l.manager.Missing()
	for _, name := range slices.Sorted(maps.Keys(l.parts)) {
		p := l.parts[name]
		isMissing := slices.ContainsFunc(missing, func(m conf.Missing) bool { return m.Part == name })
		if isMissing && name == partHost {
			g.report("part", "it runs without part %s", name)
		}
		if p.has != rev.Config && !p.unsure && !isMissing {
			g.report("part", "part %s does not have the configuration that runs", name)
		}
	}
	for _, c := range engine.Plan(l.watch.cfg, rev.Config.Engine) {
		if c.Kind != engine.Unchanged && !g.unrestored {
			g.report("part", "the engine does not have the configuration that runs: %s is to be %s", c.Key, c.Kind)
			return
		}
	}
}

// drawParts has parts refuse a configuration, once or for a time.
func (d *drawer) drawParts() {
	for range 1 + d.IntN(4) {
		d.at = time.Duration(d.Int64N(int64(d.scenario.Chaos)))
		if d.chance(0.3) {
			d.at = 0 // at the start
		}
		s := Step{Do: OpDisk, On: d.IntN(len(d.settings)), Name: pick(d, partHost, partHost, partListen), N: 1, Text: "EIO"}
		if d.chance(0.3) {
			s.For = Duration(d.upTo(100*time.Millisecond, 10*time.Second))
		}
		d.add(s)
	}
}

// edit has a person write the configuration file: what runs, with a comment.
func (m *machine) edit(s *Step) {
	if m.life == nil || m.life.manager == nil {
		return
	}
	m.edits++
	m.hand = fmt.Appendf(nil, "# edit %d\n%s", m.edits, marshaled(m.life.manager.Running().File))
	m.disk.put(configPath, m.hand)
	m.commits.may[canonical(string(m.hand))] = true
	m.commits.asked, m.commits.back = 0, 0 // after a restart it stays
}

// untouched is what a person has written into the file, if it is still there and nobody else commits; nil otherwise.
func (m *machine) untouched() []byte {
	now, _ := m.disk.get(configPath)
	if len(m.commits.flight) != 1 || string(now) != string(m.hand) {
		return nil
	}
	return m.hand
}

// hangUp has whoever commits go away.
func (l *life) hangUp() {
	l.hangsUp = false
	l.m.w.in(0, func() {
		for _, end := range l.calls {
			end()
		}
		l.calls = nil
	})
}

// checkHand: a commit leaves a file alone that a person has written, or keeps a copy of it when it is told to write.
func (l *life) checkHand(hand []byte, over bool) {
	m := l.m
	if hand == nil {
		return
	}
	now, _ := m.disk.get(configPath)
	if string(now) == string(hand) {
		return
	}
	m.hand = nil
	if !over {
		m.commits.report("hand", "a commit writes over a file that a person has written")
	}
	for name, n := range m.disk.names {
		if name != configPath && strings.Contains(string(n.data), string(hand)) {
			return
		}
	}
	m.commits.report("hand", "a file that a person has written is lost")
}

// drawEdits has a person write the file while others commit, who may not know, or go away meanwhile.
func (d *drawer) drawEdits() {
	for i := range d.scenario.Steps {
		s := &d.scenario.Steps[i]
		d.at = time.Duration(s.At)
		if s.Do != OpCommit {
			continue
		}
		if d.chance(0.3) {
			s.N = 1
		}
		if d.chance(0.3) {
			d.at += d.upTo(0, 100*time.Millisecond)
			d.add(Step{Do: OpHangUp, On: s.On})
			s = &d.scenario.Steps[i]
		}
		if d.chance(0.3) {
			d.at = time.Duration(s.At) - d.upTo(0, time.Second)
			if d.at > 0 {
				d.add(Step{Do: OpEdit, On: s.On})
			}
		}
	}
}

// checkFields: the plan says of each virtual router what is another.
func (l *life) checkFields(file *conf.File) {
	running := l.manager.Running()
	to, changes, err := l.manager.Check(&conf.Candidate{Base: running, File: file})
	if err != nil {
		return
	}
	for _, c := range changes {
		was, is := find(&running.Config.Engine, c.Key), find(&to.Engine, c.Key)
		if was != nil && is != nil && changeOf(was, is) != engine.Unchanged && len(c.Fields) == 0 {
			l.m.commits.report("plan", "%s: %s, and the plan does not say what is another", c.Key, c.Kind)
		}
	}
}
