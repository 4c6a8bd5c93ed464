// SPDX-License-Identifier: GPL-3.0-only

package main

// The packages that judge faults of the core.
var byEngine = []string{"./engine", "./engine/driver", "./engine/sim"}

// engine are the mutants of the core: sync groups, plan, kernel state, hand-over.
var engine = []set{
	{"engine/apply.go", byEngine, []mutant{
		{fault: "a Master that is removed sends no priority 0", must: true, old: `	if g.ready {
		c.hold(now, g, vrrp.CauseShutdown, out)
	}
	g.removed = true`, new: `	g.removed = true`},
		{fault: "adverts are sent for a removed virtual router", old: `	if g.ready {
		c.hold(now, g, vrrp.CauseShutdown, out)
	}
	g.removed = true
	c.requestKernelState(g, out)
	c.timers.remove(g)
`, new: `	g.removed = true
	c.requestKernelState(g, out)
`},
		{fault: "the macvlan of a removed virtual router stays", old: `	g.removed = true
	c.requestKernelState(g, out)
`, new: `	g.removed = true
`},
		{fault: "a Master that is restarted sends no priority 0", must: true, old: `			c.hold(now, g, vrrp.CauseReconfigured, out)
`, new: ``},
		{fault: "the virtual addresses of a commit are not known as such", old: `	c.occupy(g.segment, vr.Addresses, +1)
	}`, new: `	}`},
		{fault: "a virtual router that leaves a sync group draws its members along", old: `if what&setSyncGroup != 0 || vr.Shutdown {`, new: `if vr.Shutdown {`},
		{fault: "a member that is restarted and shut down draws the others along", old: `if what&setSyncGroup != 0 || vr.Shutdown {`, new: `if what&setSyncGroup != 0 {`},
	}},
	{"engine/plan.go", byEngine, []mutant{
		{fault: "a changed priority is no change", old: `	set(setPriority, p.Priority == q.Priority)
`, new: ``},
		{fault: "a changed preemption is no change", old: `	set(setPreemption, p.Preempt == q.Preempt)
`, new: ``},
		{fault: "another version needs no restart", old: `const restarting = setVersion | `, new: `const restarting = `},
		{fault: "the plan does not say that a shutdown resigns", old: `change.Kind == Restarted || vr.Shutdown && !was.Shutdown`, new: `change.Kind == Restarted`},
		{fault: "the plan does not say which members are drawn along", old: `change.Resigns, change.With = true, with`, new: `change.With = with`},
		{fault: "the plan does not say that a removal resigns", old: `Kind: Removed, Resigns: true}`, new: `Kind: Removed}`},
		{fault: "the plan has no removals", old: `if key := from.Routers[i].Key; old[key] != nil {`, new: `if key := from.Routers[i].Key; old[key] == nil {`},
	}},
	{"engine/group.go", byEngine, []mutant{
		{fault: "adverts have the interface's MAC address", old: `MAC: g.advertMAC(l), Priority`, new: `MAC: l.MAC, Priority`},
		{fault: "a Master stays Master on a link that is down", old: `case !l.Up:`, new: `case !l.Up && g.state != vrrp.Master:`},
		{fault: "a router that receives nothing takes part", old: `case g.deaf() != "":`, new: `case false:`},
		{fault: "a Master stays Master without its tracked object", old: `c.tracking(g); fails {`, new: `c.tracking(g); fails && g.state != vrrp.Master {`},
		{fault: "a virtual address gets the prefix length of the largest subnet", old: `p.Bits() > bits &&`, new: `(bits < 0 || p.Bits() < bits) &&`},
		{fault: "static routes stay after Master is lost", old: `		c.routing.masters--
`, new: ``},
		{fault: "the members of a sync group do not learn that one lost Master", old: `g.sync.left = g.sync.left || a.From == vrrp.Master && g.participates()`, new: `g.sync.left = false`},
	}},
	{"engine/sync.go", byEngine, []mutant{
		{fault: "one member of a sync group does not resign", must: true, old: `		if !g.participates() || g.state != vrrp.Master {
			continue`, new: `		if !g.participates() || g.state != vrrp.Master || g == s.members[0] {
			continue`},
		{fault: "a sync group advertises the priority of its last member", old: `least = min(least, p)`, new: `least = p`},
		{fault: "a member that cannot run does not hold the others back", old: `g.participates() && c.hindrance(g) != vrrp.CauseNone`, new: `false`},
		{fault: "a sync group takes over when one member would", old: `case masters > 0 || willing == all:`, new: `case masters > 0 || willing > 0:`},
		{fault: "two sync groups that win on different links do so for ever", old: `if s.losses > 1 {`, new: `if false {`},
		{fault: "an owner takes part in its sync group", old: `!g.cfg.Shutdown && !(g.ready && g.local.Owner)`, new: `!g.cfg.Shutdown`},
	}},
	{"engine/timers.go", byEngine, []mutant{
		{fault: "the heap of timers has no sift-up after a removal", must: true, old: `		t.down(i)
		t.up(e.group.slot)
`, new: `		t.down(i)
`},
		{fault: "a deadline that moves later stays at the top", old: `			top.due = g.due
			t.down(0)
`, new: `			top.due = g.due
`},
		{fault: "an earlier deadline does not move up", old: `			t.heap[g.slot].due = g.due
			t.up(g.slot)
`, new: `			t.heap[g.slot].due = g.due
`},
		{fault: "other timers are as early as adverts", old: `due = min(due, advert-int64(g.early))`, new: `due = min(due, advert) - int64(g.early)`},
	}},
	{"engine/receive.go", byEngine, []mutant{
		{fault: "discarded adverts are not counted", old: `	g.counters.Dropped[reason]++
	d := `, new: `	d := `},
		{fault: "the sender of the last advert is not known", old: `g.peer, g.peerPriority = c.advert.Source, c.advert.Priority`, new: `g.peerPriority = c.advert.Priority`},
	}},
	{"engine/send.go", byEngine, []mutant{
		{fault: "nobody is told that no advert goes out", old: `if mute == g.mute {`, new: `if mute == g.mute || mute {`},
		{fault: "failed adverts count as sent", old: `		g.counters.AdvertsSent -= min(g.counters.AdvertsSent, 1)
`, new: ``},
	}},
	{"engine/kernel.go", byEngine, []mutant{
		{fault: "a late answer of the kernel counts for the newest request", old: `	if seq != g.desired.Seq {
		return
	}
`, new: ``},
		{fault: "the state machine does not learn that the kernel refused", old: `c.step(now, g, vrrp.Event{Kind: vrrp.EventRefused}, out)`, new: `_ = passing`},
		{fault: "a Backup has the addresses", old: `d.Active = d.Present && g.active`, new: `d.Active = d.Present`},
		{fault: "addresses that another program removed stay away", old: `		g.kernelStateAsked = true
	} else {`, new: `	} else {`},
		{fault: "the router puts addresses back for ever", old: `now.Sub(oldest) < repairWindow`, new: `false`},
		{fault: "a virtual router that is shut down has its macvlan", old: ` && !g.cfg.Shutdown && !c.stopped`, new: ` && !c.stopped`},
		{fault: "an owner's own addresses come and go with Master", old: `d.Addrs = g.foreignAddrs()`, new: `_ = g.foreignAddrs`},
		{fault: "the kernel does not learn of another prefix length", old: `slices.Equal(a.Addrs, b.Addrs) && `, new: ``},
		{fault: "a short lack of memory counts as a lasting refusal", old: `		if errors.Is(err, e) {
			return true`, new: `		if errors.Is(err, e) {
			return false`},
	}},
	{"engine/handover.go", byEngine, []mutant{
		{fault: "a hand-over counts Masters twice", must: true, old: `		c.routing.masters++
`, new: `		c.routing.masters += 2
`},
		{fault: "a Master loses its addresses in a restart", old: `		g.active = true
`, new: ``},
		{fault: "the numbers of events begin anew with a restart", old: `c.started, c.eventSeq = h.Started, h.EventSeq`, new: `c.started = h.Started`},
		{fault: "a tracked object is up after a restart", old: `			o.State, o.Weight, o.Reason = m.State, m.Weight, m.Reason
`, new: ``},
		{fault: "a hand-over does not follow a clock that was set", old: `moved := to.Add(t.Sub(from))`, new: `moved := *t`},
		{fault: "a hand-over forgets the repairs", old: `		g.repairs.note(now.Add(min(at.Sub(now), 0)))
`, new: `		_ = at
`},
	}},
	{"engine/link.go", byEngine, []mutant{
		{fault: "the primary address changes although the old one is still there", old: `rank < best || rank == best && rank != unsuitable && addr == was`, new: `rank < best`},
		{fault: "adverts have a virtual address as their source", old: `case s.virtual[addr] > 0:`, new: `case false:`},
		{fault: "neighbours do not learn a new MAC address", old: `			l.port.reintroduce()
`, new: ``},
		{fault: "a link-local address of IPv4 is as good as any", old: `(p.IsSingleIP() || addr.IsLinkLocalUnicast()):
		return secondBest`, new: `p.IsSingleIP():
		return secondBest`},
	}},
	{"engine/routes.go", byEngine, []mutant{
		{fault: "a route follows any Master and not its own", old: `return g != nil && g.state == vrrp.Master`, new: `return g != nil && (g.state == vrrp.Master || c.routing.masters > 0)`},
		{fault: "a refused route is never tried again", old: `r.retryAt = now.Add(r.wait)
	} else`, new: `} else`},
		{fault: "lost routes stay away", old: `putting them back", out)
	c.routeAgain(out)`, new: `putting them back", out)`},
	}},
	{"engine/track.go", byEngine, []mutant{
		{fault: "an object that is down does not lower the priority", old: `return -int(t.Decrement)`, new: `return 0`},
		{fault: "results of an earlier configuration count", old: `if o == nil || !o.Object.Equal(cfg) || c.stopped {`, new: `if o == nil || c.stopped {`},
		{fault: "the priority wraps below 1", old: `min(max(p, vrrp.PriorityMin), vrrp.PriorityMax)`, new: `min(p, vrrp.PriorityMax)`},
	}},
	{"engine/transition_limit.go", byEngine, []mutant{
		{fault: "one transition too many is told by itself", old: `f.told >= flapLimit`, new: `f.told > flapLimit`},
	}},
}
