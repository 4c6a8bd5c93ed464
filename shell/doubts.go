// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"net/netip"
	"slices"

	"vrrpsh/conf"
	"vrrpsh/engine"
)

// doubts returns what the host says against the virtual routers and tracked objects that a commit creates or changes: interfaces that do
// not exist, and virtual addresses outside every subnet of their interface. connected are the routes that Masters bring to such subnets.
func (c *call) doubts(cfg *conf.Config, changes []engine.Change, links []engine.LinkStatus, connected []connectedRoute) []string {
	var list []string
	changed := make(map[engine.Key]bool)
	for _, ch := range changes {
		changed[ch.Key] = ch.Kind != engine.Unchanged && ch.Kind != engine.Removed
	}
	link := func(name string) *engine.LinkStatus {
		if at := slices.IndexFunc(links, func(l engine.LinkStatus) bool { return l.Name == name }); at >= 0 {
			return &links[at]
		}
		return nil
	}
	for i := range cfg.Engine.Routers {
		r := &cfg.Engine.Routers[i]
		if !changed[r.Key] {
			continue
		}
		l := link(r.Interface)
		if l == nil {
			list = append(list, fmt.Sprintf("%s does not exist: group %d waits for it", r.Interface, r.VRID))
			continue
		}
		for _, a := range r.Addresses {
			if a.Addr.IsLinkLocalUnicast() || reaches(l.Addrs, netip.PrefixFrom(a.Addr, a.Addr.BitLen())) || routed(connected, r, a.Addr) {
				continue
			}
			list = append(list, fmt.Sprintf("%s group %d: %s is in no subnet of %s", r.Interface, r.VRID, a.Addr, r.Interface))
		}
	}
	was := conf.Tracks.Value(c.session.draft.Base().File)
	for _, t := range conf.Tracks.Value(c.session.draft.File()) {
		if name, set := conf.TrackInterface.In(t); set && link(name) == nil && !slices.ContainsFunc(was, t.Equal) {
			list = append(list, fmt.Sprintf("%s does not exist: track %s is down until it does", name, conf.TrackName.Value(t)))
		}
	}
	return list
}

// routed tells whether a virtual router brings a route to the subnet of one of its addresses.
func routed(connected []connectedRoute, r *engine.VirtualRouter, a netip.Addr) bool {
	return slices.ContainsFunc(connected, func(c connectedRoute) bool {
		p, err := netip.ParsePrefix(c.Subnet)
		return err == nil && c.Interface == r.Interface && c.Group == int(r.VRID) && p.Contains(a)
	})
}
