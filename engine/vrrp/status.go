// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"net/netip"
	"time"
)

// Status is the observable state of a virtual router.
type Status struct {
	State State
	// Since is when State was entered, and Cause is why. In Initialize the cause names what is missing.
	Since time.Time
	Cause Cause
	// Priority is the priority in adverts: 255 for the address owner.
	Priority uint8
	Local    Local
	// MasterAddr, MasterPriority and LastHeard describe the Master whose adverts are
	// accepted; in the state Master they describe this router. MasterAddr is invalid if
	// no Master was heard.
	MasterAddr     netip.Addr
	MasterPriority uint8
	LastHeard      time.Time
	// MasterAdverInterval, SkewTime and MasterDownInterval are as RFC 9568 section 6.1 defines them.
	MasterAdverInterval time.Duration
	SkewTime            time.Duration
	MasterDownInterval  time.Duration
	// MasterDownAt is when the Master_Down_Timer fires (Backup), NextAdvertAt when the
	// Adver_Timer fires (Master), PreemptAt when a preempt delay ends; zero otherwise.
	MasterDownAt time.Time
	NextAdvertAt time.Time
	PreemptAt    time.Time
	// PeerForm is the checksum form of the last accepted VRRPv3/IPv4 advert.
	PeerForm      ChecksumForm
	PeerFormKnown bool
	// Installed reports whether the kernel has confirmed the addresses.
	Installed bool
	// Mute is set if no advert goes out: see EventUnsent. ProbeAt is when a mute Backup tries next; zero if never.
	Mute    bool
	ProbeAt time.Time
	// Willing is why a Backup would be Master if the others of its sync group were ready too;
	// CauseNone if it would not.
	Willing Cause
	// Refused is set if the kernel last refused the addresses, and nothing has changed since: a Backup then preempts no Master
	// that it hears.
	Refused bool
}

// Deadline returns when EventTimer is due next: the earliest of all timers, or the
// zero time if none is running. After an EventTimer it is later than the time of the event.
func (r *Router) Deadline() time.Time {
	switch r.state {
	case Backup:
		if r.waiting() {
			return time.Time{}
		}
		return earliest(earliest(r.masterDownAt(), r.preemptAt()), r.probeDue())
	case Master:
		return earliest(earliest(r.NextAdvertAt(), r.answerAt()), r.announcer.deadline())
	default:
		return time.Time{}
	}
}

// NextAdvertAt returns when the Adver_Timer of a Master is due; zero in other states.
func (r *Router) NextAdvertAt() time.Time {
	if r.state != Master {
		return time.Time{}
	}
	return r.adverSet.Add(r.cfg.Interval)
}

// Message returns the advert with a priority, ready to be sent from Local.Primary
// to the multicast group. It is marshaled only when its content changed. The caller must not
// change the slice, and the Router does not write to it again.
func (r *Router) Message(priority uint8) []byte {
	if r.message == nil || r.messagePriority != priority {
		// Always a new slice: the caller may still be sending the earlier one.
		buf := make([]byte, 0, messageLen(r.cfg.Version, r.cfg.Family, len(r.cfg.Addresses)))
		r.message = appendMessage(buf, &r.cfg, r.auth, priority, r.sendForm(), r.local.Primary, Group(r.cfg.Family))
		r.messagePriority = priority
	}
	return r.message
}

// Willing reports whether a synced Backup waits for EventTakeOver.
func (r *Router) Willing() bool { return r.state == Backup && r.waiting() }

// Mute reports whether no advert goes out; see EventUnsent.
func (r *Router) Mute() bool { return r.muteness.mute }

// MessageTo is Message for a unicast peer, whose address may be in the checksum.
func (r *Router) MessageTo(priority uint8, peer netip.Addr) []byte {
	form := r.sendForm()
	if form == FormMessage {
		return r.Message(priority)
	}
	buf := make([]byte, 0, messageLen(r.cfg.Version, r.cfg.Family, len(r.cfg.Addresses)))
	return appendMessage(buf, &r.cfg, r.auth, priority, form, r.local.Primary, peer)
}

// Status returns the observable state of the virtual router.
func (r *Router) Status() Status {
	s := Status{
		State:               r.state,
		Since:               r.since,
		Cause:               r.cause,
		Priority:            r.priority(),
		Local:               r.local,
		MasterAddr:          r.heard.addr,
		MasterPriority:      r.heard.priority,
		LastHeard:           r.heard.at,
		MasterAdverInterval: r.MasterAdverInterval(),
		SkewTime:            r.skewTime(),
		MasterDownInterval:  r.masterDownInterval(),
		PeerForm:            r.peerForm,
		PeerFormKnown:       r.peerFormKnown,
		Installed:           r.installed,
		Refused:             r.refused,
		Mute:                r.muteness.mute,
	}
	switch r.state {
	case Initialize:
	case Backup:
		if r.waiting() {
			s.Willing = r.willing
			break
		}
		s.MasterDownAt, s.PreemptAt, s.ProbeAt = r.masterDownAt(), r.preemptAt(), r.probeDue()
	case Master:
		s.MasterAddr, s.MasterPriority, s.LastHeard = r.local.Primary, s.Priority, r.adverSet
		s.NextAdvertAt = r.NextAdvertAt()
	}
	return s
}

// priority returns the Priority of RFC 9568 section 6.1.
func (r *Router) priority() uint8 {
	if r.local.Owner {
		return PriorityOwner
	}
	return r.cfg.Priority
}

// MasterAdverInterval returns Master_Adver_Interval: the learned one, or else the configured one.
func (r *Router) MasterAdverInterval() time.Duration {
	switch {
	case r.heard.interval == 0:
		return r.cfg.Interval
	case r.cfg.Version == V2:
		// VRRPv2 has one interval for all routers and does not learn it. But if a mismatch is
		// tolerated, a Backup that expects adverts more often than the Master sends them would
		// take over again and again.
		return max(r.cfg.Interval, r.heard.interval)
	default:
		return r.heard.interval
	}
}

func (r *Router) skewTime() time.Duration {
	return SkewTime(r.cfg.Version, r.priority(), r.MasterAdverInterval())
}

func (r *Router) masterDownInterval() time.Duration {
	return MasterDownInterval(r.cfg.Version, r.priority(), r.MasterAdverInterval())
}

// masterDownAt returns when the Master_Down_Timer of a Backup is due.
func (r *Router) masterDownAt() time.Time {
	wait := r.masterDownInterval()
	if r.takeover == CauseMasterResigned {
		wait = r.skewTime()
	}
	return r.notHeld(r.downSet.Add(wait))
}

// preemptAt returns when the preempt delay of a Backup ends; zero if there is
// none.
func (r *Router) preemptAt() time.Time {
	if r.preemptSet.IsZero() || r.cfg.PreemptDelay == 0 || !r.preempts(r.heard.priority) {
		return time.Time{}
	}
	return r.notHeld(r.preemptSet.Add(r.cfg.PreemptDelay))
}

// notHeld delays a take-over until the wait before the next attempt is over.
func (r *Router) notHeld(at time.Time) time.Time {
	if until := r.heldUntil(); at.Before(until) {
		return until
	}
	return at
}

// Refused returns the Refused of Status.
func (r *Router) Refused() bool { return r.refused }
