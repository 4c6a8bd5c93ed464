// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
)

// RouterAdvertisement returns the frame of a Router Advertisement (RFC 4861 section 4.2) from fe80::99 to all nodes, of a default
// router with an on-link prefix of 64 bits for autonomous configuration.
func RouterAdvertisement(prefix netip.Addr) []byte {
	src, dst := netip.MustParseAddr("fe80::99").As16(), netip.MustParseAddr("ff02::1").As16()
	m := []byte{134, 0, 0, 0, 64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0} // lifetime 1800 s
	option := make([]byte, 32)
	option[0], option[1], option[2], option[3] = 3, 4, 64, 0xc0
	binary.BigEndian.PutUint32(option[4:], 86400)
	binary.BigEndian.PutUint32(option[8:], 14400)
	copy(option[16:], prefix.AsSlice())
	m = append(m, option...)
	pseudo := slices.Concat(src[:], dst[:], []byte{0, 0, 0, byte(len(m)), 0, 0, 0, 58})
	binary.BigEndian.PutUint16(m[2:], checksum(pseudo, m))
	ip := slices.Concat([]byte{0x60, 0, 0, 0, 0, byte(len(m)), 58, 255}, src[:], dst[:])
	mac := net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0x99}
	return slices.Concat([]byte(mac), []byte{0x86, 0xdd}, ip, m)
}
