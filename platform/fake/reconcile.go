// SPDX-License-Identifier: GPL-3.0-only

package fake

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"vrrpsh/platform"
)

var _ platform.Reconciler = (*System)(nil)

// Reconcile implements platform.Reconciler.
func (s *System) Reconcile() (lost []platform.ID, routesLost bool, err error) {
	defer s.router.lock()()
	if s.err != nil {
		return nil, false, s.err
	}
	r := s.router
	var errs []error
	for _, h := range slices.Clone(r.holdings) {
		if _, wanted := r.wanted[h.id]; !wanted {
			errs = append(errs, r.release(h))
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(r.recorded), platform.ID.Compare) {
		if _, wanted := r.wanted[id]; !wanted {
			errs = append(errs, r.discard(id))
		}
	}
	for _, h := range r.holdings {
		errs = append(errs, r.follow(h))
	}
	for _, id := range slices.SortedFunc(maps.Keys(r.wanted), platform.ID.Compare) {
		if a := r.wanted[id]; r.lacks(&a) {
			lost = append(lost, id)
		}
	}
	for _, k := range slices.Clone(r.routes) {
		if k.ours && !slices.Contains(r.routed, k.Route) {
			errs = append(errs, r.unroute(k))
		}
	}
	routesLost = slices.ContainsFunc(r.laid, func(want platform.Route) bool {
		return slices.Contains(r.routed, want) && !slices.ContainsFunc(r.routes, func(k route) bool { return k.Route == want })
	})
	return lost, routesLost, errors.Join(errs...)
}

// follow gives a macvlan the MTU of its interface, and its own MAC.
func (r *Router) follow(h *holding) error {
	k, parent := r.links[h.carrier], r.links[h.link]
	if !h.macvlan || k == nil || parent == nil || k.mtu == parent.mtu && k.mac == h.mac {
		return nil
	}
	if err := r.try(CallFollow, h.name, func() { r.resize(k, parent.mtu); k.mac = h.mac }); err != nil {
		return fmt.Errorf("MTU of %s: %w", h.name, err)
	}
	return nil
}

// lacks reports whether the kernel misses a part of an attachment.
func (r *Router) lacks(a *platform.Attachment) bool {
	if r.links[a.Link] == nil {
		return false
	}
	h := r.held[a.ID]
	if h == nil || r.links[h.carrier] == nil {
		return true
	}
	k := r.links[h.carrier]
	return h.macvlan && k.up != a.Active || a.Active && (a.SetMAC && !h.macvlan && !h.setMAC ||
		slices.ContainsFunc(a.Addrs, func(p netip.Prefix) bool { return !r.hasAddr(k, p.Addr()) }))
}
