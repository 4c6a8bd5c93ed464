// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import "time"

// muteAfter is the number of failed adverts in a row that make a router mute: a Backup takes over after
// as many missed adverts (RFC 9568 section 6.1).
const muteAfter = 3

// probePause is the least time between two attempts of a mute Backup to send an advert. A failed attempt costs
// nothing and disturbs no other router.
const probePause = 5 * time.Second

// muteness records whether a Router's own adverts are sent.
type muteness struct {
	adverts int  // since it became Master; enough of them are as good as more
	unsent  int  // in a row
	mute    bool // no advert goes out
	// probing is set while the result of a Backup's advert is unknown; probeAt is when the next one is due.
	probing bool
	probeAt time.Time
}

// unsent handles an advert that could not be sent. A mute Master stays Master while it hears no other router, since its
// addresses work. But it must not preempt a Master that cannot hear it.
func (r *Router) unsent(now time.Time, out []Action) []Action {
	m := &r.muteness
	m.unsent++
	m.probing = false
	atOnce := r.state == Master && r.cause == CausePreempt && m.adverts == 1
	if !m.mute && !atOnce && m.unsent < muteAfter {
		return out
	}
	m.mute = true
	if atOnce {
		return r.enter(now, Backup, CauseMute, out)
	}
	return out
}

// sent handles an advert that was sent after others failed.
func (r *Router) sent(now time.Time, out []Action) []Action {
	probing := r.muteness.probing
	r.muteness = muteness{adverts: r.muteness.adverts}
	if probing && r.state == Backup {
		// The current Master now knows that this router is better.
		return r.elected(now, CausePreempt, out)
	}
	if r.installed { // announcements failed like the adverts
		r.announcer.provoke(now, &r.cfg.Announce)
		out = r.announce(now, out)
	}
	return out
}

// nextProbe returns when a mute Backup tries again. PreemptDelay applies, since a probe that succeeds preempts.
func (r *Router) nextProbe(now time.Time) time.Time {
	return now.Add(max(probePause, r.cfg.PreemptDelay))
}

// probe sends an advert of a mute Backup that would preempt the current Master, to test whether it can send.
func (r *Router) probe(now time.Time, out []Action) []Action {
	r.muteness.probing, r.muteness.probeAt = true, r.nextProbe(now)
	return append(out, Action{Kind: ActionSend, Priority: r.priority()})
}

// probeDue returns when probe is due; the zero time if never.
func (r *Router) probeDue() time.Time {
	if !r.muteness.mute || !r.cfg.Preempt || !r.heard.addr.IsValid() || r.heard.priority >= r.priority() {
		return time.Time{}
	}
	return r.notHeld(r.muteness.probeAt)
}

// hopeful makes a mute Backup test soon whether it can send, after a change.
func (r *Router) hopeful(now time.Time) {
	if r.muteness.mute && r.state == Backup {
		r.muteness.probeAt = now.Add(r.cfg.PreemptDelay)
	}
}

// outranks makes a mute Backup wait for PreemptDelay from the first advert on with a priority below its own.
func (r *Router) outranks(now time.Time, a *Advertisement) {
	first := !r.heard.addr.IsValid() || r.heard.priority >= r.priority()
	if at := now.Add(r.cfg.PreemptDelay); first && a.Priority < r.priority() && r.muteness.probeAt.Before(at) {
		r.muteness.probeAt = at
	}
}
