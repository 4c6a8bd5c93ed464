// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/driver"
	"vrrpsh/platform/fake"
)

// Violation is something that should not be.
type Violation struct {
	At      time.Duration
	Rule    string
	Machine string // empty: the whole network's
	Text    string
}

// String returns for example "12.5s usurp r1: eth0 IPv4 group 1 has heard its Master 0.3 s ago".
func (v Violation) String() string {
	return fmt.Sprintf("%s %s %s: %s", v.At, v.Rule, v.Machine, v.Text)
}

// checker watches a world.
type checker struct {
	w          *world
	violations []Violation
	since      map[lasting]*spell // of what must not last
	resting    bool
	left       map[string]bool // machines whose program has ended and said that nothing is left
}

// lasting is a condition that must not last.
type lasting struct {
	rule    string
	machine *machine
	about   subject
}

// spell is the time for which a condition has been true.
type spell struct {
	from   time.Duration
	looked time.Duration // when it was last looked at
}

// subject is what a condition is about: some of these.
type subject struct {
	key  engine.Key
	name string
	addr netip.Addr
}

// String returns for example "eth0 IPv4 group 1 10.0.0.1 eth0".
func (s subject) String() string {
	var parts []string
	if s.key != (engine.Key{}) {
		parts = append(parts, s.key.String())
	}
	if s.addr.IsValid() {
		parts = append(parts, s.addr.String())
	}
	return strings.Join(append(parts, s.name), " ")
}

func newChecker(w *world) *checker {
	return &checker{w: w, since: make(map[lasting]*spell), left: make(map[string]bool)}
}

// failed tells whether something was wrong.
func (c *checker) failed() bool { return len(c.violations) > 0 }

// report notes a violation.
func (c *checker) report(rule string, m *machine, format string, args ...any) {
	v := Violation{At: c.w.now, Rule: rule, Text: fmt.Sprintf(format, args...)}
	if m != nil {
		v.Machine = m.name
	}
	c.w.note("VIOLATION %s", v)
	c.violations = append(c.violations, v)
}

// lasts reports a condition that has lasted too long. The time begins when it began, or with the last
// disturbance, or when a program woke up.
func (c *checker) lasts(rule string, m *machine, about subject, is bool, limit time.Duration, format string, args ...any) {
	key := lasting{rule, m, about}
	if !is {
		delete(c.since, key)
		return
	}
	s := c.since[key]
	if s == nil {
		s = &spell{from: c.w.now}
		c.since[key] = s
	}
	s.looked = c.w.now
	if c.w.now-max(s.from, c.w.disturb) > limit {
		c.report(rule, m, "%s for %s: %s", about, c.w.now-s.from, fmt.Sprintf(format, args...))
	}
}

// forget ends the conditions that this audit has not looked at: there is no longer what they were about.
func (c *checker) forget() {
	maps.DeleteFunc(c.since, func(_ lasting, s *spell) bool { return s.looked != c.w.now })
}

// born is a new life.
func (c *checker) born(l *life, h *driver.Handover) *watch {
	delete(c.left, l.m.name)
	return newWatch(c, l, h)
}

// frame is a frame that enters a LAN. The network is locked.
func (c *checker) frame(lan int, f *fake.Frame) {
	if f.From == hostName {
		return
	}
	for _, m := range c.w.machines {
		if m.name == f.From && m.life != nil {
			m.life.watch.frame(lan, f)
		}
	}
}

// stepped notes a step, for what was reached.
func (c *checker) stepped(m *machine, s *Step) {
	if m.life == nil {
		c.w.reached("off", string(s.Do))
		return
	}
	for _, v := range m.life.watch.all() {
		c.w.reached(v.state.String(), string(s.Do))
	}
}

// audit looks at everything.
func (c *checker) audit() {
	for _, m := range c.w.machines {
		if m.life == nil {
			c.auditOff(m)
			continue
		}
		m.commits.audit(m.life)
		m.life.watch.audit()
	}
	c.auditSegments()
	c.forget()
}

// auditOff looks at a machine whose program has ended and has said that nothing is left.
func (c *checker) auditOff(m *machine) {
	if !c.left[m.name] {
		return
	}
	var found []string
	for _, k := range m.kernel.Links() {
		own := m.kernel.OwnAddrs(k.Name)
		for _, a := range k.Addrs {
			if !slices.Contains(own, a) {
				found = append(found, k.Name+" "+a.String())
			}
		}
		if k.Parent != "" {
			found = append(found, k.Name)
		}
		if mac := m.macs[k.Name]; k.Parent == "" && isVirtual(k.MAC) && !isVirtual(mac) {
			found = append(found, k.Name+" with a virtual MAC")
		}
	}
	for _, r := range m.kernel.Routes() {
		found = append(found, "route "+r.Destination.String())
	}
	if len(found) > 0 {
		c.report("left-behind", m, "it has ended without an error, and has left %s", strings.Join(found, ", "))
	}
}

func isVirtual(mac [6]byte) bool { return mac[0] == 0 && mac[1] == 0 && mac[2] == 0x5e && mac[3] == 0 }

// rest begins the time in which nothing happens any more.
func (c *checker) rest() {
	c.resting = true
	c.w.note("rest")
	for _, m := range c.w.machines {
		if m.life == nil || m.life.manager == nil {
			c.report("does-not-start", m, "nothing is wrong, and it does not run")
			continue
		}
		if !m.isFinal() {
			c.report("not-committed", m, "its last commit does not succeed")
			continue
		}
	}
}

// last looks at everything at the end.
func (c *checker) last() {
	for _, m := range c.w.machines {
		if c.failed() {
			return
		}
		m.commits.atRest(m.life)
	}
	c.lastSegments()
}
