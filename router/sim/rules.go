// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// tolerance is how much a time may differ for a clock that drifts, and for what takes time by itself.
func tolerance(d time.Duration) time.Duration { return d/200 + 2*time.Millisecond }

// moved takes a transition in, and looks whether the virtual router may make it.
func (w *watch) moved(e *engine.Event, before, after []engine.Event) {
	v := w.vrs[e.Key]
	if v == nil && slices.ContainsFunc(after, isAdoption) && w.next != nil && find(w.next, e.Key) != nil {
		v = w.add(e.Key) // the configuration that has it is being applied
	}
	if v == nil {
		w.c.report("ghost", w.m, "%s moves from %s to %s and is not configured", e.Key, e.From, e.To)
		return
	}
	w.c.w.reached(e.From.String(), "-> "+e.To.String()+": "+e.Cause.String())
	if v.state != e.From {
		w.c.report("events", w.m, "%s moves from %s and was %s", v.key, e.From, v.state)
	}
	if w.c.resting {
		w.c.report("move-at-rest", w.m, "%s moves from %s to %s: %s", v.key, e.From, e.To, e.Cause)
	}
	cfg := w.judgedBy(e.Key, after)
	w.takeIn(v)
	switch {
	case e.To == vrrp.Master:
		v.mastered = true
		w.mayBecomeMaster(v, e, cfg, before)
		w.provoke(v)
		clear(v.announced)
		v.lasting = false
	case e.From == vrrp.Master:
		w.mayLeave(v, e, before, after)
	}
	v.state, v.cause = e.To, e.Cause
	v.mute = v.mute && e.To != vrrp.Initialize
	v.reset(w.now())
	// What has come with the advert that makes a Master a Backup counts there.
	if slices.Contains([]vrrp.Cause{vrrp.CauseHigherPriority, vrrp.CauseHigherAddress, vrrp.CauseMute, vrrp.CauseSyncGroup}, e.Cause) {
		w.takeIn(v)
	}
	v.heardNow = v.heardNow[:0]
	if cfg != nil {
		v.shortest, v.longest = cfg.Protocol.Interval, cfg.Protocol.Interval
	}
}

// judgedBy is the configuration by which a transition is judged: one that comes before the report of a commit in the same turn
// belongs to the commit.
func (w *watch) judgedBy(key engine.Key, after []engine.Event) *engine.VirtualRouter {
	cfg := &w.cfg
	if w.next != nil && slices.ContainsFunc(after, isAdoption) {
		cfg = w.next
	}
	if r := find(cfg, key); r != nil {
		return r
	}
	return find(&w.cfg, key)
}

func (w *watch) provoke(v *router) { v.provokedAt = w.now() }

// takeIn makes of the adverts of this turn what a Backup knows.
func (w *watch) takeIn(v *router) {
	cfg := find(&w.cfg, v.key)
	if v.state != vrrp.Backup || cfg == nil {
		return
	}
	// What was received in this turn came before what the program was told in it: the next advert is the first one for which
	// a priority that has risen counts, or preemption that was turned on.
	own, preempt := v.expected, cfg.Protocol.Preempt
	if v.expectAt == w.now() {
		own = min(own, v.before)
	}
	if was := find(&w.was, v.key); was != nil {
		preempt = preempt && was.Protocol.Preempt
	}
	for _, a := range v.heardNow {
		if a.priority == 0 {
			v.resignedAt = w.now() // the delay goes on: another Master with a lower priority may follow at once
			continue
		}
		v.heard, v.heardAt, v.resignedAt = a, w.now(), never
		lower := int(a.priority) < own
		switch {
		case !lower || !preempt:
			v.relevantAt, v.lowerSince = w.now(), never
			if v.raisedAt = never; !lower && int(a.priority) < v.expected {
				v.raisedAt = w.now()
			}
		case v.mute || v.lasting: // it does not take over yet
			v.relevantAt = w.now()
			if v.lowerSince == never {
				v.lowerSince = w.now()
			}
		case v.lowerSince == never:
			v.lowerSince = w.now()
			fallthrough
		default:
			if cfg.Protocol.PreemptDelay > 0 {
				v.relevantAt = w.now()
			}
		}
	}
	v.heardNow = v.heardNow[:0]
}

// interval is the least that a Backup may take for that of the Master.
func (v *router) interval(cfg *engine.VirtualRouter) time.Duration {
	if v.heardAt == never {
		return min(v.shortest, cfg.Protocol.Interval)
	}
	return v.heard.interval
}

// mayBecomeMaster looks whether a Backup may take over.
func (w *watch) mayBecomeMaster(v *router, e *engine.Event, cfg *engine.VirtualRouter, before []engine.Event) {
	now := w.now()
	v.took = false
	if cfg == nil || e.Cause == vrrp.CauseOwner {
		return
	}
	if cfg.Shutdown {
		w.c.report("shutdown", w.m, "%s is shut down and becomes Master", v.key)
	}
	if e.Cause == vrrp.CauseSyncGroup && w.anotherLeads(v, cfg, before) {
		return // whoever comes into a group with a Master becomes Master at once, whatever it waits for
	}
	if left := v.held - now; left > tolerance(v.backoff) && !otherAddresses(find(&w.cfg, v.key), cfg) {
		w.c.report("hold", w.m, "%s becomes Master %s before its wait after a refusal is over", v.key, left)
	}
	if v.heardAt != never && v.resignedAt == never {
		w.mayTakeOver(v, e, cfg)
		return
	}
	// A preempt delay goes on after the Master has resigned, also in the next life, where Skew_Time does not.
	if v.resignedAt != never && (v.resignedAt >= v.since || e.Cause == vrrp.CausePreempt) || v.cause == vrrp.CauseNone {
		return
	}
	if waited, need := now-v.since, 3*v.interval(cfg); waited < need-tolerance(need) {
		w.c.report("too-early", w.m, "%s becomes Master after %s (%s), it has to wait for %s at least", v.key, waited, e.Cause, need)
	}
}

// anotherLeads tells whether another member of the sync group is Master, or has just become so.
func (w *watch) anotherLeads(v *router, cfg *engine.VirtualRouter, before []engine.Event) bool {
	if cfg.SyncGroup == "" {
		return false
	}
	for _, list := range []*engine.Config{&w.cfg, w.next} {
		if list == nil {
			continue
		}
		for i := range list.Routers {
			r := &list.Routers[i]
			if r.Key == v.key || r.SyncGroup != cfg.SyncGroup {
				continue
			}
			if w.state(r.Key) == vrrp.Master || slices.ContainsFunc(before, func(e engine.Event) bool { return e.Key == r.Key && e.To == vrrp.Master }) {
				return true
			}
		}
	}
	return false
}

// mayTakeOver looks whether a Backup may take over from a Master that it has heard.
func (w *watch) mayTakeOver(v *router, e *engine.Event, cfg *engine.VirtualRouter) {
	now := w.now()
	silent, need := now-v.heardAt, 3*v.heard.interval
	if silent >= need-tolerance(need) {
		return
	}
	v.took = true
	own := max(v.expected, w.priority(&w.cfg, v.key))
	switch {
	case !cfg.Protocol.Preempt:
		w.c.report("usurp", w.m, "%s becomes Master (%s) without preemption, and has heard priority %d from %s %s ago", v.key, e.Cause, v.heard.priority, v.heard.source, silent)
	case int(v.heard.priority) >= own:
		w.c.report("usurp", w.m, "%s becomes Master (%s) with priority %d, and has heard priority %d from %s %s ago", v.key, e.Cause, own, v.heard.priority, v.heard.source, silent)
	case v.preempted:
		w.c.report("flap", w.m, "%s takes over from %s again, though the kernel has refused the addresses before and nothing has changed", v.key, v.heard.source)
	case v.lowerSince == never:
	default:
		since := v.lowerSince
		if v.probes && v.raisedAt != never { // it counts from when its own priority rose, not from the next advert
			since = min(since, v.raisedAt)
		}
		if waited, delay := now-since, cfg.Protocol.PreemptDelay; e.Cause == vrrp.CausePreempt && waited < delay-tolerance(delay) && !w.isSynced(cfg) {
			w.c.report("preempt-delay", w.m, "%s takes over after %s, its delay is %s", v.key, waited, delay)
		}
	}
}

// mayLeave looks whether a Master may give up, and says so.
func (w *watch) mayLeave(v *router, e *engine.Event, before, after []engine.Event) {
	switch e.Cause {
	case vrrp.CauseResign:
		if !v.mayResign {
			w.c.report("leaves", w.m, "%s gives up without being told to", v.key)
		}
		v.mayResign = false
	case vrrp.CauseHigherPriority, vrrp.CauseHigherAddress:
		if !w.blind && !slices.ContainsFunc(v.heardNow, func(a advert) bool { return v.yieldsTo(&a) }) {
			w.c.report("leaves", w.m, "%s gives up (%s) with priority %d and has heard %+v", v.key, e.Cause, v.expected, v.heardNow)
		}
		return
	case vrrp.CauseInstallFailed, vrrp.CauseAddressLost:
		w.refusal(v, e.Cause)
	case vrrp.CauseLinkDown, vrrp.CauseNoLink, vrrp.CauseNoAddress, vrrp.CauseMute:
		return // it cannot tell anybody
	case vrrp.CauseSyncGroup:
		if !slices.ContainsFunc(slices.Concat(before, after), func(o engine.Event) bool {
			return o.Key != e.Key && (o.From == vrrp.Master || o.To == vrrp.Initialize)
		}) && !w.syncBlocked(v.key) {
			w.c.report("leaves", w.m, "%s gives up for its sync group, of which no member has", v.key)
		}
	default:
	}
	if !w.blind && !slices.ContainsFunc(v.sentNow, func(a advert) bool { return a.priority == 0 }) && !w.linkDown(v.key) {
		w.c.report("no-priority-0", w.m, "%s leaves Master (%s) without sending priority 0", v.key, e.Cause)
	}
}

// syncBlocked tells whether a member of the sync group of a virtual router cannot run.
func (w *watch) syncBlocked(key engine.Key) bool {
	for _, cfg := range []*engine.Config{&w.cfg, w.next} {
		if cfg == nil {
			continue
		}
		r := find(cfg, key)
		if r == nil || r.SyncGroup == "" {
			continue
		}
		for i := range cfg.Routers {
			if o := &cfg.Routers[i]; o.SyncGroup == r.SyncGroup && o.Key != key && !o.Shutdown && w.state(o.Key) == vrrp.Initialize {
				return true
			}
		}
	}
	return false
}

func (w *watch) linkDown(key engine.Key) bool {
	k, ok := w.link(key.Interface)
	return !ok || !k.Up
}

// yieldsTo tells whether a Master gives up to the sender of an advert.
func (v *router) yieldsTo(a *advert) bool {
	own := int(v.sent.priority)
	return a.priority != 0 && (int(a.priority) > own || int(a.priority) == own && a.source.Compare(v.sent.source) > 0 || int(a.priority) > v.expected)
}

// Limits of the wait after the kernel has refused the addresses.
const (
	holdMin = time.Second
	holdMax = time.Minute
)

// refusal notes that the kernel has refused the addresses: the virtual router waits, twice as long each time.
func (w *watch) refusal(v *router, cause vrrp.Cause) {
	if w.now()-v.held > holdMax {
		v.backoff = 0
	}
	v.backoff = min(max(2*v.backoff, holdMin), holdMax)
	v.held = w.now() + v.backoff
	v.lasting = cause == vrrp.CauseInstallFailed && strings.Contains(v.fault, errLasting.Error())
	v.preempted = v.took && cause == vrrp.CauseInstallFailed && v.lasting && !w.m.unsure
}

// checkHeard looks whether every Master has given up that has heard a better one.
func (w *watch) checkHeard(events []engine.Event) {
	for _, v := range w.all() {
		if v.state == vrrp.Master && w.began[v.key] == vrrp.Master && !slices.ContainsFunc(events, func(e engine.Event) bool { return e.Key == v.key }) {
			for _, a := range v.heardNow {
				if own := v.sent.priority; v.sentAt != never && int(own) == v.expected && (a.priority > own || a.priority == own && a.source.Compare(v.sent.source) > 0) {
					w.c.report("two-masters", w.m, "%s stays Master with priority %d and has heard %d from %s", v.key, own, a.priority, a.source)
				}
			}
			w.checkAnswer(v)
		}
		w.takeIn(v)
		v.heardNow = v.heardNow[:0]
		for _, a := range v.sentNow {
			w.checkCadence(v, &a)
		}
	}
}

// checkAnswer: a Master answers a lower priority at once, or soon if it has just done so.
func (w *watch) checkAnswer(v *router) {
	if len(v.heardNow) > 0 && len(v.sentNow) == 0 && w.now()-v.sentAt > 10*time.Millisecond {
		w.c.report("no-answer", w.m, "%s does not answer the advert of %s, and has sent none for %s", v.key, v.heardNow[0].source, w.now()-v.sentAt)
	}
}

// checkCadence looks whether an advert comes when it is due.
func (w *watch) checkCadence(v *router, a *advert) {
	cfg := find(&w.cfg, v.key)
	if cfg == nil {
		return
	}
	gap, interval := w.now()-v.sentAt, cfg.Protocol.Interval
	if v.sentAt != never && gap > 0 && a.priority != 0 {
		early := interval - min(interval/50, 20*time.Millisecond) - tolerance(interval) - w.slack()
		if gap < early && max(v.provokedAt, w.woken) < w.now()-2*interval {
			w.c.report("cadence", w.m, "%s sends an advert %s after the last, its interval is %s", v.key, gap, interval)
		}
	}
	if cfg.Protocol.Unicast.Enabled() && gap == 0 {
		return
	}
	v.sent, v.sentAt = *a, w.now()
}

// slack is how late the program may be for its timers.
func (w *watch) slack() time.Duration {
	return time.Duration(w.c.w.rates.Late+latency) + time.Millisecond
}

// checkSync looks whether the members of sync groups are Master together.
func (w *watch) checkSync() {
	type count struct{ masters, all int }
	var groups map[string]count
	for i := range w.cfg.Routers {
		r := &w.cfg.Routers[i]
		if r.SyncGroup == "" || r.Shutdown || w.owner(r) {
			continue
		}
		if groups == nil {
			groups = make(map[string]count)
		}
		n := groups[r.SyncGroup]
		n.all++
		if w.state(r.Key) == vrrp.Master {
			n.masters++
		}
		groups[r.SyncGroup] = n
	}
	for name, n := range groups {
		if n.masters > 0 && n.masters < n.all {
			w.c.report("sync", w.m, "%d of %d members of sync group %s are Master", n.masters, n.all, name)
		}
	}
}

// checkPlan compares what a commit has done with what its plan says.
func (w *watch) checkPlan(from, to *engine.Config, events []engine.Event) {
	plan := make(map[engine.Key]engine.Change)
	for _, c := range engine.Plan(*from, *to) {
		plan[c.Key] = c
	}
	resigned := make(map[engine.Key]bool)
	for i := range events {
		e := &events[i]
		if e.Kind != engine.EventTransition {
			continue
		}
		c, planned := plan[e.Key]
		switch e.Cause {
		case vrrp.CauseReconfigured:
			if c.Kind != engine.Restarted {
				w.c.report("plan", w.m, "%s is restarted by a commit that says %s", e.Key, c.Kind)
			}
		case vrrp.CauseShutdown:
			if is := find(to, e.Key); c.Kind != engine.Removed && (is == nil || !is.Shutdown) {
				w.c.report("plan", w.m, "%s is shut down by a commit that says %s", e.Key, c.Kind)
			}
		case vrrp.CauseSyncGroup:
			if e.From == vrrp.Master && e.To == vrrp.Backup && !c.Resigns && !slices.ContainsFunc(events, leavesByItself) {
				w.c.report("plan", w.m, "%s resigns with its sync group by a commit that says %s, planned: %t", e.Key, c.Kind, planned)
			}
		default:
		}
		if e.From == vrrp.Master {
			resigned[e.Key] = true
		}
	}
	for key, c := range plan {
		if c.Resigns && w.began[key] == vrrp.Master && !resigned[key] && !w.movedInTurn(key) && !w.drawsNobody(from, &c) {
			w.c.report("plan", w.m, "%s was to resign by a commit and does not (%s)", key, c.Kind)
		}
	}
}

// leavesByItself tells whether a Master gives up for another one.
func leavesByItself(e engine.Event) bool {
	return e.From == vrrp.Master && (e.Cause == vrrp.CauseHigherPriority || e.Cause == vrrp.CauseHigherAddress || e.Cause == vrrp.CauseMute)
}

// drawsNobody tells whether the member of a sync group that a plan names takes Master from nobody: the session that shows the plan
// knows that.
func (w *watch) drawsNobody(cfg *engine.Config, c *engine.Change) bool {
	with, is := find(cfg, c.With), find(cfg, c.Key)
	return with != nil && (w.began[c.With] != vrrp.Master || w.owner(with) || w.owner(is))
}

// movedInTurn tells whether a virtual router is not Master any more by the time of a commit in the same turn.
func (w *watch) movedInTurn(key engine.Key) bool { return w.state(key) != vrrp.Master }

// owner tells whether the interface has an address of a virtual router.
func (w *watch) owner(r *engine.VirtualRouter) bool {
	k, ok := w.link(r.Interface)
	if !ok {
		return false
	}
	for _, a := range r.Addresses {
		for _, p := range k.Addrs {
			if p.Addr() == a.Addr {
				return true
			}
		}
	}
	return false
}

// mayAccept looks whether a virtual router may accept an advert (RFC 9568 section 7.1, RFC 3768 section 7.1, RFC 2338 section 5.3.6).
func (w *watch) mayAccept(v *router, p *vrrp.Packet, a *advert) {
	r := find(&w.cfg, v.key)
	if r == nil || w.adopts {
		return // another configuration may have judged it
	}
	cfg := &r.Protocol
	simple := func() bool {
		data := make([]byte, 8)
		copy(data, cfg.Secret)
		return bytes.HasSuffix(p.Payload, data)
	}
	wrong := ""
	switch {
	case vrrp.Version(a.version) != cfg.Version:
		wrong = "its version"
	case !summed(p):
		wrong = "its checksum"
	case cfg.Unicast.Enabled() && !slices.Contains(cfg.Unicast.Peers, a.source):
		wrong = "its source"
	case !cfg.Unicast.Enabled() && p.TTL != 255:
		wrong = "its TTL"
	case cfg.Version == vrrp.V2 && vrrp.AuthType(a.auth) != cfg.AuthType:
		wrong = "its authentication type"
	case cfg.Version == vrrp.V2 && cfg.AuthType == vrrp.AuthSimple && !simple():
		wrong = "its password"
	case cfg.Version == vrrp.V2 && !cfg.Lenient && a.interval != cfg.Interval:
		wrong = "its interval"
	case w.owner(r) && v.fault == "" && a.priority != vrrp.PriorityOwner && a.priority != vrrp.PriorityResign:
		wrong = "its priority, as this router owns the address"
	default:
		return
	}
	w.c.report("accepts", w.m, "%s accepts %+v in spite of %s", v.key, *a, wrong)
}

// summed tells whether the checksum of a message is right, with the pseudo-header or without it.
func summed(p *vrrp.Packet) bool {
	sum := func(n uint32, b []byte) uint32 {
		for i := range b {
			n += uint32(b[i]) << (8 * (1 - i%2))
		}
		return n
	}
	fold := func(n uint32) bool {
		for n > 0xffff {
			n = n>>16 + n&0xffff
		}
		return n == 0xffff
	}
	plain := sum(0, p.Payload)
	return fold(plain) || fold(sum(sum(plain+112+uint32(len(p.Payload)), p.Src.AsSlice()), p.Dst.AsSlice()))
}
