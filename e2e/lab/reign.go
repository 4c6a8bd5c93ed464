//go:build linux

package lab

import (
	"fmt"
	"time"
)

// reignGrace is how long a Master may go on after an advert that outranks it: what
// the two need to hear and to be scheduled on a busy machine.
const reignGrace = 100 * time.Millisecond

// reign is what the wire says about one router's time as Master.
type reign struct {
	begun time.Time
	last  Advert
	over  bool // it resigned
}

// OneMaster judges the adverts of one virtual router on one undivided segment, in order, and
// returns what contradicts there being one Master at all times: a router that advertises
// although another one that outranks it does too, or that takes over although the Master was heard and
// outranks it. The time from the adverts of a Master that fell silent to the next one's is not judged here; the
// pings are.
func OneMaster(adverts []Advert) []string {
	var faults []string
	reigns := map[string]*reign{}
	for _, a := range adverts {
		own := reigns[a.Port]
		if own == nil {
			own = &reign{over: true}
			reigns[a.Port] = own
		}
		if a.Priority == 0 {
			own.last, own.over = a, true
			continue
		}
		// Three intervals of silence allow anyone to take over; the skew only adds to that.
		if own.over || a.Time.Sub(own.last.Time) > 3*own.last.Interval {
			own.begun, own.over = a.Time, false
		}
		own.last = a
		for port, r := range reigns {
			if port == a.Port || r.over || a.Time.Sub(r.last.Time) >= 3*r.last.Interval || outranks(a, r.last) {
				continue
			}
			if a.Time.Sub(r.begun) > reignGrace || a.Time.Sub(own.begun) < a.Time.Sub(r.begun) {
				faults = append(faults, fmt.Sprintf("%v\n  although since %s there was\n%v",
					a, r.begun.Format("15:04:05.000000"), r.last))
			}
		}
	}
	return faults
}

// outranks tells whether a Master that hears a has to make way for its sender (RFC 9568 section 6.4.3).
func outranks(a, b Advert) bool {
	return a.Priority > b.Priority || a.Priority == b.Priority && b.Src.Less(a.Src)
}
