// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrQuota means that a user has reached the quota.
var ErrQuota = errors.New("too many at once")

// Quota limits the commands or requests that each user has in progress.
type Quota struct {
	each int
	wait time.Duration

	mu    sync.Mutex
	users map[string]*userQuota
}

// userQuota holds the places of one user.
type userQuota struct {
	places chan struct{} // holds a value for each command or request in progress
	known  int           // commands or requests in progress or waiting
}

// quotaWaiting is how many commands or requests may wait for each place of a user.
const quotaWaiting = 8

// NewQuota returns a Quota of each places per user. Further requests wait for at most wait and are then refused. If too many
// wait already, they are refused at once.
func NewQuota(each int, wait time.Duration) *Quota {
	return &Quota{each: each, wait: wait, users: make(map[string]*userQuota)}
}

// Enter waits for a place of a user. It returns a function that frees the place, or ErrQuota.
func (q *Quota) Enter(ctx context.Context, user string) (leave func(), err error) {
	u := q.user(user)
	if u == nil {
		return nil, ErrQuota
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

// user returns the quota of a user and counts the caller; nil if too many wait already.
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
