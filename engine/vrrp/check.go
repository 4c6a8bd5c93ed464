// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"net/netip"
	"slices"
)

// Tolerated lists mismatches between an accepted advert and the configuration.
type Tolerated struct {
	Length      bool // would be DropLength: a VRRPv2 message with fewer addresses than its count says
	Interval    bool // would be DropInterval
	AddressList bool // would be DropAddressList or DropNoAddresses
}

// Check makes the receive checks that depend on the virtual router, after those
// of Decode: own, owner, auth-type, auth, length, interval, no-addresses and address-list, in this order
// (RFC 9568 section 7.1, RFC 3768 section 7.1). An advert for which drop is not DropNone must not
// become an event. Otherwise tolerated lists its tolerated mismatches.
//
// Check changes nothing. It needs a.Message, so the packet must still be valid.
func (r *Router) Check(a *Advertisement) (drop DropReason, tolerated Tolerated) {
	cfg := &r.cfg
	switch {
	case a.Version != cfg.Version:
		return DropVersion, tolerated
	case a.VRID != cfg.VRID || a.Family != cfg.Family:
		return DropVRID, tolerated
	case a.Source == r.local.Primary:
		return DropOwn, tolerated
	case r.local.Owner && !r.refused && a.Priority != PriorityOwner && a.Priority != PriorityResign:
		// Only another owner can outrank the owner, and it may resign, too. An owner without all its addresses
		// accepts every Master.
		return DropOwner, tolerated
	}

	if cfg.Version == V2 {
		if a.AuthType != cfg.AuthType {
			return DropAuthType, tolerated
		}
		if !r.auth.verify(a.Message) {
			return DropAuth, tolerated
		}
		if tolerated.Length = a.Missing > 0; tolerated.Length && !cfg.Lenient {
			return DropLength, Tolerated{}
		}
		tolerated.Interval = a.Interval != cfg.Interval
		if tolerated.Interval && !cfg.Lenient {
			return DropInterval, Tolerated{}
		}
	} else if a.Interval < IntervalMinV3 {
		// VRRPv3 routers need not agree on an interval, but a Backup that learned
		// zero would never wait.
		return DropInterval, tolerated
	}

	if len(a.Addresses) == 0 && !cfg.Lenient { // RFC 9568 section 5.2.5: at least one
		return DropNoAddresses, Tolerated{}
	}
	tolerated.AddressList = !sameAddresses(cfg.Addresses, a.Addresses)
	if tolerated.AddressList && !cfg.Lenient && a.Priority != PriorityOwner {
		return DropAddressList, Tolerated{}
	}
	return DropNone, tolerated
}

// Admit makes the checks of a virtual router with unicast peers, before those of Decode: it
// discards a packet that is not from a peer to this router alone (DropPeer), and replaces a sufficient TTL
// by the one that Decode expects.
func (r *Router) Admit(p *Packet) DropReason {
	u := &r.cfg.Unicast
	if !u.Enabled() {
		return DropNone
	}
	if p.Dst.IsMulticast() || !slices.Contains(u.Peers, p.Src.WithZone("")) {
		return DropPeer
	}
	if p.TTL >= u.TTLMin {
		p.TTL = TTL
	}
	return DropNone
}

// sameAddresses reports whether a list contains the configured addresses, each
// once, in any order.
func sameAddresses(configured, list []netip.Addr) bool {
	if slices.Equal(configured, list) {
		return true
	}
	if len(configured) != len(list) {
		return false
	}
	for _, a := range configured {
		if !slices.Contains(list, a) {
			return false
		}
	}
	return true
}
