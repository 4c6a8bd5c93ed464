// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import "time"

// muteAfter is how many adverts in a row could not be sent when a router counts as mute: as many as the others miss before one of
// them takes over (RFC 9568 section 6.1).
const muteAfter = 3

// probePause is the least time between two attempts of a mute Backup to send an advert. One that fails costs
// nothing, and disturbs nobody.
const probePause = 5 * time.Second

// muteness is what a Router knows of its own adverts.
type muteness struct {
	adverts int  // since it became Master; enough of them are as good as more
	unsent  int  // in a row
	mute    bool // nobody can hear it
	// probing is set while the result of a Backup's advert is open; probeAt is when another one is due.
	probing bool
	probeAt time.Time
}

// unsent is the answer that an advert could not be sent. A mute Master stays Master as long as it hears nobody: what it
// has works. But it does not take the addresses from a Master that will never know of it.
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

// sent is the answer that an advert has gone out, after others that have not.
func (r *Router) sent(now time.Time, out []Action) []Action {
	probing := r.muteness.probing
	r.muteness = muteness{adverts: r.muteness.adverts}
	if probing && r.state == Backup {
		// The Master that was heard knows now that there is a better one.
		return r.elected(now, CausePreempt, out)
	}
	return out
}

// nextProbe returns when a mute Backup tries again. It may be told to wait before it preempts.
func (r *Router) nextProbe(now time.Time) time.Time {
	return now.Add(max(probePause, r.cfg.PreemptDelay))
}

// probe sends an advert of a mute Backup that would preempt the Master it hears, to find out whether it can.
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

// hopeful has a mute Backup try soon whether it can send: something has changed.
func (r *Router) hopeful(now time.Time) {
	if r.muteness.mute && r.state == Backup {
		r.muteness.probeAt = now
	}
}
