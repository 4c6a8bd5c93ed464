// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"net/netip"
	"time"
)

// Memory is the state of a Router that does not follow from its configuration. Another
// Router, in another process, continues with it. Times from another process are wall-clock
// times.
type Memory struct {
	State State
	Since time.Time
	Cause Cause
	Local Local

	// PreemptSet is when a Backup's preempt delay began; see Router.
	PreemptSet time.Time
	HoldUntil  time.Time
	Backoff    time.Duration
	Refused    bool

	MasterAddr     netip.Addr
	MasterPriority uint8
	MasterInterval time.Duration
	LastHeard      time.Time

	PeerForm      ChecksumForm
	PeerFormKnown bool

	Mute bool
}

// Memory returns what Restore needs.
func (r *Router) Memory() Memory {
	return Memory{
		State: r.state, Since: r.since, Cause: r.cause, Local: r.local,
		PreemptSet: r.preemptSet,
		HoldUntil:  r.heldUntil(), Backoff: r.backoff, Refused: r.refused,
		MasterAddr: r.heard.addr, MasterPriority: r.heard.priority,
		MasterInterval: r.heard.interval, LastHeard: r.heard.at,
		PeerForm: r.peerForm, PeerFormKnown: r.peerFormKnown,
		Mute: r.muteness.mute,
	}
}

// Restore returns a virtual router that continues where another one stopped. It causes no
// actions: the caller reports the interface (EventUp, or EventDown if it is gone) and asks the kernel for the
// addresses of a Master again, as after ActionInstall.
//
// The advert of a Master is due at once. A Backup waits for a whole Master_Down_Interval, as after
// Startup: it could not hear the Master's adverts during the restart, so their absence says nothing about
// the Master.
func Restore(now time.Time, cfg Config, m Memory) *Router {
	// Restored times use the monotonic clock of now; only holdUntil may be in the future, even if the
	// wall clock was set back during the restart.
	moment := func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		return now.Add(min(t.Sub(now), 0))
	}
	r := New(cfg)
	r.state, r.since, r.cause, r.local = m.State, moment(m.Since), m.Cause, m.Local
	r.preemptSet = moment(m.PreemptSet)
	if !m.HoldUntil.IsZero() { // even if it is over: the next wait depends on it
		r.holdUntil = now.Add(min(m.HoldUntil.Sub(now), backoffMax))
	}
	r.backoff, r.refused = min(m.Backoff, backoffMax), m.Refused
	r.heard = heard{addr: m.MasterAddr, priority: m.MasterPriority, interval: m.MasterInterval, at: moment(m.LastHeard)}
	r.peerForm, r.peerFormKnown = m.PeerForm, m.PeerFormKnown
	// The router that stopped has sent the first advert of a Master.
	r.muteness = muteness{adverts: 1, mute: m.Mute, probeAt: r.nextProbe(now)}
	switch r.state {
	case Initialize:
	case Backup:
		r.takeover = CauseMasterDown // a Master that resigned may have a successor by now
		r.downSet = now
	case Master:
		r.adverSet = now.Add(-r.cfg.Interval)
	}
	return r
}
