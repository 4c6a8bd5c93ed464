// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"

	"vrrpsh/platform"
)

// Messages of the route socket and of the interface list (net/route.h, net/if.h).
const (
	routeVersion = 5 // RTM_VERSION

	messageNewAddr  = 0x0c // RTM_NEWADDR
	messageDelAddr  = 0x0d // RTM_DELADDR
	messageLink     = 0x0e // RTM_IFINFO
	messageAnnounce = 0x11 // RTM_IFANNOUNCE: an interface comes or goes

	// Every message begins with its length, version and type; messages of the types that this
	// package parses continue with the following fields.
	offVersion = 2
	offType    = 3
	offSlots   = 4 // which addresses follow: the bits RTA_*
	offFlags   = 8
	offIndex   = 12
	offData    = 16 // RTM_IFINFO: struct if_data
	addrHeader = 20 // sizeof(struct ifa_msghdr)

	// Within struct if_data.
	offLinkType  = offData + 0
	offLinkState = offData + 4
	offDataLen   = offData + 6
	offMTU       = offData + 8
	dataMinimum  = 12

	flagUp       = 0x1 // IFF_UP
	flagLoopback = 0x8 // IFF_LOOPBACK
	stateDown    = 1   // LINK_STATE_DOWN; 0 is unknown

	slots       = 8 // RTAX_MAX
	slotNetmask = 2 // RTAX_NETMASK
	slotIfName  = 4 // RTAX_IFP
	slotIfAddr  = 5 // RTAX_IFA

	familyIPv4 = 2  // AF_INET
	familyLink = 18 // AF_LINK
	familyIPv6 = 28 // AF_INET6

	// Types of interfaces with Ethernet framing (net/if_types.h).
	typeEthernet = 6    // IFT_ETHER: hardware, lagg, epair, tap, wlan
	typeVLAN     = 0x87 // IFT_L2VLAN
	typeBridge   = 0xd1 // IFT_BRIDGE
)

// kernelLink is an interface as the kernel reports it.
type kernelLink struct {
	platform.Link // without Parent; Addrs are all addresses
	vlan          bool
}

// errMessage means that a message does not match its header.
var errMessage = fmt.Errorf("malformed route message")

// splitMessage returns the first message of b and the rest.
func splitMessage(b []byte) (message, rest []byte, err error) {
	if len(b) < offSlots {
		return nil, nil, fmt.Errorf("%w: %d bytes", errMessage, len(b))
	}
	length := int(binary.LittleEndian.Uint16(b))
	if length < offSlots || length > len(b) {
		return nil, nil, fmt.Errorf("%w: length %d in %d bytes", errMessage, length, len(b))
	}
	if b[offVersion] != routeVersion {
		return nil, nil, fmt.Errorf("%w: version %d", errMessage, b[offVersion])
	}
	return b[:length], b[length:], nil
}

// concerns reports whether a message of the route socket is about interfaces or their addresses.
func concerns(message []byte) bool {
	if len(message) <= offType {
		return false
	}
	switch message[offType] {
	case messageNewAddr, messageDelAddr, messageLink, messageAnnounce:
		return true
	default:
		return false
	}
}

// parseInterfaces parses the interface list. It keeps the order of the interfaces and of their addresses:
// the first address is the one that the host prefers.
func parseInterfaces(b []byte) ([]kernelLink, error) {
	var links []kernelLink
	at := make(map[int]int) // position in links by index
	for len(b) > 0 {
		m, rest, err := splitMessage(b)
		if err != nil {
			return nil, err
		}
		b = rest
		switch m[offType] {
		case messageLink:
			l, err := parseLink(m)
			if err != nil {
				return nil, err
			}
			at[l.Index] = len(links)
			links = append(links, l)
		case messageNewAddr:
			index, prefix, err := parseAddr(m)
			if err != nil {
				return nil, err
			}
			if i, ok := at[index]; ok && prefix.IsValid() {
				links[i].Addrs = append(links[i].Addrs, prefix)
			}
		}
	}
	return links, nil
}

func parseLink(m []byte) (kernelLink, error) {
	var l kernelLink
	if len(m) < offData+dataMinimum {
		return l, fmt.Errorf("%w: interface of %d bytes", errMessage, len(m))
	}
	// The statistics have grown from release to release; the header has their length.
	data := int(binary.LittleEndian.Uint16(m[offDataLen:]))
	if data < dataMinimum || offData+data > len(m) {
		return l, fmt.Errorf("%w: interface data of %d bytes", errMessage, data)
	}
	addrs, err := parseSlots(m, offData+data)
	if err != nil {
		return l, err
	}
	flags := binary.LittleEndian.Uint32(m[offFlags:])
	kind := m[offLinkType]
	l.Index = int(binary.LittleEndian.Uint16(m[offIndex:]))
	l.MTU = int(binary.LittleEndian.Uint32(m[offMTU:]))
	l.Up = flags&flagUp != 0 && m[offLinkState] != stateDown
	l.vlan = kind == typeVLAN
	name, mac := parseLinkName(addrs[slotIfName])
	l.Name = string(name)
	if l.Name == "" {
		return l, fmt.Errorf("%w: interface %d without a name", errMessage, l.Index)
	}
	switch kind {
	case typeEthernet, typeVLAN, typeBridge:
		l.Ethernet = flags&flagLoopback == 0 && len(mac) == len(l.MAC)
	}
	copy(l.MAC[:], mac)
	return l, nil
}

// parseAddr parses an address of an interface. The prefix is not valid for families other than IPv4 and
// IPv6.
func parseAddr(m []byte) (index int, p netip.Prefix, err error) {
	if len(m) < addrHeader {
		return 0, p, fmt.Errorf("%w: address of %d bytes", errMessage, len(m))
	}
	addrs, err := parseSlots(m, addrHeader)
	if err != nil {
		return 0, p, err
	}
	index = int(binary.LittleEndian.Uint16(m[offIndex:]))
	addr := parseSockaddr(addrs[slotIfAddr])
	if !addr.IsValid() {
		return index, p, nil
	}
	return index, netip.PrefixFrom(addr, maskLength(addrs[slotNetmask], addr)), nil
}

// parseSlots finds the addresses after a message's header.
func parseSlots(m []byte, start int) ([slots][]byte, error) {
	const align = 8 // sizeof(long)
	var all [slots][]byte
	present := binary.LittleEndian.Uint32(m[offSlots:])
	b := m[start:]
	for i := range all {
		if present&(1<<i) == 0 {
			continue
		}
		if len(b) == 0 {
			return all, fmt.Errorf("%w: address %d is missing", errMessage, i)
		}
		length := int(b[0])
		if length > len(b) {
			return all, fmt.Errorf("%w: address of %d in %d bytes", errMessage, length, len(b))
		}
		all[i] = b[:length]
		b = b[min(max((length+align-1)&^(align-1), align), len(b)):]
	}
	return all, nil
}

// Offsets within struct sockaddr_in and sockaddr_in6.
const (
	offSockFamily = 1
	offSockIPv4   = 4
	offSockIPv6   = 8
)

func parseSockaddr(b []byte) netip.Addr {
	switch {
	case len(b) >= offSockIPv4+4 && b[offSockFamily] == familyIPv4:
		return netip.AddrFrom4([4]byte(b[offSockIPv4:]))
	case len(b) >= offSockIPv6+16 && b[offSockFamily] == familyIPv6:
		a := [16]byte(b[offSockIPv6:])
		// Inside the kernel a link-local address carries the interface's index.
		if a[0] == 0xfe && a[1]&0xc0 == 0x80 {
			a[2], a[3] = 0, 0
		}
		return netip.AddrFrom16(a)
	default:
		return netip.Addr{}
	}
}

// maskLength counts the leading ones of a netmask. The kernel may leave out trailing zeros and the
// family.
func maskLength(b []byte, addr netip.Addr) int {
	start := offSockIPv4
	if addr.Is6() {
		start = offSockIPv6
	}
	n := 0
	for _, x := range b[min(start, len(b)):min(start+addr.BitLen()/8, len(b))] {
		n += bits.LeadingZeros8(^x)
		if x != 0xff {
			break
		}
	}
	return n
}

// parseLinkName returns the name and the Ethernet address of a struct sockaddr_dl.
func parseLinkName(b []byte) (name, mac []byte) {
	const offNameLen, offAddrLen, offText = 5, 6, 8
	if len(b) < offText || b[offSockFamily] != familyLink {
		return nil, nil
	}
	n, a := int(b[offNameLen]), int(b[offAddrLen])
	if offText+n+a > len(b) {
		return nil, nil
	}
	return b[offText : offText+n], b[offText+n : offText+n+a]
}
