// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/fake"
)

// peer is a virtual router on one of the machines of a segment.
type peer struct {
	w   *watch
	v   *router
	cfg *engine.VirtualRouter
}

// segments returns the virtual routers that run, by what they are on all machines.
func (c *checker) segments() map[engine.Key][]peer {
	all := make(map[engine.Key][]peer)
	for _, m := range c.w.machines {
		l := m.life
		if l == nil || l.manager == nil || l.stopping() {
			continue
		}
		for i := range l.watch.cfg.Routers {
			r := &l.watch.cfg.Routers[i]
			if v := l.watch.vrs[r.Key]; v != nil {
				all[r.Key] = append(all[r.Key], peer{l.watch, v, r})
			}
		}
	}
	return all
}

func sortedKeys[T any](m map[engine.Key]T) []engine.Key {
	return slices.SortedFunc(maps.Keys(m), engine.Key.Compare)
}

// understands tells whether a virtual router accepts the adverts of another one.
func (p *peer) understands(o *peer) bool {
	a, b := &p.cfg.Protocol, &o.cfg.Protocol
	if a.Version != b.Version || a.Unicast.Enabled() != b.Unicast.Enabled() {
		return false
	}
	if a.Unicast.Enabled() && !slices.Contains(a.Unicast.Peers, o.v.sent.source) && o.v.sentAt != never {
		return false // it has another address for a while
	}
	if a.Version == vrrp.V2 && (a.AuthType != b.AuthType || a.AuthType != vrrp.AuthNone && a.Secret != b.Secret) {
		return false
	}
	if !a.Lenient && !slices.Equal(a.Addresses, b.Addresses) && o.v.expected != vrrp.PriorityOwner {
		return false
	}
	return a.Lenient || a.Version == vrrp.V3 || a.Interval == b.Interval
}

// connected tells whether adverts get from one to another.
func (c *checker) connected(from, to *peer) bool {
	lan := lanOf(from.v.key.Interface)
	return !c.w.cuts[cut{lan, from.w.m.name, to.w.m.name}] && !from.w.linkDown(from.v.key) && !to.w.linkDown(to.v.key) &&
		c.plugged(from) && c.plugged(to) && !to.w.m.deaf() && !c.unreachable(to)
}

// unreachable tells whether another machine has the address by which others reach a virtual router in unicast: it is the virtual
// address of a group of which this machine is not, or no longer, the owner.
func (c *checker) unreachable(to *peer) bool {
	if !to.cfg.Protocol.Unicast.Enabled() {
		return false
	}
	for _, o := range c.w.machines {
		if o == to.w.m {
			continue
		}
		for _, k := range o.kernel.Links() {
			for _, own := range addressesOf(lanOf(to.v.key.Interface), to.w.m.index) {
				if hasAddr(k.Addrs, own.Addr()) {
					return true
				}
			}
		}
	}
	return false
}

// hasAddr tells whether an address is in a list, with any prefix length.
func hasAddr(list []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Addr() == addr })
}

// deaf tells whether the kernel fails to hand over what a machine receives.
func (m *machine) deaf() bool { return m.fails(fake.CallReceive) }

// unheard tells whether a virtual router cannot send and stays Master all the same, as its interface has the address by itself.
func (p *peer) unheard() bool { return p.v.mute && p.w.owner(p.cfg) }

// plugged tells whether the interface works, known to the program or not.
func (c *checker) plugged(p *peer) bool {
	for _, k := range p.w.m.kernel.Links() {
		if k.Name == p.v.key.Interface {
			return k.Running
		}
	}
	return false
}

// auditSegments looks for more than one Master.
func (c *checker) auditSegments() {
	segments := c.segments()
	for _, key := range sortedKeys(segments) {
		list := segments[key]
		for i := range list {
			for j := range list[:i] {
				a, b := &list[i], &list[j]
				both := a.v.state == vrrp.Master && b.v.state == vrrp.Master && a.understands(b) && b.understands(a) &&
					c.connected(a, b) && c.connected(b, a) && !a.unheard() && !b.unheard() && !a.w.m.fails() && !b.w.m.fails() && !a.w.l.stalled && !b.w.l.stalled
				interval := max(a.cfg.Protocol.Interval, b.cfg.Protocol.Interval)
				limit := 2*interval + time.Second + 2*a.w.slack() + 2*b.w.slack()
				if r := c.w.rates; r.Loss+r.Corrupt > 0 {
					limit += 30 * interval
				}
				if slow := time.Duration(c.w.rates.KernelTime); slow > 50*time.Millisecond { // to open sockets on an interface that came back
					limit += a.w.settleTime() + time.Duration(c.w.rates.News)
				}
				if a.w.m.failures+b.w.m.failures > 0 {
					limit += mending
				}
				c.lasts("two-masters", a.w.m, subject{key: key, name: b.w.m.name}, both, limit, "both are Master, and can hear each other")
			}
		}
	}
}

// lastSegments looks at who is Master at the end.
func (c *checker) lastSegments() {
	segments := c.segments()
	for _, key := range sortedKeys(segments) {
		list := segments[key]
		for i := range list {
			c.lastOf(&list[i], list)
		}
	}
}

// lastOf looks at a virtual router at the end, among those on other machines.
func (c *checker) lastOf(p *peer, list []peer) {
	if p.cfg.Shutdown {
		if p.v.state != vrrp.Initialize {
			c.report("shutdown", p.w.m, "%s is shut down, and %s", p.v.key, p.v.state)
		}
		return
	}
	if p.w.fails(p.cfg) || c.unreachable(p) {
		return
	}
	synced := p.w.isSynced(p.cfg)
	if synced && p.w.syncHeld(p.cfg) {
		return
	}
	if p.v.state == vrrp.Initialize {
		c.report("not-running", p.w.m, "%s is %s (%s), and nothing is in its way", p.v.key, p.v.state, p.v.cause)
		return
	}
	var masters, better []string
	hears := false // a Master, that need not hear it
	for i := range list {
		o := &list[i]
		if o.w == p.w || !p.understands(o) {
			continue
		}
		hears = hears || o.v.state == vrrp.Master
		if !o.understands(p) || c.unreachable(o) {
			continue
		}
		if o.v.state == vrrp.Master {
			masters = append(masters, o.w.m.name)
			if o.rank(p) < 0 {
				better = append(better, o.w.m.name)
			}
		}
	}
	switch {
	case p.v.state == vrrp.Master && len(masters) > 0:
		c.report("two-masters", p.w.m, "%s is Master, and so are %v", p.v.key, masters)
	case p.v.state == vrrp.Backup && !hears && !synced:
		c.report("no-master", p.w.m, "%s is Backup, and nobody is Master", p.v.key)
	case p.v.state == vrrp.Backup && len(better) == len(masters) && len(masters) > 0 && p.cfg.Protocol.Preempt && !p.v.lasting && !synced && p.strictlyBetter(list):
		c.report("no-preemption", p.w.m, "%s is Backup with priority %d, and %v with a lower one is Master", p.v.key, p.v.expected, masters)
	}
	alone := !slices.ContainsFunc(list, func(o peer) bool { return o.w != p.w && o.v.state == vrrp.Master })
	if p.v.state == vrrp.Master && alone {
		c.lastPings(p)
	}
}

// rank compares two virtual routers: positive if p is the better Master.
func (p *peer) rank(o *peer) int { return p.v.expected - o.v.expected }

// strictlyBetter tells whether it has a higher priority than every Master.
func (p *peer) strictlyBetter(list []peer) bool {
	for i := range list {
		if o := &list[i]; o.w != p.w && o.v.state == vrrp.Master && p.understands(o) && o.rank(p) >= 0 {
			return false
		}
	}
	return true
}

// fails tells whether a tracked object keeps a virtual router from running.
func (w *watch) fails(r *engine.VirtualRouter) bool {
	for _, t := range r.Track {
		for i := range w.cfg.Tracks {
			o := &w.cfg.Tracks[i]
			if o.Name != t.Object || t.Decrement > 0 {
				continue
			}
			switch o.Kind {
			case engine.TrackInterface:
				if k, ok := w.link(o.Interface); !ok || !k.Up {
					return true
				}
			case engine.TrackScript, engine.TrackRoute:
				if result, known := w.tracks[o.Name]; known && !result.Up {
					return true
				}
			case engine.TrackFile:
			}
		}
	}
	return false
}

// syncHeld tells whether another member of the sync group keeps a virtual router from running.
func (w *watch) syncHeld(r *engine.VirtualRouter) bool {
	for i := range w.cfg.Routers {
		if o := &w.cfg.Routers[i]; o.SyncGroup == r.SyncGroup && !o.Shutdown && w.fails(o) {
			return true
		}
	}
	return false
}

// lastPings: who asks for the addresses gets to the Master.
func (c *checker) lastPings(p *peer) {
	if p.cfg.Closed && !p.cfg.AcceptPing {
		return
	}
	host := c.w.hosts[lanOf(p.v.key.Interface)]
	for _, a := range p.cfg.Addresses {
		if a.Addr.Is6() && a.Addr.IsLinkLocalUnicast() || c.w.ownedByAnother(p.w.m, p.v.key.Interface, a.Addr) {
			continue
		}
		by := c.ping(a.Addr, host)
		if by != p.w.m.name {
			c.report("unreachable", p.w.m, "%s of %s is answered by %q", a.Addr, p.v.key, by)
		}
	}
}

// ownedByAnother tells whether an interface of another machine has a virtual address by itself.
func (w *world) ownedByAnother(m *machine, iface string, addr netip.Addr) bool {
	for _, o := range w.machines {
		if o != m && hasAddr(o.kernel.OwnAddrs(iface), addr) {
			return true
		}
	}
	return false
}

// ping asks for an address, and once more if the host remembers somebody who does not answer.
func (c *checker) ping(addr netip.Addr, host interface {
	Ping(netip.Addr) (string, [6]byte, bool)
}) string {
	for range 4 {
		if by, _, ok := host.Ping(addr); ok {
			return by
		}
	}
	return ""
}
