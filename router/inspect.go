// SPDX-License-Identifier: GPL-3.0-only

package router

import (
	"slices"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// inspector returns the host settings that obstruct virtual routers on an interface, with their addresses on macvlans
// or, if none is given, on the interface itself.
type inspector func(iface string, macvlans ...string) []string

// obstacles returns the host settings that obstruct these virtual routers, without duplicates.
func (i inspector) obstacles(routers []engine.VirtualRouter) []string {
	if i == nil {
		return nil
	}
	type place struct {
		iface   string
		macvlan bool
	}
	var order []place
	macvlans := make(map[place][]string)
	for n := range routers {
		r := &routers[n]
		if r.Shutdown || r.Family != vrrp.IPv4 {
			continue
		}
		p := place{r.Interface, r.Type == engine.Macvlan}
		if _, known := macvlans[p]; !known {
			order = append(order, p)
			macvlans[p] = nil
		}
		if p.macvlan {
			macvlans[p] = append(macvlans[p], r.VIFName)
		}
	}
	var found []string
	for _, p := range order {
		for _, text := range i(p.iface, macvlans[p]...) {
			if !slices.Contains(found, text) {
				found = append(found, text)
			}
		}
	}
	return found
}
