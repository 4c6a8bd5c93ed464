// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"vrrpsh/platform"
)

// entry is one virtual router with its state in the kernel.
type entry struct {
	link   int
	mac    [6]byte
	setMAC bool
	// addrs are the addresses of System.installed that belong to this virtual router.
	addrs []netip.Addr
}

// sameShape reports whether a is the same virtual router in the same place as e, so that only
// addresses and activity may differ.
func (e *entry) sameShape(a *platform.Attachment) bool {
	return e.link == a.Link && e.mac == a.MAC && e.setMAC == a.SetMAC
}

// job is one attachment of a batch.
type job struct {
	want *platform.Attachment
	err  error
}

// fail keeps the first error.
func (j *job) fail(what string, err error) {
	if err != nil && j.err == nil {
		j.err = fmt.Errorf("%s: %w", what, noLink(err))
	}
}

// scene is the kernel's state during one Apply, updated with each change.
type scene struct {
	links   map[int]*kernelLink
	present map[place]bool
}

func newScene(links []kernelLink) *scene {
	v := &scene{links: make(map[int]*kernelLink, len(links)), present: make(map[place]bool)}
	for i := range links {
		l := &links[i]
		v.links[l.Index] = l
		for _, p := range l.Addrs {
			v.present[place{l.Index, p.Addr()}] = true
		}
	}
	return v
}

// SetRoutes implements platform.System: only an empty list is supported.
func (s *System) SetRoutes(routes []platform.Route) []error {
	errs := make([]error, len(routes))
	for i := range errs {
		errs[i] = refused("static routes", "route(8) or a routing daemon can set them")
	}
	return errs
}

// Apply implements platform.System.
func (s *System) Apply(batch []platform.Attachment) []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	errs := make([]error, len(batch))
	all := func(err error) []error {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	if s.closing.Err() != nil {
		return all(errClosed)
	}
	links, err := s.list()
	if err != nil {
		return all(err)
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
		j.want = &batch[i]
	}
	s.apply(newScene(links), jobs)
	for i := range batch {
		errs[i] = newest[batch[i].ID].err
	}
	return errs
}

// apply removes first and installs last, so that an address can move from one virtual router
// to another.
func (s *System) apply(v *scene, jobs []*job) {
	for _, j := range jobs {
		s.leave(v, j)
	}
	var enter []*job
	for _, j := range jobs {
		if j.err == nil && j.want.Present && j.want.Active {
			enter = append(enter, j)
		}
	}
	if err := s.save(v, enter); err != nil {
		for _, j := range enter {
			j.fail("record "+describe(j.want.ID), err)
		}
	}
	for _, j := range enter {
		s.enter(v, j)
	}
	// The file must not list addresses that could not be installed.
	if err := s.save(v, nil); err != nil {
		s.log.Warn("cannot write the run state", "error", err)
	}
}

// leave removes everything that the attachment does not include.
func (s *System) leave(v *scene, j *job) {
	w := j.want
	e := s.entries[w.ID]
	if e != nil && (!w.Present || w.Macvlan || !e.sameShape(w) || v.links[w.Link] == nil) {
		s.dismantle(v, j, e)
		e = nil
	}
	switch {
	case !w.Present || j.err != nil:
		return
	case w.Macvlan:
		j.fail(describe(w.ID), refused("macvlan interfaces", `with iftype "ether" and vmac the interface itself gets the virtual MAC`))
		return
	case w.Closed:
		j.fail(describe(w.ID), refused("accept_mode = false", "pf or ipfw can discard packets to the virtual addresses"))
		return
	case v.links[w.Link] == nil:
		if w.Active {
			j.fail("interface of "+describe(w.ID), platform.ErrNoLink)
		}
		return
	}
	if e == nil {
		e = &entry{link: w.Link, mac: w.MAC, setMAC: w.SetMAC}
		s.entries[w.ID] = e
	}
	for _, addr := range slices.Clone(e.addrs) {
		if !w.Active || !slices.ContainsFunc(w.Addrs, func(p netip.Prefix) bool { return p.Addr() == addr }) {
			s.uninstall(v, j, e, addr)
		}
	}
	if !w.Active {
		s.restoreMAC(v, j, w.Link)
	}
}

// dismantle removes everything of an entry and forgets it, unless that fails.
func (s *System) dismantle(v *scene, j *job, e *entry) {
	for _, addr := range slices.Clone(e.addrs) {
		s.uninstall(v, j, e, addr)
	}
	s.restoreMAC(v, j, e.link)
	if j.err == nil {
		delete(s.entries, j.want.ID)
	}
}

// uninstall removes an address of e from the kernel.
func (s *System) uninstall(v *scene, j *job, e *entry, addr netip.Addr) {
	at := place{e.link, addr}
	// Requests name the interface, so look up its current name by index: another interface may
	// have its former name.
	if l := v.links[at.link]; l != nil && v.present[at] {
		err := ignoreNoLink(s.kernel.del(l.Name, at.link, addr))
		if err != nil && !errors.Is(err, syscall.EADDRNOTAVAIL) {
			j.fail("remove "+addr.String(), err)
			return
		}
		delete(v.present, at)
	}
	s.setInstalled(at, j.want.ID, false)
}

// setInstalled records whether an address is installed for a virtual router.
func (s *System) setInstalled(at place, id platform.ID, installed bool) {
	e := s.entries[id]
	if installed {
		s.installed[at] = id
		e.addrs = append(e.addrs, at.addr)
		return
	}
	delete(s.installed, at)
	if e != nil {
		e.addrs = slices.DeleteFunc(e.addrs, func(a netip.Addr) bool { return a == at.addr })
	}
}

// restoreMAC restores an interface's own MAC, unless another program has changed it since.
func (s *System) restoreMAC(v *scene, j *job, link int) {
	c, ok := s.macs[link]
	if !ok || c.router != j.want.ID {
		return
	}
	if l := v.links[link]; l != nil && l.MAC == c.virtual {
		if err := ignoreNoLink(s.kernel.setMAC(l.Name, c.original)); err != nil {
			j.fail("restore the address of "+l.Name, err)
			return
		}
		l.MAC = c.original
	}
	delete(s.macs, link)
}

// enter installs the missing parts. It sets the MAC first, since the kernel announces an address as
// soon as it is installed.
func (s *System) enter(v *scene, j *job) {
	if j.err != nil {
		return
	}
	w := j.want
	l := v.links[w.Link]
	if w.SetMAC && l.MAC != w.MAC {
		c, changed := s.macs[w.Link]
		switch {
		case !changed:
			c.original = l.MAC
		case c.router != w.ID:
			j.fail("address of "+l.Name, fmt.Errorf("it already has the MAC of the %s: %w", describe(c.router), platform.ErrConflict))
			return
		}
		if err := s.kernel.setMAC(l.Name, w.MAC); err != nil {
			j.fail("set the address of "+l.Name, err)
			return
		}
		c.virtual, c.router = w.MAC, w.ID
		s.macs[w.Link], l.MAC = c, w.MAC
	}
	for _, p := range w.Addrs {
		at := place{w.Link, p.Addr()}
		if v.present[at] {
			continue // installed by us, or the interface's own
		}
		if err := s.kernel.add(l.Name, w.Link, p.Addr()); err != nil {
			j.fail("add "+p.String(), err)
			continue
		}
		v.present[at] = true
		s.setInstalled(at, w.ID, true)
	}
}

// removeAll removes everything that Apply made.
func (s *System) removeAll() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	links, err := s.list()
	if err != nil {
		return err
	}
	v := newScene(links)
	var errs []error
	for id, e := range s.entries {
		j := &job{want: &platform.Attachment{ID: id}}
		s.dismantle(v, j, e)
		if j.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", describe(id), j.err))
		}
	}
	if len(errs) > 0 {
		return errors.Join(append(errs, s.save(v, nil))...)
	}
	return s.state.Remove()
}
