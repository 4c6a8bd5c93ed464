// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"fmt"
	"net/netip"

	"vrrpsh/engine/vrrp"
)

// Key identifies a virtual router on this host (RFC 9568 section 1.6).
type Key struct {
	Interface string // as configured, never the macvlan
	Family    vrrp.Family
	VRID      uint8
}

// String returns for example "eth0 IPv4 group 51".
func (k Key) String() string {
	return fmt.Sprintf("%s %s group %d", k.Interface, k.Family, k.VRID)
}

// InterfaceType says where the virtual addresses live.
type InterfaceType uint8

// The interface types.
const (
	// Ether puts the addresses on the interface itself.
	Ether InterfaceType = iota
	// Macvlan puts them on a macvlan child that has the virtual MAC.
	Macvlan
)

// String returns "ether" or "macvlan".
func (t InterfaceType) String() string {
	if t == Macvlan {
		return "macvlan"
	}
	return "ether"
}

// AdvertMAC says which Ethernet address adverts come from where there is a virtual MAC.
type AdvertMAC uint8

// The Ethernet addresses of adverts.
const (
	// AdvertFromVirtual is the virtual MAC (RFC 9568 section 7.3), from which switches learn where it is.
	AdvertFromVirtual AdvertMAC = iota
	// AdvertFromInterface is the interface's own address, for peers that do not hear what comes from a MAC address
	// that they have themselves.
	AdvertFromInterface
)

// String returns "virtual" or "interface".
func (m AdvertMAC) String() string {
	if m == AdvertFromInterface {
		return "interface"
	}
	return "virtual"
}

// Address is a virtual address. Bits is its prefix length, or -1 for that of
// the interface's connected subnet that contains it, or else the full length.
type Address struct {
	Addr netip.Addr
	Bits int
	// Derived is true for a link-local address that was not configured, but follows from the
	// virtual MAC (see vrrp.LinkLocal).
	Derived bool
}

// VirtualRouter is the configuration of one virtual router in the form that the
// Core applies. It is valid and is not changed once it was handed to the Core.
type VirtualRouter struct {
	Key
	// Protocol configures the state machine. Its Addresses, Family and VRID repeat those here.
	Protocol  vrrp.Config
	Addresses []Address
	Type      InterfaceType
	// VIFName is the name of the macvlan; set for Macvlan only.
	VIFName string
	// VMAC gives the interface itself the virtual MAC while Master (Ether only).
	VMAC      bool
	AdvertMAC AdvertMAC
	// IOCTL has the kernel told of addresses by ioctl and not by netlink (Ether and IPv4 only).
	IOCTL bool
	// SocketFilter lets the kernel discard packets of other virtual routers.
	SocketFilter bool
	Description  string
	Shutdown     bool // administratively down
	// Closed is Accept_Mode false (RFC 9568 section 6.1): a Master that does not own the addresses accepts
	// nothing that is sent to them but, with AcceptPing, echo requests.
	Closed, AcceptPing bool
	// Track are the objects that it depends on, SyncGroup the sync group that it is in, if any.
	Track     []Tracking
	SyncGroup string
}

// Config is everything that the Core applies, in configuration order.
type Config struct {
	Routers []VirtualRouter
	Routes  []StaticRoute
	Tracks  []TrackObject
	// Hooks are run by the driver; the Core does not know of them.
	Hooks []Hook
}

// ChangeKind says what a new configuration does to one virtual router.
type ChangeKind uint8

// The kinds of change.
const (
	Created ChangeKind = iota
	ChangedInPlace
	Restarted // the Master, if it is this router, hands over first
	Removed
	// Unchanged ones are in a plan when they resign together with a member of their sync group.
	Unchanged
)

// String returns "created", "changed in place", "restarted", "removed" or "unchanged".
func (c ChangeKind) String() string {
	switch c {
	case Created:
		return "created"
	case ChangedInPlace:
		return "changed in place"
	case Restarted:
		return "restarted"
	case Removed:
		return "removed"
	case Unchanged:
		return "unchanged"
	default:
		return fmt.Sprintf("ChangeKind(%d)", uint8(c))
	}
}

// Change is one line of a plan.
type Change struct {
	Key  Key
	Kind ChangeKind
	// Fields are the keys of the configuration file that differ. Plan leaves them to who knows the file.
	Fields []string
	// Resigns is true if the virtual router gives up Master, in case it is. With is the member of
	// its sync group on whose account it does; the zero Key: on its own.
	Resigns bool
	With    Key
}
