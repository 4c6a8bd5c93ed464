// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"fmt"
	"slices"
	"strings"
)

// commit draws a commit on a machine, or the same change on all of them, one after the other.
func (d *drawer) commit(on int) {
	if d.chance(0.05) {
		bad := d.settings[on]
		bad.members = append(slices.Clone(bad.members), member{segment: segment{vrid: 300, version: 3}, priority: 100})
		d.add(Step{Do: OpCommit, On: on, Text: bad.toml()})
		return
	}
	if d.chance(0.25) {
		d.commitEverywhere()
		return
	}
	step := Step{Do: OpCommit, On: on}
	if d.chance(0.15) {
		step.Do = OpReload
	}
	d.commitWith(on, step)
	if d.chance(0.1) { // a second one at the same time
		d.commitWith(on, Step{Do: OpCommit, On: on})
	}
}

// commitWith draws the text of a commit. One that is taken back may be the last that a machine gets: the steps after it
// build on it all the same, as an administrator would who commits it again.
func (d *drawer) commitWith(on int, step Step) {
	s := &d.settings[on]
	s.members = slices.Clone(s.members)
	if d.has[fSync] && d.chance(0.2) {
		d.dissolve(s)
	} else {
		for range pick(d, 1, 1, 1, 2, 3) {
			d.change(s)
		}
	}
	s.arrange()
	step.On, step.Text = on, s.toml()
	d.add(step)
}

// commitEverywhere changes what the routers of a segment have in common.
func (d *drawer) commitEverywhere() {
	m := d.anyMember(0)
	if m == nil {
		return
	}
	g, change := m.segment, d.common()
	was := d.at
	for i := range d.settings {
		s := &d.settings[i]
		s.members = slices.Clone(s.members)
		for j := range s.members {
			if s.members[j].same(&g) {
				change(&s.members[j].segment)
			}
		}
		s.arrange()
		d.add(Step{Do: OpCommit, On: i, Text: s.toml()})
		d.at += d.soon() / 4
	}
	d.at = was
}

// common draws a change of a segment.
func (d *drawer) common() func(g *segment) {
	interval, addresses, name := d.IntN(1<<16), 1+d.IntN(3), pick(d, "s", "t", "u", "")
	secret := pick(d, "tone", "two", "three")
	switch d.IntN(5) {
	case 0:
		return func(g *segment) {
			list := []string{"", "300ms", "1s", "2s", "3s"}
			if g.version == 2 {
				list = []string{"", "1s", "2s"}
			}
			g.interval = list[interval%len(list)]
		}
	case 1:
		return func(g *segment) { g.vips = virtualAddresses(g.lan, g.vrid, g.v6, addresses) }
	case 2:
		return func(g *segment) { g.sync = name }
	case 3:
		return func(g *segment) {
			if g.version == 2 {
				g.auth, g.secret = "p0-t8-sha256", secret
			} else {
				g.strict = !g.strict
			}
		}
	default:
		return func(g *segment) {
			if g.v6 {
				return
			}
			if g.version = 5 - g.version; g.version == 3 {
				g.auth, g.secret = "", ""
			} else {
				g.checksum, g.interval = "", "1s"
			}
		}
	}
}

// change changes something of a setting.
func (d *drawer) change(s *setting) {
	if len(s.members) == 0 || d.chance(0.1) {
		d.exchange(s)
		return
	}
	m := &s.members[d.IntN(len(s.members))]
	switch d.IntN(16) {
	case 0, 1:
		m.priority = pick(d, 1, 50, 100, 150, 200, 254)
	case 2, 3:
		m.preempt = !m.preempt
	case 4:
		m.delay = pick(d, "", "500ms", "2s", "10s")
	case 5, 6:
		m.sync = pick(d, "", "s", "t")
	case 7, 8:
		if len(s.tracks) > 0 {
			m.tracks = d.trackings(s.machine)
		} else {
			m.priority = 1 + d.IntN(254)
		}
	case 9:
		m.macvlan = !m.macvlan
	case 10:
		m.shutdown = !m.shutdown
	case 11:
		m.vmac, m.macvlan = !m.vmac, false
	case 12:
		m.closed = !m.closed
	case 13:
		m.text = pick(d, "", "a", "b")
		m.noFilter = !m.noFilter
	case 14:
		m.repeat, m.refresh = 1+d.IntN(4), pick(d, "", "1s", "5s")
	case 15:
		if d.has[fRoutes] {
			d.routes(s)
		} else {
			s.host = pick(d, "", "a", "b")
		}
	}
}

// dissolve ends or renames a sync group, and changes its members, or takes them away.
func (d *drawer) dissolve(s *setting) {
	name, other := pick(d, "s", "t"), pick(d, "", "", "u")
	s.members = slices.DeleteFunc(s.members, func(m member) bool { return m.sync == name && d.chance(0.3) })
	for i := range s.members {
		m := &s.members[i]
		if m.sync != name {
			continue
		}
		m.sync = other
		switch d.IntN(4) {
		case 0:
			m.macvlan = !m.macvlan
		case 1:
			m.preempt = !m.preempt
		case 2:
			m.priority = 1 + d.IntN(254)
		}
	}
}

// exchange takes a member away, or adds one that the others have, or changes their order.
func (d *drawer) exchange(s *setting) {
	other := d.settings[d.IntN(len(d.settings))].members
	switch n := len(s.members); {
	case n > 0 && d.chance(0.4):
		s.members = slices.Delete(s.members, n-1, n)
	case n > 0 && d.chance(0.5):
		i := d.IntN(n)
		s.members = slices.Delete(s.members, i, i+1)
	case n > 1 && d.chance(0.3):
		slices.Reverse(s.members)
	case len(other) > 0:
		g := other[d.IntN(len(other))].segment
		if !slices.ContainsFunc(s.members, func(m member) bool { return m.same(&g) }) {
			s.members = append(s.members, d.member(s.machine, g))
		}
	}
}

// session draws a commit that is typed.
func (d *drawer) session(on int) {
	s := &d.settings[on]
	if len(s.members) == 0 {
		return
	}
	s.members = slices.Clone(s.members)
	m := &s.members[d.IntN(len(s.members))]
	if m.v6 {
		return
	}
	m.priority = 1 + d.IntN(254)
	lines := []string{
		"show vrrp brief", "configure", fmt.Sprintf("interface %s vrrp %d priority %d", lanName(m.lan), m.vrid, m.priority),
		"show changes", "commit check", "commit", "show vrrp explain", "exit",
	}
	d.add(Step{Do: OpSession, On: on, Text: strings.Join(lines, "\n"), Name: fmt.Sprintf("%s group %d", lanName(m.lan), m.vrid), N: int64(m.priority)})
}
