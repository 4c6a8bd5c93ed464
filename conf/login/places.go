// SPDX-License-Identifier: GPL-3.0-only

package login

import (
	"sync"
	"time"
)

// Places limits the connections of clients that have not logged in, and of those that have. When there is one connection too many, the one
// with the weakest claim loses its place; that may be the newest. No client can keep others out by holding connections.
type Places struct {
	// All is the maximum number of connections; Each is the maximum per source.
	All, Each int
	// Kept is the maximum number of connections that users keep, User the maximum per user; Reserved is the part of Kept reserved for
	// administrators. A kept place cannot be taken away.
	Kept, User, Reserved int
	// Standing returns the standing of a source; nil: no source is known.
	Standing func(source string) Standing
	// Now is the clock; nil: time.Now.
	Now func() time.Time

	mu   sync.Mutex
	held map[*Place]struct{}
}

// Place is the place of one connection.
type Place struct {
	of     *Places
	source string
	end    func()

	// Guarded by Places.mu.
	since         time.Time // last activity of the client
	kept          bool
	user          string
	administrator bool
}

// Enter gives a connection from a source its place. end ends the connection when it loses its place, at once if there is no place for it;
// Enter calls end without holding a lock. The caller must call Leave in any case.
func (p *Places) Enter(source string, end func()) *Place {
	place := &Place{of: p, source: source, end: end}
	p.mu.Lock()
	place.since = p.now()
	if p.held == nil {
		p.held = make(map[*Place]struct{})
	}
	p.held[place] = struct{}{}
	victim := p.victim(source)
	if victim != nil {
		delete(p.held, victim)
	}
	p.mu.Unlock()
	if victim != nil {
		victim.end()
	}
	return place
}

func (p *Places) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

// victim chooses the connection that loses its place after a connection from a source has arrived; nil if there is room. If that source has
// more than its share, the victim is one of its connections. Otherwise it is one of the source with the most connections and recent faults
// (wrong passwords, connections without a login). Of the connections of a source, the longest idle is the victim.
func (p *Places) victim(source string) *Place {
	counts := make(map[string]int)
	friends := 0
	standings := make(map[string]Standing)
	for place := range p.held {
		if place.kept {
			continue
		}
		if counts[place.source]++; counts[place.source] == 1 && p.Standing != nil {
			standings[place.source] = p.Standing(place.source)
		}
		if standings[place.source].Friend {
			friends++
		}
	}
	same := counts[source] > p.Each
	if !same && len(p.held) <= p.All {
		return nil
	}
	// Sources with earlier logins are safe while they hold at most half the places: untrusted users must not get all places.
	sure := friends <= p.All/2
	worse := func(a, b *Place) bool {
		x, y := standings[a.source], standings[b.source]
		switch {
		case sure && x.Friend != y.Friend:
			return y.Friend
		case counts[a.source]+x.Faults != counts[b.source]+y.Faults:
			return counts[a.source]+x.Faults > counts[b.source]+y.Faults
		default:
			return a.since.Before(b.since)
		}
	}
	var victim *Place
	for place := range p.held {
		if place.kept || same && place.source != source {
			continue
		}
		if victim == nil || worse(place, victim) {
			victim = place
		}
	}
	return victim
}

// Leave releases the place.
func (p *Place) Leave() {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	delete(p.of.held, p)
}

// Touch records activity of the client.
func (p *Place) Touch() {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.since = p.of.now()
}

// Keep assigns the place to a user who has logged in. It returns false if the place was taken away, or if the user or all users together
// have reached their limit.
func (p *Place) Keep(user string, administrator bool) bool {
	q := p.of
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, held := q.held[p]; !held {
		return false // the place was taken away
	}
	if p.kept {
		return p.user == user
	}
	kept, ordinary, own := 0, 0, 0 // ordinary: of users who are not administrators
	for other := range q.held {
		if !other.kept {
			continue
		}
		kept++
		if !other.administrator {
			ordinary++
		}
		if other.user == user {
			own++
		}
	}
	if own >= q.User || kept >= q.Kept || !administrator && ordinary >= q.Kept-q.Reserved {
		return false
	}
	p.kept, p.user, p.administrator = true, user, administrator
	return true
}
