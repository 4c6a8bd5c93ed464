// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"fmt"
	"time"
)

// reignGrace is how long a Master may keep sending after an advert that outranks it: the
// time to receive it and to be scheduled on a busy machine.
const reignGrace = 100 * time.Millisecond

// OneMaster checks the adverts of one virtual router on one undivided segment, in order, and
// returns the violations of the rule that there is one Master at all times: a router that takes over although the Master
// was heard and outranks it, or that keeps sending although it is outranked. It does not check how soon a silent
// Master has a successor; the pings show that.
func OneMaster(adverts []Advert) []string {
	var (
		faults []string
		master *Advert   // the Master's last advert; nil while there is none
		since  time.Time // when it became Master
		former string    // the port of the Master that it outranked then, or anyone
	)
	const anyone = "*" // before the first advert the Master is unknown
	for i := range adverts {
		a := &adverts[i]
		switch {
		case a.Priority == 0:
			if master != nil && master.Port == a.Port {
				master, former = nil, ""
			}
		case master != nil && master.Port == a.Port:
			master = a
		case i == 0:
			master, since, former = a, a.Time, anyone
		// After three intervals of silence any router may take over; the skew only adds to that.
		case master == nil, a.Time.Sub(master.Time) >= 3*master.Interval:
			master, since, former = a, a.Time, ""
		case outranks(*a, *master):
			former = master.Port
			master, since = a, a.Time
		case (a.Port == former || former == anyone) && a.Time.Sub(since) <= reignGrace:
			// It may not have received the other's advert yet.
		default:
			faults = append(faults, fmt.Sprintf("%v\n  although since %s the Master was\n%v",
				a, since.Format("15:04:05.000000"), master))
		}
	}
	return faults
}

// outranks reports whether the sender of b, as Master, must become Backup when it receives a (RFC 9568 section 6.4.3).
func outranks(a, b Advert) bool {
	return a.Priority > b.Priority || a.Priority == b.Priority && b.Src.Less(a.Src)
}

// Successions returns the Masters of one virtual router on one segment, in order. It ignores the last advert of a
// Master that has not yet received the advert that outranks it.
func Successions(adverts []Advert) []string {
	var (
		ports  []string
		master *Advert
		since  time.Time
	)
	for i := range adverts {
		a := &adverts[i]
		switch {
		case a.Priority == 0:
		case master != nil && a.Port == master.Port:
			master = a
		case master != nil && outranks(*master, *a) && a.Time.Sub(since) < a.Interval:
		default:
			ports = append(ports, a.Port)
			master, since = a, a.Time
		}
	}
	return ports
}
