// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"net/netip"

	"vrrpsh/engine/vrrp"
)

// Output collects what one or more calls into the Core ask for. The owner
// carries it out and calls Reset; slices are reused.
//
// Within one Output the order is: every Listen with VRIDs, Sends, Announces, and then every Listen
// without VRIDs, so that an advert finds its socket open. The newest of several
// Listens of one interface and family counts, as does the newest Desired of one Key, which
// may take its time.
type Output struct {
	Sends     []Send
	Announces []Announce
	Desired   []Desired
	Listens   []Listen
	Routes    []DesiredRoutes
	Events    []Event
}

// Reset empties the output and keeps its memory.
func (o *Output) Reset() {
	o.Sends = o.Sends[:0]
	o.Announces = o.Announces[:0]
	o.Desired = o.Desired[:0]
	o.Listens = o.Listens[:0]
	o.Routes = o.Routes[:0]
	o.Events = o.Events[:0]
}

// Send is one advert to send.
type Send struct {
	Key     Key
	Link    int // interface index
	Source  netip.Addr
	Peer    netip.Addr // the only receiver; invalid: the multicast group
	MAC     [6]byte    // Ethernet source: the virtual MAC, or the interface's in Ether without VMAC
	Payload []byte     // the VRRP message; read only, never written to again
	// Priority is that of the advert. More says that the next Send has the same advert, for another peer.
	Priority uint8
	More     bool
}

// Announce asks for gratuitous ARP or unsolicited Neighbor Advertisements.
type Announce struct {
	Key    Key
	Link   int
	MAC    [6]byte
	Addrs  []netip.Prefix // read only
	Router bool           // the Router flag of Neighbor Advertisements
}

// Desired is the kernel state that one virtual router shall have. The newest of
// a Key wins; Seq, which grows with every Desired of the Core, comes back with Installed.
type Desired struct {
	Key     Key
	Seq     uint64
	Link    int
	Type    InterfaceType
	VIFName string
	MAC     [6]byte // the virtual MAC
	VMAC    bool
	IOCTL   bool
	Addrs   []netip.Prefix // read only
	// Owned are the virtual addresses that the interface has by itself and that shall be known by the MAC of the macvlan.
	Owned []netip.Addr // read only
	// Present is false when nothing of this virtual router shall remain.
	Present bool
	// Active is true while Master: addresses installed, macvlan up.
	Active bool
	// Closed and AcceptPing are those of VirtualRouter.
	Closed, AcceptPing bool
}

// Listen says which virtual routers are heard on an interface; without VRIDs the
// socket is closed.
type Listen struct {
	Link   int
	Family vrrp.Family
	VRIDs  []uint8
	// Source is the interface's primary address of the family.
	Source netip.Addr
	// Filter lets the kernel discard other VRIDs.
	Filter bool
}
