// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// routeMark is the protocol number of our routes: that of VRRP.
const routeMark = 112

// kernelRoute is an IPv4 route in the main table, as read by netlink.
type kernelRoute struct {
	dst    netip.Prefix
	via    netip.Addr // invalid unless there is exactly one next hop
	metric uint32
	mtu    uint32
	proto  uint8
}

// is reports whether a route in the kernel equals the wanted one, regardless of its protocol.
func (k *kernelRoute) is(r *platform.Route) bool {
	return k.dst == r.Destination && k.via == r.NextHop && k.metric == r.Metric && k.mtu == r.MTU
}

// hampers reports whether a route in the kernel prevents adding the wanted one.
func (k *kernelRoute) hampers(r *platform.Route) bool {
	return k.dst == r.Destination && k.metric == r.Metric
}

// routeTable holds the routes that SetRoutes installed. The System's registry guards it: only SetRoutes
// changes it, and Watch reads it.
type routeTable struct {
	installed []platform.Route
	wanted    []platform.Route // of the last SetRoutes
	// rounds counts starts and ends of SetRoutes calls: it is odd during a call.
	rounds uint64
}

// SetRoutes implements platform.System.
func (s *System) SetRoutes(routes []platform.Route) []error {
	s.applying.Lock()
	defer s.applying.Unlock()
	errs := make([]error, len(routes))
	if s.closing.Err() != nil {
		for i := range errs {
			errs[i] = errClosed
		}
		return errs
	}
	if len(routes) > 0 {
		s.hearRoutes()
	}
	s.setRoutes(routes, errs)
	return errs
}

// hearRoutes subscribes to route changes. It is called only when needed, since a host with a large
// routing table sends many.
func (s *System) hearRoutes() {
	if s.routed.CompareAndSwap(false, true) {
		if n := s.notify.Load(); n != nil {
			s.joinRoutes(n)
		}
	}
}

func (s *System) joinRoutes(n *notifications) {
	if err := errors.Join(n.join(unix.RTNLGRP_IPV4_ROUTE), n.join(unix.RTNLGRP_IPV6_ROUTE)); err != nil {
		s.log.Warn("the removal of routes will be noticed late", "error", err)
	}
}

func (s *System) setRoutes(routes []platform.Route, errs []error) {
	s.routeRound()
	defer s.routeRound()
	s.routes.wanted = slices.Clone(routes)
	ours := s.routes.installed
	wanted := func(r platform.Route) bool { return slices.Contains(routes, r) }
	var steps []step
	for _, r := range ours {
		if wanted(r) {
			continue
		}
		steps = append(steps, step{request: routeRequest(unix.RTM_DELROUTE, &r), after: func(err error) {
			if isLeft(err) { // keep it recorded: Reconcile tries again
				off := r
				off.Active = false
				if at := slices.Index(routes, off); at >= 0 {
					errs[at] = fmt.Errorf("remove it: %w", err)
				} else {
					s.log.Warn("cannot remove a static route", "route", r.Destination, "error", err)
				}
				return
			}
			s.setRoute(r, false)
		}})
	}
	s.run(steps)

	// Record the routes before they are added.
	before := slices.Clone(s.routes.installed)
	for _, r := range routes {
		if r.Active {
			s.setRoute(r, true)
		}
	}
	if err := s.record(true); err != nil {
		for i := range errs {
			errs[i] = fmt.Errorf("record: %w", err)
		}
		return
	}
	var taken []int // indexes of routes whose place is taken
	steps = steps[:0]
	for i := range routes {
		if !routes[i].Active {
			continue
		}
		r := routeRequest(unix.RTM_NEWROUTE, &routes[i])
		r.Flags |= unix.NLM_F_CREATE | unix.NLM_F_EXCL
		steps = append(steps, step{request: r, after: func(err error) {
			if errs[i] = err; errors.Is(err, unix.EEXIST) {
				taken = append(taken, i)
			}
		}})
	}
	s.run(steps)
	s.judge(routes, errs, taken, before)
	steps = steps[:0]
	for i := range routes {
		if errs[i] == nil {
			continue
		}
		// Remove what is left of a failed route: it may exist if only the acknowledgement was lost.
		r := routes[i]
		if !r.Active {
			continue
		}
		steps = append(steps, step{request: routeRequest(unix.RTM_DELROUTE, &r), after: func(err error) {
			if !isLeft(err) {
				s.setRoute(r, false)
			}
		}})
	}
	s.run(steps)
	if err := s.record(true); err != nil {
		s.log.Warn("cannot record the static routes", "error", err)
	}
}

// judge finds out, for routes whose place is taken, whether the existing route is ours, an equal
// route of somebody else, or a different one.
func (s *System) judge(routes []platform.Route, errs []error, taken []int, before []platform.Route) {
	if len(taken) == 0 {
		return
	}
	all, err := s.change.routes(0)
	for _, i := range taken {
		r := &routes[i]
		if err != nil {
			errs[i] = err
			continue
		}
		errs[i] = fmt.Errorf("another route to %s with metric %d: %w", r.Destination, r.Metric, platform.ErrConflict)
		at := slices.IndexFunc(all, func(k kernelRoute) bool { return k.hampers(r) && k.is(r) })
		if at < 0 {
			continue
		}
		errs[i] = nil
		if all[at].proto != routeMark || !slices.Contains(before, *r) {
			s.setRoute(*r, false) // it is not ours to remove
		}
	}
}

// setRoute records whether we installed a route.
func (s *System) setRoute(r platform.Route, installed bool) {
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	at := slices.Index(s.routes.installed, r)
	switch {
	case installed && at < 0:
		s.routes.installed = append(slices.Clone(s.routes.installed), r)
	case !installed && at >= 0:
		s.routes.installed = slices.Delete(slices.Clone(s.routes.installed), at, at+1)
	}
}

// routeRound marks the start or the end of a SetRoutes call.
func (s *System) routeRound() {
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	s.routes.rounds++
}

// routesNow returns the routes that must be in the kernel, and rounds.
func (s *System) routesNow() ([]platform.Route, uint64) {
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	return s.routes.installed, s.routes.rounds
}

// routeRequest adds or deletes a route with our mark.
func routeRequest(kind int, route *platform.Route) *request {
	r := nl.NewNetlinkRequest(kind, 0)
	m := nl.NewRtMsg()
	m.Family, m.Dst_len = unix.AF_INET, uint8(route.Destination.Bits())
	m.Table, m.Protocol, m.Type, m.Scope = unix.RT_TABLE_MAIN, routeMark, unix.RTN_UNICAST, unix.RT_SCOPE_UNIVERSE
	m.Flags = 0
	r.AddData(m)
	if route.Destination.Bits() > 0 {
		r.AddData(nl.NewRtAttr(unix.RTA_DST, route.Destination.Addr().AsSlice()))
	}
	r.AddData(nl.NewRtAttr(unix.RTA_GATEWAY, route.NextHop.AsSlice()))
	if route.Metric > 0 {
		r.AddData(nl.NewRtAttr(unix.RTA_PRIORITY, nl.Uint32Attr(route.Metric)))
	}
	if route.MTU > 0 {
		metrics := nl.NewRtAttr(unix.RTA_METRICS, nil)
		metrics.AddRtAttr(unix.RTAX_MTU, nl.Uint32Attr(route.MTU))
		r.AddData(metrics)
	}
	return r
}

// routes returns the IPv4 routes in the main table: those of a protocol, if the kernel can filter, or all if it
// is 0.
func (c *rtnetlink) routes(protocol uint8) ([]kernelRoute, error) {
	r := nl.NewNetlinkRequest(unix.RTM_GETROUTE, 0)
	m := nl.NewRtMsg()
	*m = nl.RtMsg{}
	m.Family, m.Table, m.Protocol = unix.AF_INET, unix.RT_TABLE_MAIN, protocol
	r.AddData(m)
	var all []kernelRoute
	err := c.dump(r, func() { all = all[:0] }, func(m []byte) {
		if k, ok := parseRoute(m); ok {
			all = append(all, k)
		}
	})
	return all, err
}

// parseRoute parses the body of an RTM_NEWROUTE or RTM_DELROUTE message; false if the route is not
// an IPv4 route in the main table.
func parseRoute(m []byte) (kernelRoute, bool) {
	if len(m) < unix.SizeofRtMsg {
		return kernelRoute{}, false
	}
	h := nl.DeserializeRtMsg(m)
	if h.Family != unix.AF_INET || h.Table != unix.RT_TABLE_MAIN || h.Flags&unix.RTM_F_CLONED != 0 {
		return kernelRoute{}, false
	}
	k := kernelRoute{proto: h.Protocol}
	dst := netip.IPv4Unspecified()
	attrs, err := nl.ParseRouteAttr(m[unix.SizeofRtMsg:])
	if err != nil {
		return k, false
	}
	for _, a := range attrs {
		switch a.Attr.Type {
		case unix.RTA_DST:
			dst, _ = netip.AddrFromSlice(a.Value)
		case unix.RTA_GATEWAY:
			k.via, _ = netip.AddrFromSlice(a.Value)
		case unix.RTA_PRIORITY:
			k.metric = number(a.Value)
		case unix.RTA_METRICS:
			metrics, err := nl.ParseRouteAttr(a.Value)
			if err != nil {
				continue
			}
			for _, x := range metrics {
				if x.Attr.Type == unix.RTAX_MTU {
					k.mtu = number(x.Value)
				}
			}
		}
	}
	k.dst = netip.PrefixFrom(dst, int(h.Dst_len))
	return k, true
}

func number(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

// reconcileRoutes removes routes that an earlier removal left, and reports whether an installed one is missing.
func (s *System) reconcileRoutes() (lost bool, err error) {
	var errs []error
	var steps []step
	kept := 0
	for _, r := range s.routes.installed {
		if slices.Contains(s.routes.wanted, r) {
			kept++
			continue
		}
		steps = append(steps, step{request: routeRequest(unix.RTM_DELROUTE, &r), after: func(err error) {
			if isLeft(err) {
				errs = append(errs, fmt.Errorf("remove the route to %s: %w", r.Destination, err))
				return
			}
			s.setRoute(r, false)
		}})
	}
	if len(steps) > 0 {
		s.routeRound()
		s.run(steps)
		s.routeRound()
	}
	if kept > 0 {
		have, err := s.change.routes(routeMark)
		if err != nil {
			return false, errors.Join(append(errs, err)...)
		}
		lost = missesRoute(s.routes.installed, have)
	}
	return lost, errors.Join(errs...)
}

// missesRoute reports whether the kernel lacks a wanted route.
func missesRoute(want []platform.Route, have []kernelRoute) bool {
	return slices.ContainsFunc(want, func(r platform.Route) bool {
		return !slices.ContainsFunc(have, func(k kernelRoute) bool { return k.proto == routeMark && k.is(&r) })
	})
}

// routesLost reports whether the kernel lacks an installed route. During a SetRoutes call it cannot
// know, and again asks for another check.
func (v *view) routesLost() (lost, again bool) {
	want, rounds := v.system.routesNow()
	if rounds%2 != 0 {
		return false, true
	}
	if len(want) == 0 {
		return false, false
	}
	have, err := v.system.query.routes(routeMark)
	if err != nil {
		v.system.log.Debug("cannot verify the static routes", "error", err)
		return false, false
	}
	lost = missesRoute(want, have)
	if _, now := v.system.routesNow(); now != rounds {
		return false, true
	}
	return lost, false
}

// recoverRoutes removes recorded routes of an earlier run that still exist with our mark.
func (s *System) recoverRoutes(records []routeRecord) error {
	if len(records) == 0 {
		return nil
	}
	all, err := s.change.routes(routeMark)
	if err != nil {
		return fmt.Errorf("routes: %w", err)
	}
	var errs []error
	var steps []step
	for _, record := range records {
		r := platform.Route{Destination: record.Destination, NextHop: record.NextHop, Metric: record.Metric, MTU: record.MTU, Active: true}
		left := func(k kernelRoute) bool { return k.proto == routeMark && k.is(&r) }
		if !slices.ContainsFunc(all, left) || slices.Contains(s.routes.installed, r) {
			continue
		}
		s.log.Info("removing what an earlier run left", "route", r.Destination)
		steps = append(steps, removal(routeRequest(unix.RTM_DELROUTE, &r), "the route to "+r.Destination.String(), &errs))
	}
	s.run(steps)
	return errors.Join(errs...)
}
