// SPDX-License-Identifier: GPL-3.0-only

package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"vrrpsh/platform"
)

// MAC is an Ethernet address.
type MAC = [6]byte

// Multicast groups of adverts and Neighbor Advertisements.
var (
	// GroupIPv4 is the destination of VRRP over IPv4 (RFC 9568 section 5.1.1.2).
	GroupIPv4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	// GroupIPv6 is the destination of VRRP over IPv6 (RFC 9568 section 5.1.2.2).
	GroupIPv6 = netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 15: 0x12})
	// AllNodes is the destination of unsolicited Neighbor Advertisements (RFC 4861 section 7.2.6).
	AllNodes = netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 15: 0x01})

	// GroupMACIPv4 is the Ethernet address of GroupIPv4 (RFC 1112 section 6.4).
	GroupMACIPv4 = MAC{0x01, 0x00, 0x5e, 0x00, 0x00, 0x12}
	// GroupMACIPv6 is the Ethernet address of GroupIPv6 (RFC 2464 section 7).
	GroupMACIPv6 = MAC{0x33, 0x33, 0x00, 0x00, 0x00, 0x12}
	// AllNodesMAC is the Ethernet address of AllNodes.
	AllNodesMAC = MAC{0x33, 0x33, 0x00, 0x00, 0x00, 0x01}
	// Broadcast is the Ethernet broadcast address.
	Broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

// Values of header fields.
const (
	// Protocol is the IP protocol number of VRRP (RFC 9568 section 5.1.1.4).
	Protocol = 112
	// ProtocolAH is that of the IPsec Authentication Header (RFC 4302), in which peers may have VRRPv2.
	ProtocolAH = 51
	// TTL is the TTL or hop limit of every advert (RFC 9568 section 5.1.1.3).
	TTL = 255
	// TOS is DSCP CS6, network control (RFC 4594 section 3.1).
	TOS = 0xc0

	typeIPv4 = 0x0800
	typeARP  = 0x0806
	typeIPv6 = 0x86dd

	protocolICMPv6 = 58

	ethernetLen = 14
	ipv4Len     = 20
	ipv6Len     = 40
	arpLen      = 28
	naLen       = 32 // with the Target Link-Layer Address option

	// ARPLen is the length of a gratuitous ARP frame, without padding.
	ARPLen = ethernetLen + arpLen
	// NALen is the length of a Neighbor Advertisement frame.
	NALen = ethernetLen + ipv6Len + naLen
)

// Errors of building a frame.
var (
	errSource  = errors.New("source address is not valid")
	errTarget  = errors.New("announced address is not valid")
	errPayload = errors.New("message does not fit into an IP packet")
)

// AdvertLen returns the length of the frame that AppendAdvert builds.
func AdvertLen(f *platform.Frame) int {
	if f.Source.Is4() {
		return ethernetLen + ipv4Len + len(f.Payload)
	}
	return ethernetLen + ipv6Len + len(f.Payload)
}

// AppendAdvert appends the Ethernet frame of a VRRP message to the multicast group to b. The family is that of f.Source.
func AppendAdvert(b []byte, f *platform.Frame) ([]byte, error) {
	if f.Source.Is4() {
		return AppendAdvertTo(b, f, GroupIPv4, GroupMACIPv4)
	}
	return AppendAdvertTo(b, f, GroupIPv6, GroupMACIPv6)
}

// AppendAdvertTo is AppendAdvert with another destination and its Ethernet address.
func AppendAdvertTo(b []byte, f *platform.Frame, to netip.Addr, mac MAC) ([]byte, error) {
	switch {
	case !f.Source.IsValid() || f.Source.Is4In6():
		return b, fmt.Errorf("advert: %w", errSource)
	case len(f.Payload) > 0xffff-ipv4Len:
		return b, fmt.Errorf("advert: %w", errPayload)
	case f.Source.Is4():
		b = appendEthernet(b, mac, f.MAC, typeIPv4)
		b = appendIPv4(b, f.Source, to, len(f.Payload))
	default:
		b = appendEthernet(b, mac, f.MAC, typeIPv6)
		b = appendIPv6(b, f.Source, to, TOS, Protocol, len(f.Payload))
	}
	return append(b, f.Payload...), nil
}

// AppendAnnouncement appends a gratuitous ARP request (RFC 9568 section 8.1.2) for an IPv4
// address, or an unsolicited Neighbor Advertisement (section 8.2.2) for an IPv6 address.
func AppendAnnouncement(b []byte, a *platform.Announcement) ([]byte, error) {
	switch {
	case !a.Addr.IsValid() || a.Addr.Is4In6():
		return b, fmt.Errorf("announcement: %w", errTarget)
	case a.Addr.Is4():
		return appendARP(b, a.MAC, a.Addr.As4()), nil
	default:
		return appendNA(b, a.MAC, a.Addr, a.Router), nil
	}
}

func appendEthernet(b []byte, dst, src MAC, etherType uint16) []byte {
	b = append(b, dst[:]...)
	b = append(b, src[:]...)
	return binary.BigEndian.AppendUint16(b, etherType)
}

// appendIPv4 sets Don't Fragment and an identification of zero, which has no meaning in
// a datagram that is never fragmented (RFC 6864 section 4.1).
func appendIPv4(b []byte, src, dst netip.Addr, payload int) []byte {
	const dontFragment = 0x4000
	start := len(b)
	s, d := src.As4(), dst.As4()
	b = append(b, 4<<4|ipv4Len/4, TOS)
	b = binary.BigEndian.AppendUint16(b, uint16(ipv4Len+payload))
	b = binary.BigEndian.AppendUint16(b, 0)
	b = binary.BigEndian.AppendUint16(b, dontFragment)
	b = append(b, TTL, Protocol, 0, 0)
	b = append(b, s[:]...)
	b = append(b, d[:]...)
	binary.BigEndian.PutUint16(b[start+10:], ^fold(sum(0, b[start:])))
	return b
}

func appendIPv6(b []byte, src, dst netip.Addr, class, next byte, payload int) []byte {
	s, d := src.As16(), dst.As16()
	b = append(b, 6<<4|class>>4, class<<4, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(payload))
	b = append(b, next, TTL)
	b = append(b, s[:]...)
	return append(b, d[:]...)
}

// appendARP builds a gratuitous request: both protocol addresses are the announced one, and the
// target hardware address is zero (RFC 5227 section 3).
func appendARP(b []byte, mac MAC, addr [4]byte) []byte {
	const request = 1
	b = appendEthernet(b, Broadcast, mac, typeARP)
	b = append(b, 0, 1, typeIPv4>>8, typeIPv4&0xff, 6, 4, 0, request)
	b = append(b, mac[:]...)
	b = append(b, addr[:]...)
	b = append(b, 0, 0, 0, 0, 0, 0)
	return append(b, addr[:]...)
}

// The types of these ICMPv6 messages (RFC 4861 sections 4.3 and 4.4).
const (
	NeighborSolicitationType  = 135
	NeighborAdvertisementType = 136
)

// appendNA builds an unsolicited Neighbor Advertisement with the Override flag and the Target
// Link-Layer Address option (RFC 4861 section 4.4).
func appendNA(b []byte, mac MAC, target netip.Addr, router bool) []byte {
	const (
		flagRouter   = 0x80
		flagOverride = 0x20
		optionTarget = 2
	)
	flags := byte(flagOverride)
	if router {
		flags |= flagRouter
	}
	b = appendEthernet(b, AllNodesMAC, mac, typeIPv6)
	b = appendIPv6(b, target, AllNodes, 0, protocolICMPv6, naLen)
	start := len(b)
	t := target.As16()
	b = append(b, NeighborAdvertisementType, 0, 0, 0, flags, 0, 0, 0)
	b = append(b, t[:]...)
	b = append(b, optionTarget, 1)
	b = append(b, mac[:]...)
	binary.BigEndian.PutUint16(b[start+2:], ^fold(pseudoHeader(target, AllNodes, naLen, protocolICMPv6)+sum(0, b[start:])))
	return b
}
