// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// Recover implements platform.System. It removes everything in the kernel with our mark, even if the
// run-state file is lost, unless another router runs in this network namespace. Reconcile retries what
// could not be removed.
func (s *System) Recover() error {
	s.applying.Lock()
	defer s.applying.Unlock()
	s.loadLeft()
	return s.recoverAll()
}

// loadLeft reads what an earlier run has recorded.
func (s *System) loadLeft() {
	state, err := s.state.load()
	if err != nil {
		// Only unmarked leftovers are lost with the file: marked ones are still found.
		s.log.Warn("the run state of the earlier run is lost", "error", err)
	}
	for _, c := range state.Settings { // this run owns them from now on
		if k := (settingKey{c.Link, c.Setting}); s.changes[k] == (settingRecord{}) {
			s.changes[k] = c
		}
	}
	s.left = state
	s.left.Settings = nil
}

// recoverAll removes what an earlier run left and this run has not adopted.
func (s *System) recoverAll() error {
	err := s.recoverLeft(s.sole)
	needed := make(map[int]bool)
	for _, e := range s.registry.all() {
		needed[e.want.Link] = true
	}
	err = errors.Join(err, s.restoreSettings(func(c *settingRecord) bool { return !needed[c.Link] }))
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	return s.noteState()
}

// noteState writes the run-state file, or removes it if there is nothing to record.
func (s *System) noteState() error {
	r := s.snapshot()
	if r.empty() {
		return s.state.remove()
	}
	return s.state.save(r)
}

// recoverLeft removes what an earlier run left, and what this run created without noticing. If alone, it also removes what has our
// mark and is recorded nowhere: at the start only an earlier run can have left it, later it may belong to another router.
func (s *System) recoverLeft(alone bool) error {
	err := s.recoverMacvlans(s.left.Macvlans, alone)
	addrs, addrsErr := s.change.addrs(0)
	if addrsErr != nil {
		addrsErr = fmt.Errorf("addresses: %w", addrsErr)
	}
	err = errors.Join(
		err, addrsErr,
		s.recoverAddrs(s.left.Addrs, alone, addrs),
		s.recoverMACs(s.left.MACs),
		s.recoverRoutes(s.left.Routes),
		s.recoverConnected(s.left.Connected),
	)
	if !s.gate.recovered {
		tablesErr := errors.Join(
			s.recoverTables(s.left.Table, s.gate.made, s.gate.remove),
			s.recoverTables(s.left.OwnerTable, s.owner.made, s.owner.remove),
		)
		s.gate.recovered = tablesErr == nil
		err = errors.Join(err, tablesErr)
	}
	if err == nil {
		s.left = runState{}
	}
	return err
}

// recoverMacvlans deletes macvlans with our mark that this run did not create, and recorded ones
// that the earlier run had not marked yet.
func (s *System) recoverMacvlans(records []macvlanRecord, alone bool) error {
	if len(records) == 0 && !alone {
		return nil
	}
	links, err := s.change.links()
	if err != nil {
		return fmt.Errorf("interfaces: %w", err)
	}
	var leftovers []*kernelLink
	var indexes []int
	for i := range links {
		l := &links[i]
		recorded := l.kind == "macvlan" && slices.Contains(records, macvlanRecord{Name: l.Name, Parent: l.Parent, MAC: l.MAC})
		marked := l.ours() && (recorded || alone)
		if !marked && !(recorded && l.alias == "") || s.registry.macvlans[l.Index] != nil {
			continue
		}
		s.log.Debug("no longer needed", "interface", l.Name)
		leftovers, indexes = append(leftovers, l), append(indexes, l.Index)
	}
	if len(indexes) > 0 {
		s.log.Info("removing macvlans that are no longer needed", "count", len(indexes))
	}
	var errs []error
	for i, err := range s.deleteLinks(indexes) {
		if err != nil {
			errs = append(errs, fmt.Errorf("delete %s: %w", leftovers[i].Name, err))
		}
	}
	return errors.Join(errs...)
}

// recoverAddrs removes addresses with our mark, and those that have the label recorded for them. On kernels that do not keep the
// mark, it removes recorded addresses that have no prefix route. addrs are the addresses in the kernel.
func (s *System) recoverAddrs(records []addrRecord, alone bool, addrs []kernelAddr) error {
	recorded := make(map[place]bool, len(records))
	for _, r := range records {
		recorded[place{r.Link, r.Prefix}] = true
	}
	var errs []error
	var steps []step
	for i := range addrs {
		a := &addrs[i]
		at := place{a.link, a.prefix}
		e := s.registry.macvlans[a.link]
		if e == nil {
			e = s.registry.claims[at]
		}
		var ours bool
		switch {
		case slices.ContainsFunc(records, func(r addrRecord) bool { return r.labeled(a) }):
			ours = !s.registry.ours(a) // it has no label of this run
			e = nil
		case e != nil && e.want.Macvlan:
			ours = s.registry.ours(a)
		case s.registry.marks:
			ours = a.proto == addressMark && (recorded[at] || alone || e != nil)
		default:
			ours = recorded[at] && a.flags&unix.IFA_F_NOPREFIXROUTE != 0
		}
		// Apply removes an address that an entry still has.
		if !ours || e != nil && (e.want.Active && slices.Contains(e.want.Addrs, a.prefix) || slices.Contains(e.installed, a.prefix)) {
			continue
		}
		s.log.Debug("no longer needed", "address", a.prefix)
		steps = append(steps, removal(delRequest(a.link, a.prefix), a.prefix.String(), &errs))
	}
	if len(steps) > 0 {
		s.log.Info("removing addresses that are no longer needed", "count", len(steps))
	}
	s.run(steps)
	return errors.Join(errs...)
}

// recoverMACs restores the MACs of interfaces that still have the virtual MAC.
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

// recoverTables removes nftables tables that an earlier run left: the recorded ones, and those with the default name if no other
// router can own them. It leaves the tables of this run, which are made if any may exist.
func (s *System) recoverTables(recorded string, made bool, remove func(name string) error) error {
	names := []string{recorded}
	// Without the module there are no tables. A request would load the module for nothing.
	if _, err := os.Stat("/sys/module/nf_tables"); err == nil && s.sole {
		names = append(names, filterTable)
	}
	var errs []error
	for _, name := range slices.Compact(names) {
		if name != "" && (name != s.gate.name || !made) {
			errs = append(errs, remove(name))
		}
	}
	return errors.Join(errs...)
}

// The last removals are retried after closePause, then after twice that, and so on.
const (
	closePause    = 50 * time.Millisecond
	closeAttempts = 5 // less than a second in all
)

// removeAll removes everything that Apply installed.
func (s *System) removeAll() error {
	s.close()
	s.applying.Lock()
	defer s.applying.Unlock()
	pause := closePause
	for attempt := 1; ; attempt++ {
		err := s.removeOnce()
		if err == nil || attempt == closeAttempts {
			return err
		}
		s.log.Warn("could not remove everything from the kernel; trying again", "error", err)
		time.Sleep(pause)
		pause *= 2
	}
}

// removeOnce is one attempt of removeAll. What it cannot remove stays recorded.
func (s *System) removeOnce() error {
	s.setRoutes(nil, nil)
	var doomed []*job
	entries := s.registry.all()
	s.registry.setBusy(entries, true)
	for _, e := range entries {
		s.registry.abandon(e)
		doomed = append(doomed, &job{want: &e.want, e: e})
	}
	s.findParents(doomed)
	s.findMacvlans(doomed)
	s.dismantle(doomed)
	errs := []error{s.unshut(), s.keepOwned()}
	for _, j := range doomed {
		if j.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", describe(j.want.ID), j.err))
		}
	}
	errs = append(errs, s.connect(anyDevice), s.recoverLeft(false), s.restoreSettings(func(*settingRecord) bool { return true }))
	for _, r := range s.routes.installed {
		errs = append(errs, fmt.Errorf("the route to %s remains", r.Destination))
	}
	return errors.Join(append(errs, s.noteState())...)
}
