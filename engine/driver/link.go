// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"maps"
	"slices"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
)

// watched follows a report of System.Watch; whole is set for the first, which has all interfaces.
func (l *loop) watched(now time.Time, u platform.Update, whole bool) {
	if whole {
		u.Gone = append(u.Gone, l.missing(u.Links)...)
	}
	l.update(now, u)
}

// update follows what happened to the host's interfaces.
func (l *loop) update(now time.Time, u platform.Update) {
	for _, index := range u.Gone {
		l.forget(now, index, l.core.RemoveLink)
	}
	if len(u.Gone) > 0 {
		l.prune()
	}
	for i := range u.Links {
		if u.Links[i].Ours {
			// The Core created it. The kernel may have reported it before it was
			// known to be ours.
			l.forget(now, u.Links[i].Index, l.core.ForgetLink)
			continue
		}
		link := engine.Link{
			Index: u.Links[i].Index, Name: u.Links[i].Name, MAC: u.Links[i].MAC, MTU: u.Links[i].MTU,
			Up: u.Links[i].Up, Ethernet: u.Links[i].Ethernet,
			ForwardsIPv6: u.Links[i].ForwardsIPv6, Parent: u.Links[i].Parent, Macvlan: u.Links[i].Macvlan,
			PortOf: u.Links[i].PortOf, Addrs: u.Links[i].Addrs,
		}
		was, known := l.links[link.Index]
		if known && was.Equal(&link) {
			continue
		}
		l.links[link.Index] = link
		l.open(&link)
		l.retry(link.Index) // the change may have removed the cause of the failure
		l.show(now, link.Index)
		if known && was.Name != link.Name {
			l.prune()
		}
	}
	for _, broken := range u.Broken {
		if s := l.sockets[socketKey{broken.Link, vrrp.Family(broken.Family)}]; s != nil {
			l.renew(s)
		}
	}
	for _, id := range u.Lost {
		key := engine.Key{Interface: id.Link, Family: vrrp.Family(id.Family), VRID: id.VRID}
		l.core.Lost(now, key, &l.out)
		l.take(now)
	}
	if u.Diverged {
		l.reconciler.reconcileSoon(now)
	}
	if u.RoutesLost {
		l.core.RoutesLost(now, &l.out)
		l.take(now)
	}
}

// forget removes an interface from the Core.
func (l *loop) forget(now time.Time, index int, from func(time.Time, int, *engine.Output)) {
	if _, ok := l.links[index]; !ok {
		return
	}
	delete(l.links, index)
	from(now, index, &l.out)
	l.take(now)
}

// indexes returns the known interfaces in order, so that every run does the same.
func (l *loop) indexes() []int { return slices.Sorted(maps.Keys(l.links)) }

// missing returns the known interfaces that are not in all.
func (l *loop) missing(all []platform.Link) []int {
	there := make(map[int]bool, len(all))
	for i := range all {
		there[all[i].Index] = true
	}
	return slices.DeleteFunc(l.indexes(), func(index int) bool { return there[index] })
}

// show gives the Core an interface. If virtual routers use the interface, show waits until
// their sockets are open or could not be opened: no virtual router starts without sockets.
func (l *loop) show(now time.Time, index int) {
	link, ok := l.links[index]
	if !ok {
		return
	}
	for _, f := range l.needs[link.Name].list() {
		s := l.sockets[socketKey{index, f}]
		if s != nil && s.conn == nil && s.trouble == "" {
			return
		}
	}
	l.core.SetLink(now, l.ownLink(link), &l.out)
	l.take(now)
}
