// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"net/netip"
	"slices"
	"time"
)

// The wait after the kernel refused the addresses doubles each time, between these.
const (
	backoffMin = time.Second
	backoffMax = time.Minute
)

// answerPause is the least time between two adverts in answer to those of others: less than the
// shortest interval (RFC 9568 section 5.2.7), and long enough that a flood causes few answers.
const answerPause = 5 * time.Millisecond

// Router is the state machine of one virtual router (RFC 9568 section 6.4, RFC 3768
// section 6.4). It takes an Event at a time and answers with Actions. It is not
// safe for concurrent use.
//
// In the state Master, the last of ActionInstall and ActionWithdraw was
// ActionInstall; in other states it was ActionWithdraw, or there was none.
type Router struct {
	cfg   Config
	auth  *authenticator
	local Local

	state State
	since time.Time
	cause Cause

	// A timer is stored as the time when it was set. Its due time follows from
	// the configuration and the learned interval, so that a change of either
	// need not move the timer.

	adverSet   time.Time // Adver_Timer (Master)
	answered   time.Time // the last answer to another router's advert
	owed       bool      // an answer is due as soon as answerPause allows (Master)
	downSet    time.Time // Master_Down_Timer (Backup)
	preemptSet time.Time // since when this Backup has heard a Master that it preempts; zero: it hears none
	// takeover is why this router becomes Master when the Master_Down_Timer fires. With
	// CauseMasterResigned the timer is set to Skew_Time, else to Master_Down_Interval.
	takeover Cause
	// excused is set when the Master_Down_Timer has fired very late, until an advert of the Master is heard; see excuse.
	excused bool
	// willing is why a synced Backup, whose timers have fired, would become Master on
	// EventTakeOver; CauseNone if it would not.
	willing Cause
	// holdUntil keeps a Backup from trying again too soon after the kernel refused
	// the addresses; backoff is the length of that wait.
	holdUntil time.Time
	backoff   time.Duration
	// waitUntil does the same after its sync group lost Master.
	waitUntil time.Time
	// refused is set from the refusal until the kernel accepts the addresses, or something has changed: any other Master is better
	// than one without the addresses, whatever the priorities.
	refused bool

	heard heard
	// ignored is the last advert of a Master that this Backup preempts: it did not stop the Master_Down_Timer.
	ignored   heard
	muteness  muteness
	installed bool
	announcer announcer

	peerForm      ChecksumForm
	peerFormKnown bool

	message         []byte // nil: must be marshaled
	messagePriority uint8
}

// heard describes the Master by its last accepted advert.
type heard struct {
	addr     netip.Addr
	priority uint8
	interval time.Duration // 0: none was heard
	at       time.Time
}

// New returns a virtual router in Initialize. The configuration is valid (see
// Config) and is kept: it must not change afterwards.
func New(cfg Config) *Router {
	return &Router{cfg: cfg, auth: newAuthenticator(cfg.AuthType, cfg.Secret)}
}

// Step processes an event and appends the actions that follow to out, in the order
// in which they must happen. Events that mean nothing in the current state are ignored.
func (r *Router) Step(now time.Time, ev Event, out []Action) []Action {
	if r.since.IsZero() {
		r.since = now
	}
	switch ev.Kind {
	case EventUp:
		return r.up(now, ev.Local, out)
	case EventDown:
		return r.down(now, ev.Cause, out)
	case EventAdvert:
		return r.advert(now, ev.Advert, out)
	case EventTimer:
		return r.timer(now, ev.Early, out)
	case EventInstalled:
		return r.confirm(now, out)
	case EventRefused:
		return r.refuse(now, ev.Cause, out)
	case EventResign:
		return r.giveUp(now, ev.Cause, ev.Wait, out)
	case EventConfigure:
		return r.configure(now, ev.Config, out)
	case EventTakeOver:
		return r.takeOver(now, out)
	case EventRetry:
		r.refused = false
	case EventSent:
		return r.sent(now, out)
	case EventUnsent:
		return r.unsent(now, out)
	case EventClaimed:
		if r.installed {
			r.announcer.contest(now)
		}
	}
	return out
}

// up is the Startup event (RFC 9568 section 6.4.1), and a change of the
// interface's addresses later.
func (r *Router) up(now time.Time, local Local, out []Action) []Action {
	local.Primary = local.Primary.WithZone("")
	if !local.Primary.IsValid() || FamilyOf(local.Primary) != r.cfg.Family {
		return r.down(now, CauseNoAddress, out)
	}
	was := r.local
	if local != was {
		r.local = local
		r.message = nil
		r.hopeful(now)
	}
	switch r.state {
	case Initialize:
		if local.Owner && !r.held(now) && !r.refused {
			return r.enter(now, Master, CauseOwner, out)
		}
		return r.enter(now, Backup, CauseStartup, out)
	case Backup:
		if local.Owner && !was.Owner && !r.held(now) && !r.refused {
			return r.enter(now, Master, CauseOwner, out)
		}
		if local.Owner != was.Owner {
			r.reexamine(now)
		}
	case Master:
		if local != was {
			out = r.send(now, out)
		}
		if local.Owner != was.Owner {
			// The set of addresses to install has changed.
			out = r.install(out)
		}
	}
	return out
}

// down is the Shutdown event (RFC 9568 sections 6.4.2 and 6.4.3).
func (r *Router) down(now time.Time, cause Cause, out []Action) []Action {
	switch r.state {
	case Initialize:
		r.cause = cause
	case Backup:
		out = r.enter(now, Initialize, cause, out)
	case Master:
		if canStillSend(cause) {
			out = append(out, Action{Kind: ActionSend, Priority: PriorityResign})
		}
		out = r.enter(now, Initialize, cause, out)
	}
	if cause == CauseNoLink || cause == CauseNoAddress {
		r.local = Local{}
		r.message = nil
	}
	return out
}

// canStillSend reports whether an interface can send a last advert.
func canStillSend(cause Cause) bool {
	return cause != CauseLinkDown && cause != CauseNoLink && cause != CauseNoAddress
}

// advert is a received advert (RFC 9568 sections 6.4.2 and 6.4.3).
func (r *Router) advert(now time.Time, a *Advertisement, out []Action) []Action {
	if a == nil || r.state == Initialize {
		return out
	}
	if a.Version == V3 && a.Family == IPv4 {
		r.learnForm(a.Form)
	}
	if r.state == Backup {
		r.advertInBackup(now, a)
		return out
	}
	return r.advertInMaster(now, a, out)
}

// advertInBackup is RFC 9568 section 6.4.2.
func (r *Router) advertInBackup(now time.Time, a *Advertisement) {
	if a.Priority == PriorityResign {
		// Skew_Time still uses the learned interval.
		r.heard.addr, r.heard.priority = netip.Addr{}, 0
		if r.ignored.addr == a.Source {
			r.ignored = heard{}
		}
		if r.willing == CauseNone {
			r.downSet, r.takeover = now, CauseMasterResigned
		}
		return
	}
	if r.muteness.mute {
		r.outranks(now, a)
	}
	if !r.preempts(a.Priority) {
		r.preemptSet, r.willing = time.Time{}, CauseNone
		r.acceptMaster(heardFrom(now, a))
		return
	}
	if r.preemptSet.IsZero() {
		r.preemptSet = now
	}
	switch {
	case r.willing != CauseNone:
		r.heard = heardFrom(now, a)
	case r.cfg.PreemptDelay > 0:
		r.acceptMaster(heardFrom(now, a))
	default:
		// Ignored: the timer keeps running, also one that was set to Skew_Time.
		r.ignored = heardFrom(now, a)
		if r.takeover == CauseMasterDown {
			r.takeover = CausePreempt
		}
	}
}

// preempts reports whether a Backup takes over from a Master with this priority.
func (r *Router) preempts(priority uint8) bool {
	return r.cfg.Preempt && !r.refused && !r.muteness.mute && priority < r.priority()
}

// acceptMaster accepts the sender of an advert as the Master.
func (r *Router) acceptMaster(h heard) {
	r.heard, r.ignored, r.excused = h, heard{}, false
	r.downSet, r.takeover = h.at, CauseMasterDown
}

// reexamine sets a Backup's timers as if its present configuration and priority had been in effect when it
// heard the last adverts.
func (r *Router) reexamine(now time.Time) {
	if r.state != Backup {
		return
	}
	last, later := r.heard, r.heard.at.After(r.downSet)
	if r.ignored.addr.IsValid() { // it came after that one, maybe at the same time: a batch of messages has one
		last, later = r.ignored, !r.ignored.at.Before(r.downSet)
	}
	follows := last.addr.IsValid()
	switch {
	case !follows:
	case !r.preempts(last.priority):
		r.preemptSet, r.willing = time.Time{}, CauseNone
	case r.preemptSet.IsZero(): // the preempt delay begins with the next advert
	case r.cfg.PreemptDelay == 0:
		follows = false
		if r.takeover == CauseMasterDown && r.willing == CauseNone {
			r.takeover = CausePreempt
			if r.preemptSet.Before(r.downSet) {
				r.downSet = r.preemptSet
			}
		}
	case due(r.preemptSet.Add(r.cfg.PreemptDelay), now): // it takes over from that Master now
	default:
		r.willing = CauseNone
	}
	if follows && later {
		r.acceptMaster(last)
	}
	if !r.cfg.Synced && r.willing != CauseNone {
		r.takeover, r.willing = r.willing, CauseNone // it need not wait for a sync group
	}
}

func heardFrom(now time.Time, a *Advertisement) heard {
	return heard{addr: a.Source, priority: a.Priority, interval: a.Interval, at: now}
}

// advertInMaster is RFC 9568 section 6.4.3.
func (r *Router) advertInMaster(now time.Time, a *Advertisement, out []Action) []Action {
	if a.Priority == PriorityResign {
		if r.answer(now) {
			out = r.send(now, out)
		}
		return out
	}
	cause := CauseNone
	switch own := r.priority(); {
	case a.Priority > own:
		cause = CauseHigherPriority
	case a.Priority == own && a.Source.Compare(r.local.Primary) > 0:
		cause = CauseHigherAddress
	case r.muteness.mute && !r.local.Owner:
		cause = CauseMute
	}
	if cause != CauseNone {
		if r.cfg.LastWord && cause != CauseMute {
			out = append(out, Action{Kind: ActionSend, Priority: r.priority()})
		}
		out = r.enter(now, Backup, cause, out)
		r.acceptMaster(heardFrom(now, a))
		return out
	}
	// Another Master, for example after a split. It gives up when it hears this
	// router. The Adver_Timer keeps running, so that no rate of adverts can delay it.
	// Switches and neighbors may have used the other Master until now.
	if r.answer(now) {
		out = r.advertise(out)
	}
	if r.installed {
		r.announcer.provoke(now, &r.cfg.Announce)
		out = r.announce(now, out)
	}
	return out
}

// answer reports whether to answer another router's advert at once. Too soon after the last answer,
// it sets owed instead, so that an advert follows each one within answerPause, however many arrive.
func (r *Router) answer(now time.Time) bool {
	r.owed = !due(r.answered.Add(answerPause), now)
	if !r.owed {
		r.answered = now
	}
	return !r.owed
}

// answerAt returns when an answer is due; the zero time if none is owed.
func (r *Router) answerAt() time.Time {
	if !r.owed {
		return time.Time{}
	}
	return r.answered.Add(answerPause)
}

// timer fires the timers that are due; the Adver_Timer may be early.
func (r *Router) timer(now time.Time, early time.Duration, out []Action) []Action {
	switch r.state {
	case Initialize:
	case Backup:
		switch {
		case r.waiting():
		case due(r.masterDownAt(), now):
			if r.excuse(now) {
				return out
			}
			return r.elected(now, r.takeover, out)
		case due(r.preemptAt(), now):
			return r.elected(now, CausePreempt, out)
		case due(r.probeDue(), now):
			return r.probe(now, out)
		}
	case Master:
		if at := r.NextAdvertAt().Add(-early); due(at, now) {
			out = r.send(now, out)
			if now.Sub(at) < r.cfg.Interval {
				// The next interval counts from the due time, so that lateness does not add up.
				// After a longer stall that would send adverts that no router waits for.
				r.adverSet = at
			}
		}
		if due(r.answerAt(), now) {
			r.owed, r.answered = false, now
			out = r.advertise(out)
		}
		out = r.announce(now, out)
	}
	return out
}

// stalled is how late a timer may be on a machine that is only busy.
const stalled = 100 * time.Millisecond

// excuse gives a Master that was not heard one more interval, once, when the timer fires so late that this machine may have been suspended: what the Master
// sent meanwhile was not received. It reports whether the Backup waits.
func (r *Router) excuse(now time.Time) bool {
	interval := r.MasterAdverInterval()
	late := now.Sub(r.masterDownAt())
	heard := r.heard.addr.IsValid() || r.takeover == CauseMasterResigned
	if !heard || r.excused || r.takeover == CausePreempt || late < max(interval, stalled) {
		return false
	}
	r.excused = true
	// As if two adverts had been missed: Master_Down_Interval is three, and Skew_Time.
	r.downSet, r.takeover = now.Add(-2*interval), CauseMasterDown
	return true
}

// elected makes a Backup whose timer has fired Master, or willing if it is synced.
func (r *Router) elected(now time.Time, cause Cause, out []Action) []Action {
	if r.cfg.Synced {
		r.willing = cause
		return out
	}
	return r.enter(now, Master, cause, out)
}

// waiting reports whether a synced Backup waits only for the other members.
func (r *Router) waiting() bool { return r.cfg.Synced && r.willing != CauseNone }

// takeOver makes a Backup Master together with its sync group.
func (r *Router) takeOver(now time.Time, out []Action) []Action {
	if r.state != Backup {
		return out
	}
	cause := r.willing
	if cause == CauseNone {
		cause = CauseSyncGroup
	}
	return r.enter(now, Master, cause, out)
}

// giveUp makes a Master a Backup that waits for a time before it tries again.
func (r *Router) giveUp(now time.Time, cause Cause, wait time.Duration, out []Action) []Action {
	if r.state != Master {
		return out
	}
	if cause == CauseNone {
		cause = CauseResign
	}
	if wait > 0 {
		r.waitUntil = now.Add(wait)
	}
	return r.resign(now, cause, out)
}

// confirm handles the kernel's confirmation of the addresses.
func (r *Router) confirm(now time.Time, out []Action) []Action {
	if r.state != Master {
		return out
	}
	r.installed, r.refused = true, false
	r.announcer.start(now, &r.cfg.Announce)
	return r.announce(now, out)
}

// refuse handles the kernel's refusal of the addresses: the Master gives up to
// another router, and tries again later. If the next attempt would fail too, it waits until it hears no Master.
func (r *Router) refuse(now time.Time, cause Cause, out []Action) []Action {
	if cause == CauseNone {
		cause = CauseInstallFailed
	}
	// A program that removes addresses may have ended by the next attempt.
	lasting := cause == CauseInstallFailed
	if r.state != Master { // the kernel refused a prerequisite of the addresses
		r.refused = r.refused || lasting
		return out
	}
	if now.Sub(r.holdUntil) > backoffMax {
		r.backoff = 0 // the addresses worked for a while
	}
	r.backoff = min(max(2*r.backoff, backoffMin), backoffMax)
	r.holdUntil = now.Add(r.backoff)
	r.refused = lasting
	return r.resign(now, cause, out)
}

// held reports whether this router must still wait before the next attempt.
func (r *Router) held(now time.Time) bool { return now.Before(r.heldUntil()) }

func (r *Router) heldUntil() time.Time {
	if r.waitUntil.After(r.holdUntil) {
		return r.waitUntil
	}
	return r.holdUntil
}

// resign makes a Master a Backup that waits for a whole Master_Down_Interval. The others
// wait for their Skew_Time only, so one of them takes over, whatever its priority.
func (r *Router) resign(now time.Time, cause Cause, out []Action) []Action {
	if r.state != Master {
		return out
	}
	out = append(out, Action{Kind: ActionSend, Priority: PriorityResign})
	return r.enter(now, Backup, cause, out)
}

// configure replaces the configuration in place. The identity of the virtual router
// and its version do not change: other ones need another Router.
func (r *Router) configure(now time.Time, cfg *Config, out []Action) []Action {
	if cfg == nil {
		return out
	}
	was := r.cfg
	r.cfg = *cfg
	r.cfg.Version, r.cfg.Family, r.cfg.VRID = was.Version, was.Family, was.VRID

	moved := !slices.Equal(r.cfg.Addresses, was.Addresses)
	keyed := r.cfg.AuthType != was.AuthType || r.cfg.Secret != was.Secret
	if keyed {
		r.auth = newAuthenticator(r.cfg.AuthType, r.cfg.Secret)
	}
	if moved {
		r.holdUntil, r.backoff, r.refused = time.Time{}, 0, false // the kernel has not refused these addresses yet
	}
	if !r.cfg.Synced {
		r.waitUntil = time.Time{}
	}
	r.reexamine(now)
	if moved || keyed || r.cfg.Interval != was.Interval || r.cfg.Priority != was.Priority || r.cfg.Checksum != was.Checksum ||
		!r.cfg.Unicast.Equal(&was.Unicast) {
		r.message = nil
		r.hopeful(now)
		if r.state == Master {
			// At once: the others may have to act on the priority, and to learn
			// a longer interval before they miss an advert.
			out = r.send(now, out)
		}
	}
	if r.state != Master {
		return out
	}
	if moved {
		out = r.install(out)
	}
	if r.installed {
		r.announcer.reconfigure(now, &was.Announce, &r.cfg.Announce)
	}
	return out
}

// enter changes the state, and the timers and actions that depend on it.
func (r *Router) enter(now time.Time, to State, cause Cause, out []Action) []Action {
	from := r.state
	r.state, r.since, r.cause = to, now, cause
	r.muteness.adverts, r.muteness.probing = 0, false
	switch {
	case to == Initialize:
		r.muteness = muteness{} // the interface may be able to send when it is up again
	case to == Backup && r.muteness.mute:
		r.muteness.probeAt = r.nextProbe(now)
	}
	r.heard, r.ignored, r.owed, r.excused = heard{}, heard{}, false, false
	r.downSet, r.takeover, r.preemptSet, r.willing = now, CauseMasterDown, time.Time{}, CauseNone
	if from == Master {
		r.uninstalled()
		out = append(out, Action{Kind: ActionWithdraw})
	}
	if to == Master {
		out = r.install(r.send(now, out))
	}
	return append(out, Action{Kind: ActionTransition, From: from, To: to, Cause: cause})
}

// send sends an advert and restarts the Adver_Timer.
func (r *Router) send(now time.Time, out []Action) []Action {
	r.adverSet, r.owed = now, false
	return r.advertise(out)
}

// advertise sends an advert of a Master.
func (r *Router) advertise(out []Action) []Action {
	r.muteness.adverts = min(r.muteness.adverts+1, muteAfter)
	return append(out, Action{Kind: ActionSend, Priority: r.priority()})
}

// install requests the addresses; announcements wait until they are installed.
func (r *Router) install(out []Action) []Action {
	r.uninstalled()
	return append(out, Action{Kind: ActionInstall})
}

// uninstalled forgets that the kernel had the addresses.
func (r *Router) uninstalled() {
	r.installed = false
	r.announcer = announcer{}
}

// announce announces the addresses if an announcement is due.
func (r *Router) announce(now time.Time, out []Action) []Action {
	if r.announcer.fire(now, &r.cfg.Announce) {
		out = append(out, Action{Kind: ActionAnnounce})
	}
	return out
}
