// SPDX-License-Identifier: GPL-3.0-only

package report

import (
	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// Link is one interface of the host.
type Link struct {
	Name      string   `json:"name"`
	Index     int      `json:"index"`
	Up        bool     `json:"up"`
	Ethernet  bool     `json:"ethernet"`
	MAC       string   `json:"mac"`
	MTU       int      `json:"mtu"`
	Addresses []string `json:"addresses"`
	Groups    int      `json:"groups"` // virtual routers configured on it
	// UnknownVRID counts adverts for virtual routers that are not configured on the interface.
	UnknownVRID uint64            `json:"unknown_vrid"`
	Malformed   map[string]uint64 `json:"malformed"` // discarded packets by reason, without zeros
}

// Links lists the interfaces in the order of their index. The list is never nil.
func Links(s *engine.Snapshot) []Link {
	list := make([]Link, 0, len(s.Links))
	for i := range s.Links {
		l := &s.Links[i]
		link := Link{
			Name: l.Name, Index: l.Index, Up: l.Up, Ethernet: l.Ethernet,
			MAC: mac(l.MAC), MTU: l.MTU, Addresses: make([]string, 0, len(l.Addrs)),
			Groups: l.Groups, UnknownVRID: l.UnknownVRID, Malformed: named[vrrp.DropReason](l.Malformed[:]),
		}
		for _, a := range l.Addrs {
			link.Addresses = append(link.Addresses, a.String())
		}
		list = append(list, link)
	}
	return list
}
