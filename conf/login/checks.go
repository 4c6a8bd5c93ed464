// SPDX-License-Identifier: GPL-3.0-only

package login

import (
	"context"
	"slices"
	"sync"
)

// checks limits how many passwords are checked at a time. The source with the best standing is next, whatever the order of arrival:
// unknown clients that guess from hundreds of addresses keep no one else out.
type checks struct {
	mu      sync.Mutex
	busy    int
	waiting []*waiter // in order of arrival
}

// waiter is a password that waits for its check.
type waiter struct {
	standing Standing
	turn     chan error // receives nil when the check may begin, or the error that prevents it
}

// begin waits until a password may be checked; the caller calls end after the check.
func (c *checks) begin(ctx context.Context, s Standing) error {
	c.mu.Lock()
	if c.busy < checkLimit {
		c.busy++
		c.mu.Unlock()
		return nil
	}
	w := &waiter{s, make(chan error, 1)}
	c.waiting = append(c.waiting, w)
	if len(c.waiting) > checkQueue {
		c.remove(c.worst()).turn <- ErrTooMany
	}
	c.mu.Unlock()
	select {
	case err := <-w.turn:
		return err
	case <-ctx.Done():
	}
	c.mu.Lock()
	i := slices.Index(c.waiting, w)
	if i >= 0 {
		c.remove(i)
	}
	c.mu.Unlock()
	if i < 0 && <-w.turn == nil {
		c.end()
	}
	return ctx.Err()
}

func (c *checks) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		c.busy--
		return
	}
	c.remove(c.best()).turn <- nil
}

// best returns the index of the next waiter: of equals, the first to arrive.
func (c *checks) best() (at int) {
	for i, w := range c.waiting {
		if w.standing.Before(c.waiting[at].standing) {
			at = i
		}
	}
	return at
}

// worst returns the index of the waiter to reject: of equals, the last to arrive.
func (c *checks) worst() (at int) {
	for i, w := range c.waiting {
		if !w.standing.Before(c.waiting[at].standing) {
			at = i
		}
	}
	return at
}

func (c *checks) remove(i int) *waiter {
	w := c.waiting[i]
	c.waiting = slices.Delete(c.waiting, i, i+1)
	return w
}
