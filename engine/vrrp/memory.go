package vrrp

import (
	"net/netip"
	"time"
)

// Memory is what a Router knows that does not follow from its configuration, for another
// Router, in another process, to go on where it has stopped. Moments are wall-clock times when
// they come from another process.
type Memory struct {
	State State
	Since time.Time
	Cause Cause
	Local Local

	// The timers of a Backup, as the moments they were set; see Router.
	DownSet    time.Time
	PreemptSet time.Time
	Takeover   Cause
	HoldUntil  time.Time
	Backoff    time.Duration

	MasterAddr     netip.Addr
	MasterPriority uint8
	MasterInterval time.Duration
	LastHeard      time.Time

	PeerForm      ChecksumForm
	PeerFormKnown bool
}

// Memory returns what Restore needs.
func (r *Router) Memory() Memory {
	return Memory{
		State: r.state, Since: r.since, Cause: r.cause, Local: r.local,
		DownSet: r.downSet, PreemptSet: r.preemptSet, Takeover: r.takeover,
		HoldUntil: r.holdUntil, Backoff: r.backoff,
		MasterAddr: r.heard.addr, MasterPriority: r.heard.priority,
		MasterInterval: r.heard.interval, LastHeard: r.heard.at,
		PeerForm: r.peerForm, PeerFormKnown: r.peerFormKnown,
	}
}

// Restore returns a virtual router that goes on where another one has stopped. No action comes of
// it: the owner reports the interface (EventUp, or EventDown if it is gone) and asks the kernel for the
// addresses of a Master again, as after ActionInstall.
//
// The advert of a Master is due at once. A Backup waits for what was left of its Master_Down_Interval,
// but for no less than Master_Adver_Interval and Skew_Time: what the Master has sent in the
// meantime was not heard, so the first of its adverts that can be is up to an interval away.
func Restore(now time.Time, cfg Config, m Memory) *Router {
	// Moments get the monotonic clock of now; none but holdUntil is in the future, even if the
	// wall clock was set back meanwhile.
	moment := func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		return now.Add(min(t.Sub(now), 0))
	}
	r := New(cfg)
	r.state, r.since, r.cause, r.local = m.State, moment(m.Since), m.Cause, m.Local
	r.downSet, r.preemptSet, r.takeover = moment(m.DownSet), moment(m.PreemptSet), m.Takeover
	if wait := m.HoldUntil.Sub(now); wait > 0 {
		r.holdUntil = now.Add(min(wait, backoffMax))
	}
	r.backoff = min(m.Backoff, backoffMax)
	r.heard = heard{addr: m.MasterAddr, priority: m.MasterPriority, interval: m.MasterInterval, at: moment(m.LastHeard)}
	r.peerForm, r.peerFormKnown = m.PeerForm, m.PeerFormKnown
	switch r.state {
	case Initialize:
	case Backup:
		if least := now.Add(r.masterAdverInterval() + r.skewTime()); r.masterDownAt().Before(least) {
			r.takeover = CauseMasterDown // a Master that has resigned may have a successor by now
			r.downSet = least.Add(-r.masterDownInterval())
		}
	case Master:
		r.adverSet = now.Add(-r.cfg.Interval)
	}
	return r
}
