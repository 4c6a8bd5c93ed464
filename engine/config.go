// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

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

// Compare orders keys by interface, family and VRID.
func (k Key) Compare(o Key) int {
	return cmp.Or(strings.Compare(k.Interface, o.Interface), cmp.Compare(k.Family, o.Family), cmp.Compare(k.VRID, o.VRID))
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

// AdvertMAC selects the Ethernet source address of adverts if there is a virtual MAC.
type AdvertMAC uint8

// The Ethernet source addresses of adverts.
const (
	// AdvertFromVirtual is the virtual MAC (RFC 9568 section 7.3): switches learn its port from the adverts.
	AdvertFromVirtual AdvertMAC = iota
	// AdvertFromInterface is the interface's own address, for peers that do not receive frames from a MAC address
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

// Address is a virtual address. Bits is its prefix length; -1 means the prefix length of the
// interface's connected subnet that contains the address, or the full length without such a subnet.
type Address struct {
	Addr netip.Addr
	Bits int
	// Derived is true for a link-local address that was not configured but derived from the
	// virtual MAC (see vrrp.LinkLocal).
	Derived bool
}

// VirtualRouter is the configuration of one virtual router in the form that the
// Core applies. It is valid, and nobody changes it after the Core has received it.
type VirtualRouter struct {
	Key
	// Protocol configures the state machine. Its Addresses, Family and VRID repeat the fields of VirtualRouter.
	Protocol  vrrp.Config
	Addresses []Address
	Type      InterfaceType
	// VIFName is the name of the macvlan; set for Macvlan only.
	VIFName string
	// VMAC gives the interface itself the virtual MAC while Master (Ether only).
	VMAC      bool
	AdvertMAC AdvertMAC
	// IOCTL installs addresses by ioctl instead of netlink (Ether and IPv4 only).
	IOCTL bool
	// SocketFilter lets the kernel discard packets of other virtual routers.
	SocketFilter bool
	Description  string
	Shutdown     bool // administratively down
	// Closed is Accept_Mode false (RFC 9568 section 6.1): a Master that does not own the addresses accepts
	// no packets sent to them. With AcceptPing it still accepts echo requests.
	Closed, AcceptPing bool
	// Track lists the objects that the virtual router depends on; SyncGroup names its sync group, if any.
	Track     []Tracking
	SyncGroup string
}

// Config is everything that the Core applies, in configuration order.
type Config struct {
	Routers []VirtualRouter
	Routes  []StaticRoute
	Tracks  []TrackObject
	// The driver runs the Hooks; the Core ignores them.
	Hooks []Hook
}

// ChangeKind says what a new configuration does to one virtual router.
type ChangeKind uint8

// The kinds of change.
const (
	Created ChangeKind = iota
	ChangedInPlace
	Restarted // a Master hands over first
	Removed
	// A plan contains an Unchanged virtual router only if it resigns together with a member of its sync group.
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
	// Fields are the keys of the configuration file that differ. Plan leaves it empty: the caller knows the file.
	Fields []string
	// Resigns is true if the virtual router gives up Master, should it be Master. With is the member of
	// its sync group that causes this, should it be Master too and neither be the address owner; the zero Key: its own
	// change does.
	Resigns bool
	With    Key
}
