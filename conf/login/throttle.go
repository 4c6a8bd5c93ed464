package login

import (
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
}

type source struct {
	turn  chan struct{} // holds one token: the right to check a password
	all   *rate.Limiter
	users map[string]*rate.Limiter
	used  time.Time
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, sources: make(map[string]*source)}
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

// source returns the entry of an address, and forgets the one unused longest when there are too many.
func (t *throttle) source(from string) *source {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, known := t.sources[from]
	if !known {
		if len(t.sources) >= throttleEntries {
			t.forget()
		}
		s = &source{
			turn:  make(chan struct{}, 1),
			all:   rate.NewLimiter(rate.Every(failureInterval/4), failuresPerSource),
			users: make(map[string]*rate.Limiter),
		}
		s.turn <- struct{}{}
		t.sources[from] = s
	}
	s.used = t.now()
	return s
}

func (t *throttle) forget() {
	var oldest string
	for from, s := range t.sources {
		if oldest == "" || s.used.Before(t.sources[oldest].used) {
			oldest = from
		}
	}
	delete(t.sources, oldest)
}
