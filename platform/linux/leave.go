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

// left is the state that a System hands over to the System that adopts it.
type left struct {
	Entries  []leftEntry
	Settings []settingRecord
	Routes   []platform.Route
	// Connected holds the routes to subnets of virtual addresses. Earlier releases do not set it.
	Connected []connectedRoute
}

type leftEntry struct {
	Want      platform.Attachment
	Macvlan   int
	Installed []netip.Prefix
	Up        bool
	OwnMAC    *runstate.MAC
	// Asked holds the addresses as requested, with their prefix lengths. Earlier releases do not set it.
	Asked []netip.Prefix
}

// Left returns a value to decode the output of Leave into, to check whether this release understands it.
func Left() any { return new(left) }

// Leave implements platform.System. The run-state file stays too, so that Recover can clean up if no
// System adopts the state.
func (s *System) Leave() ([]byte, error) {
	if s.closing.Err() != nil {
		return nil, errClosed
	}
	defer s.release()
	s.applying.Lock()
	defer s.applying.Unlock()
	l := left{Routes: s.routes.installed}
	for _, e := range s.registry.all() {
		l.Entries = append(l.Entries, leftEntry{e.want, e.macvlan, e.installed, e.up, (*runstate.MAC)(e.ownMAC), e.asked})
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

// Adopt implements platform.System. Watch reads the whole state first, so it notices what has
// disappeared since Leave.
func (s *System) Adopt(b []byte) error {
	var l left
	if err := json.Unmarshal(b, &l); err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	s.applying.Lock()
	defer s.applying.Unlock()
	s.loadLeft() // before adopt records what this run has
	if err := s.adopt(&l); err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	if err := s.recoverAll(); err != nil { // what was not adopted
		s.log.Warn("could not remove everything that an earlier run left; trying again", "error", err)
	}
	return nil
}

func (s *System) adopt(l *left) error {
	links, err := s.change.links()
	if err != nil {
		return fmt.Errorf("interfaces: %w", err)
	}
	s.registry.init(s.registry.marks) // an earlier attempt may have failed
	ours := make(map[int]bool)
	for i := range links {
		ours[links[i].Index] = links[i].ours()
	}
	for i := range l.Entries {
		x := &l.Entries[i]
		if !x.Want.Present {
			continue // it could not be removed; Recover will try
		}
		if x.Want.Macvlan && x.Macvlan != 0 && !ours[x.Macvlan] {
			x.Macvlan, x.Installed, x.Up = 0, nil, false // deleted since Leave
		}
		e := &entry{ownMAC: (*[6]byte)(x.OwnMAC)}
		s.registry.claim(e, &x.Want, x.Asked)
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
	// Replace the table that was left, so that Recover does not remove it.
	if err := s.keepClosed(closing(s.registry.all())); err != nil {
		return err
	}
	_ = s.keepOwned() // Reconcile retries
	return s.record(true)
}
