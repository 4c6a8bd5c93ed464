// SPDX-License-Identifier: GPL-3.0-only

package fake

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"syscall"

	"vrrpsh/platform"
)

// route is a route of a Router. Like all changes to the kernel, it
// outlives the System.
type route struct {
	platform.Route
	ours bool // made by a System
	out  int  // index of the interface
}

// SetRoutes implements platform.System.
func (s *System) SetRoutes(routes []platform.Route) []error {
	defer s.router.lock()()
	r := s.router
	errs := make([]error, len(routes))
	r.routed = slices.Clone(routes)
	if s.err != nil {
		for i := range errs {
			errs[i] = s.err
		}
		return errs
	}
	for _, k := range slices.Clone(r.routes) {
		if k.ours && !slices.Contains(routes, k.Route) {
			if err := r.unroute(k); err != nil {
				for i := range routes {
					if routes[i].Destination == k.Destination && routes[i].Metric == k.Metric {
						errs[i] = err
					}
				}
			}
		}
	}
	for i, want := range routes {
		at := slices.IndexFunc(r.routes, func(k route) bool {
			return k.Destination == want.Destination && k.Metric == want.Metric
		})
		out := r.towards(want.NextHop)
		switch {
		case errs[i] != nil:
		case !want.Active || at >= 0 && r.routes[at].Route == want:
		case out == 0:
			errs[i] = syscall.ENETUNREACH
		case at >= 0:
			errs[i] = fmt.Errorf("another route to %s with metric %d: %w", want.Destination, want.Metric, platform.ErrConflict)
		default:
			errs[i] = r.try(CallRoute, want.Destination.String(), func() {
				r.routes = append(r.routes, route{want, true, out})
				r.laid = append(r.laid, want)
			})
		}
	}
	return errs
}

// unroute removes a route that a System made.
func (r *Router) unroute(k route) error {
	return r.try(CallUnroute, k.Destination.String(), func() {
		r.routes = slices.DeleteFunc(r.routes, func(o route) bool { return o == k })
		r.laid = slices.DeleteFunc(r.laid, func(o platform.Route) bool { return o == k.Route })
	})
}

// towards returns the interface to a next hop; 0: none.
func (r *Router) towards(hop netip.Addr) int {
	for _, index := range slices.Sorted(maps.Keys(r.links)) {
		k := r.links[index]
		on := func(p netip.Prefix) bool { return !p.IsSingleIP() && p.Contains(hop) }
		if k.up && slices.ContainsFunc(k.addrs, on) {
			return k.index
		}
	}
	return 0
}

// AddRoute adds a foreign route.
func (r *Router) AddRoute(to netip.Prefix, hop netip.Addr, metric uint32) error {
	defer r.lock()()
	out := r.towards(hop)
	if out == 0 {
		return syscall.ENETUNREACH
	}
	r.routes = append(r.routes, route{platform.Route{Destination: to, NextHop: hop, Metric: metric, Active: true}, false, out})
	return nil
}

// DelRoute removes routes to a destination, even those of a System.
func (r *Router) DelRoute(to netip.Prefix) {
	defer r.lock()()
	r.dropRoutes(func(k route) bool { return k.Destination == to })
}

// dropRoutes removes routes, and notifies the System if one was its own.
func (r *Router) dropRoutes(match func(route) bool) {
	lost := slices.ContainsFunc(r.routes, func(k route) bool { return k.ours && match(k) })
	r.routes = slices.DeleteFunc(r.routes, match)
	if s := r.system; s != nil && lost {
		s.news.routes = true
		s.tell()
	}
}

// recoverRoutes removes the routes of Systems.
func (r *Router) recoverRoutes() error {
	var errs []error
	for _, k := range slices.Clone(r.routes) {
		if k.ours {
			errs = append(errs, r.unroute(k))
		}
	}
	return errors.Join(errs...)
}

// Routes returns all routes that were added, by a System or by AddRoute.
func (r *Router) Routes() []platform.Route {
	defer r.lock()()
	var list []platform.Route
	for _, k := range r.routes {
		list = append(list, k.Route)
	}
	return list
}
