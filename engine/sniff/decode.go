// SPDX-License-Identifier: GPL-3.0-only

package sniff

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/frame"
)

// EtherTypes.
const (
	typeIPv4   = 0x0800
	typeIPv6   = 0x86dd
	typeVLAN   = 0x8100 // IEEE 802.1Q
	typeQinQ   = 0x88a8 // IEEE 802.1ad
	vlanIDMask = 0x0fff
)

// Decode decodes a frame; it returns false if the frame is not a VRRP packet.
func Decode(f Frame) (*Packet, bool) {
	p := &Packet{Time: f.Time}
	etherType, b, ok := p.linkLayer(f)
	if !ok {
		return nil, false
	}
	if etherType == 0 && len(b) > 0 { // the IP header has its own version
		etherType = map[byte]uint16{4: typeIPv4, 6: typeIPv6}[b[0]>>4]
	}
	var message []byte
	switch etherType {
	case typeIPv4:
		message, ok = p.ipv4(b)
	case typeIPv6:
		message, ok = p.ipv6(b)
	default:
		return nil, false
	}
	if !ok {
		return nil, false
	}
	p.addressing()
	p.message(message)
	p.virtualMAC()
	return p, true
}

func (p *Packet) fault(format string, args ...any) {
	p.Faults = append(p.Faults, fmt.Sprintf(format, args...))
}

// linkLayer removes the link layer's header. The EtherType is 0 if there is none.
func (p *Packet) linkLayer(f Frame) (etherType uint16, rest []byte, ok bool) {
	b := f.Data
	switch f.Link {
	case Ethernet:
		if len(b) < 14 {
			return 0, nil, false
		}
		p.DestinationMAC, p.SourceMAC = MAC(b[:6]), MAC(b[6:12])
		etherType, b = binary.BigEndian.Uint16(b[12:]), b[14:]
	case Cooked:
		if len(b) < 16 {
			return 0, nil, false
		}
		if binary.BigEndian.Uint16(b[4:]) == 6 {
			p.SourceMAC = MAC(b[6:12])
		}
		etherType, b = binary.BigEndian.Uint16(b[14:]), b[16:]
	case CookedV2:
		if len(b) < 20 {
			return 0, nil, false
		}
		if b[11] == 6 {
			p.SourceMAC = MAC(b[12:18])
		}
		etherType, b = binary.BigEndian.Uint16(b), b[20:]
	case RawIP, RawIPv4, RawIPv6:
		return 0, b, true
	default:
		return 0, nil, false
	}
	for etherType == typeVLAN || etherType == typeQinQ {
		if len(b) < 4 {
			return 0, nil, false
		}
		p.VLAN, etherType, b = binary.BigEndian.Uint16(b)&vlanIDMask, binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	return etherType, b, true
}

// ipv4 takes the IPv4 header off (RFC 791), with an IPsec Authentication Header behind it.
func (p *Packet) ipv4(b []byte) ([]byte, bool) {
	switch {
	case len(b) < 20:
		return nil, false
	case b[9] == vrrp.Protocol:
		return p.ipv4Body(b), true
	case b[9] == frame.ProtocolAH:
		message, ok := frame.BehindAH(p.ipv4Body(b))
		p.AH = true
		p.fault("in an IPsec Authentication Header (protocol %d), which vrrpsh does not support", frame.ProtocolAH)
		return message, ok
	default:
		return nil, false
	}
}

// ipv4Body returns what is behind the IPv4 header.
func (p *Packet) ipv4Body(b []byte) []byte {
	header, total := int(b[0]&0xf)*4, int(binary.BigEndian.Uint16(b[2:]))
	p.TTL = b[8]
	p.Source, p.Destination = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	if header < 20 || header > len(b) {
		p.fault("IP header of %d bytes", header)
		return nil
	}
	if sum16(b[:header]) != 0xffff {
		p.fault("wrong IP header checksum")
	}
	if binary.BigEndian.Uint16(b[6:])&0x3fff != 0 { // More Fragments and the offset
		p.fault("IP fragment")
	}
	switch {
	case total < header:
		p.fault("IP length %d is shorter than the header", total)
		return b[header:]
	case total > len(b):
		p.cut = true
		p.fault("%d bytes of the IP packet are missing", total-len(b))
		return b[header:]
	default:
		return b[header:total]
	}
}

// sum16 is the one's complement sum of 16-bit words (RFC 1071) of an even number of bytes.
func sum16(b []byte) uint16 {
	var s uint32
	for ; len(b) >= 2; b = b[2:] {
		s += uint32(binary.BigEndian.Uint16(b))
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// ipv6 removes the IPv6 header (RFC 8200).
func (p *Packet) ipv6(b []byte) ([]byte, bool) {
	if len(b) < 40 || b[6] != vrrp.Protocol {
		return nil, false
	}
	p.TTL = b[7]
	p.Source, p.Destination = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	n := int(binary.BigEndian.Uint16(b[4:]))
	b = b[40:]
	if n > len(b) {
		p.cut = true
		p.fault("%d bytes of the IP packet are missing", n-len(b))
		n = len(b)
	}
	return b[:n], true
}

func (p *Packet) family() vrrp.Family { return vrrp.FamilyOf(p.Source) }

// addressing checks the IP header (RFC 9568 sections 5.1.1 and 5.1.2). Unicast is no fault: routers can be configured to use it.
func (p *Packet) addressing() {
	if p.TTL != vrrp.TTL {
		p.fault("TTL %d is not %d", p.TTL, vrrp.TTL)
	}
	switch {
	case p.Source.IsUnspecified() || p.Source.IsMulticast() || p.Source.IsLoopback():
		p.fault("source %s cannot be the address of an interface", p.Source)
	case p.family() == vrrp.IPv6 && !p.Source.IsLinkLocalUnicast():
		p.fault("source %s is not link-local", p.Source)
	}
	group := vrrp.Group(p.family())
	if p.Destination.IsMulticast() && p.Destination != group {
		p.fault("destination %s is not %s", p.Destination, group)
	}
	want := MAC(frame.GroupMACIPv4)
	if p.family() == vrrp.IPv6 {
		want = MAC(frame.GroupMACIPv6)
	}
	if p.Destination == group && p.DestinationMAC != (MAC{}) && p.DestinationMAC != want {
		p.fault("destination MAC %s is not %s", p.DestinationMAC, want)
	}
}

// message decodes the VRRP message (RFC 9568 section 5.2, RFC 3768 section 5.3).
func (p *Packet) message(b []byte) {
	if len(b) < 8 {
		p.fault("message has %d bytes, its header needs 8", len(b))
		return
	}
	if vrrp.IsCARP(b) {
		p.CARP, p.VRID = true, b[1]
		p.fault("CARP, not VRRP")
		return
	}
	p.Decoded = Header
	p.Version, p.Type, p.VRID, p.Priority = vrrp.Version(b[0]>>4), b[0]&0xf, b[1], b[2]
	if p.Version != vrrp.V3 && (p.Version != vrrp.V2 || p.family() != vrrp.IPv4) {
		p.fault("unknown version %d over %s", uint8(p.Version), p.family())
		return // the meaning of the rest is unknown
	}
	if p.Type != 1 {
		p.fault("type %d is not 1", p.Type)
	}
	if p.VRID == 0 {
		p.fault("group 0")
	}
	if p.Version == vrrp.V2 {
		p.AuthType, p.Interval = vrrp.AuthType(b[4]), time.Duration(b[5])*time.Second
		switch {
		case p.AuthType.Supported():
		case authName(p.AuthType) == p.AuthType.String():
			p.fault("authentication %s (type %d), which vrrpsh does not support", p.AuthType, b[4])
		default:
			p.fault("authentication type %d is unknown", b[4])
		}
	} else {
		field := binary.BigEndian.Uint16(b[4:])
		p.Interval = time.Duration(field&0xfff) * 10 * time.Millisecond
		if field>>12 != 0 {
			p.fault("reserved bits are set")
		}
	}
	if p.Interval == 0 {
		p.fault("interval 0")
	}
	p.body(b)
}

// body decodes the message after the header.
func (p *Packet) body(b []byte) {
	count, size, auth := int(b[3]), 4, 0
	if p.family() == vrrp.IPv6 {
		size = 16
	}
	if p.Version == vrrp.V2 {
		auth = 8
	}
	n := 8 + count*size + auth
	if count == 0 {
		p.fault("no addresses")
	}
	switch {
	case len(b) < n:
		p.fault("message has %d bytes, %d addresses need %d", len(b), count, n)
		hold := len(b) - 8 - auth
		if count = hold / size; p.cut || p.Version != vrrp.V2 || hold%size != 0 || count < 1 {
			return
		}
		n = len(b) // it counts more than it holds, as the earlier daemon does
	case len(b) > n && p.Version == vrrp.V2 && !p.AuthType.Supported() && sum16(b) == 0xffff:
		n = len(b) // all of it is authentication data
	case len(b) > n:
		p.fault("%d bytes after the message", len(b)-n)
	}
	p.Decoded = Whole
	p.checksum(b[:n])
	for rest := b[8:]; count > 0; count-- {
		a, _ := netip.AddrFromSlice(rest[:size]) // of a right length
		rest = rest[size:]
		switch {
		case slices.Contains(p.Addresses, a):
			p.fault("address %s twice", a)
		case a.IsUnspecified() || a.IsMulticast() || a.IsLoopback():
			p.fault("address %s cannot be a virtual address", a)
		case size == 16 && len(p.Addresses) == 0 && !a.IsLinkLocalUnicast():
			p.fault("first address %s is not link-local", a)
		}
		p.Addresses = append(p.Addresses, a)
	}
}

// checksum determines which data the checksum of a complete message covers (RFC 9568 section 5.2.8, RFC 5798 section
// 5.2.8, RFC 3768 section 5.3.8).
func (p *Packet) checksum(b []byte) {
	switch {
	case p.Version == vrrp.V3 && sum16(append(p.pseudoHeader(len(b)), b...)) == 0xffff:
		p.Checksum = SumPseudoHeader
	case p.family() == vrrp.IPv4 && sum16(b) == 0xffff:
		p.Checksum = SumMessage
	default:
		p.Checksum = SumWrong
		p.fault("wrong checksum")
	}
}

// pseudoHeader returns the pseudo-header of a message of n bytes (RFC 8200 section 8.1; IPv4's has the same sum).
func (p *Packet) pseudoHeader(n int) []byte {
	b := slices.Concat(p.Source.AsSlice(), p.Destination.AsSlice())
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	return binary.BigEndian.AppendUint32(b, vrrp.Protocol)
}

// virtualMAC checks that a source MAC that is a virtual MAC is the group's (RFC 9568 section 7.3).
func (p *Packet) virtualMAC() {
	if p.Decoded == Nothing || p.SourceMAC == (MAC{}) {
		return
	}
	want := MAC(vrrp.VirtualMAC(p.family(), p.VRID))
	if [4]byte(p.SourceMAC[:4]) == [4]byte(want[:4]) && p.SourceMAC != want {
		p.fault("source MAC %s is not the group's virtual MAC %s", p.SourceMAC, want)
	}
}
