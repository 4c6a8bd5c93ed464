// SPDX-License-Identifier: GPL-3.0-only

package login

import (
	"context"
	"errors"
	"time"

	"vrrpsh/conf"
	"vrrpsh/platform/process"
)

// The errors of Gate.Check, besides those of its context.
var (
	ErrTooMany = errors.New("too many failed logins, try again later")
	ErrWrong   = errors.New("wrong user or password")
)

// RetryAfter is how long a client should wait after ErrTooMany.
const RetryAfter = failureInterval

// A password hash takes megabytes and a processor by design. Whatever the number of sources, at most
// checkLimit passwords are checked at a time, and at most checkQueue sources wait.
const (
	checkLimit = 2
	checkQueue = 64
)

// Gate admits users by password and keeps the standing of their sources. It is safe for concurrent use.
type Gate struct {
	throttle *throttle
	memory   *memory
	checks   checks
	// verify checks a password; tests replace it to control its duration.
	verify func(ctx context.Context, users conf.Users, name, password string) (conf.User, bool, error)
}

// NewGate returns a Gate that uses now as its clock.
func NewGate(now func() time.Time) *Gate {
	return &Gate{throttle: newThrottle(now), memory: newMemory(), verify: verify}
}

// Check finds the user with this name and password. source is the address of the client, without a port;
// attempts from one source are checked one after the other.
func (g *Gate) Check(ctx context.Context, users conf.Users, source, name, password string) (conf.User, error) {
	release, err := g.throttle.enter(ctx, source, name)
	if err != nil {
		return conf.User{}, err
	}
	// The throttle comes first: a remembered password can be guessed like any other, only faster.
	if user, ok := g.memory.find(users, name, password); ok {
		release(right)
		return user, nil
	}
	user, ok, err := g.authenticate(ctx, users, g.Standing(SourceOf(source)), name, password)
	if err != nil {
		release(unknown)
		return conf.User{}, err
	}
	if !ok {
		release(wrong)
		return conf.User{}, ErrWrong
	}
	g.memory.add(user, password)
	release(right)
	return user, nil
}

// authenticate waits for its turn and checks a password.
func (g *Gate) authenticate(ctx context.Context, users conf.Users, s Standing, name, password string) (conf.User, bool, error) {
	if err := g.checks.begin(ctx, s); err != nil {
		return conf.User{}, false, err
	}
	defer g.checks.end()
	return g.verify(ctx, users, name, password)
}

// verify checks a password with a share of the processors.
func verify(ctx context.Context, users conf.Users, name, password string) (conf.User, bool, error) {
	share, err := process.TakeShare(ctx)
	if err != nil {
		return conf.User{}, false, err
	}
	defer share.Release()
	user, ok := users.Authenticate(name, password)
	return user, ok, nil
}

// OfferKey counts an SSH key that a client offers. It returns false if its source has offered too many. source is the address of the
// client, without a port.
func (g *Gate) OfferKey(source string) bool {
	return g.throttle.source(SourceOf(source)).keys.AllowN(g.throttle.now(), 1)
}

// Standing returns the standing of a source, named as by SourceOf.
func (g *Gate) Standing(source string) Standing { return g.throttle.standing(source) }

// LoggedIn records a login from a source by other means than a password.
func (g *Gate) LoggedIn(source string) { g.throttle.befriend(g.throttle.source(source)) }

// Fault records a connection without a login from a source.
func (g *Gate) Fault(source string) {
	g.throttle.fault(g.throttle.source(source))
}
