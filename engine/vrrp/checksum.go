package vrrp

import (
	"encoding/binary"
	"net/netip"
)

// sum adds the 16-bit words of an even number of bytes to an Internet checksum
// (RFC 1071) in progress. VRRP messages have even lengths.
func sum(s uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		s += uint32(binary.BigEndian.Uint16(b))
	}
	return s
}

// sumPseudoHeader returns the sum of the pseudo-header in front of a message of
// n bytes: RFC 8200 section 8.1 for IPv6, that of TCP (RFC 9293 section 3.1) for IPv4.
func sumPseudoHeader(family Family, src, dst netip.Addr, n int) uint32 {
	from, to := src.As16(), dst.As16()
	skip := len(from) - addrLen(family)
	s := sum(sum(0, from[skip:]), to[skip:])
	return s + Protocol + uint32(n)
}

// fold completes a sum. It is 0xffff over data that includes its own checksum.
func fold(s uint32) uint16 {
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	return uint16(s)
}
