// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/fake"
	"vrrpsh/platform/frame"
)

// muteAfter is after how many adverts that were not sent a router knows that it cannot send.
const muteAfter = 3

// counts are what a virtual router has done since its counters were known.
type counts struct {
	known       *engine.Counters // nil: they are not
	accepted    uint64
	resigned    uint64 // of these, with priority 0
	dropped     [vrrp.NumDropReasons]uint64
	transitions [vrrp.NumCauses]uint64
	masters     uint64
	sent        uint64
	unsure      bool // of sent
}

func (n *counts) received(drop vrrp.DropReason, priority uint8) {
	switch {
	case drop != vrrp.DropNone:
		n.dropped[drop]++
	case priority == vrrp.PriorityResign:
		n.resigned++
		fallthrough
	default:
		n.accepted++
	}
}

func (n *counts) moved(e *engine.Event) {
	n.transitions[e.Cause]++
	if e.To == vrrp.Master {
		n.masters++
	}
}

// uncount has the counters of a virtual router be learned anew.
func (w *watch) uncount(key engine.Key) {
	if v := w.vrs[key]; v != nil {
		v.counts.known = nil
	}
}

// countSent counts the adverts that have gone out in this turn.
func (w *watch) countSent() {
	missing := make(map[string]int) // by interface
	for _, v := range w.all() {
		if len(v.sentNow) == 0 {
			continue
		}
		n := 0
		for i := range w.frames {
			if f := &w.frames[i]; f.packet.Kind == frame.Advert && lanName(f.lan) == v.key.Interface && f.advert.vrid == v.key.VRID && vrrp.FamilyOf(f.advert.source) == v.key.Family {
				n++
			}
		}
		v.counts.sent += uint64(n)
		if cfg := find(&w.cfg, v.key); cfg != nil && !cfg.Protocol.Unicast.Enabled() { // else nobody may know where the peer is
			missing[v.key.Interface] += len(v.sentNow) - n
		}
		// Nobody sees what goes into a cable that is not plugged in, and it counts as sent all the same.
		if n != len(v.sentNow) && !(n == 0 && w.sendFails > 0 && w.m.fails(fake.CallSend)) {
			v.counts.unsure = true
		}
	}
	w.checkUnsent(missing)
}

// checkUnsent: one advert that cannot be sent stops no other.
func (w *watch) checkUnsent(missing map[string]int) {
	if w.sendFails == 0 {
		return
	}
	lost := 0
	for _, k := range w.m.kernel.Links() {
		if k.Running && k.MTU >= 1280 && w.now()-w.c.w.disturb > time.Second+2*time.Duration(w.c.w.rates.News) {
			lost += missing[k.Name]
		}
	}
	if lost > w.sendFails {
		w.c.report("unsent", w.m, "%d adverts were not sent as %d calls have failed", lost, w.sendFails)
	}
}

// compareCounters holds the counters against what was seen since they were known.
func (w *watch) compareCounters(s *engine.Snapshot) {
	for _, r := range s.Routers {
		v := w.vrs[r.Config.Key]
		if v == nil {
			continue
		}
		is, n := &r.Counters, &v.counts
		switch {
		case r.Mute && v.went > 1:
			w.c.report("mute", w.m, "%s says that it cannot send, and has sent %d adverts", v.key, v.went)
		case !r.Mute && v.went < -muteAfter && v.state == vrrp.Master:
			w.c.report("mute", w.m, "%s does not know that its last %d adverts were not sent", v.key, -v.went)
		}
		if was := n.known; was != nil && was.Since.Equal(is.Since) {
			w.compareCounter(v, "accepted adverts", is.AdvertsReceived-was.AdvertsReceived, n.accepted)
			w.compareCounter(v, "adverts with priority 0", is.PriorityZeroReceived-was.PriorityZeroReceived, n.resigned)
			w.compareCounter(v, "times that it became Master", is.BecameMaster-was.BecameMaster, n.masters)
			if !n.unsure && !r.Config.Protocol.Unicast.Enabled() {
				w.compareCounter(v, "adverts sent", is.AdvertsSent-was.AdvertsSent, n.sent)
			}
			for i := range is.Dropped {
				if vrrp.DropReason(i) == vrrp.DropVRID {
					continue // what has come before its configuration is counted for the interface
				}
				w.compareCounter(v, vrrp.DropReason(i).String(), is.Dropped[i]-was.Dropped[i], n.dropped[i])
			}
			for i := range is.Transitions {
				w.compareCounter(v, vrrp.Cause(i).String(), is.Transitions[i]-was.Transitions[i], n.transitions[i])
			}
		}
		v.counts = counts{known: is}
	}
}

func (w *watch) compareCounter(v *router, what string, is, want uint64) {
	if is != want {
		w.c.report("counters", w.m, "%s counts %d more %s, there were %d", v.key, int64(is), what, want)
	}
}
