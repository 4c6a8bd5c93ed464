// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"vrrpsh/platform/runstate"
)

// runState is the content of the run-state file: everything that this run has in the kernel. It is written before
// each addition. FreeBSD cannot mark addresses, so only this file tells ours from those of others.
type runState struct {
	// Boot identifies the boot of the machine in which the file was written.
	Boot  string       `json:"boot"`
	Addrs []addrRecord `json:"addresses,omitempty"`
	MACs  []macRecord  `json:"macs,omitempty"`
}

type addrRecord struct {
	Link int        `json:"link"` // index, which survives a rename
	Addr netip.Addr `json:"address"`
}

type macRecord struct {
	Link     int          `json:"link"`
	Original runstate.MAC `json:"original"`
	Virtual  runstate.MAC `json:"virtual"`
}

// save writes the run-state file, including the additions of enter.
func (s *System) save(v *scene, enter []*job) error {
	r := runState{Boot: s.boot}
	for at := range s.installed {
		r.Addrs = append(r.Addrs, addrRecord{at.link, at.addr})
	}
	for link, c := range s.macs {
		r.MACs = append(r.MACs, macRecord{link, c.original, c.virtual})
	}
	for _, j := range enter {
		w := j.want
		for _, p := range w.Addrs {
			if at := (place{w.Link, p.Addr()}); !v.present[at] {
				r.Addrs = append(r.Addrs, addrRecord{at.link, at.addr})
			}
		}
		if _, changed := s.macs[w.Link]; w.SetMAC && !changed && v.links[w.Link].MAC != w.MAC {
			r.MACs = append(r.MACs, macRecord{w.Link, v.links[w.Link].MAC, w.MAC})
		}
	}
	slices.SortFunc(r.Addrs, func(a, b addrRecord) int { return cmp.Or(cmp.Compare(a.Link, b.Link), a.Addr.Compare(b.Addr)) })
	r.Addrs = slices.Compact(r.Addrs)
	slices.SortFunc(r.MACs, func(a, b macRecord) int { return cmp.Compare(a.Link, b.Link) })
	return s.state.Save(&r)
}

// Recover implements platform.System.
func (s *System) Recover() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var r runState
	if err := s.state.Load(&r); err != nil {
		s.log.Warn("the run state of the earlier run is lost", "error", err)
		r = runState{}
	}
	if r.Boot != s.boot {
		r = runState{}
	}
	links, err := s.list()
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	v := newScene(links)
	if err := errors.Join(s.recoverAddrs(v, r.Addrs), s.recoverMACs(v, r.MACs)); err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	if len(s.entries) > 0 {
		return s.save(v, nil)
	}
	return s.state.Remove()
}

// recoverAddrs removes recorded addresses. An address with a network's mask is not ours: we
// install host addresses only.
func (s *System) recoverAddrs(v *scene, records []addrRecord) error {
	var errs []error
	for _, r := range records {
		l := v.links[r.Link]
		at := place{r.Link, r.Addr}
		_, ours := s.installed[at]
		if l == nil || ours || !slices.Contains(l.Addrs, netip.PrefixFrom(r.Addr, r.Addr.BitLen())) {
			continue
		}
		s.log.Info("removing an address left by an earlier run", "interface", l.Name, "address", r.Addr)
		err := ignoreNoLink(s.kernel.del(l.Name, r.Link, r.Addr))
		if err != nil && !errors.Is(err, syscall.EADDRNOTAVAIL) {
			errs = append(errs, fmt.Errorf("remove %s from %s: %w", r.Addr, l.Name, err))
		}
	}
	return errors.Join(errs...)
}

// recoverMACs restores the MACs of interfaces that still have a virtual MAC.
func (s *System) recoverMACs(v *scene, records []macRecord) error {
	var errs []error
	for _, r := range records {
		l := v.links[r.Link]
		_, ours := s.macs[r.Link]
		if l == nil || ours || l.MAC != r.Virtual {
			continue
		}
		s.log.Info("restoring the MAC changed by an earlier run", "interface", l.Name)
		if err := ignoreNoLink(s.kernel.setMAC(l.Name, r.Original)); err != nil {
			errs = append(errs, fmt.Errorf("restore the address of %s: %w", l.Name, err))
		}
	}
	return errors.Join(errs...)
}
