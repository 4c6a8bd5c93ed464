// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

var _ platform.RouteWatcher = (*System)(nil)

// routeSettle is the delay from a route change to the next lookup, so that one lookup serves many changes.
const routeSettle = 20 * time.Millisecond

// WatchRoutes implements platform.RouteWatcher. After each notification it reads the routing table itself,
// since a destination may have several routes, and a link can make routes unusable without a
// notification.
func (s *System) WatchRoutes(ctx context.Context, destinations []netip.Prefix, fn func(present []bool)) error {
	s.watches.Add(1)
	defer s.watches.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()
	err := s.space.do(func() error { return s.watchRoutes(ctx, destinations, fn) })
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (s *System) watchRoutes(ctx context.Context, destinations []netip.Prefix, fn func(present []bool)) error {
	n, err := openNotifications(unix.NETLINK_ROUTE, s.notifyBuffer, append(slices.Clone(linkGroups), unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE)...)
	if err != nil {
		return err
	}
	defer n.closeWith(ctx)()
	watched := make(map[netip.Prefix]bool, len(destinations))
	for _, d := range destinations {
		watched[d] = true
	}
	for {
		present, err := lookUp(destinations)
		if err != nil {
			return err
		}
		fn(present)
		if err := n.waitForRoutes(watched); err != nil {
			return err
		}
	}
}

// waitForRoutes waits for a change that may affect watched routes, and returns routeSettle later.
func (n *notifications) waitForRoutes(watched map[netip.Prefix]bool) error {
	var until time.Time
	for {
		if err := n.file.SetReadDeadline(until); err != nil {
			return err
		}
		messages, err := n.read(true)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case errors.Is(err, unix.ENOBUFS): // some were lost
			until = time.Now().Add(routeSettle)
			continue
		case err != nil:
			return err
		}
		for i := range messages {
			if until.IsZero() && concerns(&messages[i], watched) {
				until = time.Now().Add(routeSettle)
			}
		}
	}
}

// concerns reports whether a message may affect a watched route.
func concerns(m *syscall.NetlinkMessage, watched map[netip.Prefix]bool) bool {
	switch m.Header.Type {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		return true
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		to, ok := routeDestination(m)
		return ok && watched[to]
	default:
		return false
	}
}

// routeDestination reads the destination of a route.
func routeDestination(m *syscall.NetlinkMessage) (netip.Prefix, bool) {
	if len(m.Data) < unix.SizeofRtMsg {
		return netip.Prefix{}, false
	}
	addr := netip.IPv4Unspecified()
	if m.Data[0] == unix.AF_INET6 {
		addr = netip.IPv6Unspecified()
	}
	attrs, err := syscall.ParseNetlinkRouteAttr(m)
	if err != nil {
		return netip.Prefix{}, false
	}
	for i := range attrs {
		if attrs[i].Attr.Type == unix.RTA_DST {
			a, ok := netip.AddrFromSlice(attrs[i].Value)
			if !ok {
				return netip.Prefix{}, false
			}
			addr = a
		}
	}
	p := netip.PrefixFrom(addr, int(m.Data[1]))
	return p, p.IsValid()
}

// lookUp reports for each destination whether the main table has a usable route to it.
func lookUp(destinations []netip.Prefix) ([]bool, error) {
	families := make(map[int]bool)
	for _, d := range destinations {
		families[familyNumber(d.Addr())] = true
	}
	found := make(map[netip.Prefix]bool)
	for family := range families {
		routes, err := netlink.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
		if err != nil {
			return nil, fmt.Errorf("routes: %w", err)
		}
		for i := range routes {
			if r := &routes[i]; usable(r) {
				found[destinationOf(family, r)] = true
			}
		}
	}
	present := make([]bool, len(destinations))
	for i, d := range destinations {
		present[i] = found[d]
	}
	return present, nil
}

func familyNumber(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// destinationOf returns a route's destination; the default route may have none.
func destinationOf(family int, r *netlink.Route) netip.Prefix {
	if r.Dst == nil {
		if family == unix.AF_INET {
			return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		}
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	addr, _ := netip.AddrFromSlice(r.Dst.IP)
	bits, _ := r.Dst.Mask.Size()
	if family == unix.AF_INET {
		addr = addr.Unmap()
	}
	return netip.PrefixFrom(addr, bits)
}

// usable reports whether packets can take a route and the route is not ours.
func usable(r *netlink.Route) bool {
	const gone = unix.RTNH_F_DEAD | unix.RTNH_F_LINKDOWN
	if r.Protocol == routeMark || r.Type != unix.RTN_UNICAST {
		return false
	}
	for _, hop := range r.MultiPath {
		if hop.Flags&gone == 0 {
			return true
		}
	}
	return len(r.MultiPath) == 0 && r.Flags&gone == 0
}
