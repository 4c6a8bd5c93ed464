// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// Sizes of a message (RFC 9568 section 5.2, RFC 3768 section 5.1).
const (
	// ethernetMTU is the MTU assumed for an interface whose MTU is unknown.
	ethernetMTU = 1500
	// minMTU6 is the minimum MTU of IPv6 (RFC 8200 section 5).
	minMTU6    = 1280
	ipv4Header = 20
	ipv6Header = 40
	vrrpHeader = 8
	authData   = 8 // at the end of version 2 messages
	// maxAddresses is the maximum of the count field.
	maxAddresses = 255
)

// addresses reads vip and vips into one list of a single family.
func (r *router) addresses() {
	first, hasFirst := VIP.In(r.raw)
	others := VIPs.Value(r.raw)
	if !hasFirst && len(others) == 0 {
		if !r.known[r.path(VIPs.Name)] && !r.known[nth(r.path(VIPs.Name), 0)] {
			r.faultTyped(r.path(VIP.Name), "", "is required (or vips)", r.typed(r.path(VIP.Name), "", "is required"))
		}
		return
	}
	read := func(key, s string) {
		a, problem := parseAddress(s)
		if problem != "" {
			r.fault(key, quote(s), problem)
			return
		}
		family := vrrp.FamilyOf(a.Addr)
		if r.out.Family == 0 {
			r.out.Family = family
		}
		if family != r.out.Family {
			r.fault(key, quote(s), fmt.Sprintf("is an %s address, but the first one is %s: a virtual router has one family", family, r.out.Family))
			return
		}
		r.out.Addresses = append(r.out.Addresses, a)
	}
	if hasFirst {
		read(VIP.Name, first)
	}
	for i, s := range others {
		read(nth(VIPs.Name, i), s)
	}
	if r.out.Family == vrrp.IPv6 {
		r.linkLocalFirst()
	}
	for i := range r.out.Addresses {
		r.out.Protocol.Addresses = append(r.out.Protocol.Addresses, r.out.Addresses[i].Addr)
	}
}

// fits checks that the addresses fit an advertisement on the interface. An interface MTU that is wrong, or not set yet,
// does not prevent the router from starting.
func (r *router) fits() {
	n, least := len(r.out.Addresses), minMTU6
	if r.out.Family == vrrp.IPv4 {
		least = minMTU
	}
	if n <= r.room(least) {
		return // fits any MTU; a query for each of thousands of routers would take seconds
	}
	mtu, known := r.mtu(r.out.Interface)
	if !known {
		mtu = ethernetMTU
	}
	most := r.room(mtu)
	if n <= most {
		return
	}
	problem := fmt.Sprintf("do not fit an advertisement: at most %d %s addresses fit", most, r.out.Family)
	if most < maxAddresses && known {
		problem += fmt.Sprintf(" on %s, whose MTU is %d", r.out.Interface, mtu)
	}
	if r.out.Addresses[0].Derived {
		problem += ", including the derived link-local address"
	}
	if n <= maxAddresses && r.host != "" && r.running == nil {
		r.warn("%d addresses %s", n, problem)
		return
	}
	addresses := strconv.Itoa(n) + " addresses"
	r.faultTyped(r.path(VIPs.Name), addresses, problem, r.name()+": "+addresses+" "+problem)
}

// room returns how many addresses fit an advertisement with an MTU.
func (r *router) room(mtu int) int {
	room, size := mtu-ipv6Header-vrrpHeader, 16
	if r.out.Family == vrrp.IPv4 {
		room, size = mtu-ipv4Header-vrrpHeader, 4
		if r.out.Protocol.Version == vrrp.V2 {
			room -= authData
		}
	}
	return min(max(room/size, 0), maxAddresses)
}

// linkLocalFirst puts a link-local IPv6 address first, as RFC 9568 section 5.2.9 requires: the first
// configured one, or else the one derived from the virtual MAC.
func (r *router) linkLocalFirst() {
	all := r.out.Addresses
	i := slices.IndexFunc(all, func(a engine.Address) bool { return a.Addr.IsLinkLocalUnicast() })
	if i < 0 {
		r.out.Addresses = slices.Insert(all, 0, engine.Address{Addr: vrrp.LinkLocal(r.out.VRID), Bits: -1, Derived: true})
		return
	}
	first := all[i]
	r.out.Addresses = slices.Insert(slices.Delete(all, i, i+1), 0, first)
}

// parseAddress reads "10.0.0.1" or "10.0.0.1/24".
func parseAddress(s string) (engine.Address, string) {
	a := engine.Address{Bits: -1}
	text, bits, hasBits := strings.Cut(s, "/")
	var err error
	if a.Addr, err = netip.ParseAddr(text); err != nil || a.Addr.Zone() != "" {
		return a, `is not an address such as "10.0.0.1", "10.0.0.1/24" or "2001:db8::1/64"`
	}
	if hasBits {
		n, err := strconv.ParseUint(bits, 10, 8)
		if err != nil || n < 1 || n > uint64(a.Addr.BitLen()) {
			return a, fmt.Sprintf("has a prefix length that is out of range 1-%d", a.Addr.BitLen())
		}
		a.Bits = int(n)
	}
	switch {
	case a.Addr.Is4In6():
		return a, "is an IPv4 address in IPv6 form: write the IPv4 address"
	case a.Addr.IsUnspecified():
		return a, "is not the address of a host"
	case a.Addr.IsMulticast():
		return a, "is a multicast address"
	case a.Addr.IsLoopback():
		return a, "is a loopback address"
	case a.Addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return a, "is the broadcast address"
	case reserved.Contains(a.Addr):
		return a, "is a reserved address (RFC 1112 section 4)"
	}
	return a, noHost(a)
}

// reserved is class E of IPv4.
var reserved = netip.MustParsePrefix("240.0.0.0/4")

// noHost refuses an IPv4 address that no host of its subnet can have, if the prefix length is given (RFC 1122 section 3.2.1.3).
// In subnets of two addresses, both are host addresses (RFC 3021).
func noHost(a engine.Address) string {
	if !a.Addr.Is4() || a.Bits < 1 || a.Bits > 30 {
		return ""
	}
	network := netip.PrefixFrom(a.Addr, a.Bits).Masked()
	b := a.Addr.As4()
	switch binary.BigEndian.Uint32(b[:]) & (math.MaxUint32 >> a.Bits) {
	case 0:
		return "is the address of the network " + network.String()
	case math.MaxUint32 >> a.Bits:
		return "is the broadcast address of " + network.String()
	default:
		return ""
	}
}
