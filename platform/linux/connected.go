// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// inKernel returns the addresses of an attachment with the prefix lengths for the kernel: those of host addresses. With
// the prefix length of the subnet, the kernel would make a virtual address a primary or secondary address next to the
// interface's own, and would add and remove the route to the subnet with it.
//
// Two kinds keep their prefix length: link-local addresses on a macvlan (see addRequest), and addresses that are set by
// ioctl, which offers no alternative.
func inKernel(a *platform.Attachment) []netip.Prefix {
	if a.IOCTL {
		return a.Addrs
	}
	list := make([]netip.Prefix, len(a.Addrs))
	for i, p := range a.Addrs {
		list[i] = host(p)
		if a.Macvlan && p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
			list[i] = p
		}
	}
	return list
}

func host(p netip.Prefix) netip.Prefix { return netip.PrefixFrom(p.Addr(), p.Addr().BitLen()) }

// connectedRoute is the route to the subnet of a virtual address in which the interface has no address of its own.
type connectedRoute struct {
	Link   int          `json:"link"` // has the virtual address
	Subnet netip.Prefix `json:"subnet"`
	// Source is the preferred source address of the route: the virtual address; invalid for IPv6.
	Source netip.Addr `json:"source,omitzero"`
}

// metricIPv6 is the metric of the connected routes that the kernel adds.
const metricIPv6 = 256

// connect adds and removes routes to the subnets of virtual addresses as needed. It adds those on devices for which again returns
// true even if they were added before: they may have gone with an address or a link.
func (s *System) connect(again func(device int) bool) error {
	want, err := s.connectedWanted()
	if err != nil {
		return err
	}
	if len(want)+len(s.connected) == 0 {
		return nil
	}
	var errs []error
	var steps []step
	changed := false
	for k, c := range s.connected {
		if want[k] == c {
			continue
		}
		changed = true
		steps = append(steps, step{request: connectedRequest(unix.RTM_DELROUTE, &c), after: func(err error) {
			if isLeft(err) {
				errs = append(errs, fmt.Errorf("remove the route to %s: %w", k, err))
				return
			}
			delete(s.connected, k)
		}})
	}
	s.run(steps)
	before := make(map[netip.Prefix]bool) // routes that we may have added earlier
	for k, c := range want {
		switch was, there := s.connected[k]; {
		case !there:
			s.connected[k] = c
			changed = true
		case was == c:
			before[k] = true
		default:
			delete(want, k) // the old route could not be removed
		}
	}
	if err := s.record(changed); err != nil {
		return errors.Join(append(errs, err)...)
	}
	changed = false
	s.hearRoutes()
	steps = steps[:0]
	for k, c := range want {
		if before[k] && !again(c.Link) {
			continue
		}
		r := connectedRequest(unix.RTM_NEWROUTE, &c)
		r.Flags |= unix.NLM_F_CREATE | unix.NLM_F_EXCL
		steps = append(steps, step{request: r, after: func(err error) {
			switch {
			case err == nil, errors.Is(err, unix.EEXIST) && before[k]:
			case errors.Is(err, unix.EEXIST), errors.Is(noLink(err), platform.ErrNoLink):
				delete(s.connected, k) // another route to the subnet exists, or the interface is gone
				changed = true
			default:
				errs = append(errs, fmt.Errorf("add the route to %s: %w", k, err))
			}
		}})
	}
	s.run(steps)
	return errors.Join(append(errs, s.record(changed))...)
}

// connectedWanted returns the routes that must exist, by subnet.
func (s *System) connectedWanted() (map[netip.Prefix]connectedRoute, error) {
	want := make(map[netip.Prefix]connectedRoute)
	of := make(map[netip.Prefix]platform.ID) // of two virtual routers the first has the route
	for _, e := range s.registry.all() {
		if !e.want.Active || e.want.IOCTL {
			continue
		}
		for _, p := range e.asked {
			if p.IsSingleIP() || p.Addr().IsLinkLocalUnicast() || !slices.Contains(e.installed, host(p)) {
				continue
			}
			own, err := s.ownAddresses(e.want.Link)
			if err != nil && !errors.Is(err, platform.ErrNoLink) {
				return nil, fmt.Errorf("addresses of %s: %w", e.want.ID.Link, err)
			}
			first, taken := of[p.Masked()]
			if taken && first.Compare(e.want.ID) <= 0 || slices.ContainsFunc(own, func(o netip.Prefix) bool {
				return p.Contains(o.Addr()) || !o.IsSingleIP() && o.Contains(p.Addr())
			}) {
				continue
			}
			of[p.Masked()] = e.want.ID
			c := connectedRoute{Link: e.device(), Subnet: p.Masked()}
			if p.Addr().Is4() {
				c.Source = p.Addr()
			}
			want[c.Subnet] = c
		}
	}
	return want, nil
}

// ownAddresses returns the addresses of an interface that are not ours, as Apply or Reconcile has read them last. Changes of others
// cause a Reconcile.
func (s *System) ownAddresses(link int) ([]netip.Prefix, error) {
	if own, known := s.own[link]; known {
		return own, nil
	}
	addrs, err := s.change.addrs(link)
	if err != nil {
		return nil, err
	}
	var own []netip.Prefix
	for i := range addrs {
		if !s.registry.ours(&addrs[i]) {
			own = append(own, addrs[i].prefix)
		}
	}
	s.own[link] = own
	return own, nil
}

// connectedRequest adds or deletes a connected route with our mark.
func connectedRequest(kind int, c *connectedRoute) *request {
	r := nl.NewNetlinkRequest(kind, 0)
	m := nl.NewRtMsg()
	*m = nl.RtMsg{}
	m.Family, m.Dst_len = uint8(familyNumber(c.Subnet.Addr())), uint8(c.Subnet.Bits())
	m.Table, m.Protocol, m.Type, m.Scope = unix.RT_TABLE_MAIN, routeMark, unix.RTN_UNICAST, unix.RT_SCOPE_LINK
	r.AddData(m)
	r.AddData(nl.NewRtAttr(unix.RTA_DST, c.Subnet.Addr().AsSlice()))
	r.AddData(nl.NewRtAttr(unix.RTA_OIF, nl.Uint32Attr(uint32(c.Link))))
	if c.Source.IsValid() {
		r.AddData(nl.NewRtAttr(unix.RTA_PREFSRC, c.Source.AsSlice()))
	}
	if c.Subnet.Addr().Is6() {
		r.AddData(nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(metricIPv6)))
	}
	return r
}

// connectedByUs reports whether the body of an RTM_DELROUTE message describes a connected route with our mark.
func connectedByUs(m []byte) bool {
	if len(m) < unix.SizeofRtMsg {
		return false
	}
	h := nl.DeserializeRtMsg(m)
	return h.Protocol == routeMark && (h.Family == unix.AF_INET6 || h.Scope == unix.RT_SCOPE_LINK)
}

// recoverConnected removes the recorded routes of an earlier run that still exist with our mark.
func (s *System) recoverConnected(records []connectedRoute) error {
	var errs []error
	var steps []step
	for _, c := range records {
		if s.connected[c.Subnet] == c {
			continue
		}
		steps = append(steps, removal(connectedRequest(unix.RTM_DELROUTE, &c), "the route to "+c.Subnet.String(), &errs))
	}
	s.run(steps)
	return errors.Join(errs...)
}
