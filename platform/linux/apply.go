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
	want   *platform.Attachment // with the addresses as the kernel has them
	asked  []netip.Prefix       // the addresses as they were asked for
	parent *kernelLink          // nil if the interface does not exist
	e      *entry               // nil if nothing is to be
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
	call    func() error // in place of request
}

// run executes steps in order.
func (s *System) run(steps []step) {
	// Requests that follow each other go out together.
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
		want.Addrs = inKernel(&want)
		j.want, j.asked = &want, batch[i].Addrs
	}
	s.apply(jobs)
	if err := s.connect(); err != nil {
		s.log.Warn("cannot set the routes to the subnets of virtual addresses", "error", err)
	}
	if err := s.unshut(); err != nil {
		s.log.Warn("cannot open addresses", "error", err)
	}
	if len(s.owner.now) > 0 || slices.ContainsFunc(batch, func(a platform.Attachment) bool { return len(a.Owned) > 0 }) {
		s.keepOwned(owned(s.registry.all()))
	}
	for i := range batch {
		errs[i] = newest[batch[i].ID].err
	}
	return errs
}

func (s *System) apply(jobs []*job) {
	s.findParents(jobs)
	s.findMacvlans(jobs)
	var doomed []*job // with the entry that has to go
	var build []*job
	var busy []*entry
	for _, j := range jobs {
		old := s.registry.entries[j.want.ID] // nobody else writes
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
		settings = s.planSettings(parents, func(err error) { s.log.Warn("cannot set what interfaces need", "error", err) })
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

// record writes the run-state file if what it says has changed.
func (s *System) record(changed bool) error {
	if !changed {
		return nil
	}
	return s.state.save(s.snapshot())
}

// snapshot returns what this run may have changed in the kernel.
func (s *System) snapshot() *runState {
	var r runState
	for _, e := range s.registry.all() {
		w := &e.want
		if w.Closed {
			r.Table = s.gate.name
		}
		if len(w.Owned) > 0 {
			r.OwnerTable = s.gate.name
		}
		if w.Macvlan {
			r.Macvlans = append(r.Macvlans, macvlanRecord{Name: w.Name, Parent: w.Link, MAC: w.MAC})
			continue
		}
		for _, p := range w.Addrs {
			r.Addrs = append(r.Addrs, addrRecord{Link: w.Link, Prefix: p, Label: e.labels[p]})
		}
		for _, p := range e.installed { // and shall not be any more
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

// noteMACs remembers the addresses of interfaces that are about to get the virtual MAC.
func (s *System) noteMACs(build []*job) (changed bool) {
	for _, j := range build {
		if j.want.SetMAC && !j.want.Macvlan && j.want.Active && j.e.ownMAC == nil && j.parent.MAC != j.want.MAC {
			own := j.parent.MAC
			j.e.ownMAC = &own
			changed = true
		}
		for _, r := range s.left.MACs { // an earlier run has set it, and could not give it back yet
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

// findParents looks the configured interfaces up, each once.
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
			// An index that cannot be is an interface that does not exist.
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

// build makes the kernel what the jobs want. What was taken away from outside meanwhile, such
// as a macvlan, is found by the failure of what needs it, and made again once.
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

// deactivate takes away what shall not be: IPv4 addresses first, so that nothing is answered any
// more, then the macvlans go down; IPv6 addresses last, since the interface would tell of it.
func (s *System) deactivate(jobs []*job) {
	var first, then []step
	var down []*job
	for _, j := range jobs {
		if j.err != nil {
			continue
		}
		for _, p := range slices.Clone(j.e.installed) {
			switch {
			case j.want.Active && has(j.want.Addrs, p.Addr()): // maybe in another form: see dropOldForms
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

// has tells whether an address is among prefixes, whatever their lengths.
func has(all []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Addr() == addr })
}

// dropOldForms removes addresses with another prefix length than they shall have, as earlier releases have installed
// them, now that they are there in the right form.
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

// lower sets macvlans down. Of many that are up it makes new ones instead: each that goes down
// costs the kernel a grace period, all that are deleted together only one.
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

// uninstall is the step that removes an address which we installed.
func (s *System) uninstall(j *job, p netip.Prefix) step {
	after := func(err error) {
		if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(noLink(err), platform.ErrNoLink) {
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

// restoreMAC gives the interface its own address back, unless somebody has changed it since.
func (s *System) restoreMAC(j *job) []step {
	if j.parent == nil && j.err != nil {
		return nil // it may be there
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

// activate installs addresses. IPv4 addresses are there before the macvlan is up; IPv6 ones, which
// are lost while it is down, after.
func (s *System) activate(jobs []*job) {
	jobs = slices.DeleteFunc(slices.Clone(jobs), func(j *job) bool { return j.err != nil || !j.want.Active })
	own := s.ownAddresses(jobs)
	var first, then []step
	for _, j := range jobs {
		if j.err != nil {
			continue // what the interface has by itself must not be taken for ours
		}
		for _, p := range j.want.Addrs {
			at := &first
			if p.Addr().Is6() {
				at = &then
			}
			if o := own[j.want.Link]; !j.want.Macvlan && o[p.Addr()] {
				s.registry.setInstalled(j.e, p, false)
				continue
			}
			after := func(err error) {
				if err != nil && !errors.Is(err, unix.EEXIST) {
					if p.Addr().Is6() && errors.Is(err, unix.EACCES) {
						err = fmt.Errorf("IPv6 is switched off on this interface (disable_ipv6): %w", err)
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
					err = fmt.Errorf("another interface on %s has its Ethernet address: %w (%w)", j.want.ID.Link, platform.ErrConflict, err)
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

// ownAddresses returns, by interface, the addresses that configured interfaces have by themselves.
func (s *System) ownAddresses(jobs []*job) map[int]map[netip.Addr]bool {
	all, errs := make(map[int]map[netip.Addr]bool), make(map[int]error)
	for _, j := range jobs {
		if j.want.Macvlan {
			continue
		}
		if _, known := all[j.want.Link]; !known {
			addrs, err := s.change.addrs(j.want.Link)
			errs[j.want.Link], all[j.want.Link] = err, make(map[netip.Addr]bool)
			for i := range addrs {
				if !s.registry.ours(&addrs[i]) {
					all[j.want.Link][addrs[i].prefix.Addr()] = true
				}
			}
		}
		j.fail("addresses of "+j.want.ID.Link, errs[j.want.Link])
	}
	return all
}

// createMacvlans creates those that do not exist yet.
func (s *System) createMacvlans(jobs []*job) {
	var fresh []*job
	for _, j := range jobs {
		if j.err == nil && j.want.Macvlan && j.e.macvlan == 0 {
			fresh = append(fresh, j)
		}
	}
	var steps, left []step
	for _, j := range fresh {
		j.e.tried = true // whatever the answer: see findMacvlans
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

// findMacvlans finds the macvlans that may have been made although it could not be seen that they were.
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

// isMacvlan tells whether an interface is the macvlan that was made for an attachment, with its mark or without any yet.
func (l *kernelLink) isMacvlan(a *platform.Attachment) bool {
	return l.kind == "macvlan" && l.Name == a.Name && l.Parent == a.Link && l.MAC == a.MAC && (l.alias == "" || l.alias == alias(a.ID))
}

// makeRoom removes a macvlan of ours, left over from an earlier run, that has the name of one that is
// to be created. Anything else of that name is a conflict.
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

// markMacvlans gives new macvlans their mark and settings.
func (s *System) markMacvlans(fresh []*job) {
	if len(fresh) == 0 {
		return
	}
	var all uint32
	err := s.space.do(func() error {
		all = readAllRPFilter()
		for _, j := range fresh {
			if j.err == nil {
				_ = setIPv6(j.want.Name, macvlanSettings6(j.want.ID.Family, j.parent), nil) // Reconcile tells
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

// dismantle removes everything of the jobs' entries and forgets those that are gone.
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
