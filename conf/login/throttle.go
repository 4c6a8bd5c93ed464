// SPDX-License-Identifier: GPL-3.0-only

package login

import (
	"container/list"
	"context"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Failed logins that a source may make at once, and how often another is
// allowed: per user, and over all users.
const (
	failuresPerUser   = 5
	failuresPerSource = 20
	failureInterval   = 5 * time.Second
	// throttleEntries bounds the memory that strangers can make us use.
	throttleEntries = 10000
	// userEntries does so for the names that one source has tried.
	userEntries = 100
	// faultsPerSource is how many wrong passwords and connections without a login are remembered of a source, one less every
	// faultInterval: that is longer than any number of sources waits for another attempt.
	faultsPerSource = 100
	faultInterval   = time.Minute
	// friendTime is how long a source is known by a login.
	friendTime = 24 * time.Hour
)

// outcome is that of an attempt.
type outcome int

const (
	unknown outcome = iota // it was not made
	wrong
	right
)

// throttle slows password guessing by source, and by source and user. A source's
// logins are checked one after the other, so that nobody can keep all cores
// busy with password hashes; other sources never wait for it.
type throttle struct {
	now func() time.Time

	mu      sync.Mutex
	sources map[string]*source
	// strangers and friends are the sources by their names, the one unused longest first.
	strangers, friends *list.List
}

type source struct {
	name  string
	turn  chan struct{} // holds one token: the right to check a password
	all   *rate.Limiter
	users map[string]*rate.Limiter

	// Under the throttle's lock.
	faults   *rate.Limiter // has a token less for each
	loggedIn time.Time     // last; zero: never
	at       *list.Element // of strangers or friends
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, sources: make(map[string]*source), strangers: list.New(), friends: list.New()}
}

// enter waits for the source's turn. The caller checks the password and calls
// release with the outcome.
func (t *throttle) enter(ctx context.Context, from, user string) (release func(outcome), err error) {
	s := t.source(SourceOf(from))
	select {
	case <-s.turn:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := t.now()
	limit := s.users[user]
	if s.all.TokensAt(now) < 1 || limit != nil && limit.TokensAt(now) < 1 {
		s.turn <- struct{}{}
		return nil, ErrTooMany
	}
	return func(o outcome) {
		switch o {
		case unknown:
		case right:
			delete(s.users, user)
			t.befriend(s)
		case wrong:
			if limit == nil {
				if len(s.users) >= userEntries {
					clear(s.users) // the limit over all users goes on
				}
				limit = rate.NewLimiter(rate.Every(failureInterval), failuresPerUser)
				s.users[user] = limit
			}
			s.all.AllowN(now, 1)
			limit.AllowN(now, 1)
			t.fault(s)
		}
		s.turn <- struct{}{}
	}, nil
}

// subnet is what one host of an IPv6 network can choose its addresses from.
const subnet = 64

// SourceOf returns what attempts from an address are counted by: with IPv6 its subnet.
func SourceOf(from string) string {
	addr, err := netip.ParseAddr(from)
	if err != nil {
		return from
	}
	if addr = addr.Unmap().WithZone(""); addr.Is6() {
		if p, err := addr.Prefix(subnet); err == nil {
			return p.String()
		}
	}
	return addr.String()
}

// source returns the entry of an address, and forgets the one unused longest when there are too many: a stranger, so that nobody makes
// it forget who has logged in.
func (t *throttle) source(from string) *source {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.sources[from]; s != nil {
		t.strangers.MoveToBack(s.at) // in the list that it is in
		t.friends.MoveToBack(s.at)
		return s
	}
	for _, kind := range []*list.List{t.strangers, t.friends} {
		if len(t.sources) < throttleEntries {
			break
		}
		if oldest := kind.Front(); oldest != nil {
			delete(t.sources, kind.Remove(oldest).(*source).name)
		}
	}
	s := &source{
		name: from, turn: make(chan struct{}, 1),
		all:    rate.NewLimiter(rate.Every(failureInterval/4), failuresPerSource),
		users:  make(map[string]*rate.Limiter),
		faults: rate.NewLimiter(rate.Every(faultInterval), faultsPerSource),
	}
	s.turn <- struct{}{}
	s.at = t.strangers.PushBack(s)
	t.sources[from] = s
	return s
}

// fault notes a wrong password, or a connection without a login.
func (t *throttle) fault(s *source) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.faults.AllowN(t.now(), 1)
}

// befriend notes that somebody has logged in from a source.
func (t *throttle) befriend(s *source) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	s.loggedIn = now
	s.faults = rate.NewLimiter(rate.Every(faultInterval), faultsPerSource)
	if t.sources[s.name] == s { // it was not forgotten meanwhile
		t.strangers.Remove(s.at) // from the list that it is in
		t.friends.Remove(s.at)
		s.at = t.friends.PushBack(s)
	}
}

// Standing is what is known of a source, for those who have to choose.
type Standing struct {
	// Friend says that somebody has logged in from there.
	Friend bool
	// Faults are the wrong passwords, and the connections without a login, of late.
	Faults int
}

// Before tells whether who has this standing is served before who has another.
func (s Standing) Before(other Standing) bool {
	if s.Friend != other.Friend {
		return s.Friend
	}
	return s.Faults < other.Faults
}

// standing returns that of a source.
func (t *throttle) standing(from string) Standing {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.sources[from]
	if s == nil {
		return Standing{}
	}
	now := t.now()
	return Standing{
		Friend: !s.loggedIn.IsZero() && now.Sub(s.loggedIn) < friendTime,
		Faults: faultsPerSource - int(s.faults.TokensAt(now)),
	}
}
