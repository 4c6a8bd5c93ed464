// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"encoding/binary"
	"net/netip"
)

// Requests of ioctl(2) that golang.org/x/sys does not have, or has only in the format of
// old releases (sys/sockio.h, netinet6/in6_var.h).
const (
	requestAddIPv4 = 0x8044692b // SIOCAIFADDR
	requestDelIPv4 = 0x80206919 // SIOCDIFADDR
	requestAddIPv6 = 0x8088691b // SIOCAIFADDR_IN6
	requestDelIPv6 = 0x81206919 // SIOCDIFADDR_IN6
	requestSetMAC  = 0x8020693c // SIOCSIFLLADDR
	requestGetVLAN = 0xc020693a // SIOCGETVLAN
)

const (
	nameLen     = 16 // IFNAMSIZ
	sockLenIPv4 = 16 // sizeof(struct sockaddr_in)
	sockLenIPv6 = 28 // sizeof(struct sockaddr_in6)

	// noDetection disables duplicate address detection (IN6_IFF_NODAD): a virtual router's
	// address must work at once, even while the former Master still has it.
	noDetection = 0x20
	forever     = 0xffffffff // ND6_INFINITE_LIFETIME
)

// argument returns zeros of the length encoded in a request's number, with the interface's name.
func argument(request uint32, link string) []byte {
	b := make([]byte, request>>16&0x1fff)
	copy(b[:nameLen-1], link)
	return b
}

// addRequest returns the request that adds an address, and its argument: struct in_aliasreq or
// in6_aliasreq. The mask is that of a host, so that the kernel adds no connected route.
func addRequest(link string, index int, addr netip.Addr) (request uint32, b []byte) {
	if addr.Is4() {
		const offMask = nameLen + 2*sockLenIPv4 // after the address and the broadcast address
		b = argument(requestAddIPv4, link)
		putSockaddr(b[nameLen:], addr, 0)
		putSockaddr(b[offMask:], netip.AddrFrom4([4]byte{0xff, 0xff, 0xff, 0xff}), 0)
		return requestAddIPv4, b
	}
	const (
		offMask     = nameLen + 2*sockLenIPv6 // behind the address and the other end's
		offFlags    = offMask + sockLenIPv6
		offLifetime = offFlags + 4
		offValid    = offLifetime + 16 // behind two times
	)
	b = argument(requestAddIPv6, link)
	putSockaddr(b[nameLen:], addr, index)
	var mask [16]byte
	for i := range mask {
		mask[i] = 0xff
	}
	putSockaddr(b[offMask:], netip.AddrFrom16(mask), 0)
	binary.LittleEndian.PutUint32(b[offFlags:], noDetection)
	binary.LittleEndian.PutUint32(b[offValid:], forever)
	binary.LittleEndian.PutUint32(b[offValid+4:], forever)
	return requestAddIPv6, b
}

// delRequest returns the request that deletes an address, and its argument: struct ifreq or in6_ifreq.
func delRequest(link string, index int, addr netip.Addr) (request uint32, b []byte) {
	request = requestDelIPv4
	if addr.Is6() {
		request = requestDelIPv6
	}
	b = argument(request, link)
	putSockaddr(b[nameLen:], addr, index)
	return request, b
}

// macRequest returns the request that sets an interface's Ethernet address, and its argument:
// struct ifreq with a struct sockaddr whose length is that of the address.
func macRequest(link string, mac [6]byte) (request uint32, b []byte) {
	b = argument(requestSetMAC, link)
	b[nameLen], b[nameLen+1] = byte(len(mac)), familyLink
	copy(b[nameLen+2:], mac[:])
	return requestSetMAC, b
}

// membership returns the argument of the socket option MCAST_JOIN_GROUP: struct group_req.
func membership(index int, group netip.Addr) []byte {
	const (
		offGroup = 8   // after the index, aligned
		storage  = 128 // sizeof(struct sockaddr_storage)
	)
	b := make([]byte, offGroup+storage)
	binary.LittleEndian.PutUint32(b, uint32(index))
	putSockaddr(b[offGroup:], group, 0)
	return b
}

// putSockaddr writes a struct sockaddr_in or sockaddr_in6. The index is for link-local addresses.
func putSockaddr(b []byte, addr netip.Addr, index int) {
	if addr.Is4() {
		b[0], b[1] = sockLenIPv4, familyIPv4
		copy(b[offSockIPv4:], addr.AsSlice())
		return
	}
	b[0], b[1] = sockLenIPv6, familyIPv6
	copy(b[offSockIPv6:], addr.AsSlice())
	if addr.IsLinkLocalUnicast() {
		const offScope = 24
		binary.LittleEndian.PutUint32(b[offScope:], uint32(index))
	}
}
