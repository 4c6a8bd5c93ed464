// SPDX-License-Identifier: GPL-3.0-only

package main

// The packages that judge faults of the state machine and of the codec.
var byProtocol = []string{"./engine/vrrp", "./engine", "./engine/driver", "./engine/sim"}

// protocol are the mutants of engine/vrrp.
var protocol = []set{
	{"engine/vrrp/timing.go", byProtocol, []mutant{
		{fault: "Skew_Time is too short by 1/256", old: `256-int(priority)`, new: `255-int(priority)`},
		{fault: "Skew_Time of VRRPv2 depends on the interval", old: `unit = time.Second`, new: `unit = masterAdverInterval`},
		{fault: "Master_Down_Interval is two intervals", old: `return 3*masterAdverInterval`, new: `return 2*masterAdverInterval`},
		{fault: "Master_Down_Interval has no Skew_Time", old: ` + SkewTime(version, priority, masterAdverInterval)`, new: ``},
	}},
	{"engine/vrrp/status.go", byProtocol, []mutant{
		{fault: "a Backup forgets the learned interval", must: true, old: `		return r.heard.interval
`, new: `		return r.cfg.Interval
`},
		{fault: "a VRRPv2 Backup waits for its own interval where the Master's is longer", old: `max(r.cfg.Interval, r.heard.interval)`, new: `r.cfg.Interval`},
		{fault: "an owner has its configured priority", old: `return PriorityOwner`, new: `return r.cfg.Priority`},
		{fault: "after priority 0 a Backup waits for the whole Master_Down_Interval", old: `wait = r.skewTime()`, new: `wait = r.masterDownInterval()`},
		{fault: "the preempt delay is ignored", old: `r.preemptSet.Add(r.cfg.PreemptDelay)`, new: `r.preemptSet`},
		{fault: "a router tries again at once after the kernel refused the addresses", old: `at.Before(until)`, new: `false && at.Before(until)`},
		{fault: "the adverts keep the priority of the first one", old: ` || r.messagePriority != priority {`, new: ` {`},
	}},
	{"engine/vrrp/router.go", byProtocol, []mutant{
		{fault: "a Master that is shut down sends no priority 0", must: true, old: `if canStillSend(cause) {`, new: `if canStillSend(cause) && cause != CauseShutdown {`},
		{fault: "a Master that resigns sends no priority 0", must: true, old: `	out = append(out, Action{Kind: ActionSend, Priority: PriorityResign})
	return r.enter(`, new: `	return r.enter(`},
		{fault: "preempt = false is ignored", must: true, old: `r.cfg.Preempt && !r.refused && !r.muteness.mute && priority`, new: `!r.refused && !r.muteness.mute && priority`},
		{fault: "a Backup preempts a Master with its own priority", old: `priority < r.priority()
}`, new: `priority <= r.priority()
}`},
		{fault: "a router without the addresses preempts", old: `!r.refused && !r.muteness.mute && priority`, new: `!r.muteness.mute && priority`},
		{fault: "a router that cannot send preempts", old: `!r.refused && !r.muteness.mute && priority`, new: `!r.refused && priority`},
		{fault: "of two Masters with one priority the lower address stays", old: `a.Source.Compare(r.local.Primary) > 0`, new: `a.Source.Compare(r.local.Primary) < 0`},
		{fault: "a Master yields to an equal priority", old: `case a.Priority > own:`, new: `case a.Priority >= own:`},
		{fault: "a Master yields to an owner only", old: `case a.Priority > own:`, new: `case a.Priority > own && a.Priority == PriorityOwner:`},
		{fault: "adverts do not restart the Master_Down_Timer", old: `r.downSet, r.takeover = h.at, CauseMasterDown`, new: `r.takeover = CauseMasterDown`},
		{fault: "a former Master keeps its addresses", old: `		out = append(out, Action{Kind: ActionWithdraw})
`, new: ``},
		{fault: "the lateness of adverts adds up", old: `r.adverSet = at
`, new: `r.adverSet = now
`},
		{fault: "every advert is answered at once", old: `r.owed = !due(r.answered.Add(answerPause), now)`, new: `r.owed = false`},
		{fault: "the pause between attempts does not grow", old: `min(max(2*r.backoff, backoffMin), backoffMax)`, new: `backoffMin`},
		{fault: "a new configuration does not reach the timers of a Backup", old: `	r.reexamine(now)
	if moved`, new: `	if moved`},
		{fault: "a changed priority is not advertised", old: ` || r.cfg.Priority != was.Priority ||`, new: ` ||`},
		{fault: "a Master does not install new addresses", old: `	if moved {
		out = r.install(out)
	}
`, new: ``},
		{fault: "a Backup takes over within the preempt delay", old: `	case r.cfg.PreemptDelay > 0:
		r.acceptMaster(heardFrom(now, a))
`, new: `	case r.cfg.PreemptDelay > 0:
		r.heard = heardFrom(now, a)
`},
		{fault: "the preempt delay begins anew with each advert", old: `	if r.preemptSet.IsZero() {
		r.preemptSet = now
	}
	switch`, new: `	r.preemptSet = now
	switch`},
		{fault: "an owner starts as Backup", old: `if local.Owner && !r.held(now)`, new: `if false && !r.held(now)`},
		{fault: "there is no last word", old: `if r.cfg.LastWord &&`, new: `if false &&`},
		{fault: "a member becomes Master without the rest of its sync group", old: `	if r.cfg.Synced {
		r.willing = cause`, new: `	if r.cfg.Synced && cause == CausePreempt {
		r.willing = cause`},
		{fault: "a Master stays Master without its addresses", old: `	r.refused = lasting
	return r.resign(now, cause, out)`, new: `	r.refused = lasting
	return out`},
		{fault: "a sync group does not wait after it lost Master", old: `r.waitUntil = now.Add(wait)`, new: `_ = wait`},
		{fault: "a Master does not answer another Master", old: `	if r.answer(now) {
		out = r.advertise(out)
	}
`, new: ``},
	}},
	{"engine/vrrp/mute.go", byProtocol, []mutant{
		{fault: "a router that cannot send stays Master when it has preempted", old: `atOnce := r.state == Master && r.cause == CausePreempt && m.adverts == 1`, new: `atOnce := false`},
		{fault: "a router finds out one advert late that it cannot send", old: `m.unsent < muteAfter`, new: `m.unsent <= muteAfter`},
		{fault: "a Backup that cannot send never tries again", old: `return r.notHeld(r.muteness.probeAt)`, new: `return time.Time{}`},
		{fault: "a router that can send again is still mute", old: `r.muteness = muteness{adverts: r.muteness.adverts}`, new: `r.muteness.unsent = 0`},
	}},
	{"engine/vrrp/memory.go", byProtocol, []mutant{
		{fault: "a hand-over loses the hold", must: true, old: `HoldUntil:  r.heldUntil(), `, new: ``},
		{fault: "a hand-over loses the wait of a sync group", must: true, old: `HoldUntil:  r.heldUntil(), `, new: `HoldUntil: r.holdUntil, `},
		{fault: "a hand-over forgets the learned interval", must: true, old: `interval: m.MasterInterval, `, new: ``},
		{fault: "a hand-over loses the length of the pauses", old: `r.backoff, r.refused = min(m.Backoff, backoffMax), m.Refused`, new: `r.refused = m.Refused`},
		{fault: "a hand-over forgets that the kernel refused the addresses", old: `r.backoff, r.refused = min(m.Backoff, backoffMax), m.Refused`, new: `r.backoff = min(m.Backoff, backoffMax)`},
		{fault: "a Backup takes the silence of its own restart for a failure of the Master", old: `r.downSet = now
	case Master`, new: `r.downSet = moment(m.LastHeard)
	case Master`},
		{fault: "a Master is silent for an interval after a restart", old: `r.adverSet = now.Add(-r.cfg.Interval)`, new: `r.adverSet = now`},
		{fault: "a hand-over forgets that no advert goes out", old: `mute: m.Mute, probeAt`, new: `probeAt`},
		{fault: "the preempt delay begins anew with a restart", old: `	r.preemptSet = moment(m.PreemptSet)
`, new: ``},
	}},
	{"engine/vrrp/check.go", byProtocol, []mutant{
		{fault: "adverts with the router's own address are accepted", old: `case a.Source == r.local.Primary:`, new: `case false:`},
		{fault: "an owner accepts any advert", old: `case r.local.Owner && !r.refused &&`, new: `case false && !r.refused &&`},
		{fault: "a wrong password is accepted", old: `if !r.auth.verify(a.Message) {`, new: `if false {`},
		{fault: "adverts without authentication are accepted", old: `if a.AuthType != cfg.AuthType {`, new: `if a.AuthType != cfg.AuthType && a.AuthType != AuthNone {`},
		{fault: "the interval of VRRPv2 is not compared", old: `tolerated.Interval = a.Interval != cfg.Interval`, new: `tolerated.Interval = false`},
		{fault: "an interval of zero is accepted", old: `a.Interval < IntervalMinV3`, new: `a.Interval < 0`},
		{fault: "the address list is not compared", old: `tolerated.AddressList = !sameAddresses(cfg.Addresses, a.Addresses)`, new: `tolerated.AddressList = false`},
		{fault: "strangers count as unicast peers", old: ` || !slices.Contains(u.Peers, p.Src.WithZone("")) {`, new: ` || slices.Contains(u.Peers, p.Dst) {`},
		{fault: "the least TTL of unicast peers is ignored", old: `if p.TTL >= u.TTLMin {`, new: `if true {`},
	}},
	{"engine/vrrp/decode.go", byProtocol, []mutant{
		{fault: "forwarded adverts are accepted", old: `if p.TTL != TTL {`, new: `if p.TTL == 0 {`},
		{fault: "corrupt adverts are accepted", old: `	if !ok {
		return DropChecksum
	}
`, new: ``},
		{fault: "the reserved bits of VRRPv3 count to the interval", old: ` & intervalMaskV3
		dst.Interval`, new: `
		dst.Interval`},
	}},
	{"engine/vrrp/encode.go", byProtocol, []mutant{
		{fault: "the checksum of VRRPv3 never has a pseudo-header of IPv4", old: `cfg.Version == V3 && form == FormPseudoHeader`, new: `false`},
		{fault: "the checksum has a pseudo-header with the wrong length", old: `sumPseudoHeader(cfg.Family, src, dst, len(msg))`, new: `sumPseudoHeader(cfg.Family, src, dst, headerLen)`},
	}},
	{"engine/vrrp/checksum.go", byProtocol, []mutant{
		{fault: "the form of the peers' checksum is not learned", old: `r.peerForm, r.peerFormKnown = form, true`, new: `r.peerForm = form`},
	}},
	{"engine/vrrp/announce.go", byProtocol, []mutant{
		{fault: "a round of announcements lacks one", old: `a.next, a.left = now, max(1, cfg.Repeat)`, new: `a.next, a.left = now, max(1, cfg.Repeat-1)`},
		{fault: "announcements are not refreshed", old: `a.refresh = now.Add(cfg.Refresh)`, new: `_ = now`},
		{fault: "there is no second round of announcements", old: `		a.again = now.Add(cfg.Delay)
`, new: ``},
		{fault: "another router's adverts provoke announcements at any rate", old: `allowed.After(now)`, new: `false`},
	}},
	{"engine/vrrp/auth.go", byProtocol, []mutant{
		{fault: "only the first byte of a password counts", old: `subtle.ConstantTimeCompare(want[:], msg[end:])`, new: `subtle.ConstantTimeCompare(want[:1], msg[end:end+1])`},
		{fault: "the HMAC does not cover the addresses", old: `	_, _ = h.Write(msg[headerLen:])
`, new: ``},
	}},
}
