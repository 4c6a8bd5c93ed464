// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine/vrrp"
)

// ask marks the Listen of a segment for a check before the current call returns.
func (s *segment) ask(c *Core) {
	if !s.asked {
		s.asked = true
		c.unheard = append(c.unheard, s)
	}
}

// listen emits the Listen of every marked segment whose Listen has changed.
func (c *Core) listen(out *Output) {
	for i, s := range c.unheard {
		c.unheard[i] = nil
		s.asked = false
		want := s.wanted()
		if open := len(s.heard.VRIDs) > 0; open && want.Link != s.heard.Link {
			out.Listens = append(out.Listens, Listen{Link: s.heard.Link, Family: s.family})
		} else if !open && len(want.VRIDs) == 0 || sameListen(&want, &s.heard) {
			continue
		}
		s.heard = want
		if len(want.VRIDs) > 0 || want.Link != 0 {
			out.Listens = append(out.Listens, want)
		}
	}
	c.unheard = c.unheard[:0]
}

// wanted returns the Listen for the groups that can run.
func (s *segment) wanted() Listen {
	l := s.port.link
	if l == nil {
		return Listen{}
	}
	w := Listen{Link: l.Index, Family: s.family, Source: s.primary, Filter: true}
	for vrid, g := range s.byVRID {
		if g != nil && g.ready {
			w.VRIDs = append(w.VRIDs, uint8(vrid))
			w.Filter = w.Filter && g.cfg.SocketFilter
			w.AnyTTL = w.AnyTTL || g.cfg.Protocol.Unicast.Enabled()
			switch {
			case g.patience == 0:
				w.Urgent = append(w.Urgent, uint8(vrid))
			case w.Patience == 0 || g.patience < w.Patience:
				w.Patience = g.patience
			}
		}
	}
	if w.VRIDs == nil {
		w.Source, w.Filter = netip.Addr{}, false
	}
	return w
}

func sameListen(a, b *Listen) bool {
	return a.Link == b.Link && a.Source == b.Source && a.Filter == b.Filter && a.AnyTTL == b.AnyTTL && a.Patience == b.Patience &&
		slices.Equal(a.VRIDs, b.VRIDs) && slices.Equal(a.Urgent, b.Urgent)
}

// The adverts for a Backup may wait for 1/patiencePart of the interval of its Master, at most maxPatience and, since a timer
// costs more than it saves otherwise, at least minPatience.
const (
	patiencePart = 100
	minPatience  = time.Millisecond
	maxPatience  = 10 * time.Millisecond
)

// notePatience notes how long adverts may wait that do not resign: those for a Master not at all. They are read before any
// timer fires, however long they may wait.
func (c *Core) notePatience(g *group) {
	var patience time.Duration
	if g.state == vrrp.Backup {
		if patience = min(g.router.MasterAdverInterval()/patiencePart, maxPatience); patience < minPatience {
			patience = 0
		}
	}
	if patience != g.patience {
		g.patience = patience
		g.segment.ask(c)
	}
}
