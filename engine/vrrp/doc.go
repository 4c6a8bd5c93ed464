// SPDX-License-Identifier: GPL-3.0-only

// Package vrrp implements one virtual router of the Virtual Router Redundancy
// Protocol: the packet codec with its receive checks, and the state machine, for
// VRRPv2 (RFC 3768) and VRRPv3 (RFC 9568).
//
// The package is pure: it has no sockets, goroutines, clocks or logging. A Router
// takes an Event and the time, and appends the Actions that follow.
//
// A received packet goes through Decode, which needs only the packet, and then
// Check, which compares it with the virtual router; both return the reason to discard
// it. A packet that passes both becomes an EventAdvert. For an ActionSend the caller sends
// the bytes of Message. EventTimer is due at Deadline:
//
//	if drop := vrrp.Decode(&advert, packet, family, version); drop != vrrp.DropNone {
//		return drop
//	}
//	if drop, _ := router.Check(&advert); drop != vrrp.DropNone {
//		return drop
//	}
//	actions = router.Step(now, vrrp.Event{Kind: vrrp.EventAdvert, Advert: &advert}, actions[:0])
//
// The scripts in testdata show which actions follow from which events.
package vrrp
