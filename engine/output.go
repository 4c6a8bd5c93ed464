// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"net/netip"
	"time"

	"vrrpsh/engine/vrrp"
)

// Output collects the requests of one or more calls into the Core. The owner
// carries them out and calls Reset, which keeps the slices for reuse.
//
// The owner must carry out one Output in this order: every Listen with VRIDs, Sends, Announces,
// and then every Listen without VRIDs, so that an advert finds its socket open. Only the newest
// Listen of an interface and family counts, and only the newest Desired of a Key. A Desired
// may be carried out later.
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
	// Priority is the priority in the advert. More is true if the next Send carries the same advert to another peer.
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

// Desired is the kernel state that one virtual router must have. The newest Desired of
// a Key wins. Seq grows with every Desired of the Core; Installed passes it back.
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
	// Owned are the virtual addresses that the interface owns and that must resolve to the MAC of the macvlan.
	Owned []netip.Addr // read only
	// Present is false if the kernel must not keep any state of this virtual router.
	Present bool
	// Active is true while Master: addresses installed, macvlan up.
	Active bool
	// Closed and AcceptPing are copied from VirtualRouter.
	Closed, AcceptPing bool
}

// Listen says which virtual routers to hear on an interface; without VRIDs the
// socket is closed.
type Listen struct {
	Link   int
	Family vrrp.Family
	VRIDs  []uint8
	// Source is the interface's primary address of the family.
	Source netip.Addr
	// Filter lets the kernel discard other VRIDs.
	Filter bool
	// AnyTTL is set if packets with another TTL than 255 can be valid: those of unicast peers.
	AnyTTL bool
	// Urgent are those of the VRIDs whose adverts must be handled at once, like all with priority 0. Patience is how long
	// the others' adverts may wait.
	Urgent   []uint8
	Patience time.Duration
}
