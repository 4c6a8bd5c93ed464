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

var _ platform.Reconciler = (*System)(nil)

// Reconcile implements platform.Reconciler. It repairs what no request of the router would repair; Apply
// itself retries what it could not do.
func (s *System) Reconcile() (lost []platform.ID, routesLost bool, err error) {
	s.applying.Lock()
	defer s.applying.Unlock()
	if s.closing.Err() != nil {
		return nil, false, errClosed
	}
	var errs []error
	if !s.left.empty() || !s.gate.recovered {
		errs = append(errs, s.recoverLeft(false))
	}
	// Load the state after the removals above.
	v := view{system: s}
	if err := v.load(); err != nil {
		return nil, false, errors.Join(append(errs, fmt.Errorf("interfaces: %w", err))...)
	}
	errs = append(errs, s.recoverAddrs(nil, false, v.allAddrs()))
	entries := s.registry.all()
	lost = v.missing(entries)
	errs = append(errs, s.keepSettings(&v), s.followParents(&v, entries), s.removeAutomatic(&v))
	clear(s.own)
	for link := range s.registry.parents {
		s.own[link] = v.own(link)
	}
	errs = append(errs, s.connect(anyDevice))
	_, gateErr, ownerErr := s.repairFilters()
	errs = append(errs, gateErr, ownerErr, s.unshut())
	routesLost, err = s.reconcileRoutes()
	return lost, routesLost, errors.Join(append(errs, err, s.noteState())...)
}

func anyDevice(int) bool { return true }

// own returns the addresses of an interface that are not ours.
func (v *view) own(link int) []netip.Prefix {
	var own []netip.Prefix
	for i := range v.addrs[link] {
		if a := &v.addrs[link][i]; !a.ours {
			own = append(own, a.prefix)
		}
	}
	return own
}

// allAddrs returns the addresses of all interfaces.
func (v *view) allAddrs() []kernelAddr {
	var all []kernelAddr
	for _, addrs := range v.addrs {
		for _, a := range addrs {
			all = append(all, a.kernelAddr)
		}
	}
	return all
}

// missing returns the virtual routers that lack something that Apply installed.
func (v *view) missing(entries []*entry) []platform.ID {
	var lost []platform.ID
	for _, e := range entries {
		parent, exists := v.links[e.want.Link]
		if !exists || !e.want.Present {
			continue
		}
		x := e.expectation()
		if !v.meets(&x) || e.want.Active && e.ownMAC != nil && parent.MAC != e.want.MAC {
			lost = append(lost, e.want.ID)
		}
	}
	return lost
}

// keepSettings sets the required settings of configured interfaces again, if they were changed or could not be set before.
func (s *System) keepSettings(v *view) error {
	parents := make(map[int]*kernelLink)
	for index := range s.registry.parents {
		if l, ok := v.links[index]; ok {
			parents[index] = &l
		}
	}
	var errs []error
	steps := s.planSettings(parents, func(err error) { errs = append(errs, err) })
	if len(steps) > 0 {
		if err := s.record(true); err != nil {
			return errors.Join(append(errs, err)...)
		}
		s.run(steps)
	}
	return errors.Join(errs...)
}

// followParents restores the attributes of macvlans, and copies MTU and forwarding from their parents. The kernel itself
// copies the parent's MTU only when it becomes smaller.
func (s *System) followParents(v *view, entries []*entry) error {
	var errs []error
	var steps []step
	fail := func(what string, e *entry) func(error) {
		return func(err error) {
			if err != nil && !errors.Is(noLink(err), platform.ErrNoLink) {
				errs = append(errs, fmt.Errorf("%s of %s: %w", what, e.want.Name, err))
			}
		}
	}
	var rpFilter uint32
	if err := s.space.do(func() error { rpFilter = readAllRPFilter(); return nil }); err != nil {
		return err
	}
	for _, e := range entries {
		m, exists := v.links[e.macvlan]
		parent, known := v.links[e.want.Link]
		if e.macvlan == 0 || !exists || !known || !e.want.Present {
			continue
		}
		if m.MTU != parent.MTU {
			steps = append(steps, step{request: attrRequest(m.Index, unix.IFLA_MTU, nl.Uint32Attr(uint32(parent.MTU))), after: fail("MTU", e)})
		}
		if m.MAC != e.want.MAC {
			s.log.Warn("another program changed the Ethernet address of a macvlan: restored", "interface", m.Name)
			steps = append(steps, step{request: macRequest(m.Index, e.want.MAC), after: fail("Ethernet address", e)})
		}
		want := macvlanSettings(&parent, rpFilter)
		for k, value := range want {
			if now, ok := m.setting(int(k)); ok && now == value {
				delete(want, k)
			}
		}
		if len(want) > 0 || m.generates || m.alias != alias(e.want.ID) {
			r := settingsRequest(m.Index, want, m.generates)
			r.AddData(aliasAttr(e.want.ID))
			steps = append(steps, step{request: r, after: func(err error) {
				fail("settings", e)(err)
				e.marked = e.marked || err == nil
			}})
		}
		if err := s.followIPv6(&m, e, &parent); err != nil {
			errs = append(errs, err)
		}
	}
	s.run(steps)
	return errors.Join(errs...)
}

// followIPv6 sets the IPv6 settings of a macvlan. If that fails, the error describes the consequence.
func (s *System) followIPv6(m *kernelLink, e *entry, parent *kernelLink) error {
	want := macvlanSettings6(e.want.ID.Family, parent)
	if m.settings6 == nil || !slices.ContainsFunc(want, func(v value6) bool { return m.setting6(v.setting) != v.value }) {
		return nil
	}
	err := s.space.do(func() error { return setIPv6(m.Name, want, m) })
	if err == nil {
		return nil
	}
	if harm := unmet6(m, e.want.ID.Family, parent); harm != "" {
		return fmt.Errorf("settings of %s (%s): %w", m.Name, harm, err)
	}
	return nil
}

// removeAutomatic removes the addresses that macvlans configured from router advertisements.
func (s *System) removeAutomatic(v *view) error {
	var errs []error
	var steps []step
	for index := range s.registry.macvlans {
		for _, a := range v.addrs[index] {
			if a.ours || a.flags&unix.IFA_F_PERMANENT != 0 || !a.prefix.Addr().Is6() {
				continue
			}
			steps = append(steps, removal(delRequest(index, a.prefix), a.prefix.String(), &errs))
		}
	}
	s.run(steps)
	return errors.Join(errs...)
}
