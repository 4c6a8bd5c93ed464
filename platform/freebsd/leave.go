// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"vrrpsh/platform"
	"vrrpsh/platform/runstate"
)

// left is the result of Leave, which another System adopts.
type left struct {
	Entries []leftEntry
}

type leftEntry struct {
	ID     platform.ID
	Link   int
	MAC    runstate.MAC
	SetMAC bool
	Addrs  []netip.Addr
	// Original is the own MAC of the interface that has this router's virtual MAC; nil: no interface has it.
	Original *runstate.MAC
}

// Left returns a value to decode the result of Leave into, to check whether this release understands it.
func Left() any { return new(left) }

// Leave implements platform.System. The run-state file stays as well: if no System adopts the
// state, Recover can remove it.
func (s *System) Leave() ([]byte, error) {
	if s.closing.Err() != nil {
		return nil, errClosed
	}
	defer s.release()
	s.mu.Lock()
	defer s.mu.Unlock()
	var l left
	for id, e := range s.entries {
		x := leftEntry{ID: id, Link: e.link, MAC: e.mac, SetMAC: e.setMAC, Addrs: e.addrs}
		if c, ok := s.macs[e.link]; ok && c.router == id {
			x.Original = (*runstate.MAC)(&c.original)
		}
		l.Entries = append(l.Entries, x)
	}
	b, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("leave: %w", err)
	}
	return b, nil
}

// Adopt implements platform.System. Watch notices what has disappeared since, as it starts with the
// whole state.
func (s *System) Adopt(b []byte) error {
	var l left
	if err := json.Unmarshal(b, &l); err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	s.mu.Lock()
	for _, x := range l.Entries {
		e := &entry{link: x.Link, mac: x.MAC, setMAC: x.SetMAC, addrs: x.Addrs}
		s.entries[x.ID] = e
		for _, a := range x.Addrs {
			s.installed[place{x.Link, a}] = x.ID
		}
		if x.Original != nil {
			s.macs[x.Link] = macChange{original: *x.Original, virtual: x.MAC, router: x.ID}
		}
	}
	s.mu.Unlock()
	return s.Recover() // removes what is not adopted
}
