// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"net/netip"
	"time"
)

// Values of the IP header of every advert (RFC 9568 sections 5.1.1 and 5.1.2).
const (
	// Protocol is the IP protocol number, or next header.
	Protocol = 112
	// TTL is the only TTL, or hop limit, that is sent and accepted: it proves that the sender is on this link.
	TTL = 255
)

// The layout of a VRRP message (RFC 9568 section 5.2, RFC 3768 section 5.3).
const (
	offVersionType = 0
	offVRID        = 1
	offPriority    = 2
	offCount       = 3
	offAuthType    = 4 // VRRPv2
	offIntervalV2  = 5 // seconds
	offIntervalV3  = 4 // 4 reserved bits, 12 bits of centiseconds
	offChecksum    = 6
	headerLen      = 8
	authLen        = 8 // VRRPv2, after the addresses

	// typeAdvertisement is the only type of message (RFC 9568 section 5.2.2).
	typeAdvertisement = 1

	intervalMaskV3 = 0x0fff
	intervalUnitV2 = time.Second
	intervalUnitV3 = 10 * time.Millisecond
)

// The layout of CARP's only message (FreeBSD and OpenBSD: struct carp_header). It begins like VRRPv2: version 2,
// type 1, and then its virtual host ID.
const (
	carpVersionType = 2<<4 | 1
	carpAuthLen     = 7  // replaces the address count: the number of 4-byte words after the header
	carpLen         = 36 // a VRRPv2 message with as many addresses is longer
)

// IsCARP reports whether a payload is a message of CARP, which uses the protocol number and the groups of VRRP.
func IsCARP(b []byte) bool {
	return len(b) == carpLen && b[offVersionType] == carpVersionType && b[offCount] == carpAuthLen
}

// maxPaddedLen is the length of the longest payload that Ethernet pads to its
// minimum of 46 bytes, after an IPv4 header of 20. After an IPv6 header of 40,
// there is never padding.
const maxPaddedLen = 46 - 20

// The multicast groups of adverts (RFC 9568 sections 5.1.1.2 and 5.1.2.2).
var (
	GroupIPv4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	GroupIPv6 = netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 15: 0x12})
)

// Group returns the multicast group of a family.
func Group(family Family) netip.Addr {
	if family == IPv6 {
		return GroupIPv6
	}
	return GroupIPv4
}

// VirtualMAC returns the virtual router MAC address (RFC 9568 section 7.3).
func VirtualMAC(family Family, vrid uint8) [6]byte {
	if family == IPv6 {
		return [6]byte{0x00, 0x00, 0x5e, 0x00, 0x02, vrid}
	}
	return [6]byte{0x00, 0x00, 0x5e, 0x00, 0x01, vrid}
}

// LinkLocal returns the link-local address of an IPv6 virtual router that has none configured: the
// prefix fe80::/64 with the modified EUI-64 identifier of the virtual MAC (RFC 4291 appendix A).
func LinkLocal(vrid uint8) netip.Addr {
	m := VirtualMAC(IPv6, vrid)
	const universal = 0x02 // the inverted bit
	return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80,
		8: m[0] ^ universal, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5]})
}

// addrLen returns the length of one address in a message.
func addrLen(family Family) int {
	if family == IPv6 {
		return 16
	}
	return 4
}

// messageLen returns the length of a message with count addresses.
func messageLen(version Version, family Family, count int) int {
	n := headerLen + count*addrLen(family)
	if version == V2 {
		n += authLen
	}
	return n
}
