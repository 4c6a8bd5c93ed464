// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"net/netip"
	"slices"
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
			// When many packets have a TTL other than 255, the filter discards them. Such packets from unicast
			// peers can be valid.
			w.Filter = w.Filter && g.cfg.SocketFilter && !g.cfg.Protocol.Unicast.Enabled()
		}
	}
	if w.VRIDs == nil {
		w.Source, w.Filter = netip.Addr{}, false
	}
	return w
}

func sameListen(a, b *Listen) bool {
	return a.Link == b.Link && a.Source == b.Source && a.Filter == b.Filter && slices.Equal(a.VRIDs, b.VRIDs)
}
