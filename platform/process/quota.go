// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrQuota means that a user has as much under way as one may.
var ErrQuota = errors.New("too much at once")

// Quota bounds how many commands or requests each user has under way.
type Quota struct {
	each int
	wait time.Duration

	mu    sync.Mutex
	users map[string]*userQuota
}

// userQuota is what one user has under way.
type userQuota struct {
	places chan struct{} // holds a value for each
	known  int           // who is in or waits
}

// quotaWaiting is how many wait for each place of a user.
const quotaWaiting = 8

// NewQuota returns a Quota of each per user. What is beyond that waits for a while, if not too many do, and then is refused.
func NewQuota(each int, wait time.Duration) *Quota {
	return &Quota{each: each, wait: wait, users: make(map[string]*userQuota)}
}

// Enter waits for a place of a user and returns what leaves it, or ErrQuota.
func (q *Quota) Enter(ctx context.Context, user string) (leave func(), err error) {
	u := q.user(user)
	if u == nil {
		return nil, ErrQuota
	}
	select {
	case u.places <- struct{}{}:
		return func() { <-u.places; q.forget(user, u) }, nil
	default:
	}
	t := time.NewTimer(q.wait)
	defer t.Stop()
	select {
	case u.places <- struct{}{}:
		return func() { <-u.places; q.forget(user, u) }, nil
	case <-t.C:
		err = ErrQuota
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	q.forget(user, u)
	return nil, err
}

// user returns what a user has under way, with the caller; nil if that is too much.
func (q *Quota) user(name string) *userQuota {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.users[name]
	if u == nil {
		u = &userQuota{places: make(chan struct{}, q.each)}
		q.users[name] = u
	}
	if u.known >= q.each*(1+quotaWaiting) {
		return nil
	}
	u.known++
	return u
}

func (q *Quota) forget(name string, u *userQuota) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if u.known--; u.known == 0 {
		delete(q.users, name)
	}
}
