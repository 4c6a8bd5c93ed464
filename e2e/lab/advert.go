// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// The numbers of VRRP (RFC 9568 section 5.1) and ICMP (RFC 792). The lab has its own
// codec on purpose, so that it does not repeat faults of the router's.
const (
	protocolVRRP    = 112
	icmpEchoReply   = 0
	icmpEchoRequest = 8
	// ICMPv6 (RFC 4443).
	icmp6EchoRequest = 128
	icmp6EchoReply   = 129

	etherHeader = 14
	ipHeader    = 20
	ip6Header   = 40
)

var (
	groupMAC  = net.HardwareAddr{0x01, 0x00, 0x5e, 0x00, 0x00, 0x12}
	groupAddr = netip.AddrFrom4([4]byte{224, 0, 0, 18})
)

// VirtualMAC returns the IPv4 virtual router MAC address of a VRID (RFC 9568 section 7.3).
func VirtualMAC(vrid uint8) net.HardwareAddr {
	return net.HardwareAddr{0x00, 0x00, 0x5e, 0x00, 0x01, vrid}
}

// Advert is a VRRP message as seen on the wire.
type Advert struct {
	Time     time.Time
	Port     string
	MAC      net.HardwareAddr // Ethernet source
	Src, Dst netip.Addr
	TTL      uint8 // or hop limit
	Version  uint8
	VRID     uint8
	Priority uint8
	AuthType uint8
	Interval time.Duration
}

// String describes the advert.
func (a Advert) String() string {
	return fmt.Sprintf("%s %-4s %v %v v%d vrid %d prio %3d every %v auth %d",
		a.Time.Format("15:04:05.000000"), a.Port, a.MAC, a.Src, a.Version, a.VRID, a.Priority, a.Interval, a.AuthType)
}

// decodeAdvert decodes a frame if it is an advert.
func decodeAdvert(f Frame) (Advert, bool) {
	b := f.Data
	if len(b) < etherHeader+ipHeader+8 {
		return Advert{}, false
	}
	a := Advert{Time: f.Time, Port: f.Port, MAC: net.HardwareAddr(b[6:12])}
	var m []byte
	switch ip := b[etherHeader:]; binary.BigEndian.Uint16(b[12:]) {
	case unix.ETH_P_IP:
		head := int(ip[0]&0xf) * 4
		if ip[9] != protocolVRRP || len(ip) < head+8 {
			return Advert{}, false
		}
		a.TTL, a.Src, m = ip[8], netip.AddrFrom4([4]byte(ip[12:16])), ip[head:]
		a.Dst = netip.AddrFrom4([4]byte(ip[16:20]))
	case unix.ETH_P_IPV6:
		if ip[6] != protocolVRRP || len(ip) < ip6Header+8 {
			return Advert{}, false
		}
		a.TTL, a.Src, m = ip[7], netip.AddrFrom16([16]byte(ip[8:24])), ip[ip6Header:]
		a.Dst = netip.AddrFrom16([16]byte(ip[24:40]))
	default:
		return Advert{}, false
	}
	a.Version, a.VRID, a.Priority = m[0]>>4, m[1], m[2]
	if a.Version == 2 {
		a.AuthType = m[4]
		a.Interval = time.Duration(m[5]) * time.Second
	} else {
		a.Interval = time.Duration(binary.BigEndian.Uint16(m[4:])&0xfff) * 10 * time.Millisecond
	}
	return a, true
}

// Forged describes an advert to build. With zero values of the fault fields the advert is correct.
type Forged struct {
	MAC      net.HardwareAddr
	Src      netip.Addr
	Version  uint8
	VRID     uint8
	Priority uint8
	Interval time.Duration
	VIP      netip.Addr
	AuthType uint8
	Secret   string // of AuthType 1

	TTL         uint8 // 0: 255
	Type        uint8 // 0: 1
	BadChecksum bool
	Truncate    int    // octets to cut off the VRRP message, all but one at most
	Fragment    uint16 // flags and offset of the IP header
}

// Frame returns the Ethernet frame.
func (f Forged) Frame() []byte {
	kind, ttl := f.Type, f.TTL
	if kind == 0 {
		kind = 1
	}
	if ttl == 0 {
		ttl = 255
	}
	m := []byte{f.Version<<4 | kind, f.VRID, f.Priority, 1, 0, 0, 0, 0}
	m = append(m, f.VIP.AsSlice()...)
	var pseudo []byte
	if f.Version == 2 {
		m[4], m[5] = f.AuthType, uint8(f.Interval/time.Second)
		auth := make([]byte, 8)
		if f.AuthType == 1 {
			copy(auth, f.Secret)
		}
		m = append(m, auth...)
	} else {
		binary.BigEndian.PutUint16(m[4:], uint16(f.Interval/(10*time.Millisecond)))
		// With a pseudo-header (RFC 5798), which every router accepts.
		pseudo = append(append(f.Src.AsSlice(), groupAddr.AsSlice()...), 0, protocolVRRP, 0, uint8(len(m)))
	}
	sum := checksum(pseudo, m)
	if f.BadChecksum {
		sum ^= 0x5555
	}
	binary.BigEndian.PutUint16(m[6:], sum)
	m = m[:max(1, len(m)-f.Truncate)]

	ip := []byte{0x45, 0xc0, 0, 0, 0, 0, 0, 0, ttl, protocolVRRP, 0, 0}
	ip = append(ip, f.Src.AsSlice()...)
	ip = append(ip, groupAddr.AsSlice()...)
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)+len(m)))
	binary.BigEndian.PutUint16(ip[6:], f.Fragment)
	binary.BigEndian.PutUint16(ip[10:], checksum(nil, ip))
	return bytes.Join([][]byte{groupMAC, f.MAC, {0x08, 0x00}, ip, m}, nil)
}

// UDP returns a frame with a small UDP datagram without a UDP checksum.
func UDP(srcMAC, dstMAC net.HardwareAddr, src, dst netip.Addr, payload string) []byte {
	u := []byte{0x30, 0x39, 0x30, 0x39, 0, 0, 0, 0} // port 12345 to itself
	u = append(u, payload...)
	binary.BigEndian.PutUint16(u[4:], uint16(len(u)))
	ip := []byte{0x45, 0, 0, 0, 0, 0, 0, 0, 64, unix.IPPROTO_UDP, 0, 0}
	ip = append(ip, src.AsSlice()...)
	ip = append(ip, dst.AsSlice()...)
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)+len(u)))
	binary.BigEndian.PutUint16(ip[10:], checksum(nil, ip))
	return bytes.Join([][]byte{dstMAC, srcMAC, {0x08, 0x00}, ip, u}, nil)
}

// checksum is the Internet checksum (RFC 1071) over two parts, the first of even length.
func checksum(parts ...[]byte) uint16 {
	var sum uint32
	for _, b := range parts {
		for i := 0; i+1 < len(b); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(b[i:]))
		}
		if len(b)%2 == 1 {
			sum += uint32(b[len(b)-1]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// arp decodes the sender and the target of an ARP message about one IPv4 address over Ethernet.
func arp(f Frame) (mac net.HardwareAddr, sender, target netip.Addr, ok bool) {
	b := f.Data
	if len(b) < etherHeader+28 || binary.BigEndian.Uint16(b[12:]) != unix.ETH_P_ARP {
		return nil, netip.Addr{}, netip.Addr{}, false
	}
	a := b[etherHeader:]
	return net.HardwareAddr(a[8:14]),
		netip.AddrFrom4([4]byte(a[14:18])), netip.AddrFrom4([4]byte(a[24:28])), true
}

// ClaimsInARP reports whether an ARP frame claims addr, and for which link-layer address.
func ClaimsInARP(f Frame, addr string) (net.HardwareAddr, bool) {
	mac, sender, _, ok := arp(f)
	return mac, ok && sender == netip.MustParseAddr(addr)
}

// Claims reports whether a frame announces addr by ARP or Neighbor Discovery, and with which link-layer address.
func Claims(f Frame, addr string) (net.HardwareAddr, bool) {
	if mac, ok := ClaimsInARP(f, addr); ok {
		return mac, true
	}
	const solicitation, advertisement = 135, 136
	b := f.Data
	if len(b) < etherHeader+ip6Header+32 || binary.BigEndian.Uint16(b[12:]) != unix.ETH_P_IPV6 || b[20] != unix.IPPROTO_ICMPV6 {
		return nil, false
	}
	m := b[etherHeader+ip6Header:]
	claimed := netip.AddrFrom16([16]byte(b[etherHeader+8:])) // the source
	if m[0] == advertisement {
		claimed = netip.AddrFrom16([16]byte(m[8:])) // the target
	}
	known := m[0] == solicitation && m[24] == 1 || m[0] == advertisement && m[24] == 2 // RFC 4861 section 4.6.1
	return net.HardwareAddr(m[26:32]), known && claimed == netip.MustParseAddr(addr)
}

// GratuitousARP reports whether a frame is a gratuitous announcement of addr: its sender and its target are addr.
func GratuitousARP(f Frame, addr string) (net.HardwareAddr, bool) {
	mac, sender, target, ok := arp(f)
	want := netip.MustParseAddr(addr)
	return mac, ok && sender == want && target == want
}

// Announced6 reports whether a frame is an unsolicited Neighbor Advertisement of addr, and returns its flags
// (RFC 4861 section 4.4).
func Announced6(f Frame, addr string) (flags byte, ok bool) {
	const advertisement = 136
	b := f.Data
	if len(b) < etherHeader+ip6Header+24 || binary.BigEndian.Uint16(b[12:]) != unix.ETH_P_IPV6 || b[20] != unix.IPPROTO_ICMPV6 {
		return 0, false
	}
	m := b[etherHeader+ip6Header:]
	target := netip.AddrFrom16([16]byte(m[8:24]))
	return m[4], m[0] == advertisement && b[0] == 0x33 && target == netip.MustParseAddr(addr)
}

// AnnouncedByARP returns the address of a gratuitous ARP.
func AnnouncedByARP(f Frame) (addr netip.Addr, ok bool) {
	_, sender, target, ok := arp(f)
	return sender, ok && sender == target
}

// CoversPseudoHeader reports whether the checksum of an IPv4 advert covers a pseudo-header (RFC 5798) or only the
// message (RFC 9568); ok is false if neither is correct.
func CoversPseudoHeader(f Frame) (pseudo, ok bool) {
	if _, advert := decodeAdvert(f); !advert || binary.BigEndian.Uint16(f.Data[12:]) != unix.ETH_P_IP {
		return false, false
	}
	ip := f.Data[etherHeader:]
	m := ip[ipHeader:binary.BigEndian.Uint16(ip[2:])]
	header := append(append([]byte(nil), ip[12:20]...), 0, protocolVRRP, 0, uint8(len(m)))
	pseudo = checksum(header, m) == 0
	return pseudo, pseudo || checksum(m) == 0
}
