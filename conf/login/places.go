// SPDX-License-Identifier: GPL-3.0-only

package login

import (
	"sync"
	"time"
)

// Places bounds the connections of clients that have not logged in, and of those that have. When there is one too many, who has the least
// claim to it loses a place, which may be the newest. Nobody keeps others out by holding connections.
type Places struct {
	// All is how many connections there are at most, and Each how many from one source.
	All, Each int
	// Kept is how many of them may be kept by users, User how many by one of them, and Reserved how many of Kept are for
	// administrators. What is kept is not taken away.
	Kept, User, Reserved int
	// Standing returns what is known of a source; nil: nothing is.
	Standing func(source string) Standing
	// Now is the clock; nil: time.Now.
	Now func() time.Time

	mu       sync.Mutex
	held     map[*Place]struct{}
	kept     int
	ordinary int // of kept: not administrators'
	users    map[string]int
}

// Place is that of one connection.
type Place struct {
	of     *Places
	source string
	end    func()

	// Under the lock of Places.
	since         time.Time // of the last that the client has done
	kept          bool
	user          string
	administrator bool
}

// Enter gives a connection from a source its place. end ends a connection whose place is taken away, at once if there is none for it; it is
// called without a lock. The place has to be left in any case.
func (p *Places) Enter(source string, end func()) *Place {
	place := &Place{of: p, source: source, end: end}
	p.mu.Lock()
	place.since = p.now()
	if p.held == nil {
		p.held, p.users = make(map[*Place]struct{}), make(map[string]int)
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

// victim chooses who has to go after a connection from a source has come, nil if there is room. The idlest goes: of the same source
// when that has more than it may have, else of the source that has the most connections, and wrong passwords and connections without a login of
// late.
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
	// Half the places are sure to those who have logged in before, and no more: whose users are not trusted has not all.
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

// Leave gives the place back.
func (p *Place) Leave() {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	delete(p.of.held, p)
	if p.kept {
		p.kept = false
		p.of.kept--
		if !p.administrator {
			p.of.ordinary--
		}
		if p.of.users[p.user]--; p.of.users[p.user] == 0 {
			delete(p.of.users, p.user)
		}
	}
}

// Touch notes that the client has done something.
func (p *Place) Touch() {
	p.of.mu.Lock()
	defer p.of.mu.Unlock()
	p.since = p.of.now()
}

// Keep makes the place a user's, who has logged in; false: the user has as many as one may, or all users have.
func (p *Place) Keep(user string, administrator bool) bool {
	q := p.of
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, held := q.held[p]; !held {
		return false // it was taken away
	}
	if p.kept && p.user == user {
		return true
	}
	if p.kept || q.users[user] >= q.User || q.kept >= q.Kept || !administrator && q.ordinary >= q.Kept-q.Reserved {
		return false
	}
	p.kept, p.user, p.administrator = true, user, administrator
	q.kept++
	if !administrator {
		q.ordinary++
	}
	q.users[user]++
	return true
}
