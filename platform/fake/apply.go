// SPDX-License-Identifier: GPL-3.0-only

package fake

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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
	// What has to go is gone before anything is built: a name may change hands.
	for i := range batch {
		errs[i] = s.dismantle(&batch[i])
	}
	for i := range batch {
		if errs[i] == nil {
			errs[i] = s.build(&batch[i])
		}
	}
	return errs
}

// dismantle removes what an attachment must not have any more.
func (s *System) dismantle(a *platform.Attachment) error {
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
	if a.Present {
		r.wanted[a.ID] = *a
	} else {
		delete(r.wanted, a.ID)
	}
	h := r.held[a.ID]
	if h != nil && (!a.Present || h.link != a.Link || h.macvlan != a.Macvlan ||
		a.Macvlan && (h.name != a.Name || h.mac != a.MAC)) {
		if err := r.release(h); err != nil {
			return fmt.Errorf("remove: %w", err)
		}
		h = nil
	}
	if h == nil && (!a.Present || !a.Macvlan) {
		return r.discard(a.ID)
	}
	return nil
}

// build gives an attachment what it must have.
func (s *System) build(a *platform.Attachment) error {
	defer s.router.lock()()
	r := s.router
	switch {
	case s.err != nil:
		return s.err
	case !a.Present:
		return nil
	case r.links[a.Link] == nil && a.Active:
		return fmt.Errorf("%s: %w", a.ID.Link, platform.ErrNoLink)
	case r.links[a.Link] == nil:
		return nil
	}
	h := r.held[a.ID]
	if h != nil && r.links[h.carrier] == nil { // the answer to its removal was lost
		r.forget(h)
		h = nil
	}
	if h == nil {
		var err error
		if h, err = r.hold(a); err != nil {
			return err
		}
	}
	return r.equip(h, a)
}

// hold creates the parts that exist in both states, Backup and Master.
func (r *Router) hold(a *platform.Attachment) (*holding, error) {
	h := &holding{id: a.ID, link: a.Link, carrier: a.Link, name: a.Name, mac: a.MAC, macvlan: a.Macvlan}
	if a.Macvlan {
		if err := r.create(h); err != nil {
			return nil, err
		}
	}
	r.held[h.id] = h
	r.holdings = append(r.holdings, h)
	return h, nil
}

// create creates a macvlan in as many calls as a real System. It finds one that it created before without an answer.
func (r *Router) create(h *holding) error {
	if k := r.unmarked(h.id); k != nil && (k.name != h.name || k.parent != h.link || k.mac != h.mac) {
		if err := r.discard(h.id); err != nil {
			return err
		}
	}
	k := r.unmarked(h.id)
	if k == nil {
		if r.named(h.name) != nil {
			return fmt.Errorf("%s: %w", h.name, platform.ErrConflict)
		}
		r.recorded[h.id] = h.name
		err := r.try(CallCreate, h.name, func() {
			k = r.newLink(h.name, h.mac)
			k.parent, k.mtu = h.link, r.links[h.link].mtu
		})
		if err == nil {
			err = r.try(CallFind, h.name, func() {})
		}
		if err != nil {
			return fmt.Errorf("create %s: %w", h.name, err)
		}
	}
	if err := r.try(CallMark, h.name, func() { k.owner = &h.id }); err != nil {
		k.owner = nil
		return fmt.Errorf("settings of %s: %w", h.name, err)
	}
	h.carrier = k.index
	return nil
}

// unmarked returns the recorded macvlan of a virtual router that does not have its mark yet, or nil.
func (r *Router) unmarked(id platform.ID) *link {
	if k := r.named(r.recorded[id]); k != nil && k.owner == nil && k.port == nil {
		return k
	}
	return nil
}

// discard deletes the macvlan that unmarked returns.
func (r *Router) discard(id platform.ID) error {
	if k := r.unmarked(id); k != nil {
		if err := r.try(CallDelete, k.name, func() { r.dropLink(k) }); err != nil {
			return fmt.Errorf("delete %s: %w", k.name, err)
		}
	}
	delete(r.recorded, id)
	return nil
}

// equip adds the addresses to the carrier, or removes them. It returns the first error, but does everything else that it can.
func (r *Router) equip(h *holding, a *platform.Attachment) error {
	carrier := r.links[h.carrier]
	var first error
	try := func(c Call, what string, do func()) {
		if err := r.try(c, what, do); err != nil && first == nil {
			first = fmt.Errorf("%s %s: %w", c, what, err)
		}
	}
	r.uninstall(h, try, func(p netip.Prefix) bool { return a.Active && slices.Contains(a.Addrs, p) })
	if h.setMAC && !(a.Active && a.SetMAC) {
		try(CallMAC, carrier.name, func() { h.setMAC = false })
	}
	h.active, h.closed = a.Active, a.Closed && !a.Ping
	h.refused = h.closed
	if h.macvlan && carrier.up && !a.Active {
		try(CallDown, h.name, func() { r.setUp(carrier, false) })
	}
	h.owned = nil
	if !a.Active || first != nil {
		return first
	}
	h.mac = a.MAC
	if a.Macvlan {
		h.owned = slices.Clone(a.Owned)
	}
	for _, p := range a.Addrs {
		if !slices.Contains(h.addrs, p) && !slices.ContainsFunc(carrier.addrs, func(o netip.Prefix) bool { return o.Addr() == p.Addr() }) {
			try(CallAdd, p.String(), func() { h.addrs = append(h.addrs, p) })
		}
	}
	slices.SortFunc(h.addrs, func(p, q netip.Prefix) int { return cmp.Compare(slices.Index(a.Addrs, p), slices.Index(a.Addrs, q)) })
	switch {
	case first != nil:
	case h.macvlan && !carrier.up:
		try(CallUp, h.name, func() { r.setUp(carrier, true) })
	case !h.macvlan && a.SetMAC && !h.setMAC:
		try(CallMAC, carrier.name, func() { h.setMAC = true })
	}
	return first
}

// uninstall removes the addresses that do not stay.
func (r *Router) uninstall(h *holding, try func(Call, string, func()), stays func(netip.Prefix) bool) {
	for _, p := range slices.Clone(h.addrs) {
		if !stays(p) {
			try(CallRemove, p.String(), func() {
				h.addrs = slices.DeleteFunc(h.addrs, func(o netip.Prefix) bool { return o == p })
			})
		}
	}
}

func (r *Router) setUp(k *link, up bool) {
	k.up = up
	r.changed(k)
}

// release removes everything of a virtual router from the kernel. If it fails, h stays.
func (r *Router) release(h *holding) error {
	var errs []error
	try := func(c Call, what string, do func()) {
		if err := r.try(c, what, do); err != nil {
			errs = append(errs, fmt.Errorf("%s %s: %w", c, what, err))
		}
	}
	if k := r.links[h.carrier]; k != nil && h.macvlan {
		try(CallDelete, h.name, func() { r.dropLink(k) })
	} else if k != nil {
		r.uninstall(h, try, func(netip.Prefix) bool { return false })
		if h.setMAC {
			try(CallMAC, k.name, func() { h.setMAC = false })
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	r.forget(h)
	return nil
}

func (r *Router) forget(h *holding) {
	delete(r.held, h.id)
	delete(r.recorded, h.id)
	r.holdings = slices.DeleteFunc(r.holdings, func(o *holding) bool { return o == h })
}

// releaseAll removes everything that Systems made.
func (r *Router) releaseAll() error {
	var errs []error
	for _, h := range slices.Clone(r.holdings) {
		errs = append(errs, r.release(h))
	}
	for _, id := range slices.SortedFunc(maps.Keys(r.recorded), platform.ID.Compare) {
		errs = append(errs, r.discard(id))
	}
	return errors.Join(append(errs, r.recoverRoutes())...)
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
	for _, h := range r.holdings {
		if h.carrier == k.index && slices.Contains(h.addrs, addr) {
			return h
		}
	}
	return nil
}

// installed returns the addresses that Systems installed on an interface.
func (r *Router) installed(k *link) []netip.Prefix {
	var list []netip.Prefix
	for _, h := range r.holdings {
		if h.carrier == k.index {
			list = append(list, h.addrs...)
		}
	}
	return list
}

// currentMAC returns the MAC that an interface has now.
func (r *Router) currentMAC(k *link) mac {
	for _, h := range r.holdings {
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
	r := s.router
	clear(r.wanted)
	r.routed = nil
	return r.releaseAll()
}
