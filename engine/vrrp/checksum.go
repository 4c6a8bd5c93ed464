// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"encoding/binary"
	"fmt"
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

// ChecksumMode is the form of the checksum that VRRPv3 over IPv4 sends.
type ChecksumMode uint8

// The checksum modes.
const (
	// ChecksumAuto is the RFC 5798 form until a peer is heard, then the peer's.
	ChecksumAuto ChecksumMode = iota
	// ChecksumRFC5798 includes an IPv4 pseudo-header.
	ChecksumRFC5798
	// ChecksumRFC9568 covers the VRRP message only.
	ChecksumRFC9568
)

// String returns "auto", "rfc5798" or "rfc9568".
func (m ChecksumMode) String() string {
	switch m {
	case ChecksumAuto:
		return "auto"
	case ChecksumRFC5798:
		return "rfc5798"
	case ChecksumRFC9568:
		return "rfc9568"
	default:
		return fmt.Sprintf("ChecksumMode(%d)", uint8(m))
	}
}

// ChecksumForm is the form of the checksum that a received message carries.
type ChecksumForm uint8

// The checksum forms.
const (
	// FormMessage covers the VRRP message only: VRRPv2, and VRRPv3/IPv4 as in RFC 9568.
	FormMessage ChecksumForm = iota
	// FormPseudoHeader covers a pseudo-header too: VRRPv3/IPv4 as in RFC 5798, and IPv6.
	FormPseudoHeader
)

// String returns "message" or "pseudo-header".
func (f ChecksumForm) String() string {
	switch f {
	case FormMessage:
		return "message"
	case FormPseudoHeader:
		return "pseudo-header"
	default:
		return fmt.Sprintf("ChecksumForm(%d)", uint8(f))
	}
}

// verifyChecksum reports whether a message's checksum is correct, and its form.
//
// If the pseudo-header's sum is a multiple of 0xffff, a VRRPv3/IPv4 checksum fits both
// forms, and counts as the form that the common implementations require.
func verifyChecksum(msg []byte, version Version, family Family, src, dst netip.Addr) (ChecksumForm, bool) {
	s := sum(0, msg)
	if version == V3 && fold(s+sumPseudoHeader(family, src, dst, len(msg))) == 0xffff {
		return FormPseudoHeader, true
	}
	return FormMessage, family == IPv4 && fold(s) == 0xffff
}

// learnForm records the checksum form of the peers, and in ChecksumAuto adopts it.
func (r *Router) learnForm(form ChecksumForm) {
	if r.peerFormKnown && r.peerForm == form {
		return
	}
	r.peerForm, r.peerFormKnown = form, true
	if r.cfg.Checksum == ChecksumAuto {
		r.message = nil
	}
}

// sendForm returns the checksum form of the adverts that are sent.
func (r *Router) sendForm() ChecksumForm {
	switch {
	case r.cfg.Family == IPv6:
		return FormPseudoHeader
	case r.cfg.Version == V2 || r.cfg.Checksum == ChecksumRFC9568:
		return FormMessage
	case r.cfg.Checksum == ChecksumAuto && r.peerFormKnown:
		return r.peerForm
	default:
		return FormPseudoHeader
	}
}
