// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// view holds the state of the interfaces according to notifications.
type view struct {
	system *System
	links  map[int]kernelLink
	addrs  map[int][]viewAddr // in the kernel's order
	// changed are the interfaces with new notifications; told is what Watch has reported, nil in other views.
	changed map[int]bool
	told    map[int]platform.Link
	// suspects are the entries that may have lost something.
	suspects map[*entry]bool
	// suspectRoutes is set when a static route may be lost.
	suspectRoutes bool
	// checkAt is when to check the sockets; zero if their interfaces have not changed.
	checkAt time.Time
	// checkPause is the pause before the next check.
	checkPause time.Duration
	// diverged is set when something may be wrong that only Reconcile can detect or repair.
	diverged bool
}

type viewAddr struct {
	kernelAddr
	ours bool
}

// load reads the whole state from the kernel.
func (v *view) load() error {
	links, err := v.system.query.links()
	if err != nil {
		return err
	}
	addrs, err := v.system.query.addrs(0)
	if err != nil {
		return err
	}
	v.links = make(map[int]kernelLink, len(links))
	v.addrs = make(map[int][]viewAddr, len(links))
	v.changed = make(map[int]bool)
	v.suspects = make(map[*entry]bool)
	for _, l := range links {
		v.keep(l)
	}
	for _, a := range addrs {
		v.addrs[a.link] = append(v.addrs[a.link], viewAddr{a, v.system.registry.ours(&a)})
	}
	return nil
}

// keep records an interface; Watch needs no settings.
func (v *view) keep(l kernelLink) {
	if v.told != nil {
		l.settings, l.settings6 = nil, nil
	}
	v.links[l.Index] = l
}

// setAddr records whether an address exists.
func (v *view) setAddr(a kernelAddr, exists bool) {
	list := v.addrs[a.link]
	at := slices.IndexFunc(list, func(x viewAddr) bool { return x.prefix == a.prefix })
	switch {
	case exists && at < 0:
		list = append(list, viewAddr{a, v.system.registry.ours(&a)})
	case exists:
		list[at] = viewAddr{a, v.system.registry.ours(&a)}
	case at >= 0:
		list = slices.Delete(list, at, at+1)
	}
	v.addrs[a.link] = list
	if !exists {
		v.suspectAddr(a)
	}
}

// link returns an interface as the router sees it: primary addresses come before secondary
// ones, since the host itself would choose the first.
func (v *view) link(index int) platform.Link {
	k := v.links[index]
	l := k.Link
	v.system.registry.mu.Lock()
	l.Ours = v.system.registry.macvlans[index] != nil
	v.system.registry.mu.Unlock()
	l.Ours = l.Ours || k.ours()
	// A bridge, bond or team takes all packets of its ports; a VRF only has another routing table.
	if upper, ok := v.links[k.upper]; ok && upper.kind != "vrf" {
		l.PortOf = upper.Name
	}
	for _, secondary := range []bool{false, true} {
		for i := range v.addrs[index] {
			a := &v.addrs[index][i]
			sub := a.flags&unix.IFA_F_SECONDARY != 0 && a.prefix.Addr().Is4()
			if sub == secondary && !a.ours && a.usable() {
				l.Addrs = append(l.Addrs, a.prefix)
			}
		}
	}
	return l
}

// update returns the changes since the last report of Watch; everything if all.
func (v *view) update(all bool) platform.Update {
	var u platform.Update
	if all {
		for i := range v.links {
			v.changed[i] = true
		}
		for i := range v.told {
			v.changed[i] = true
		}
	}
	for i := range v.changed {
		_, exists := v.links[i]
		old, known := v.told[i]
		switch {
		case exists:
			l := v.link(i)
			if all || !known || !reflect.DeepEqual(l, old) {
				v.told[i] = l
				u.Links = append(u.Links, l)
			}
		case known:
			delete(v.told, i)
			u.Gone = append(u.Gone, i)
		}
	}
	clear(v.changed)
	slices.SortFunc(u.Links, func(a, b platform.Link) int { return a.Index - b.Index })
	slices.Sort(u.Gone)
	return u
}

// suspectPorts marks the ports of an interface as changed, since their links contain its name.
func (v *view) suspectPorts(upper int) {
	for i := range v.links {
		if v.links[i].upper == upper {
			v.changed[i] = true
		}
	}
}

// suspectLink suspects the virtual router whose macvlan changed.
func (v *view) suspectLink(index int) {
	r := &v.system.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.macvlans[index]; e != nil {
		v.suspects[e] = true
	}
}

// strays reports whether a changed interface is, or has, a macvlan with a wrong MAC or MTU, or itself lost the virtual MAC.
func (v *view) strays(l *kernelLink, exists bool) bool {
	r := &v.system.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.macvlans[l.Index]; e != nil {
		parent, known := v.links[e.want.Link]
		return exists && (l.MAC != e.want.MAC || known && l.MTU != parent.MTU)
	}
	for e := range r.parents[l.Index] {
		m, known := v.links[e.macvlan]
		if e.want.Macvlan && known && m.MTU != l.MTU || e.want.SetMAC && e.want.Active && l.MAC != e.want.MAC {
			return true
		}
	}
	return false
}

// suspectAddr suspects the virtual router whose address was removed.
func (v *view) suspectAddr(a kernelAddr) {
	r := &v.system.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.macvlans[a.link]
	if e == nil {
		e = r.claims[place{a.link, a.prefix}]
	}
	if e != nil && slices.Contains(e.installed, a.prefix) {
		v.suspects[e] = true
	}
}

// expectation is the state that the kernel must have for an entry.
type expectation struct {
	entry     *entry
	rounds    uint64
	id        platform.ID
	link      int // the configured interface
	macvlan   bool
	device    int
	up        bool
	installed []netip.Prefix
}

// expectation returns the expectation for e. The caller has locked the registry or knows that nobody changes it.
func (e *entry) expectation() expectation {
	return expectation{e, e.rounds, e.want.ID, e.want.Link, e.want.Macvlan, e.device(), e.up, slices.Clone(e.installed)}
}

// lost returns the suspects that really lack something. Notifications may be older than Apply's
// latest changes, so suspects that contradict them are compared with the kernel itself. Those that
// Apply works on stay suspects.
func (v *view) lost() []platform.ID {
	if len(v.suspects) == 0 {
		return nil
	}
	var check []expectation
	r := &v.system.registry
	r.mu.Lock()
	for e := range v.suspects {
		if e.busy {
			continue
		}
		delete(v.suspects, e)
		if r.entries[e.want.ID] == e {
			check = append(check, e.expectation())
		}
	}
	r.mu.Unlock()
	var lost []platform.ID
	addrs := make(map[int][]kernelAddr)
	for i := range check {
		x := &check[i]
		if v.meets(x) {
			continue
		}
		ok, err := v.verify(x, addrs)
		if err != nil {
			v.system.log.Debug("cannot verify state that may be lost", "router", describe(x.id), "error", err)
		}
		switch {
		case ok:
		case v.unchanged(x):
			lost = append(lost, x.id)
		default:
			v.suspects[x.entry] = true
		}
	}
	return lost
}

// unchanged reports whether Apply has not touched the entry since the expectation was made.
func (v *view) unchanged(x *expectation) bool {
	v.system.registry.mu.Lock()
	defer v.system.registry.mu.Unlock()
	return !x.entry.busy && x.entry.rounds == x.rounds
}

// meets compares an expectation with the state according to notifications.
func (v *view) meets(x *expectation) bool {
	l, ok := v.links[x.device]
	if x.macvlan && x.device != 0 && (!ok || l.adminUp != x.up) {
		return false
	}
	for _, p := range x.installed {
		if !slices.ContainsFunc(v.addrs[x.device], func(a viewAddr) bool { return a.prefix == p && a.ours }) {
			return false
		}
	}
	return true
}

// verify compares an expectation with the kernel. addrs caches the addresses of interfaces.
func (v *view) verify(x *expectation, addrs map[int][]kernelAddr) (bool, error) {
	// If the interface itself is gone, nothing can be restored.
	if _, err := v.system.query.link(x.link); err != nil {
		return true, ignoreNoLink(err)
	}
	l, err := v.system.query.link(x.device)
	if errors.Is(err, platform.ErrNoLink) {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	if x.macvlan && l.adminUp != x.up {
		return false, nil
	}
	if len(x.installed) == 0 {
		return true, nil
	}
	now, known := addrs[x.device]
	if !known {
		if now, err = v.system.query.addrs(x.device); err != nil {
			return true, ignoreNoLink(err)
		}
		addrs[x.device] = now
	}
	for _, p := range x.installed {
		if !slices.ContainsFunc(now, func(a kernelAddr) bool { return a.prefix == p && v.system.registry.ours(&a) }) {
			return false, nil
		}
	}
	return true, nil
}

func ignoreNoLink(err error) error {
	if errors.Is(err, platform.ErrNoLink) {
		return nil
	}
	return err
}
