// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// Recover implements platform.System. What carries our mark in the kernel is removed even when
// the run-state file is lost, unless another router runs in this network namespace.
func (s *System) Recover() error {
	s.applying.Lock()
	defer s.applying.Unlock()
	state, err := s.state.load()
	if err != nil {
		// The file is of no use; what it would have told apart is lost, what is marked is not.
		s.log.Warn("run state of the earlier run is lost", "error", err)
	}
	err = errors.Join(
		s.recoverMacvlans(state.Macvlans),
		s.recoverAddrs(state.Addrs),
		s.recoverMACs(state.MACs),
		s.recoverRoutes(state.Routes),
		s.recoverGate(state.Table),
		s.recoverOwner(state.OwnerTable),
	)
	for _, c := range state.Settings {
		if k := (settingKey{c.Link, c.Setting}); s.changes[k] == (settingRecord{}) {
			s.changes[k] = c
		}
	}
	needed := make(map[int]bool)
	for _, e := range s.registry.all() {
		needed[e.want.Link] = true
	}
	s.restoreSettings(func(c *settingRecord) bool { return !needed[c.Link] })
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	if len(s.registry.all()) > 0 || len(s.routes.installed) > 0 {
		return s.record(true)
	}
	return s.state.remove()
}

// recoverMacvlans deletes macvlans with our mark that this run has not made, and recorded ones
// that the earlier run had no time to mark.
func (s *System) recoverMacvlans(records []macvlanRecord) error {
	links, err := s.change.links()
	if err != nil {
		return fmt.Errorf("interfaces: %w", err)
	}
	var leftovers []*kernelLink
	var indexes []int
	for i := range links {
		l := &links[i]
		recorded := l.kind == "macvlan" && slices.Contains(records, macvlanRecord{Name: l.Name, Parent: l.Parent, MAC: l.MAC})
		marked := l.ours() && (recorded || s.sole)
		if !marked && !(recorded && l.alias == "") || s.registry.macvlans[l.Index] != nil {
			continue
		}
		s.log.Debug("left by an earlier run", "interface", l.Name)
		leftovers, indexes = append(leftovers, l), append(indexes, l.Index)
	}
	if len(indexes) > 0 {
		s.log.Info("removing macvlans that an earlier run left", "count", len(indexes))
	}
	var errs []error
	for i, err := range s.deleteLinks(indexes) {
		if err != nil {
			errs = append(errs, fmt.Errorf("delete %s: %w", leftovers[i].Name, err))
		}
	}
	return errors.Join(errs...)
}

// recoverAddrs removes addresses with our mark. On kernels that do not keep it, they are those that
// are recorded and came without a route.
func (s *System) recoverAddrs(records []addrRecord) error {
	addrs, err := s.change.addrs(0)
	if err != nil {
		return fmt.Errorf("addresses: %w", err)
	}
	recorded := make(map[place]bool, len(records))
	for _, r := range records {
		recorded[place{r.Link, r.Prefix}] = true
	}
	var errs []error
	steps := s.recoverLabels(records, addrs)
	for i := range addrs {
		a := &addrs[i]
		at := place{a.link, a.prefix}
		ours := recorded[at] && a.flags&unix.IFA_F_NOPREFIXROUTE != 0
		if s.registry.marks {
			ours = a.proto == addressMark && (recorded[at] || s.sole)
		}
		if !ours || s.registry.macvlans[a.link] != nil || s.registry.claims[at] != nil {
			continue
		}
		s.log.Debug("left by an earlier run", "address", a.prefix)
		steps = append(steps, step{request: delRequest(a.link, a.prefix), after: func(err error) {
			if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(noLink(err), platform.ErrNoLink) {
				errs = append(errs, fmt.Errorf("remove %s: %w", a.prefix, err))
			}
		}})
	}
	if len(steps) > 0 {
		s.log.Info("removing addresses that an earlier run left", "count", len(steps))
	}
	s.run(steps)
	return errors.Join(errs...)
}

// recoverMACs restores the addresses of interfaces that still have the virtual one.
func (s *System) recoverMACs(records []macRecord) error {
	adopted := make(map[int]bool)
	for _, e := range s.registry.all() {
		if e.ownMAC != nil {
			adopted[e.want.Link] = true
		}
	}
	var errs []error
	for _, r := range records {
		if adopted[r.Link] {
			continue
		}
		l, err := s.change.link(r.Link)
		switch {
		case errors.Is(err, platform.ErrNoLink) || err == nil && l.MAC != r.Virtual:
			continue
		case err == nil:
			err = s.change.one(macRequest(r.Link, r.Original), nil)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("restore the address of interface %d: %w", r.Link, err))
		}
	}
	return errors.Join(errs...)
}

// removeAll takes everything back that Apply made.
func (s *System) removeAll() error {
	s.close()
	s.applying.Lock()
	defer s.applying.Unlock()
	s.setRoutes(nil, nil)
	var doomed []*job
	entries := s.registry.all()
	s.registry.setBusy(entries, true)
	for _, e := range entries {
		doomed = append(doomed, &job{want: &e.want, e: e})
	}
	s.findParents(doomed)
	for _, j := range doomed {
		j.err = nil
	}
	s.dismantle(doomed)
	s.unshut()
	s.keepOwned(nil)
	var errs []error
	for _, j := range doomed {
		if j.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", describe(j.want.ID), j.err))
		}
	}
	s.restoreSettings(func(*settingRecord) bool { return true })
	for _, r := range s.routes.installed {
		errs = append(errs, fmt.Errorf("the route to %s is left", r.Destination))
	}
	if len(errs) > 0 {
		return errors.Join(append(errs, s.record(true))...)
	}
	return s.state.remove()
}
