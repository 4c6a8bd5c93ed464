// SPDX-License-Identifier: GPL-3.0-only

package fake

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"vrrpsh/platform"
)

// holding is the kernel's state of one virtual router.
type holding struct {
	id      platform.ID
	link    int // the configured interface
	carrier int // the interface with the addresses
	name    string
	mac     mac
	macvlan bool
	addrs   []netip.Prefix
	active  bool
	closed  bool         // echo requests to the addresses shall not be answered
	refused bool         // they are not
	setMAC  bool         // the carrier has the virtual MAC in place of its own
	owned   []netip.Addr // of the link, and known by mac
}

// Apply implements platform.System.
func (s *System) Apply(batch []platform.Attachment) []error {
	s.router.net.mu.Lock()
	took := s.router.faults.ApplyTime
	s.router.net.mu.Unlock()
	if took > 0 {
		select {
		case <-time.After(took):
		case <-s.ended:
		}
	}
	errs := make([]error, len(batch))
	for i := range batch {
		errs[i] = s.apply(&batch[i])
	}
	return errs
}

func (s *System) apply(a *platform.Attachment) error {
	defer s.router.lock()()
	if s.err != nil {
		return s.err
	}
	r := s.router
	if r.faults.Apply != nil {
		if err := r.faults.Apply(*a); err != nil {
			return err
		}
	}
	h := r.held[a.ID]
	if h != nil && (!a.Present || h.link != a.Link || h.macvlan != a.Macvlan ||
		a.Macvlan && (h.name != a.Name || h.mac != a.MAC)) {
		r.release(h)
		h = nil
	}
	if !a.Present {
		return nil
	}
	if r.links[a.Link] == nil {
		if a.Active {
			return fmt.Errorf("%s: %w", a.ID.Link, platform.ErrNoLink)
		}
		return nil
	}
	if h == nil {
		var err error
		if h, err = r.hold(a); err != nil {
			return err
		}
	}
	r.equip(h, a)
	return nil
}

// hold creates the parts that exist in both states, Backup and Master.
func (r *Router) hold(a *platform.Attachment) (*holding, error) {
	h := &holding{id: a.ID, link: a.Link, carrier: a.Link, name: a.Name, mac: a.MAC, macvlan: a.Macvlan}
	if a.Macvlan {
		if r.named(a.Name) != nil {
			return nil, fmt.Errorf("%s: %w", a.Name, platform.ErrConflict)
		}
		k := r.newLink(a.Name, a.MAC)
		k.parent, k.owner = a.Link, &h.id
		h.carrier = k.index
	}
	r.held[a.ID] = h
	return h, nil
}

// equip adds the addresses to the carrier, or removes them.
func (r *Router) equip(h *holding, a *platform.Attachment) {
	carrier := r.links[h.carrier]
	h.addrs = h.addrs[:0]
	h.active, h.setMAC, h.closed = a.Active, false, a.Closed && !a.Ping
	h.refused = h.closed
	h.owned = nil
	if a.Active {
		if a.Macvlan {
			h.owned = slices.Clone(a.Owned)
		}
		for _, p := range a.Addrs {
			if !slices.ContainsFunc(carrier.addrs, func(o netip.Prefix) bool { return o.Addr() == p.Addr() }) {
				h.addrs = append(h.addrs, p)
			}
		}
		h.mac, h.setMAC = a.MAC, a.SetMAC && !a.Macvlan
	}
	if h.macvlan && carrier.up != a.Active {
		carrier.up = a.Active
		r.changed(carrier)
	}
}

// release removes everything of a virtual router from the kernel.
func (r *Router) release(h *holding) {
	delete(r.held, h.id)
	if !h.macvlan {
		return
	}
	if k := r.links[h.carrier]; k != nil {
		r.dropLink(k)
	}
}

// owner returns the virtual router whose macvlan an interface is.
func (r *Router) owner(k *link) *holding {
	if k.owner == nil {
		return nil
	}
	return r.held[*k.owner]
}

// holder returns the virtual router that installed an address on an interface.
func (r *Router) holder(k *link, addr netip.Prefix) *holding {
	for _, h := range r.held {
		if h.carrier == k.index && slices.Contains(h.addrs, addr) {
			return h
		}
	}
	return nil
}

// installed returns the addresses that Systems installed on an interface.
func (r *Router) installed(k *link) []netip.Prefix {
	var list []netip.Prefix
	for _, h := range r.held {
		if h.carrier == k.index {
			list = append(list, h.addrs...)
		}
	}
	return list
}

// currentMAC returns the MAC that an interface has now.
func (r *Router) currentMAC(k *link) mac {
	for _, h := range r.held {
		if h.carrier == k.index && h.setMAC {
			return h.mac
		}
	}
	return k.mac
}

// Leave implements platform.System. The holdings stay in the kernel.
func (s *System) Leave() ([]byte, error) {
	defer s.router.lock()()
	if s.err != nil {
		return nil, s.err
	}
	s.end(ErrClosed)
	return []byte("{}"), nil
}

// Adopt implements platform.System.
func (s *System) Adopt(left []byte) error {
	defer s.router.lock()()
	if !json.Valid(left) {
		return errors.New("not a result of Leave")
	}
	return s.err
}

// Recover implements platform.System.
func (s *System) Recover() error {
	defer s.router.lock()()
	if s.err != nil {
		return s.err
	}
	for _, h := range s.router.held {
		s.router.release(h)
	}
	s.router.recoverRoutes()
	return nil
}
