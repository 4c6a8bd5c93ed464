// SPDX-License-Identifier: GPL-3.0-only

package report

import (
	"net"

	"vrrpsh/engine"
)

// Route is one static route. The first five fields come from the API of the earlier daemon.
type Route struct {
	Destination string `json:"destination"`
	Mask        string `json:"mask"`
	NextHop     string `json:"next_hop"`
	Metric      uint32 `json:"metric"`
	MTU         uint32 `json:"mtu"` // 0: the MTU of the interface

	Prefix string `json:"prefix"` // destination and mask
	State  string `json:"state"`  // "withdrawn", "pending", "installed" or "failed"
	Fault  string `json:"fault,omitempty"`
	// Interface and VRID identify the virtual router that the route is bound to.
	Interface string `json:"interface,omitempty"`
	VRID      uint8  `json:"group,omitempty"`
}

// Protocols are the routing protocols; there is only one.
type Protocols struct {
	Static []Route `json:"static"`
}

// Routes lists the static routes in configuration order. The list is never nil.
func Routes(s *engine.Snapshot) []Route {
	list := make([]Route, 0, len(s.Routes))
	for i := range s.Routes {
		r := &s.Routes[i]
		list = append(list, Route{
			Destination: r.Destination.Addr().String(),
			Mask:        net.IP(net.CIDRMask(r.Destination.Bits(), r.Destination.Addr().BitLen())).String(),
			NextHop:     r.NextHop.String(), Metric: r.Metric, MTU: r.MTU,
			Prefix: r.Destination.String(), State: r.State.String(), Fault: r.Fault,
			Interface: r.Bound.Interface, VRID: r.Bound.VRID,
		})
	}
	return list
}
