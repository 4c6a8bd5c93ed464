// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"net/netip"
	"time"
)

// Status is the observable state of a virtual router.
type Status struct {
	State State
	// Since is when State was entered, Cause why. In Initialize the cause says what is missing.
	Since time.Time
	Cause Cause
	// Priority is what adverts carry: 255 for the address owner.
	Priority uint8
	Local    Local
	// MasterAddr, MasterPriority and LastHeard describe the Master whose adverts are
	// accepted; while Master they describe this router. MasterAddr is invalid when
	// none was heard.
	MasterAddr     netip.Addr
	MasterPriority uint8
	LastHeard      time.Time
	// MasterAdverInterval, SkewTime and MasterDownInterval are as RFC 9568 section 6.1 defines them.
	MasterAdverInterval time.Duration
	SkewTime            time.Duration
	MasterDownInterval  time.Duration
	// MasterDownAt is when the Master_Down_Timer fires (Backup), NextAdvertAt when the
	// Adver_Timer does (Master), PreemptAt when a preempt delay ends; zero otherwise.
	MasterDownAt time.Time
	NextAdvertAt time.Time
	PreemptAt    time.Time
	// PeerForm is the checksum form of the last accepted VRRPv3/IPv4 advert.
	PeerForm      ChecksumForm
	PeerFormKnown bool
	// Installed tells whether the kernel has confirmed the addresses.
	Installed bool
	// Mute says that no advert goes out: see EventUnsent. ProbeAt is when a mute Backup tries next; zero if it does not.
	Mute    bool
	ProbeAt time.Time
	// Willing is why a Backup would be Master if the others of its sync group were ready too;
	// CauseNone if it would not.
	Willing Cause
	// Refused tells that the kernel did not take the addresses the last time, or did not keep them, and that nothing has
	// changed since: a Backup preempts no Master that it hears then.
	Refused bool
}

// Deadline returns when EventTimer is due next: the earliest of all timers, or the
// zero time if none is running. After EventTimer it is later than the time of that.
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
// to the multicast group. It is marshaled when its content changed only. The slice is
// read only, and is not written to again.
func (r *Router) Message(priority uint8) []byte {
	if r.message == nil || r.messagePriority != priority {
		// Always a new slice: an earlier one may be on its way out.
		buf := make([]byte, 0, messageLen(r.cfg.Version, r.cfg.Family, len(r.cfg.Addresses)))
		r.message = appendMessage(buf, &r.cfg, r.auth, priority, r.sendForm(), r.local.Primary, Group(r.cfg.Family))
		r.messagePriority = priority
	}
	return r.message
}

// Willing tells whether a synced Backup waits to be told to take over.
func (r *Router) Willing() bool { return r.state == Backup && r.waiting() }

// Mute tells whether no advert goes out; see EventUnsent.
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

// Status returns what can be seen of the virtual router.
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
		MasterAdverInterval: r.masterAdverInterval(),
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

// masterAdverInterval returns Master_Adver_Interval: learned, or else the own one.
func (r *Router) masterAdverInterval() time.Duration {
	switch {
	case r.heard.interval == 0:
		return r.cfg.Interval
	case r.cfg.Version == V2:
		// VRRPv2 has one interval for all and learns none. But where a mismatch is
		// tolerated, a Backup that waits for more adverts than there are would
		// take over again and again.
		return max(r.cfg.Interval, r.heard.interval)
	default:
		return r.heard.interval
	}
}

func (r *Router) skewTime() time.Duration {
	return SkewTime(r.cfg.Version, r.priority(), r.masterAdverInterval())
}

func (r *Router) masterDownInterval() time.Duration {
	return MasterDownInterval(r.cfg.Version, r.priority(), r.masterAdverInterval())
}

// masterDownAt returns when the Master_Down_Timer of a Backup is due.
func (r *Router) masterDownAt() time.Time {
	wait := r.masterDownInterval()
	if r.takeover == CauseMasterResigned {
		wait = r.skewTime()
	}
	return r.notHeld(r.downSet.Add(wait))
}

// preemptAt returns when the preempt delay of a Backup is over; zero if there is
// nothing to wait for.
func (r *Router) preemptAt() time.Time {
	if r.preemptSet.IsZero() || r.cfg.PreemptDelay == 0 || !r.preempts(r.heard.priority) {
		return time.Time{}
	}
	return r.notHeld(r.preemptSet.Add(r.cfg.PreemptDelay))
}

// notHeld puts a take-over off until the wait before the next try is over.
func (r *Router) notHeld(at time.Time) time.Time {
	if until := r.heldUntil(); at.Before(until) {
		return until
	}
	return at
}

// Refused is that of Status.
func (r *Router) Refused() bool { return r.refused }
