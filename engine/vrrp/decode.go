// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// PeekVRID returns the VRID of a VRRP message before it is decoded, to find
// the virtual router whose version Decode must expect. It returns false when the
// message is too short to contain a VRID.
func PeekVRID(payload []byte) (vrid uint8, ok bool) {
	if len(payload) <= offVRID {
		return 0, false
	}
	return payload[offVRID], true
}

// Decode decodes a packet into dst after the checks of RFC 9568 section 7.1 that
// need only the packet: TTL, length, version, type and checksum, in
// this order. The version must be want, or either one if want is zero. Both forms of
// the VRRPv3/IPv4 checksum are accepted; dst.Form is the one found. Check handles messages without addresses, and
// VRRPv2 messages with fewer addresses than their count says.
//
// With a result other than DropNone the content of dst is undefined. Decode does not
// allocate once dst.Addresses has grown to what the peers send.
func Decode(dst *Advertisement, p Packet, family Family, want Version) DropReason {
	if p.AH {
		return DropAH
	}
	if p.TTL != TTL {
		return DropTTL
	}
	if IsCARP(p.Payload) {
		return DropCARP
	}
	if len(p.Payload) < headerLen {
		return DropLength
	}
	version := Version(p.Payload[offVersionType] >> 4)
	if !validVersion(version, family) {
		return DropVersion
	}
	count, n, ok := measure(p.Payload, version, family)
	if !ok {
		return DropLength
	}
	if want != 0 && version != want {
		return DropVersion
	}
	msg := p.Payload[:n]
	if msg[offVersionType]&0x0f != typeAdvertisement {
		return DropType
	}
	form, ok := verifyChecksum(msg, version, family, p.Src, p.Dst)
	if !ok {
		return DropChecksum
	}

	dst.Version = version
	dst.Family = family
	dst.VRID = msg[offVRID]
	dst.Priority = msg[offPriority]
	dst.Checksum = binary.BigEndian.Uint16(msg[offChecksum:])
	dst.Form = form
	dst.Source = p.Src.WithZone("")
	dst.Message = msg
	dst.Addresses = appendAddresses(dst.Addresses[:0], msg[headerLen:], family, count)
	dst.Missing = int(msg[offCount]) - count
	if version == V2 {
		dst.AuthType = AuthType(msg[offAuthType])
		dst.AuthData = [authLen]byte(msg[headerLen+count*addrLen(family):])
		dst.Interval = time.Duration(msg[offIntervalV2]) * intervalUnitV2
	} else {
		dst.AuthType = AuthNone
		dst.AuthData = [authLen]byte{}
		field := binary.BigEndian.Uint16(msg[offIntervalV3:]) & intervalMaskV3
		dst.Interval = time.Duration(field) * intervalUnitV3
	}
	return DropNone
}

// measure returns the number of addresses in a payload and the length of the message. It returns false when the length does
// not fit.
func measure(b []byte, version Version, family Family) (count, n int, ok bool) {
	count = int(b[offCount])
	n = messageLen(version, family, count)
	switch {
	case len(b) == n:
		return count, n, true
	case len(b) < n:
		// The earlier daemon sends one address with the count of all addresses of the interface.
		hold := len(b) - headerLen - authLen
		count = hold / addrLen(family)
		return count, len(b), version == V2 && count > 0 && hold%addrLen(family) == 0
	case version == V2 && len(b) > maxPaddedLen && !AuthType(b[offAuthType]).Supported():
		return count, len(b), true // the length of such authentication data is unknown
	default:
		return count, n, family == IPv4 && len(b) <= maxPaddedLen
	}
}

// validVersion reports whether a version exists for a family: VRRPv2 supports IPv4 only.
func validVersion(version Version, family Family) bool {
	return version == V3 || version == V2 && family == IPv4
}

// appendAddresses appends the count addresses at the start of b.
func appendAddresses(dst []netip.Addr, b []byte, family Family, count int) []netip.Addr {
	for range count {
		if family == IPv6 {
			dst = append(dst, netip.AddrFrom16([16]byte(b)))
			b = b[16:]
		} else {
			dst = append(dst, netip.AddrFrom4([4]byte(b)))
			b = b[4:]
		}
	}
	return dst
}
