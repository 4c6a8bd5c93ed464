// SPDX-License-Identifier: GPL-3.0-only

package platform

import "net/netip"

// Neighbor is a host or router that the kernel knows by ARP or Neighbor Discovery.
type Neighbor struct {
	Addr      netip.Addr
	MAC       [6]byte
	Known     bool   // MAC is known
	Interface string // name; empty if it has gone
	State     string // in the words of the system, such as "reachable"
}

// Traffic are the counters of an interface since it exists.
type Traffic struct {
	Interface      string
	Received, Sent Counts
}

// Counts are the counters of one direction.
type Counts struct{ Packets, Octets, Errors, Dropped uint64 }
