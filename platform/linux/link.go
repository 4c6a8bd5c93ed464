// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// kernelLink is an interface as netlink reports it.
type kernelLink struct {
	platform.Link        // without Ours and Addrs
	adminUp       bool   // IFF_UP
	kind          string // "macvlan", "veth", …; "device" for hardware
	alias         string
	upper         int      // index of the master interface; 0 if none
	settings      []uint32 // IPv4 settings: setting n is at index n−1
	settings6     []uint32 // IPv6 settings: setting n is at index n; nil without IPv6
	generates     bool     // generates its own link-local addresses
}

func (l *kernelLink) setting(number int) (uint32, bool) {
	if number < 1 || number > len(l.settings) {
		return 0, false
	}
	return l.settings[number-1], true
}

// parseLink parses the body of an RTM_NEWLINK or RTM_DELLINK message. It returns false for
// messages about bridge ports, which do not describe the interface itself.
func parseLink(m []byte) (kernelLink, bool, error) {
	if len(m) < unix.SizeofIfInfomsg {
		return kernelLink{}, false, fmt.Errorf("link message: %w", unix.EBADMSG)
	}
	if m[0] != unix.AF_UNSPEC {
		return kernelLink{}, false, nil
	}
	header, attrs := nl.DeserializeIfInfomsg(m), m[unix.SizeofIfInfomsg:]
	l := kernelLink{kind: text(attrOf(attrOf(attrs, unix.IFLA_LINKINFO), unix.IFLA_INFO_KIND)), alias: text(attrOf(attrs, unix.IFLA_IFALIAS))}
	l.kind, l.adminUp = cmp.Or(l.kind, "device"), header.Flags&unix.IFF_UP != 0
	l.Index, l.Name, l.MTU = int(header.Index), text(attrOf(attrs, unix.IFLA_IFNAME)), int(number(attrOf(attrs, unix.IFLA_MTU)))
	l.Up = l.adminUp && header.Flags&unix.IFF_RUNNING != 0
	l.Ethernet = header.Type == unix.ARPHRD_ETHER && header.Flags&unix.IFF_LOOPBACK == 0
	copy(l.MAC[:], attrOf(attrs, unix.IFLA_ADDRESS))
	l.Macvlan, l.upper = l.kind == "macvlan" || l.kind == "macvtap", int(number(attrOf(attrs, unix.IFLA_MASTER)))
	l.settings = parseSettings(m)
	l.settings6, l.generates = parseSettings6(m)
	l.ForwardsIPv6 = l.setting6(forwarding6) != 0
	switch l.kind {
	case "macvlan", "macvtap", "ipvlan", "ipvtap", "vlan":
		if attrOf(attrs, unix.IFLA_LINK_NETNSID) == nil { // otherwise the index belongs to another namespace
			l.Parent = int(number(attrOf(attrs, unix.IFLA_LINK)))
		}
	}
	return l, true, nil
}

// setting6 returns the value of an IPv6 setting, 0 if the kernel did not report it.
func (l *kernelLink) setting6(s setting6) uint32 {
	if int(s) >= len(l.settings6) {
		return 0
	}
	return l.settings6[s]
}

// parseSettings6 returns the IPv6 settings from the body of a link message, and whether the interface
// generates link-local addresses.
func parseSettings6(m []byte) (settings []uint32, generates bool) {
	conf := familyAttr(m, unix.AF_INET6, inet6Conf)
	mode := familyAttr(m, unix.AF_INET6, addrGenMode)
	return uint32s(conf), len(mode) > 0 && mode[0] != genNone
}

// parseNetconf parses the body of an RTM_NEWNETCONF message. ok is true if the message is of that family and about the
// forwarding setting of an interface, or of all interfaces if the index is negative.
func parseNetconf(m []byte, family byte) (index int, forwarding, ok bool) {
	const (
		header        = 4 // struct netconfmsg, padded
		ifIndex       = 1 // NETCONFA_IFINDEX
		forwardingNow = 2 // NETCONFA_FORWARDING
	)
	if len(m) < header || m[0] != family {
		return 0, false, false
	}
	attrs, err := nl.ParseRouteAttr(m[header:])
	if err != nil {
		return 0, false, false
	}
	for _, a := range attrs {
		if len(a.Value) < 4 {
			continue
		}
		switch v := int32(binary.NativeEndian.Uint32(a.Value)); a.Attr.Type {
		case ifIndex:
			index = int(v)
		case forwardingNow:
			forwarding, ok = v != 0, true
		}
	}
	return index, forwarding, ok && index != 0
}

// parseSettings returns the IPv4 settings from the body of a link message.
func parseSettings(m []byte) []uint32 {
	return uint32s(familyAttr(m, unix.AF_INET, inetConf))
}

func uint32s(raw []byte) []uint32 {
	var all []uint32
	for ; len(raw) >= 4; raw = raw[4:] {
		all = append(all, binary.NativeEndian.Uint32(raw))
	}
	return all
}

// Per-family attributes of a link message.
const (
	inetConf    = 1 // IFLA_INET_CONF
	inet6Conf   = 2 // IFLA_INET6_CONF
	addrGenMode = 8 // IFLA_INET6_ADDR_GEN_MODE
	genNone     = 1 // IN6_ADDR_GEN_MODE_NONE
)

// familyAttr returns a per-family attribute from the body of a link message.
func familyAttr(m []byte, family, attr uint16) []byte {
	return attrOf(attrOf(attrOf(m[unix.SizeofIfInfomsg:], unix.IFLA_AF_SPEC), family), attr)
}

// text returns the text in an attribute, which ends with a zero.
func text(value []byte) string { return unix.ByteSliceToString(value) }

// attrOf returns the value of the first attribute of a kind. It makes nothing: there may be thousands of interfaces.
func attrOf(attrs []byte, kind uint16) []byte {
	for len(attrs) >= unix.SizeofRtAttr {
		length := int(binary.NativeEndian.Uint16(attrs))
		if length < unix.SizeofRtAttr || length > len(attrs) {
			break
		}
		if binary.NativeEndian.Uint16(attrs[2:])&^unix.NLA_F_NESTED == kind {
			return attrs[unix.SizeofRtAttr:length]
		}
		attrs = attrs[min((length+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1), len(attrs)):]
	}
	return nil
}

// ifaProto is the address attribute IFA_PROTO, the program that installed the address.
const ifaProto = 11

// kernelAddr is an address of an interface as netlink reports it.
type kernelAddr struct {
	link   int
	prefix netip.Prefix
	flags  uint32
	proto  uint8 // IFA_PROTO
	label  string
}

// usable returns false for an IPv6 address that has not passed duplicate address detection, unless it is optimistic.
func (a *kernelAddr) usable() bool {
	return a.flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) == 0 || a.flags&unix.IFA_F_OPTIMISTIC != 0
}

// parseAddr parses the body of an RTM_NEWADDR or RTM_DELADDR message.
func parseAddr(m []byte) (kernelAddr, bool) {
	if len(m) < unix.SizeofIfAddrmsg {
		return kernelAddr{}, false
	}
	h := nl.DeserializeIfAddrmsg(m)
	a := kernelAddr{link: int(h.Index), flags: uint32(h.Flags)}
	attrs, err := nl.ParseRouteAttr(m[unix.SizeofIfAddrmsg:])
	if err != nil {
		return a, false
	}
	var local, address netip.Addr
	for _, at := range attrs {
		switch at.Attr.Type {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(at.Value)
		case unix.IFA_ADDRESS:
			address, _ = netip.AddrFromSlice(at.Value)
		case unix.IFA_FLAGS:
			if len(at.Value) >= 4 {
				a.flags = binary.NativeEndian.Uint32(at.Value)
			}
		case unix.IFA_LABEL:
			a.label = unix.ByteSliceToString(at.Value)
		case ifaProto:
			if len(at.Value) >= 1 {
				a.proto = at.Value[0]
			}
		}
	}
	if !local.IsValid() {
		local = address
	}
	a.prefix = netip.PrefixFrom(local, int(h.Prefixlen))
	return a, a.prefix.IsValid()
}

// extensions requests links without statistics (RTEXT_FILTER_SKIP_STATS).
func extensions() *nl.RtAttr {
	return nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(1<<3))
}

func linkRequest(kind, flags int, index int) (*request, *nl.IfInfomsg) {
	r := nl.NewNetlinkRequest(kind, flags)
	m := nl.NewIfInfomsg(unix.AF_UNSPEC)
	m.Index = int32(index)
	r.AddData(m)
	return r, m
}

// link returns the interface with an index, or platform.ErrNoLink if it does not exist.
func (c *rtnetlink) link(index int) (kernelLink, error) {
	r, _ := linkRequest(unix.RTM_GETLINK, 0, index)
	r.AddData(extensions())
	return c.getLink(r)
}

// linkByName is like link, by name.
func (c *rtnetlink) linkByName(name string) (kernelLink, error) {
	return c.getLink(linkByNameRequest(name))
}

func linkByNameRequest(name string) *request {
	r, _ := linkRequest(unix.RTM_GETLINK, 0, 0)
	r.AddData(extensions())
	r.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	return r
}

func (c *rtnetlink) getLink(r *request) (kernelLink, error) {
	var l kernelLink
	var parseErr error
	err := c.one(r, func(m []byte) {
		l, _, parseErr = parseLink(m)
	})
	if err != nil {
		return l, noLink(err)
	}
	return l, parseErr
}

// links returns all interfaces.
func (c *rtnetlink) links() ([]kernelLink, error) {
	r, _ := linkRequest(unix.RTM_GETLINK, 0, 0)
	r.AddData(extensions())
	var all []kernelLink
	var parseErr error
	err := c.dump(r, func() { all = all[:0] }, func(m []byte) {
		l, ok, err := parseLink(m)
		if err != nil {
			parseErr = err
		} else if ok {
			all = append(all, l)
		}
	})
	if err == nil {
		err = parseErr
	}
	return all, err
}

// addrs returns the addresses of an interface, or of all interfaces for index 0.
func (c *rtnetlink) addrs(index int) ([]kernelAddr, error) {
	r := nl.NewNetlinkRequest(unix.RTM_GETADDR, 0)
	m := nl.NewIfAddrmsg(unix.AF_UNSPEC)
	m.Index = uint32(index)
	r.AddData(m)
	var all []kernelAddr
	err := c.dump(r, func() { all = all[:0] }, func(m []byte) {
		if a, ok := parseAddr(m); ok && (index == 0 || a.link == index) {
			all = append(all, a)
		}
	})
	return all, noLink(err)
}

// aliasPrefix is the start of the alias of every interface that we create.
const aliasPrefix = "vrrpsh:"

// alias returns the alias that marks the macvlan of a virtual router.
func alias(id platform.ID) string {
	return fmt.Sprintf("%s%s:%d:%d", aliasPrefix, id.Link, id.Family, id.VRID)
}

// ours reports whether an interface has our mark.
func (l *kernelLink) ours() bool {
	return l.kind == "macvlan" && strings.HasPrefix(l.alias, aliasPrefix)
}
