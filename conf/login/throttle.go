// SPDX-License-Identifier: GPL-3.0-only

package login

import (
	"container/list"
	"context"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The number of failed logins that a source may make at once, and the interval after which it may make another: per user, and over all
// users.
const (
	failuresPerUser   = 5
	failuresPerSource = 20
	failureInterval   = 5 * time.Second
	// keysAtOnce is how many SSH keys a source may offer at once, and keyInterval the interval after which it may offer another. A
	// client offers every key it has.
	keysAtOnce  = 60
	keyInterval = time.Second
	// throttleEntries bounds the memory that unknown clients can make the router use.
	throttleEntries = 10000
	// userEntries bounds the number of user names remembered per source. While failuresPerSource permits as many others, the limit of
	// one name is over anyway.
	userEntries = failuresPerSource
	// faultsPerSource is the maximum number of faults (wrong passwords and connections without a login) remembered per source. One
	// fault expires every faultInterval, which is longer than a client must wait for another attempt, however many sources it uses.
	faultsPerSource = 100
	faultInterval   = time.Minute
	// friendTime is how long a source counts as a friend after a login.
	friendTime = 24 * time.Hour
)

// outcome is the outcome of an attempt.
type outcome int

const (
	unknown outcome = iota // the password was not checked
	wrong
	right
)

// throttle slows password guessing by source, and by source and user. A source's
// logins are checked one after the other, so that nobody can keep all cores
// busy with password hashes; other sources never wait for it.
type throttle struct {
	now  func() time.Time
	seed maphash.Seed

	mu      sync.Mutex
	sources map[string]*source
	// strangers and friends hold the sources, least recently used first.
	strangers, friends *list.List
}

type source struct {
	name  string
	turn  chan struct{} // holds one token: the right to check a password
	all   *rate.Limiter
	users map[uint64]*rate.Limiter // by a hash of the name, which may be long
	keys  *rate.Limiter            // each offered key takes a token

	// Guarded by throttle.mu.
	faults   *rate.Limiter // each fault takes a token
	loggedIn time.Time     // the last login; zero: never
	at       *list.Element // in strangers or friends
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, seed: maphash.MakeSeed(), sources: make(map[string]*source), strangers: list.New(), friends: list.New()}
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
	name := maphash.String(t.seed, user)
	limit := s.users[name]
	if s.all.TokensAt(now) < 1 || limit != nil && limit.TokensAt(now) < 1 {
		s.turn <- struct{}{}
		return nil, ErrTooMany
	}
	return func(o outcome) {
		switch o {
		case unknown:
		case right:
			delete(s.users, name)
			t.befriend(s)
		case wrong:
			if limit == nil {
				if len(s.users) >= userEntries {
					clear(s.users) // the limit over all users still applies
				}
				limit = rate.NewLimiter(rate.Every(failureInterval), failuresPerUser)
				s.users[name] = limit
			}
			s.all.AllowN(now, 1)
			limit.AllowN(now, 1)
			t.fault(s)
		}
		s.turn <- struct{}{}
	}, nil
}

// subnet is the prefix length from which one host of an IPv6 network can choose its addresses.
const subnet = 64

// SourceOf returns the source that counts the attempts from an address: the address, or with IPv6 its subnet.
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

// source returns the entry of an address. When there are too many entries, it forgets the least recently used one, strangers first, so
// that no client can make it forget a source that has logged in.
func (t *throttle) source(from string) *source {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.sources[from]; s != nil {
		t.strangers.MoveToBack(s.at) // MoveToBack ignores the list that does not hold s.at
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
		users:  make(map[uint64]*rate.Limiter),
		keys:   rate.NewLimiter(rate.Every(keyInterval), keysAtOnce),
		faults: rate.NewLimiter(rate.Every(faultInterval), faultsPerSource),
	}
	s.turn <- struct{}{}
	s.at = t.strangers.PushBack(s)
	t.sources[from] = s
	return s
}

// fault records a wrong password, or a connection without a login.
func (t *throttle) fault(s *source) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.faults.AllowN(t.now(), 1)
}

// befriend records a login from a source.
func (t *throttle) befriend(s *source) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	s.loggedIn = now
	s.faults = rate.NewLimiter(rate.Every(faultInterval), faultsPerSource)
	if t.sources[s.name] == s { // the source has not been forgotten meanwhile
		t.strangers.Remove(s.at) // Remove ignores the list that does not hold s.at
		t.friends.Remove(s.at)
		s.at = t.friends.PushBack(s)
	}
}

// Standing is what is known of a source. It decides which sources are served first.
type Standing struct {
	// Friend is true if a user has recently logged in from the source.
	Friend bool
	// Faults is the number of recent wrong passwords and connections without a login.
	Faults int
}

// Before reports whether a source with this standing is served before one with the other.
func (s Standing) Before(other Standing) bool {
	if s.Friend != other.Friend {
		return s.Friend
	}
	return s.Faults < other.Faults
}

// standing returns the standing of a source.
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
