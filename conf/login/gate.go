// SPDX-License-Identifier: GPL-3.0-only

package login

import (
	"context"
	"errors"
	"time"

	"vrrpsh/conf"
	"vrrpsh/platform/process"
)

// The errors of Gate.Check, beside that of its context.
var (
	ErrTooMany = errors.New("too many failed logins, try again later")
	ErrWrong   = errors.New("wrong user or password")
)

// RetryAfter is how long somebody who was told ErrTooMany should wait.
const RetryAfter = failureInterval

// A password hash takes megabytes and a processor, on purpose. However many sources there are,
// checkLimit passwords are checked at a time, and checkQueue sources have one that waits for it.
const (
	checkLimit = 2
	checkQueue = 64
)

// Gate lets users in by their passwords, and knows of where they come from. It is safe for concurrent use.
type Gate struct {
	throttle *throttle
	memory   *memory
	checks   checks
	// verify checks a password; tests have one that takes as long as they say.
	verify func(ctx context.Context, users conf.Users, name, password string) (conf.User, bool, error)
}

// NewGate returns a Gate; now is its clock.
func NewGate(now func() time.Time) *Gate {
	return &Gate{throttle: newThrottle(now), memory: newMemory(), verify: verify}
}

// Check finds the user with this name and password. source is the address that the attempt
// comes from, without a port; its attempts are checked one after the other.
func (g *Gate) Check(ctx context.Context, users conf.Users, source, name, password string) (conf.User, error) {
	release, err := g.throttle.enter(ctx, source, name)
	if err != nil {
		return conf.User{}, err
	}
	// Behind the throttle: what is remembered can be guessed like any other password, only quicker.
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

// authenticate checks a password when it is its turn.
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

// Standing returns what is known of a source, as SourceOf names it.
func (g *Gate) Standing(source string) Standing { return g.throttle.standing(source) }

// LoggedIn notes that somebody has logged in from a source, otherwise than with a password.
func (g *Gate) LoggedIn(source string) { g.throttle.befriend(g.throttle.source(source)) }

// Fault notes a connection without a login from a source.
func (g *Gate) Fault(source string) {
	g.throttle.fault(g.throttle.source(source))
}
