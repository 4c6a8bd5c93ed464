// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// job is one attachment of a batch.
type job struct {
	want   *platform.Attachment // with the addresses from inKernel
	asked  []netip.Prefix       // the requested addresses
	parent *kernelLink          // nil if the interface does not exist
	e      *entry               // nil if nothing must exist
	err    error
}

// fail keeps the first error.
func (j *job) fail(what string, err error) {
	if err != nil && j.err == nil {
		j.err = fmt.Errorf("%s: %w", what, netAdmin.lacking(noLink(err)))
	}
}

// step is one request to the kernel on behalf of a job.
type step struct {
	request *request
	after   func(error)
	reply   func([]byte) // may be nil
	call    func() error // instead of request
}

// run executes steps in order.
func (s *System) run(steps []step) {
	// Consecutive requests go out together.
	for i := range steps {
		if steps[i].call != nil {
			s.run(steps[:i])
			steps[i].after(steps[i].call())
			s.run(steps[i+1:])
			return
		}
	}
	requests := make([]*request, len(steps))
	for i := range steps {
		requests[i] = steps[i].request
	}
	errs := s.change.do(requests, func(i int, m []byte) {
		if steps[i].reply != nil {
			steps[i].reply(m)
		}
	})
	for i := range steps {
		steps[i].after(errs[i])
	}
}

// Apply implements platform.System.
func (s *System) Apply(batch []platform.Attachment) []error {
	s.applying.Lock()
	defer s.applying.Unlock()
	errs := make([]error, len(batch))
	if s.closing.Err() != nil {
		for i := range errs {
			errs[i] = errClosed
		}
		return errs
	}
	newest := make(map[platform.ID]*job, len(batch))
	jobs := make([]*job, 0, len(batch))
	for i := range batch {
		j := newest[batch[i].ID]
		if j == nil {
			j = new(job)
			newest[batch[i].ID] = j
			jobs = append(jobs, j)
		}
		want := batch[i]
		delete(s.own, want.Link)
		want.Addrs = inKernel(&want)
		j.want, j.asked = &want, batch[i].Addrs
	}
	s.apply(jobs)
	devices := make(map[int]bool)
	for _, j := range jobs {
		if j.e != nil {
			devices[j.e.device()] = true
		}
	}
	if err := s.connect(func(device int) bool { return devices[device] }); err != nil {
		s.log.Warn("cannot set the routes to the subnets of virtual addresses", "error", err)
	}
	if err := s.unshut(); err != nil {
		s.log.Warn("cannot open closed addresses", "error", err)
	}
	if s.owner.made || slices.ContainsFunc(batch, func(a platform.Attachment) bool { return len(a.Owned) > 0 }) {
		_ = s.keepOwned() // Reconcile retries
	}
	for i := range batch {
		errs[i] = newest[batch[i].ID].err
	}
	return errs
}

func (s *System) apply(jobs []*job) {
	s.findParents(jobs)
	s.findMacvlans(jobs)
	var doomed []*job // e is the entry to remove
	var build []*job
	var busy []*entry
	for _, j := range jobs {
		old := s.registry.entries[j.want.ID] // safe to read: only holders of s.applying write
		stays := j.want.Present && j.err == nil && j.parent != nil
		if old != nil {
			busy = append(busy, old)
			if !j.want.Present {
				s.registry.abandon(old)
			}
			if j.err == nil && (!stays || !old.sameShape(j.want)) {
				s.registry.abandon(old)
				doomed = append(doomed, &job{want: j.want, parent: j.parent, e: old})
				old = nil
			}
		}
		if !stays {
			if j.err == nil && j.want.Present && j.want.Active {
				j.err = fmt.Errorf("interface of %s: %w", describe(j.want.ID), platform.ErrNoLink)
			}
			continue
		}
		if j.e = old; old == nil {
			j.e = new(entry)
			busy = append(busy, j.e)
		}
		build = append(build, j)
	}
	s.registry.setBusy(busy, true)
	defer s.registry.setBusy(busy, false)

	changed := s.dismantle(doomed)
	for _, d := range doomed {
		if d.err == nil {
			continue
		}
		for _, j := range jobs {
			if j.want.ID == d.want.ID {
				j.fail("remove "+describe(d.want.ID), d.err)
			}
		}
		build = slices.DeleteFunc(build, func(j *job) bool { return j.want.ID == d.want.ID })
	}
	for _, j := range build {
		if s.registry.claim(j.e, j.want, j.asked) {
			changed = true
		}
	}
	var settings []step
	if changed {
		parents := make(map[int]*kernelLink)
		for _, j := range build {
			parents[j.want.Link] = j.parent
		}
		settings = s.planSettings(parents, func(err error) { s.log.Warn("cannot change interface settings", "error", err) })
	}
	changed = s.noteMACs(build) || changed
	if err := s.record(changed); err != nil {
		for _, j := range build {
			j.fail("record "+describe(j.want.ID), err)
			if j.e.macvlan == 0 && len(j.e.installed) == 0 {
				s.registry.drop(j.e)
			}
		}
		return
	}
	s.run(settings)
	s.build(build)
}

// record writes the run-state file if its content has changed.
func (s *System) record(changed bool) error {
	if !changed {
		return nil
	}
	return s.state.save(s.snapshot())
}

// snapshot returns what this run may have changed in the kernel.
func (s *System) snapshot() *runState {
	var r runState
	if s.gate.made {
		r.Table = s.gate.name
	}
	if s.owner.made {
		r.OwnerTable = s.owner.name
	}
	for _, e := range s.registry.all() {
		w := &e.want
		if w.Closed {
			r.Table = s.gate.name
		}
		if len(w.Owned) > 0 {
			r.OwnerTable = s.owner.name
		}
		if w.Macvlan {
			r.Macvlans = append(r.Macvlans, macvlanRecord{Name: w.Name, Parent: w.Link, MAC: w.MAC})
			continue
		}
		for _, p := range w.Addrs {
			r.Addrs = append(r.Addrs, addrRecord{Link: w.Link, Prefix: p, Label: e.labels[p]})
		}
		for _, p := range e.installed { // and no longer wanted
			if !slices.Contains(w.Addrs, p) {
				r.Addrs = append(r.Addrs, addrRecord{Link: w.Link, Prefix: p, Label: e.labels[p]})
			}
		}
		if e.ownMAC != nil {
			r.MACs = append(r.MACs, macRecord{Link: w.Link, Original: *e.ownMAC, Virtual: w.MAC})
		}
	}
	for _, c := range s.changes {
		r.Settings = append(r.Settings, c)
	}
	for _, x := range s.routes.installed {
		r.Routes = append(r.Routes, routeRecord{x.Destination, x.NextHop, x.Metric, x.MTU})
	}
	for _, c := range s.connected {
		r.Connected = append(r.Connected, c)
	}
	r.add(&s.left)
	r.sort()
	return &r
}

// noteMACs saves the own MAC addresses of interfaces that are about to get the virtual MAC.
func (s *System) noteMACs(build []*job) (changed bool) {
	for _, j := range build {
		if j.want.SetMAC && !j.want.Macvlan && j.want.Active && j.e.ownMAC == nil && j.parent.MAC != j.want.MAC {
			own := j.parent.MAC
			j.e.ownMAC = &own
			changed = true
		}
		for _, r := range s.left.MACs { // an earlier run set the virtual MAC and has not been able to restore the own one
			if r.Link == j.want.Link && r.Virtual == j.want.MAC && j.want.SetMAC && j.want.Active && j.e.ownMAC == nil {
				j.e.ownMAC = (*[6]byte)(&r.Original)
				changed = true
			}
		}
	}
	return changed
}

func describe(id platform.ID) string {
	return fmt.Sprintf("IPv%d virtual router %d on %s", id.Family, id.VRID, id.Link)
}

// findParents looks up each configured interface once.
func (s *System) findParents(jobs []*job) {
	type found struct {
		link *kernelLink
		err  error
	}
	parents := make(map[int]*found)
	var steps []step
	for _, j := range jobs {
		if parents[j.want.Link] != nil {
			continue
		}
		f := new(found)
		parents[j.want.Link] = f
		r, _ := linkRequest(unix.RTM_GETLINK, 0, j.want.Link)
		r.AddData(extensions())
		steps = append(steps, step{request: r, reply: func(m []byte) {
			l, ok, err := parseLink(m)
			if ok && err == nil {
				f.link = &l
			}
			f.err = err
		}, after: func(err error) {
			// The kernel rejects an invalid index with EINVAL: that interface does not exist either.
			if err != nil && !errors.Is(noLink(err), platform.ErrNoLink) && !errors.Is(err, unix.EINVAL) {
				f.err = err
			}
		}})
	}
	s.run(steps)
	for _, j := range jobs {
		f := parents[j.want.Link]
		j.parent = f.link
		j.fail("interface of "+describe(j.want.ID), f.err)
	}
}

// build sets up in the kernel what the jobs want. If another program has removed a macvlan, the requests
// that need it fail. build then creates the macvlan again, once.
func (s *System) build(jobs []*job) {
	for range 2 {
		s.deactivate(jobs)
		s.createMacvlans(jobs)
		s.shut(jobs)
		s.activate(jobs)
		s.dropOldForms(jobs)
		var again []*job
		for _, j := range jobs {
			if j.want.Macvlan && j.e.macvlan != 0 && errors.Is(j.err, platform.ErrNoLink) {
				s.registry.setMacvlan(j.e, 0)
				j.err = nil
				again = append(again, j)
			}
		}
		if len(again) == 0 {
			return
		}
		jobs = again
	}
}

// deactivate removes what is no longer wanted. It removes IPv4 addresses first, so that the host stops
// answering for them, and then sets the macvlans down. It removes IPv6 addresses last, since an interface
// that is up would announce the removal.
func (s *System) deactivate(jobs []*job) {
	var first, then []step
	var down []*job
	for _, j := range jobs {
		if j.err != nil {
			continue
		}
		for _, p := range slices.Clone(j.e.installed) {
			switch {
			case j.want.Active && has(j.want.Addrs, p.Addr()): // the prefix length may differ: see dropOldForms
			case p.Addr().Is4():
				first = append(first, s.uninstall(j, p))
			default:
				then = append(then, s.uninstall(j, p))
			}
		}
		if !j.want.Active && j.e.ownMAC != nil {
			first = append(first, s.restoreMAC(j)...)
		}
		if !j.want.Active && j.want.Macvlan && j.e.macvlan != 0 {
			down = append(down, j)
		}
	}
	s.run(first)
	s.lower(down)
	s.run(then)
}

// has reports whether all contains an address, with any prefix length.
func has(all []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Addr() == addr })
}

// dropOldForms removes addresses that an earlier release installed with another prefix length. It runs after the
// addresses are installed with the right one.
func (s *System) dropOldForms(jobs []*job) {
	var steps []step
	for _, j := range jobs {
		if j.err != nil || !j.want.Active {
			continue
		}
		for _, p := range slices.Clone(j.e.installed) {
			if !slices.Contains(j.want.Addrs, p) && has(j.want.Addrs, p.Addr()) {
				steps = append(steps, s.uninstall(j, p))
			}
		}
	}
	s.run(steps)
}

// lower sets macvlans down. If many are up, it deletes them instead and createMacvlans makes new ones: each
// macvlan that goes down costs the kernel a grace period, deleting all of them together costs only one.
func (s *System) lower(jobs []*job) {
	up := 0
	for _, j := range jobs {
		if j.e.up {
			up++
		}
	}
	if up >= bulk {
		var indexes []int
		for _, j := range jobs {
			indexes = append(indexes, j.e.macvlan)
		}
		for i, err := range s.deleteLinks(indexes) {
			jobs[i].fail("delete "+jobs[i].want.Name, err)
			if err == nil {
				s.registry.setMacvlan(jobs[i].e, 0)
			}
		}
		return
	}
	var steps []step
	for _, j := range jobs {
		steps = append(steps, step{request: upRequest(j.e.macvlan, false), after: func(err error) {
			j.fail("set "+j.want.Name+" down", err)
			if err == nil {
				s.registry.setUp(j.e, false)
			}
		}})
	}
	s.run(steps)
}

// uninstall returns the step that removes an address that we installed.
func (s *System) uninstall(j *job, p netip.Prefix) step {
	after := func(err error) {
		if isLeft(err) {
			j.fail("remove "+p.String(), err)
			return
		}
		s.registry.setInstalled(j.e, p, false)
	}
	if j.e.labels[p] != "" {
		return s.uninstallByIOCTL(j, p, after)
	}
	return step{request: delRequest(j.e.device(), p), after: after}
}

// restoreMAC restores the interface's own MAC address, unless another program has changed it since.
func (s *System) restoreMAC(j *job) []step {
	if j.parent == nil && j.err != nil {
		return nil // the interface may exist
	}
	if j.parent == nil || j.parent.MAC != j.e.want.MAC {
		j.e.ownMAC = nil
		return nil
	}
	return []step{s.setMAC(j, *j.e.ownMAC, func(err error) {
		if err != nil && !errors.Is(noLink(err), platform.ErrNoLink) {
			j.fail("restore the address of "+j.want.ID.Link, err)
			return
		}
		j.e.ownMAC = nil
	})}
}

// activate installs addresses: IPv4 addresses before the macvlan goes up, IPv6 addresses after, since
// a macvlan that is down loses them.
func (s *System) activate(jobs []*job) {
	jobs = slices.DeleteFunc(slices.Clone(jobs), func(j *job) bool { return j.err != nil || !j.want.Active })
	var first, then []step
	for _, j := range jobs {
		var own []netip.Prefix
		if !j.want.Macvlan {
			var err error
			if own, err = s.ownAddresses(j.want.Link); err != nil {
				j.fail("addresses of "+j.want.ID.Link, err)
				continue // do not mistake the interface's own addresses for ours
			}
		}
		for _, p := range j.want.Addrs {
			at := &first
			if p.Addr().Is6() {
				at = &then
			}
			if has(own, p.Addr()) {
				s.registry.setInstalled(j.e, p, false)
				continue
			}
			after := func(err error) {
				if err != nil && !errors.Is(err, unix.EEXIST) {
					if p.Addr().Is6() && errors.Is(err, unix.EACCES) {
						err = fmt.Errorf("IPv6 is disabled on this interface (disable_ipv6): %w", err)
					}
					j.fail("add "+p.String(), err)
				}
				if err == nil || errors.Is(err, unix.EEXIST) || isUnanswered(err) { // it may be there
					s.registry.setInstalled(j.e, p, true)
				}
			}
			if j.e.labels[p] != "" {
				*at = append(*at, s.installByIOCTL(j, p, after))
				continue
			}
			*at = append(*at, step{request: addRequest(j.e.device(), p, j.want.Macvlan), after: after})
		}
	}
	s.run(first)
	var up []step
	for _, j := range jobs {
		switch {
		case j.err != nil:
		case j.want.Macvlan:
			up = append(up, step{request: upRequest(j.e.macvlan, true), after: func(err error) {
				if errors.Is(err, unix.EADDRINUSE) {
					err = fmt.Errorf("another interface on %s has the same Ethernet address: %w (%w)", j.want.ID.Link, platform.ErrConflict, err)
				}
				j.fail("set "+j.want.Name+" up", err)
				if err == nil {
					s.registry.setUp(j.e, true)
				}
			}})
		case j.want.SetMAC && j.parent.MAC != j.want.MAC:
			up = append(up, s.setMAC(j, j.want.MAC, func(err error) {
				j.fail("set the address of "+j.want.ID.Link, err)
			}))
		}
	}
	s.run(up)
	s.run(then)
}

// createMacvlans creates the macvlans that do not exist yet.
func (s *System) createMacvlans(jobs []*job) {
	var fresh []*job
	for _, j := range jobs {
		if j.err == nil && j.want.Macvlan && j.e.macvlan == 0 {
			fresh = append(fresh, j)
		}
	}
	var steps, left []step
	for _, j := range fresh {
		j.e.tried = true // even if the request fails: see findMacvlans
		steps = append(steps, step{request: createRequest(j.want), after: func(err error) {
			if errors.Is(err, unix.EEXIST) {
				err = s.makeRoom(j)
				if err == nil {
					left = append(left, step{request: createRequest(j.want),
						after: func(err error) { j.fail("create "+j.want.Name, err) }})
				}
			}
			j.fail("create "+j.want.Name, err)
		}})
	}
	s.run(steps)
	s.run(left)

	steps = steps[:0]
	for _, j := range fresh {
		if j.err != nil {
			continue
		}
		steps = append(steps, step{request: linkByNameRequest(j.want.Name), reply: func(m []byte) {
			l, ok, err := parseLink(m)
			if ok && err == nil {
				s.registry.setMacvlan(j.e, l.Index)
			}
		}, after: func(err error) { j.fail("find "+j.want.Name, err) }})
	}
	s.run(steps)

	var unmarked []*job
	for _, j := range jobs {
		if j.err == nil && j.want.Macvlan && !j.e.marked {
			unmarked = append(unmarked, j)
		}
	}
	s.markMacvlans(unmarked)
}

// findMacvlans looks for macvlans that may exist although the router got no answer to the request to create them.
func (s *System) findMacvlans(jobs []*job) {
	var steps []step
	for _, j := range jobs {
		e := s.registry.entries[j.want.ID]
		if e == nil || !e.tried || e.macvlan != 0 || !e.want.Macvlan || j.err != nil {
			continue
		}
		steps = append(steps, step{request: linkByNameRequest(e.want.Name), reply: func(m []byte) {
			l, ok, err := parseLink(m)
			if ok && err == nil && l.isMacvlan(&e.want) {
				s.registry.setMacvlan(e, l.Index)
			}
		}, after: func(err error) {
			if err = noLink(err); err != nil && !errors.Is(err, platform.ErrNoLink) {
				j.fail("find "+e.want.Name, err)
				return
			}
			e.tried = e.macvlan != 0
		}})
	}
	s.run(steps)
}

// isMacvlan reports whether an interface is the macvlan that we created for an attachment. It may not have its mark yet.
func (l *kernelLink) isMacvlan(a *platform.Attachment) bool {
	return l.kind == "macvlan" && l.Name == a.Name && l.Parent == a.Link && l.MAC == a.MAC && (l.alias == "" || l.alias == alias(a.ID))
}

// makeRoom removes a macvlan of an earlier run that has the name of the macvlan to create. Any other
// interface of that name is a conflict.
func (s *System) makeRoom(j *job) error {
	l, err := s.change.linkByName(j.want.Name)
	if errors.Is(err, platform.ErrNoLink) {
		return nil
	}
	if err != nil {
		return err
	}
	s.registry.mu.Lock()
	used := s.registry.macvlans[l.Index]
	s.registry.mu.Unlock()
	switch {
	case used != nil:
		return fmt.Errorf("interface %s belongs to the %s: %w", l.Name, describe(used.want.ID), platform.ErrConflict)
	case !l.ours():
		return fmt.Errorf("an interface %s exists that this router did not create: %w", l.Name, platform.ErrConflict)
	}
	return s.change.one(deleteLinkRequest(l.Index), nil)
}

// markMacvlans sets the mark and the settings of new macvlans.
func (s *System) markMacvlans(fresh []*job) {
	if len(fresh) == 0 {
		return
	}
	var all uint32
	err := s.space.do(func() error {
		all = readAllRPFilter()
		for _, j := range fresh {
			if j.err == nil {
				_ = setIPv6(j.want.Name, macvlanSettings6(j.want.ID.Family, j.parent), nil) // Reconcile reports errors
			}
		}
		return nil
	})
	done := func(j *job) func(error) {
		return func(err error) {
			j.fail("settings of "+j.want.Name, err)
			j.e.marked = err == nil
		}
	}
	var steps, left []step
	for _, j := range fresh {
		j.fail("settings of "+j.want.Name, err)
		if j.err != nil {
			continue
		}
		request := func(silent bool) *request {
			r := settingsRequest(j.e.macvlan, macvlanSettings(j.parent, all), silent)
			r.AddData(aliasAttr(j.want.ID))
			return r
		}
		steps = append(steps, step{request: request(true), after: func(err error) {
			if errors.Is(err, unix.EAFNOSUPPORT) { // no IPv6 in this kernel or with this MTU
				left = append(left, step{request: request(false), after: done(j)})
				return
			}
			done(j)(err)
		}})
	}
	s.run(steps)
	s.run(left)
}

// dismantle removes everything that the jobs' entries installed, and drops each entry that is removed completely.
func (s *System) dismantle(doomed []*job) (changed bool) {
	var steps []step
	var with []*job
	var macvlans []int
	for _, j := range doomed {
		if j.e.want.Macvlan {
			if j.e.macvlan != 0 {
				with = append(with, j)
				macvlans = append(macvlans, j.e.macvlan)
			}
			continue
		}
		for _, p := range slices.Clone(j.e.installed) {
			steps = append(steps, s.uninstall(j, p))
		}
		if j.e.ownMAC != nil {
			steps = append(steps, s.restoreMAC(j)...)
		}
	}
	s.run(steps)
	for i, err := range s.deleteLinks(macvlans) {
		with[i].fail("delete "+with[i].e.want.Name, err)
		if err == nil {
			s.registry.setMacvlan(with[i].e, 0)
		}
	}
	for _, j := range doomed {
		if j.err == nil {
			s.registry.drop(j.e)
			changed = true
		}
	}
	return changed
}
