// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"vrrpsh/platform"
	"vrrpsh/platform/runstate"
)

// left is what a System tells the one that adopts its work.
type left struct {
	Entries  []leftEntry
	Settings []settingRecord
	Routes   []platform.Route
	// Connected are the routes to subnets of virtual addresses; earlier releases had none.
	Connected []connectedRoute
}

type leftEntry struct {
	Want      platform.Attachment
	Macvlan   int
	Installed []netip.Prefix
	Up        bool
	OwnMAC    *runstate.MAC
}

// Left returns what can be filled with what Leave says, to see whether this release understands it.
func Left() any { return new(left) }

// Leave implements platform.System. The run-state file stays as well: should nobody adopt what is
// left, Recover finds it.
func (s *System) Leave() ([]byte, error) {
	if s.closing.Err() != nil {
		return nil, errClosed
	}
	defer s.release()
	s.applying.Lock()
	defer s.applying.Unlock()
	l := left{Routes: s.routes.installed}
	for _, e := range s.registry.all() {
		l.Entries = append(l.Entries, leftEntry{e.want, e.macvlan, e.installed, e.up, (*runstate.MAC)(e.ownMAC)})
	}
	for _, c := range s.changes {
		l.Settings = append(l.Settings, c)
	}
	for _, c := range s.connected {
		l.Connected = append(l.Connected, c)
	}
	b, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("leave: %w", err)
	}
	return b, nil
}

// Adopt implements platform.System. What has vanished since is noticed by Watch, which looks at
// everything first.
func (s *System) Adopt(b []byte) error {
	var l left
	if err := json.Unmarshal(b, &l); err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	if err := s.adopt(&l); err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	if err := s.Recover(); err != nil { // of what is not adopted
		s.log.Warn("not all that an earlier run left could be removed; trying again", "error", err)
	}
	return nil
}

func (s *System) adopt(l *left) error {
	s.applying.Lock()
	defer s.applying.Unlock()
	links, err := s.change.links()
	if err != nil {
		return fmt.Errorf("interfaces: %w", err)
	}
	s.registry.init(s.registry.marks) // maybe after an attempt that failed
	ours := make(map[int]bool)
	for i := range links {
		ours[links[i].Index] = links[i].ours()
	}
	for i := range l.Entries {
		x := &l.Entries[i]
		if !x.Want.Present {
			continue // it could not be removed, and is for Recover
		}
		if x.Want.Macvlan && x.Macvlan != 0 && !ours[x.Macvlan] {
			x.Macvlan, x.Installed, x.Up = 0, nil, false // deleted meanwhile
		}
		e := &entry{ownMAC: (*[6]byte)(x.OwnMAC)}
		s.registry.claim(e, &x.Want, nil)
		if x.Macvlan != 0 {
			s.registry.setMacvlan(e, x.Macvlan)
			e.tried, e.marked = true, true
		}
		for _, p := range x.Installed {
			s.registry.setInstalled(e, p, true)
		}
		s.registry.setUp(e, x.Up)
	}
	for _, c := range l.Settings {
		s.changes[settingKey{c.Link, c.Setting}] = c
	}
	for _, r := range l.Routes {
		s.setRoute(r, true)
	}
	for _, c := range l.Connected {
		s.connected[c.Subnet] = c
	}
	s.routes.wanted = l.Routes
	s.routed.Store(len(l.Routes)+len(l.Connected) > 0)
	// In place of the table that was left, so that Recover finds none to remove.
	if err := s.keepClosed(closing(s.registry.all())); err != nil {
		return err
	}
	s.keepOwned(owned(s.registry.all()))
	return s.record(true)
}
