// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
	"vrrpsh/platform/fake"
)

// mending is how long what a failed call has left may last: a refused address is held against a router for
// a minute, and a route is tried again as late.
const mending = 75 * time.Second

// audit looks at the program and its kernel at any time.
func (w *watch) audit() {
	if w.l.stopping() {
		return
	}
	limit := 2*time.Second + w.settleTime() + 6*time.Duration(w.c.w.rates.KernelTime)
	removal := limit + w.m.removing()
	if w.m.failures > 0 {
		limit += mending
	}
	if w.c.w.rates.Kernel > 0 || w.m.fails() || w.l.stalled || w.l.manager == nil {
		w.c.forgive(w.m)
		limit, removal = time.Hour, time.Hour
	}
	w.auditKernel(limit, removal)
	w.auditRoutes(limit)
	if !w.l.stalled && w.l.manager != nil {
		w.auditTimers()
	}
	w.look()
}

// removing is how much longer than usual it may take until something is removed, as calls of the kernel have failed: what is left is
// tried again after a second, and after twice that time when this fails, too.
func (m *machine) removing() time.Duration {
	pause, at := time.Duration(0), never
	for _, t := range m.failedAt {
		if at == never || t-at > 100*time.Millisecond { // those of one attempt count once
			pause, at = min(max(2*pause, time.Second), mending), t
		}
	}
	return min(2*pause, mending)
}

// forgive lets what is wrong with a machine begin anew.
func (c *checker) forgive(m *machine) {
	for key, s := range c.since {
		if key.machine == m {
			s.from = c.w.now
		}
	}
}

// carrier is the interface that has the addresses of a virtual router.
func carrier(r *engine.VirtualRouter) string {
	if r.Type == engine.Macvlan {
		return r.VIFName
	}
	return r.Interface
}

// auditKernel compares the addresses and macvlans with those that there must be. limit and removal are for how long one
// of them may be missing and for how long there.
func (w *watch) auditKernel(limit, removal time.Duration) {
	links := w.m.kernel.Links()
	own := make(map[string][]netip.Prefix)
	installed := make(map[string]map[netip.Addr]bool)
	byName := make(map[string]*fake.Link)
	for i := range links {
		k := &links[i]
		byName[k.Name] = k
		own[k.Name] = w.m.kernel.OwnAddrs(k.Name)
		installed[k.Name] = make(map[netip.Addr]bool)
		for _, a := range k.Addrs {
			if !slices.Contains(own[k.Name], a) {
				installed[k.Name][a.Addr()] = true
			}
		}
	}
	expected := make(map[string]bool) // macvlans
	for i := range w.cfg.Routers {
		r := &w.cfg.Routers[i]
		name, master := carrier(r), w.state(r.Key) == vrrp.Master
		parent := byName[r.Interface]
		if r.Type == engine.Macvlan {
			expected[name] = true
			k := byName[name]
			has := k != nil && k.Ours
			w.c.lasts("macvlan", w.m, subject{name: name}, parent != nil && !r.Shutdown && !has, limit, "it is missing")
			w.c.lasts("macvlan", w.m, subject{name: name + " shut down"}, r.Shutdown && has, limit, "it is there")
			follows := parent == nil || !has || k.MTU == parent.MTU && k.MAC == vrrp.VirtualMAC(r.Family, r.VRID)
			w.c.lasts("macvlan", w.m, subject{name: name + " follows"}, !follows, limit+mending, "it has the MTU and MAC %+v, its interface %+v", k, parent)
			w.c.lasts("macvlan", w.m, subject{name: name + " up"}, has && k.Up != master, limit, "up: %t, Master: %t", has && k.Up, master)
		}
		for _, a := range r.Addresses {
			there := installed[name][a.Addr]
			theirs := hasAddr(own[r.Interface], a.Addr)
			w.c.lasts("address", w.m, subject{r.Key, name, a.Addr}, there != master && !(master && theirs) && (parent != nil || there), limit, "there: %t, Master: %t", there, master)
			w.c.lasts("stale", w.m, subject{r.Key, name, a.Addr}, there && !master, removal, "it has the address and is no Master")
			delete(installed[name], a.Addr)
		}
	}
	for name, addrs := range installed {
		for a := range addrs {
			w.c.lasts("address", w.m, subject{name: name, addr: a}, true, removal, "nothing is configured that has it")
		}
	}
	for _, k := range links {
		if k.Parent != "" && !expected[k.Name] {
			w.c.lasts("orphan", w.m, subject{name: k.Name}, true, limit, "nothing is configured that has it")
		}
	}
}

// auditRoutes compares the static routes with those that there must be.
func (w *watch) auditRoutes(limit time.Duration) {
	routes := w.m.kernel.Routes()
	masters := slices.ContainsFunc(w.all(), func(v *router) bool { return v.state == vrrp.Master })
	for _, r := range w.cfg.Routes {
		wanted := masters
		if r.Bound != (engine.Key{}) {
			wanted = w.state(r.Bound) == vrrp.Master
		}
		i := slices.IndexFunc(routes, func(o platform.Route) bool { return o.Destination == r.Destination && o.Metric == r.Metric })
		if i < 0 && !w.reachable(r.NextHop) {
			wanted = false
		}
		// One that the kernel refuses, such as for its next hop, is tried again after a minute at most.
		w.c.lasts("route", w.m, subject{addr: r.Destination.Addr()}, wanted != (i >= 0), limit+mending, "there: %t, wanted: %t", i >= 0, wanted)
		if i >= 0 {
			routes = slices.Delete(routes, i, i+1)
		}
	}
	for _, r := range routes {
		w.c.lasts("route", w.m, subject{addr: r.Destination.Addr(), name: "left"}, true, limit, "nothing is configured that has it")
	}
}

func (w *watch) reachable(hop netip.Addr) bool {
	for _, k := range w.m.kernel.Links() {
		if k.Up && k.Parent == "" && slices.ContainsFunc(w.m.kernel.OwnAddrs(k.Name), func(p netip.Prefix) bool { return p.Contains(hop) }) {
			return true
		}
	}
	return false
}

// auditTimers looks for a Backup that does not take over, and a Master that sends nothing.
func (w *watch) auditTimers() {
	now := w.now()
	links := w.m.kernel.Links()
	for _, v := range w.all() {
		cfg := find(&w.cfg, v.key)
		if cfg == nil {
			continue
		}
		if v.state == vrrp.Master {
			from := max(v.sentAt, v.since, w.woken)
			if late := now - from - cfg.Protocol.Interval; late > tolerance(cfg.Protocol.Interval)+2*w.slack()+100*time.Millisecond && !w.linkDown(v.key) {
				w.c.report("silent", w.m, "%s is Master and has sent nothing for %s, its interval is %s", v.key, now-from, cfg.Protocol.Interval)
			}
			// A priority that was configured is advertised at once: a Backup that is better now need not wait for the next advert.
			from = max(v.expectAt, v.since, w.woken, w.changed)
			if int(v.sent.priority) != v.expected && v.expectAt == v.configuredAt && now-from > w.settleTime() && !v.mute && !w.linkDown(v.key) {
				w.c.report("late-priority", w.m, "%s has priority %d for %s, and has advertised %d last", v.key, v.expected, now-from, v.sent.priority)
			}
			w.auditAnnounced(v, cfg, links)
			continue
		}
		if v.state != vrrp.Backup || w.isSynced(cfg) {
			continue
		}
		if at := w.overdue(v, cfg); now > at {
			w.c.report("no-takeover", w.m, "%s is Backup, and was to become Master by %s; heard %+v at %s, a lower priority since %s", v.key, at, v.heard, v.heardAt, v.lowerSince)
		}
	}
}

func (w *watch) isSynced(r *engine.VirtualRouter) bool { return r.SyncGroup != "" && !w.owner(r) }

// overdue is when a Backup must have become Master.
func (w *watch) overdue(v *router, cfg *engine.VirtualRouter) time.Duration {
	interval := max(v.longest, v.heard.interval, v.relevant, cfg.Protocol.Interval)
	skew := skew(cfg, v.expected, interval)
	from := max(v.since, v.relevantAt, v.resignedAt, v.skewedAt, w.woken, v.configuredAt, v.expectAt)
	at := from + 3*interval + skew
	if from == v.resignedAt || from == v.skewedAt {
		at = from + skew
	}
	if v.lowerSince != never && v.resignedAt == never && cfg.Protocol.PreemptDelay > 0 && !v.mute && !v.lasting {
		at = min(at, max(v.lowerSince, v.since, w.woken, v.configuredAt)+cfg.Protocol.PreemptDelay)
	}
	at = max(at, v.held)
	return at + tolerance(at-from) + 2*w.slack() + 200*time.Millisecond
}

// auditAnnounced: a Master whose addresses are there tells of it.
func (w *watch) auditAnnounced(v *router, cfg *engine.VirtualRouter, links []fake.Link) {
	if w.m.unannounced {
		return // nothing is announced again that could not be
	}
	for _, a := range cfg.Addresses {
		there := slices.ContainsFunc(links, func(k fake.Link) bool {
			return k.Name == carrier(cfg) && k.Running && hasAddr(k.Addrs, a.Addr)
		})
		there = there && !w.linkDown(v.key)
		limit := 2*time.Second + w.settleTime()
		last, told := v.announced[a.Addr]
		w.c.lasts("not-announced", w.m, subject{key: v.key, addr: a.Addr}, there && !told && w.now()-v.since > limit, limit, "nobody was told")
		each := cfg.Protocol.Announce.Refresh
		from := max(last, v.since, w.woken, w.changed, v.configuredAt, w.c.w.disturb)
		if there && told && each > 0 && w.now()-from > each+limit {
			w.c.report("not-refreshed", w.m, "%s of %s was announced %s ago, it is to be announced each %s", a.Addr, v.key, w.now()-last, each)
		}
	}
}
