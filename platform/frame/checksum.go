// SPDX-License-Identifier: GPL-3.0-only

package frame

import (
	"encoding/binary"
	"net/netip"
)

// sum adds the 16-bit words of b to s (RFC 1071); fold turns s into the one's complement sum.
func sum(s uint32, b []byte) uint32 {
	for len(b) >= 2 {
		s += uint32(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// pseudoHeader is the sum of the IPv6 pseudo-header (RFC 8200 section 8.1).
func pseudoHeader(src, dst netip.Addr, length, next uint32) uint32 {
	s, d := src.As16(), dst.As16()
	return sum(sum(length+next, s[:]), d[:])
}
