// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"time"

	"vrrpsh/engine"
	"vrrpsh/platform"
)

// The pace of the announcements. A few go out at once. A failover of thousands of virtual
// routers is spread over at most announceWithin, since switches and the neighbours' caches
// drop bursts.
const (
	announceBurst  = 20
	announceRate   = 2000 // per second, at least
	announceWithin = 500 * time.Millisecond
	announceTick   = 4 * time.Millisecond
)

// announcer spreads announcements fairly over time: it announces the first address of every
// virtual router before the second address of any, and all addresses before it repeats the first.
type announcer struct {
	jobs    map[engine.Key]*announcing
	queue   []*announcing // in the order of their turns
	waiting int           // announcements in all jobs

	rate   float64 // per second
	credit float64 // announcements that may be sent now
	last   time.Time
}

// announcing holds the announcements of one virtual router.
type announcing struct {
	engine.Announce
	next    int // index in Addrs
	more    int // further rounds
	dropped bool
}

func newAnnouncer() announcer {
	return announcer{jobs: make(map[engine.Key]*announcing), rate: announceRate, credit: announceBurst}
}

// add queues announcements.
func (a *announcer) add(n *engine.Announce) {
	if len(n.Addrs) == 0 {
		return
	}
	j := a.jobs[n.Key]
	if j != nil && (j.Link != n.Link || j.MAC != n.MAC || len(j.Addrs) != len(n.Addrs)) {
		a.drop(n.Key) // the old announcements are no longer true
		j = nil
	}
	if j == nil {
		j = &announcing{Announce: *n}
		a.jobs[n.Key] = j
		a.queue = append(a.queue, j)
	} else {
		j.Announce = *n
		j.more++
	}
	a.waiting += len(n.Addrs)
	a.rate = max(a.rate, float64(a.waiting)/announceWithin.Seconds())
}

// drop forgets the announcements of a virtual router that is no longer Master.
func (a *announcer) drop(key engine.Key) {
	j := a.jobs[key]
	if j == nil {
		return
	}
	delete(a.jobs, key)
	j.dropped = true
	a.waiting -= len(j.Addrs)*(1+j.more) - j.next
}

// deadline returns when pace must be called next; the zero time means never.
func (a *announcer) deadline() time.Time {
	if a.waiting == 0 {
		return time.Time{}
	}
	return a.last.Add(announceTick)
}

// pace calls send with the announcements that may go out now.
func (a *announcer) pace(now time.Time, send func(key socketKey, n platform.Announcement)) {
	if a.waiting == 0 {
		return
	}
	if !a.last.IsZero() && now.After(a.last) {
		limit := max(announceBurst, a.rate*(4*announceTick).Seconds())
		a.credit = min(limit, a.credit+a.rate*now.Sub(a.last).Seconds())
	}
	a.last = now
	for len(a.queue) > 0 && a.credit >= 1 {
		j := a.queue[0]
		a.queue = a.queue[1:]
		if j.dropped {
			continue
		}
		a.credit--
		a.waiting--
		send(socketKey{j.Link, j.Key.Family}, platform.Announcement{
			Link: j.Link, MAC: j.MAC, Addr: j.Addrs[j.next].Addr(), Router: j.Router,
		})
		j.next++
		if j.next == len(j.Addrs) {
			if j.more == 0 {
				delete(a.jobs, j.Key)
				continue
			}
			j.next, j.more = 0, j.more-1
		}
		a.queue = append(a.queue, j)
	}
	if a.waiting == 0 {
		a.queue, a.rate = nil, announceRate
	}
}
