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

// Gate lets users in by their passwords. It is safe for concurrent use.
type Gate struct {
	throttle *throttle
}

// NewGate returns a Gate; now is its clock.
func NewGate(now func() time.Time) *Gate { return &Gate{newThrottle(now)} }

// Check finds the user with this name and password. source is the address that the attempt
// comes from, without a port; its attempts are checked one after the other.
func (g *Gate) Check(ctx context.Context, users conf.Users, source, name, password string) (conf.User, error) {
	release, err := g.throttle.enter(ctx, source, name)
	if err != nil {
		return conf.User{}, err
	}
	user, ok := users.Authenticate(name, password)
	release(ok)
	if !ok {
		return conf.User{}, ErrWrong
	}
	return user, nil
}
