// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// addressMark is the protocol number (IFA_PROTO) of our addresses: that of VRRP.
const addressMark = 112

// registry records what Apply installed. Only Apply changes it; Links and Watch read it.
type registry struct {
	mu sync.Mutex
	// marks is set if the kernel stores addressMark with an address.
	marks    bool
	entries  map[platform.ID]*entry
	macvlans map[int]*entry // by index
	// parents are the configured interfaces, with the entries on each.
	parents map[int]map[*entry]bool
	// claims are the addresses that may be installed on configured interfaces themselves.
	claims map[place]*entry
}

// place is an address on an interface.
type place struct {
	link   int
	prefix netip.Prefix
}

// entry is one virtual router in the kernel.
type entry struct {
	want    platform.Attachment // with the addresses as stored in the kernel
	asked   []netip.Prefix      // the addresses as requested
	macvlan int                 // index; 0 if there is none yet
	// tried is set when a macvlan may exist although its index is unknown, marked when it has our mark and its settings.
	tried, marked bool
	// installed are the addresses that we added to the kernel; up is whether the macvlan must be up.
	installed []netip.Prefix
	up        bool
	// labels are the labels of addresses that are set by ioctl.
	labels map[netip.Prefix]string
	// ownMAC is the interface's MAC before it got the virtual MAC; nil if it did not.
	ownMAC *[6]byte
	// busy is set while Apply works on the entry; rounds counts how often Apply did.
	busy   bool
	rounds uint64
}

// device returns the index of the interface that the addresses belong to.
func (e *entry) device() int {
	if e.want.Macvlan {
		return e.macvlan
	}
	return e.want.Link
}

// sameShape reports whether a differs from e at most in addresses and activity.
func (e *entry) sameShape(a *platform.Attachment) bool {
	w := &e.want
	return w.Link == a.Link && w.Macvlan == a.Macvlan && w.MAC == a.MAC && w.SetMAC == a.SetMAC && w.IOCTL == a.IOCTL &&
		(!a.Macvlan || w.Name == a.Name)
}

func (r *registry) init(marks bool) {
	r.marks = marks
	r.entries = make(map[platform.ID]*entry)
	r.macvlans = make(map[int]*entry)
	r.parents = make(map[int]map[*entry]bool)
	r.claims = make(map[place]*entry)
}

// ours reports whether we added an address to the kernel. If the kernel stores no marks, ours are those
// that we may have installed and that have no prefix route, unlike the addresses of others.
func (r *registry) ours(a *kernelAddr) bool {
	if a.label != "" {
		r.mu.Lock()
		labeled := r.labeled(a)
		r.mu.Unlock()
		if labeled {
			return true
		}
	}
	if r.marks {
		return a.proto == addressMark
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.macvlans[a.link] != nil ||
		a.flags&unix.IFA_F_NOPREFIXROUTE != 0 && r.claims[place{a.link, a.prefix}] != nil
}

// concerns reports whether an interface is one of our macvlans or has virtual routers.
func (r *registry) concerns(index int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.macvlans[index] != nil || len(r.parents[index]) > 0
}

// abandon records that everything of e must be removed.
func (r *registry) abandon(e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.want.Present, e.want.Active, e.asked = false, false, nil
}

// claim makes a the wanted state of e and reports whether the run-state file must be
// written again.
func (r *registry) claim(e *entry, a *platform.Attachment, asked []netip.Prefix) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.entries[a.ID] == e
	changed := !known || !slices.Equal(e.want.Addrs, a.Addrs) || e.want.Closed != a.Closed || !slices.Equal(e.want.Owned, a.Owned)
	if known && changed {
		r.unclaim(e)
	}
	addrs, own := e.want.Addrs, e.want.Owned
	if changed {
		addrs, own = slices.Clone(a.Addrs), slices.Clone(a.Owned)
	}
	e.want = *a
	e.want.Addrs, e.want.Owned = addrs, own
	if !slices.Equal(e.asked, asked) {
		e.asked = slices.Clone(asked)
	}
	r.entries[a.ID] = e
	if r.parents[a.Link] == nil {
		r.parents[a.Link] = make(map[*entry]bool)
	}
	r.parents[a.Link][e] = true
	e.assignLabels()
	if changed && !a.Macvlan {
		for _, p := range addrs {
			r.claims[place{a.Link, p}] = e
		}
	}
	return changed
}

func (r *registry) unclaim(e *entry) {
	for _, p := range e.want.Addrs {
		if k := (place{e.want.Link, p}); r.claims[k] == e {
			delete(r.claims, k)
		}
	}
}

// drop forgets e.
func (r *registry) drop(e *entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unclaim(e)
	if r.macvlans[e.macvlan] == e {
		delete(r.macvlans, e.macvlan)
	}
	if r.entries[e.want.ID] == e {
		delete(r.entries, e.want.ID)
	}
	if delete(r.parents[e.want.Link], e); len(r.parents[e.want.Link]) == 0 {
		delete(r.parents, e.want.Link)
	}
}

// setMacvlan records the index of e's macvlan; 0 if it is gone.
func (r *registry) setMacvlan(e *entry, index int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.macvlans[e.macvlan] == e {
		delete(r.macvlans, e.macvlan)
	}
	e.macvlan = index
	if index != 0 {
		r.macvlans[index] = e
	} else {
		e.installed, e.up, e.tried, e.marked = nil, false, false, false
	}
}

func (r *registry) setUp(e *entry, up bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.up = up
}

func (r *registry) setInstalled(e *entry, p netip.Prefix, installed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	at := slices.Index(e.installed, p)
	switch {
	case installed && at < 0:
		e.installed = append(e.installed, p)
	case !installed && at >= 0:
		e.installed = slices.Delete(e.installed, at, at+1)
	}
}

func (r *registry) setBusy(entries []*entry, busy bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range entries {
		e.busy = busy
		if busy {
			e.rounds++
		}
	}
}

// all returns every entry.
func (r *registry) all() []*entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*entry, 0, len(r.entries))
	for _, e := range r.entries {
		all = append(all, e)
	}
	return all
}
