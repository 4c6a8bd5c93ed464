// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"net/netip"
	"slices"

	"vrrpsh/conf"
	"vrrpsh/conf/commands"
	"vrrpsh/engine"
)

// connectedRoute is a route that a Master of the candidate brings, since its interface has no address in the subnet of a
// virtual address.
type connectedRoute struct {
	Interface string `json:"interface"`
	Group     int    `json:"group"`
	Subnet    string `json:"subnet"`
}

// connectedRoutes returns those of a configuration, by the addresses that the interfaces have now.
func connectedRoutes(file *conf.File, links []engine.LinkStatus) []connectedRoute {
	var list []connectedRoute
	for _, v := range conf.VRouters.Value(file) {
		iface := conf.Interface.Value(v)
		at := slices.IndexFunc(links, func(l engine.LinkStatus) bool { return l.Name == iface })
		if at < 0 || conf.Shutdown.Value(v) || conf.NetDrv.Value(v) == "ioctl" {
			continue
		}
		for _, vip := range commands.Addresses(v) {
			p, err := netip.ParsePrefix(vip) // without a prefix length it brings none
			if err != nil || p.IsSingleIP() || p.Addr().IsLinkLocalUnicast() || reaches(links[at].Addrs, p) {
				continue
			}
			if r := (connectedRoute{iface, conf.Group.Value(v), p.Masked().String()}); !slices.Contains(list, r) {
				list = append(list, r)
			}
		}
	}
	return list
}

// reaches tells whether an interface with these addresses has the subnet of a virtual address itself.
func reaches(addrs []netip.Prefix, vip netip.Prefix) bool {
	return slices.ContainsFunc(addrs, func(own netip.Prefix) bool {
		return vip.Contains(own.Addr()) || !own.IsSingleIP() && own.Contains(vip.Addr())
	})
}
