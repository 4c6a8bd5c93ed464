// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"net/netip"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// createRequest creates a macvlan that is down.
//
// The mode is bridge: in all others but VEPA, the kernel delivers a frame whose source is the macvlan's
// own address to the macvlan alone, and the adverts of another Master are such frames.
func createRequest(a *platform.Attachment) *request {
	r, _ := linkRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, 0)
	r.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(a.Name)))
	r.AddData(nl.NewRtAttr(unix.IFLA_LINK, nl.Uint32Attr(uint32(a.Link))))
	r.AddData(nl.NewRtAttr(unix.IFLA_ADDRESS, a.MAC[:]))
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("macvlan"))
	info.AddRtAttr(nl.IFLA_INFO_DATA, nil).AddRtAttr(nl.IFLA_MACVLAN_MODE, nl.Uint32Attr(nl.MACVLAN_MODE_BRIDGE))
	r.AddData(info)
	return r
}

// aliasAttr marks a macvlan as ours. The kernel accepts it for existing interfaces only.
func aliasAttr(id platform.ID) *nl.RtAttr {
	return nl.NewRtAttr(unix.IFLA_IFALIAS, []byte(alias(id)))
}

// bulk is the least number of interfaces that are deleted together.
const bulk = 8

// deleteLinks deletes interfaces that we created. A missing interface is no error.
//
// Each deletion waits for all readers in the kernel, some ten milliseconds. The kernel deletes many
// interfaces at once only by group, so these join a group with a random, unused number.
func (s *System) deleteLinks(indexes []int) []error {
	errs := make([]error, len(indexes))
	var steps []step
	gone := func(err error) bool { return err == nil || errors.Is(noLink(err), platform.ErrNoLink) }
	if len(indexes) >= bulk {
		group := nl.Uint32Attr(1 + rand.Uint32N(math.MaxInt32))
		together := true
		for _, index := range indexes {
			r, _ := linkRequest(unix.RTM_SETLINK, 0, index)
			r.AddData(nl.NewRtAttr(unix.IFLA_GROUP, group))
			steps = append(steps, step{request: r, after: func(err error) { together = together && gone(err) }})
		}
		s.run(steps)
		r, _ := linkRequest(unix.RTM_DELLINK, 0, 0)
		r.AddData(nl.NewRtAttr(unix.IFLA_GROUP, group))
		if err := s.change.one(r, nil); together && gone(err) {
			return errs
		}
		steps = steps[:0] // delete the rest one by one
	}
	for i, index := range indexes {
		steps = append(steps, step{request: deleteLinkRequest(index), after: func(err error) {
			if !gone(err) {
				errs[i] = err
			}
		}})
	}
	s.run(steps)
	return errs
}

func deleteLinkRequest(index int) *request {
	r, _ := linkRequest(unix.RTM_DELLINK, 0, index)
	return r
}

func upRequest(index int, up bool) *request {
	r, m := linkRequest(unix.RTM_SETLINK, 0, index)
	m.Change = unix.IFF_UP
	if up {
		m.Flags = unix.IFF_UP
	}
	return r
}

func macRequest(index int, mac [6]byte) *request {
	return attrRequest(index, unix.IFLA_ADDRESS, mac[:])
}

func attrRequest(index, attr int, value []byte) *request {
	r, _ := linkRequest(unix.RTM_SETLINK, 0, index)
	r.AddData(nl.NewRtAttr(attr, value))
	return r
}

// addRequest adds a virtual address with our mark. It adds no route to the subnet, which the interface
// usually has already (see connect), and skips duplicate address detection, since the previous Master
// may still have the address (RFC 9568 section 6.4.2).
//
// A link-local address on a macvlan does get its route: replies leave on the interface where the request
// arrived, and need a route there. IPv6 addresses are deprecated from the start (RFC 4862 section 5.5.4):
// they answer, but the host does not choose them as source of its own connections.
func addRequest(index int, p netip.Prefix, macvlan bool) *request {
	r := addrRequest(unix.RTM_NEWADDR, index, p)
	r.Flags |= unix.NLM_F_CREATE | unix.NLM_F_EXCL
	flags := uint32(unix.IFA_F_NOPREFIXROUTE)
	if p.Addr().Is6() {
		flags |= unix.IFA_F_NODAD
		if macvlan && p.Addr().IsLinkLocalUnicast() {
			flags &^= unix.IFA_F_NOPREFIXROUTE
		}
		r.AddData(nl.NewRtAttr(unix.IFA_CACHEINFO, deprecated()))
	}
	r.AddData(nl.NewRtAttr(unix.IFA_FLAGS, nl.Uint32Attr(flags)))
	r.AddData(nl.NewRtAttr(ifaProto, []byte{addressMark}))
	return r
}

// deprecated returns a struct ifa_cacheinfo: preferred lifetime zero, valid lifetime infinite.
func deprecated() []byte {
	const forever = math.MaxUint32
	b := make([]byte, 16)
	binary.NativeEndian.PutUint32(b[4:], forever)
	return b
}

func delRequest(index int, p netip.Prefix) *request {
	return addrRequest(unix.RTM_DELADDR, index, p)
}

func addrRequest(kind, index int, p netip.Prefix) *request {
	r := nl.NewNetlinkRequest(kind, 0)
	family := unix.AF_INET
	if p.Addr().Is6() {
		family = unix.AF_INET6
	}
	m := nl.NewIfAddrmsg(family)
	m.Index, m.Prefixlen = uint32(index), uint8(p.Bits())
	r.AddData(m)
	a := p.Addr().AsSlice()
	r.AddData(nl.NewRtAttr(unix.IFA_LOCAL, a))
	r.AddData(nl.NewRtAttr(unix.IFA_ADDRESS, a))
	return r
}
