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

// answerPause is the least time between two adverts that answer those of others: less than the
// shortest interval (RFC 9568 section 5.2.7), and so many that no flood makes much of them.
const answerPause = 5 * time.Millisecond

// Router is the state machine of one virtual router (RFC 9568 section 6.4, RFC 3768
// section 6.4). It takes an Event at a time and answers with Actions. It is not
// safe for concurrent use.
//
// At all times the last of ActionInstall and ActionWithdraw was the former in the
// state Master, and the latter or none in the others.
type Router struct {
	cfg   Config
	auth  *authenticator
	local Local

	state State
	since time.Time
	cause Cause

	// Timers are kept as the moment they were set. When they are due follows from
	// the configuration and from what was learned, so that neither has to
	// move a timer when it changes.

	adverSet   time.Time // Adver_Timer (Master)
	answered   time.Time // the last answer to another's advert
	owed       bool      // an answer, as soon as answerPause allows (Master)
	downSet    time.Time // Master_Down_Timer (Backup)
	preemptSet time.Time // since when a Master is heard that this Backup preempts; zero: none is
	// takeover is why this router becomes Master when the Master_Down_Timer fires. With
	// CauseMasterResigned the timer is set to Skew_Time, else to Master_Down_Interval.
	takeover Cause
	// willing is why a synced Backup would become Master if it were told to; CauseNone while
	// it would not. Its timers have fired then.
	willing Cause
	// holdUntil keeps a Backup from trying again too soon after the kernel refused
	// the addresses; backoff is how long it was.
	holdUntil time.Time
	backoff   time.Duration
	// waitUntil does the same after its sync group has lost Master.
	waitUntil time.Time
	// refused is set from then on until the kernel takes them, or something has changed: a Master that is heard is better
	// than one that cannot have the addresses, whatever the priorities.
	refused bool

	heard heard
	// ignored is the last advert of a Master that this Backup preempts: it did not stop the Master_Down_Timer.
	ignored   heard
	muteness  muteness
	installed bool
	announcer announcer

	peerForm      ChecksumForm
	peerFormKnown bool

	message         []byte // nil: to be marshaled
	messagePriority uint8
}

// heard is what a Backup knows of the Master from the adverts that it accepted.
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

// Step carries out an event and appends the actions that follow to out, in the order
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
			// Which of the addresses are ours to install is different now.
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

// canStillSend tells whether an interface can send a last advert.
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
		// The interval that was learned still makes the Skew_Time.
		r.heard.addr, r.heard.priority = netip.Addr{}, 0
		if r.ignored.addr == a.Source {
			r.ignored = heard{}
		}
		if r.willing == CauseNone {
			r.downSet, r.takeover = now, CauseMasterResigned
		}
		return
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
		// Ignored: the timer keeps running, for Skew_Time if that is what it was set to.
		r.ignored = heardFrom(now, a)
		if r.takeover == CauseMasterDown {
			r.takeover = CausePreempt
		}
	}
}

// preempts tells whether a Backup takes over from a Master with this priority.
func (r *Router) preempts(priority uint8) bool {
	return r.cfg.Preempt && !r.refused && !r.muteness.mute && priority < r.priority()
}

// acceptMaster accepts the sender of an advert as the Master.
func (r *Router) acceptMaster(h heard) {
	r.heard, r.ignored = h, heard{}
	r.downSet, r.takeover = h.at, CauseMasterDown
}

// reexamine makes a Backup's timers what they would be if it had had its configuration, and its priority, already when it
// heard what it has heard.
func (r *Router) reexamine(now time.Time) {
	if r.state != Backup {
		return
	}
	last := r.heard
	if r.ignored.at.After(last.at) {
		last = r.ignored
	}
	follows := last.addr.IsValid()
	switch {
	case !follows:
	case !r.preempts(last.priority):
		r.preemptSet, r.willing = time.Time{}, CauseNone
	case r.preemptSet.IsZero(): // that begins with the next advert
	case r.cfg.PreemptDelay == 0:
		follows = false
		if r.takeover == CauseMasterDown && r.willing == CauseNone {
			r.takeover = CausePreempt
			if r.preemptSet.Before(r.downSet) {
				r.downSet = r.preemptSet
			}
		}
	case due(r.preemptSet.Add(r.cfg.PreemptDelay), now):
		follows = false
	default:
		r.willing = CauseNone
	}
	if follows && last.at.After(r.downSet) {
		r.acceptMaster(last)
	}
	if !r.cfg.Synced && r.willing != CauseNone {
		r.takeover, r.willing = r.willing, CauseNone // it waits for nobody
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
	// Another Master, after a split for example. It gives up when it hears from this
	// router; the Adver_Timer is left alone, so no rate of adverts can hold it up.
	// Switches and neighbors may have followed the other one until now.
	if r.answer(now) {
		out = r.advertise(out)
	}
	if r.installed {
		r.announcer.provoke(now, &r.cfg.Announce)
		out = r.announce(now, out)
	}
	return out
}

// answer tells whether to answer another router's advert at once. Too soon after the last answer
// it is owed instead: however many come, each is followed by an advert within answerPause.
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

// timer fires the timers that are due; that of an advert may be early.
func (r *Router) timer(now time.Time, early time.Duration, out []Action) []Action {
	switch r.state {
	case Initialize:
	case Backup:
		switch {
		case r.waiting():
		case due(r.masterDownAt(), now):
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
				// Counted from when it was due, lateness does not add up. After
				// a longer stall it would make adverts that nobody waits for.
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

// elected makes a Backup whose time has come Master, or willing to be if it is synced.
func (r *Router) elected(now time.Time, cause Cause, out []Action) []Action {
	if r.cfg.Synced {
		r.willing = cause
		return out
	}
	return r.enter(now, Master, cause, out)
}

// waiting tells whether a synced Backup has nothing to wait for but the others.
func (r *Router) waiting() bool { return r.cfg.Synced && r.willing != CauseNone }

// takeOver makes a Backup Master because its sync group is.
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

// giveUp makes a Master a Backup that does not try again before a time has passed.
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

// confirm is the kernel's answer that it has the addresses.
func (r *Router) confirm(now time.Time, out []Action) []Action {
	if r.state != Master {
		return out
	}
	r.installed, r.refused = true, false
	r.announcer.start(now, &r.cfg.Announce)
	return r.announce(now, out)
}

// refuse is the kernel's answer that it does not take the addresses: a Master that
// cannot have them leaves it to another router, and tries again later, if it hears no Master then.
func (r *Router) refuse(now time.Time, cause Cause, out []Action) []Action {
	if r.state != Master {
		r.refused = true // something that it would need for them
		return out
	}
	if cause == CauseNone {
		cause = CauseInstallFailed
	}
	if now.Sub(r.holdUntil) > backoffMax {
		r.backoff = 0 // it worked for a while
	}
	r.backoff = min(max(2*r.backoff, backoffMin), backoffMax)
	r.holdUntil = now.Add(r.backoff)
	// Who removes addresses from outside may have ended by the time of the first attempt to take over again.
	r.refused = cause == CauseInstallFailed || r.backoff > backoffMin
	return r.resign(now, cause, out)
}

// held tells whether a wait before the next try is not over.
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

// configure replaces the configuration in place. What identifies the virtual router
// and its version stay: other ones make another Router.
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
		r.holdUntil, r.backoff, r.refused = time.Time{}, 0, false // these were not refused yet
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

// enter changes the state, with everything that belongs to it.
func (r *Router) enter(now time.Time, to State, cause Cause, out []Action) []Action {
	from := r.state
	r.state, r.since, r.cause = to, now, cause
	r.muteness.adverts, r.muteness.probing = 0, false
	switch {
	case to == Initialize:
		r.muteness = muteness{} // what the interface can do is open when it is up again
	case to == Backup && r.muteness.mute:
		r.muteness.probeAt = r.nextProbe(now)
	}
	r.heard, r.ignored, r.owed = heard{}, heard{}, false
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

// install asks for the addresses; announcements wait until they are there.
func (r *Router) install(out []Action) []Action {
	r.uninstalled()
	return append(out, Action{Kind: ActionInstall})
}

// uninstalled forgets that the kernel had the addresses.
func (r *Router) uninstalled() {
	r.installed = false
	r.announcer = announcer{}
}

// announce makes the announcement that is due, if one is.
func (r *Router) announce(now time.Time, out []Action) []Action {
	if r.announcer.fire(now, &r.cfg.Announce) {
		out = append(out, Action{Kind: ActionAnnounce})
	}
	return out
}
