package login

import (
	"context"
	"errors"
	"time"

	"vrrpsh/conf"
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

// Gate lets users in by their passwords. It is safe for concurrent use.
type Gate struct {
	throttle *throttle
	memory   *memory
	queue    chan struct{} // has a value for each password that is checked or waits for that
	checks   chan struct{} // has a value for each that is checked
}

// NewGate returns a Gate; now is its clock.
func NewGate(now func() time.Time) *Gate {
	return &Gate{newThrottle(now), newMemory(), make(chan struct{}, checkLimit+checkQueue), make(chan struct{}, checkLimit)}
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
	free, err := g.begin(ctx)
	if err != nil {
		release(unknown)
		return conf.User{}, err
	}
	user, ok := users.Authenticate(name, password)
	free()
	if !ok {
		release(wrong)
		return conf.User{}, ErrWrong
	}
	g.memory.add(user, password)
	release(right)
	return user, nil
}

// begin waits until a password may be checked.
func (g *Gate) begin(ctx context.Context) (free func(), err error) {
	select {
	case g.queue <- struct{}{}:
	default:
		return nil, ErrTooMany
	}
	select {
	case g.checks <- struct{}{}:
		return func() { <-g.checks; <-g.queue }, nil
	case <-ctx.Done():
		<-g.queue
		return nil, ctx.Err()
	}
}
