// SPDX-License-Identifier: GPL-3.0-only

package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Kind is the content of a parsed frame.
type Kind uint8

// The kinds of frames.
const (
	// Other is any other frame.
	Other Kind = iota
	// Advert is a VRRP message over IPv4 or IPv6.
	Advert
	// ARP is an ARP message for IPv4 over Ethernet.
	ARP
	// NeighborAdvertisement is an ICMPv6 Neighbor Advertisement.
	NeighborAdvertisement
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case Other:
		return "other"
	case Advert:
		return "advert"
	case ARP:
		return "arp"
	case NeighborAdvertisement:
		return "neighbor advertisement"
	default:
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
}

// Errors of parsing a frame. A frame of a known Kind with wrong
// content is an error; all other frames are Other.
var (
	ErrTruncated = errors.New("truncated frame")
	ErrHeader    = errors.New("malformed header")
	ErrChecksum  = errors.New("wrong header checksum")
)

// Packet is a parsed frame. Kind decides which fields other than those of Ethernet are set.
type Packet struct {
	Kind      Kind
	Dst, Src  MAC // Ethernet
	EtherType uint16

	// Advert, NeighborAdvertisement: the IP header.
	SrcAddr, DstAddr netip.Addr
	TTL, TOS         uint8
	// Advert: the VRRP message, without padding. It points into the parsed frame.
	Payload []byte
	// AH says that the message was in an IPsec Authentication Header.
	AH bool

	// ARP.
	Operation            uint16 // 1 request, 2 reply
	SenderMAC, TargetMAC MAC    // NeighborAdvertisement: SenderMAC is the target's link-layer address
	SenderIP, TargetIP   netip.Addr
	// NeighborAdvertisement: TargetIP and these flags.
	Router, Solicited, Override bool
}

// Gratuitous reports whether an ARP message announces its sender.
func (p *Packet) Gratuitous() bool {
	return p.Kind == ARP && p.SenderIP == p.TargetIP
}

// Parse parses an Ethernet frame without 802.1Q tag. It verifies the checksums of the IPv4 header and of a
// Neighbor Advertisement, but not that of a VRRP message.
func Parse(b []byte) (Packet, error) {
	var p Packet
	if len(b) < ethernetLen {
		return p, fmt.Errorf("ethernet: %w", ErrTruncated)
	}
	copy(p.Dst[:], b)
	copy(p.Src[:], b[6:])
	p.EtherType = binary.BigEndian.Uint16(b[12:])
	b = b[ethernetLen:]
	var err error
	switch p.EtherType {
	case typeIPv4:
		err = p.parseIPv4(b)
	case typeIPv6:
		err = p.parseIPv6(b)
	case typeARP:
		err = p.parseARP(b)
	}
	return p, err
}

func (p *Packet) parseIPv4(b []byte) error {
	if len(b) < ipv4Len {
		return fmt.Errorf("ipv4: %w", ErrTruncated)
	}
	header, total := int(b[0]&0xf)*4, int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case b[0]>>4 != 4 || header < ipv4Len || total < header:
		return fmt.Errorf("ipv4: %w", ErrHeader)
	case len(b) < total:
		return fmt.Errorf("ipv4: %w", ErrTruncated)
	case fold(sum(0, b[:header])) != 0xffff:
		return fmt.Errorf("ipv4: %w", ErrChecksum)
	}
	p.TOS, p.TTL = b[1], b[8]
	p.SrcAddr = netip.AddrFrom4([4]byte(b[12:16]))
	p.DstAddr = netip.AddrFrom4([4]byte(b[16:20]))
	const fragment = 0x3fff // More Fragments and the offset
	if binary.BigEndian.Uint16(b[6:])&fragment != 0 {
		return nil
	}
	switch b[9] {
	case Protocol:
		p.Kind, p.Payload = Advert, b[header:total]
	case ProtocolAH:
		if message, ok := BehindAH(b[header:total]); ok {
			p.Kind, p.Payload, p.AH = Advert, message, true
		}
	}
	return nil
}

// BehindAH returns the VRRP message behind an IPsec Authentication Header (RFC 4302 section 2); false if there is none.
func BehindAH(b []byte) (message []byte, ok bool) {
	const fixed = 12 // without the integrity check value
	if len(b) < fixed || b[0] != Protocol {
		return nil, false
	}
	n := (int(b[1]) + 2) * 4 // the length is in words of 4 bytes, less two
	if n < fixed || n > len(b) {
		return nil, false
	}
	return b[n:], true
}

func (p *Packet) parseIPv6(b []byte) error {
	if len(b) < ipv6Len {
		return fmt.Errorf("ipv6: %w", ErrTruncated)
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	switch {
	case b[0]>>4 != 6:
		return fmt.Errorf("ipv6: %w", ErrHeader)
	case len(b) < ipv6Len+length:
		return fmt.Errorf("ipv6: %w", ErrTruncated)
	}
	p.TOS, p.TTL = b[0]<<4|b[1]>>4, b[7]
	p.SrcAddr = netip.AddrFrom16([16]byte(b[8:24]))
	p.DstAddr = netip.AddrFrom16([16]byte(b[24:40]))
	body := b[ipv6Len : ipv6Len+length]
	switch b[6] {
	case Protocol:
		p.Kind, p.Payload = Advert, body
	case protocolICMPv6:
		return p.parseNA(body)
	}
	return nil
}

// ParseNA parses an ICMPv6 message. It does not verify the checksum. Kind is Other if the message is not a Neighbor Advertisement.
func ParseNA(b []byte) (Packet, error) {
	var p Packet
	err := p.neighbor(b)
	return p, err
}

func (p *Packet) parseNA(b []byte) error {
	if len(b) > 0 && b[0] == NeighborAdvertisementType && fold(pseudoHeader(p.SrcAddr, p.DstAddr, uint32(len(b)), protocolICMPv6)+sum(0, b)) != 0xffff {
		return fmt.Errorf("neighbor advertisement: %w", ErrChecksum)
	}
	return p.neighbor(b)
}

// neighbor parses a Neighbor Advertisement without verifying its checksum.
func (p *Packet) neighbor(b []byte) error {
	const fixed, optionTarget = 24, 2
	if len(b) == 0 || b[0] != NeighborAdvertisementType {
		return nil
	}
	if len(b) < fixed {
		return fmt.Errorf("neighbor advertisement: %w", ErrTruncated)
	}
	p.Router, p.Solicited, p.Override = b[4]&0x80 != 0, b[4]&0x40 != 0, b[4]&0x20 != 0
	p.TargetIP = netip.AddrFrom16([16]byte(b[8:24]))
	for b = b[fixed:]; len(b) > 0; {
		if len(b) < 8 || b[1] == 0 || len(b) < int(b[1])*8 {
			return fmt.Errorf("neighbor advertisement: %w", ErrHeader)
		}
		if b[0] == optionTarget {
			copy(p.SenderMAC[:], b[2:8])
		}
		b = b[int(b[1])*8:]
	}
	p.Kind = NeighborAdvertisement
	return nil
}

func (p *Packet) parseARP(b []byte) error {
	if len(b) < arpLen {
		return fmt.Errorf("arp: %w", ErrTruncated)
	}
	if [6]byte(b[:6]) != [6]byte{0, 1, typeIPv4 >> 8, typeIPv4 & 0xff, 6, 4} {
		return fmt.Errorf("arp: %w", ErrHeader)
	}
	p.Kind = ARP
	p.Operation = binary.BigEndian.Uint16(b[6:])
	copy(p.SenderMAC[:], b[8:])
	p.SenderIP = netip.AddrFrom4([4]byte(b[14:18]))
	copy(p.TargetMAC[:], b[18:])
	p.TargetIP = netip.AddrFrom4([4]byte(b[24:28]))
	return nil
}
