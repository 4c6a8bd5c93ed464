// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha3"
	"net/netip"
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
	v.counts.moved(e)
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
	case e.From == vrrp.Master:
		w.mayLeave(v, e, before, after)
	}
	v.state, v.cause = e.To, e.Cause
	if e.To == vrrp.Initialize {
		v.mute, v.went = false, 0
	}
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

// provoke notes a reason for adverts that are not due.
func (w *watch) provoke(v *router) { v.provokedAt, v.changedAt = w.now(), w.now() }

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
		v.missedAt = never
		if a.priority == 0 {
			// Who waits only for its sync group has waited for Skew_Time by then, and does not begin again.
			if v.resignedAt == never || !w.isSynced(cfg) || w.now()-v.resignedAt < w.skewAfter(v, cfg) {
				v.resignedAt, v.skewedAt = w.now(), never // the delay goes on: another Master with a lower priority may follow at once
			}
			continue
		}
		resigned := max(v.resignedAt, v.skewedAt)
		v.heard, v.heardAt, v.resignedAt, v.skewedAt = a, w.now(), never, never
		lower := int(a.priority) < own
		switch {
		case !lower || !preempt:
			v.relevantAt, v.relevant, v.lowerSince = w.now(), a.interval, never
			if v.raisedAt = never; !lower && int(a.priority) < v.expected {
				v.raisedAt = w.now()
			}
		case v.mute || v.lasting: // it does not take over yet
			v.relevantAt, v.relevant = w.now(), a.interval
			if v.lowerSince == never {
				v.lowerSince = w.now()
			}
		case v.lowerSince == never:
			v.lowerSince = w.now()
			fallthrough
		default:
			switch {
			case cfg.Protocol.PreemptDelay > 0:
				v.relevantAt, v.relevant = w.now(), a.interval
			case resigned != never:
				v.skewedAt = resigned // it is discarded: the timer goes on that priority 0 has set, also to later than before
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

// skew is Skew_Time (RFC 9568 section 6.1, RFC 3768 section 6.1).
func skew(cfg *engine.VirtualRouter, priority int, interval time.Duration) time.Duration {
	if cfg.Protocol.Version == vrrp.V2 {
		interval = time.Second
	}
	return time.Duration(256-priority) * interval / 256
}

// most is the highest priority that a virtual router may have in this turn.
func (w *watch) most(v *router, cfg *engine.VirtualRouter) int {
	p := max(v.expected, w.priority(&w.cfg, v.key), int(cfg.Protocol.Priority))
	if w.next != nil {
		p = max(p, w.priority(w.next, v.key))
	}
	return p
}

// down is the least that Master_Down_Interval may be, with an interval of the Master. VRRPv2 has one interval for all: who tolerates
// another one waits for the longer.
func (w *watch) down(v *router, cfg *engine.VirtualRouter, interval time.Duration) time.Duration {
	if cfg.Protocol.Version == vrrp.V2 {
		interval = max(interval, min(v.shortest, cfg.Protocol.Interval))
	}
	return 3*interval + skew(cfg, w.most(v, cfg), interval)
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
	resigned := v.resignedAt
	if resigned == never && e.Cause == vrrp.CauseMasterResigned {
		resigned = v.missedAt
	}
	if v.heardAt != never && resigned == never {
		w.mayTakeOver(v, e, cfg)
		return
	}
	if waited, need := now-resigned, w.skewAfter(v, cfg); resigned != never && e.Cause == vrrp.CauseMasterResigned && !w.isSynced(cfg) && waited < need {
		w.c.report("too-early", w.m, "%s becomes Master %s after its Master resigned, it has to wait for %s at least", v.key, waited, need)
	}
	// A preempt delay goes on after the Master has resigned, also in the next life, where Skew_Time does not.
	if resigned != never && (resigned >= v.since || e.Cause == vrrp.CausePreempt) || v.cause == vrrp.CauseNone {
		return
	}
	if waited, need := now-v.since, w.down(v, cfg, v.interval(cfg)); waited < need-tolerance(need) {
		w.c.report("too-early", w.m, "%s becomes Master after %s (%s), it has to wait for %s at least", v.key, waited, e.Cause, need)
	}
}

// skewAfter is the least that a Backup may wait after its Master has resigned.
func (w *watch) skewAfter(v *router, cfg *engine.VirtualRouter) time.Duration {
	interval := min(v.interval(cfg), v.shortest, cfg.Protocol.Interval) // it learns none from a Master that it preempts
	if v.relevant > 0 {
		interval = min(interval, v.relevant)
	}
	need := skew(cfg, w.most(v, cfg), interval)
	return need - tolerance(need)
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
	silent, need := now-v.heardAt, w.down(v, cfg, v.heard.interval)
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
	case v.mute && v.went < -muteAfter: // with the one that it has just tried to send
		w.c.report("usurp", w.m, "%s takes over from %s (%s), though nothing that it sends goes out", v.key, v.heard.source, e.Cause)
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
	if cfg.Protocol.Unicast.Enabled() && gap == 0 && a.priority == v.sent.priority {
		return
	}
	w.checkStorm(v)
	v.sent, v.sentAt = *a, w.now()
}

// checkStorm: who is flooded with adverts answers once for several of them. Beside the answers there is no more than an advert that
// was due, and the next one if that was late.
func (w *watch) checkStorm(v *router) {
	const answerPause = 5 * time.Millisecond
	oldest := v.lately[0]
	copy(v.lately[:], v.lately[1:])
	v.lately[len(v.lately)-1] = w.now()
	if oldest > max(v.changedAt, w.woken) && w.now()-oldest < answerPause-answerPause/50 {
		w.c.report("storm", w.m, "%s has sent %d adverts within %s", v.key, 1+len(v.lately), w.now()-oldest)
	}
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
			if e.From == vrrp.Master && !c.Resigns {
				w.c.report("plan", w.m, "%s resigns by a commit that does not say so", e.Key)
			}
			if c.Kind != engine.Restarted {
				w.c.report("plan", w.m, "%s is restarted by a commit that says %s", e.Key, c.Kind)
			}
		case vrrp.CauseShutdown:
			if e.From == vrrp.Master && !c.Resigns {
				w.c.report("plan", w.m, "%s resigns by a commit that does not say so", e.Key)
			}
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
		if c.Resigns && w.began[key] == vrrp.Master && !resigned[key] && !w.movedInTurn(key) && !w.drawsNobody(from, to, &c) {
			w.c.report("plan", w.m, "%s was to resign by a commit and does not (%s)", key, c.Kind)
		}
	}
}

// leavesByItself tells whether a Master gives up for another one.
func leavesByItself(e engine.Event) bool {
	return e.From == vrrp.Master && (e.Cause == vrrp.CauseHigherPriority || e.Cause == vrrp.CauseHigherAddress || e.Cause == vrrp.CauseMute)
}

// drawsNobody tells whether the member of a sync group that a plan names takes Master from nobody: the session that shows the plan
// knows that. Whoever becomes the owner by the same commit stays Master as well: it takes no part in its sync group any more.
func (w *watch) drawsNobody(from, to *engine.Config, c *engine.Change) bool {
	with, is := find(from, c.With), find(from, c.Key)
	return with != nil && (w.began[c.With] != vrrp.Master || w.owner(with) || w.owner(is) || w.owner(find(to, c.Key)))
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
	wrong := ""
	switch {
	case vrrp.Version(a.version) != cfg.Version:
		wrong = "its version"
	case !summed(p):
		wrong = "its checksum"
	case p.Payload[0]&0xf != 1:
		wrong = "its type"
	case cfg.Unicast.Enabled() && !slices.Contains(cfg.Unicast.Peers, a.source):
		wrong = "its source"
	case !cfg.Unicast.Enabled() && p.TTL != 255 || p.TTL < cfg.Unicast.TTLMin:
		wrong = "its TTL"
	case v.sent.source == a.source && v.state == vrrp.Master:
		wrong = "its source, which is its own"
	case cfg.Version == vrrp.V2 && vrrp.AuthType(a.auth) != cfg.AuthType:
		wrong = "its authentication type"
	case cfg.Version == vrrp.V2 && !authentic(cfg, p.Payload):
		wrong = "its authentication"
	case a.interval == 0 && cfg.Version == vrrp.V3:
		wrong = "its interval"
	case !cfg.Lenient && len(a.addresses) == 0:
		wrong = "its lack of addresses"
	case !cfg.Lenient && a.priority != vrrp.PriorityOwner && !sameAddresses(a.addresses, cfg.Addresses):
		wrong = "its addresses"
	case cfg.Version == vrrp.V2 && !cfg.Lenient && a.interval != cfg.Interval:
		wrong = "its interval"
	case w.owner(r) && w.now()-w.changed > w.settleTime() && v.fault == "" && a.priority != vrrp.PriorityOwner && a.priority != vrrp.PriorityResign:
		wrong = "its priority, as this router owns the address"
	default:
		return
	}
	w.c.report("accepts", w.m, "%s accepts %+v in spite of %s", v.key, *a, wrong)
}

// sameAddresses tells whether two lists have the same addresses, in any order.
func sameAddresses(a, b []netip.Addr) bool {
	a, b = slices.SortedFunc(slices.Values(a), netip.Addr.Compare), slices.SortedFunc(slices.Values(b), netip.Addr.Compare)
	return slices.Equal(a, b)
}

// summed tells whether the checksum of a message is right, with the pseudo-header or without it.
func summed(p *vrrp.Packet) bool {
	plain, pseudo := sums(p.Src, p.Dst, p.Payload)
	return plain && p.Src.Is4() || pseudo
}

// sums tells which checksums a message has.
func sums(src, dst netip.Addr, b []byte) (plain, pseudo bool) {
	n := sum(0, b)
	return fold(n) == 0xffff, fold(sum(sum(n+112+uint32(len(b)), src.AsSlice()), dst.AsSlice())) == 0xffff
}

// authentic tells whether a message of VRRPv2 has the authentication data that a configuration asks for.
func authentic(cfg *vrrp.Config, b []byte) bool {
	const header, length = 8, 8
	if cfg.AuthType == vrrp.AuthNone {
		return true
	}
	if len(b) < header+length {
		return false
	}
	signed := slices.Concat(b[:6], []byte{0, 0}, b[header:len(b)-length])
	want := make([]byte, length)
	switch cfg.AuthType {
	case vrrp.AuthP0:
		h := hmac.New(sha256.New, []byte(cfg.Secret))
		h.Write(signed)
		copy(want, h.Sum(nil))
	case vrrp.AuthP1:
		copy(want, sha3.SumSHAKE256(append([]byte(cfg.Secret), signed...), length))
	default:
		copy(want, cfg.Secret)
	}
	return bytes.Equal(want, b[len(b)-length:])
}
