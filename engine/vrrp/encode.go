// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"encoding/binary"
	"net/netip"
)

// AppendMessage appends the advert of a virtual router to b: the VRRP message
// that follows an IP header from src to dst, a Group. Priority is the advert's priority,
// form the checksum form of VRRPv3 over IPv4; other checksums have only one form.
//
// The configuration must be valid. A Router caches its own message: see Router.Message.
func AppendMessage(b []byte, cfg *Config, priority uint8, form ChecksumForm, src, dst netip.Addr) []byte {
	return appendMessage(b, cfg, newAuthenticator(cfg.AuthType, cfg.Secret), priority, form, src, dst)
}

func appendMessage(b []byte, cfg *Config, auth *authenticator, priority uint8, form ChecksumForm, src, dst netip.Addr) []byte {
	start := len(b)
	b = append(b, byte(cfg.Version)<<4|typeAdvertisement, cfg.VRID, priority, byte(len(cfg.Addresses)))
	if cfg.Version == V2 {
		b = append(b, byte(cfg.AuthType), byte(cfg.Interval/intervalUnitV2))
	} else {
		b = binary.BigEndian.AppendUint16(b, uint16(cfg.Interval/intervalUnitV3)&intervalMaskV3)
	}
	b = append(b, 0, 0) // checksum
	for _, a := range cfg.Addresses {
		a16 := a.As16()
		b = append(b, a16[len(a16)-addrLen(cfg.Family):]...)
	}
	if cfg.Version == V2 {
		data := auth.data(b[start:])
		b = append(b, data[:]...)
	}

	msg := b[start:]
	s := sum(0, msg)
	if cfg.Family == IPv6 || cfg.Version == V3 && form == FormPseudoHeader {
		s += sumPseudoHeader(cfg.Family, src, dst, len(msg))
	}
	binary.BigEndian.PutUint16(msg[offChecksum:], ^fold(s))
	return b
}
