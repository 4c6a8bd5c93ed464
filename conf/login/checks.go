// SPDX-License-Identifier: GPL-3.0-only

package login

import (
	"context"
	"slices"
	"sync"
)

// checks lets few passwords be checked at a time. Those from sources that stand best are next, whoever came first: strangers who guess
// from hundreds of addresses keep nobody else out.
type checks struct {
	mu      sync.Mutex
	busy    int
	waiting []*waiter // in the order in which they came
}

// waiter is a password that waits to be checked.
type waiter struct {
	standing Standing
	turn     chan error // gets nil when it is its turn, or why it is not
}

// begin waits until a password may be checked, and end says that it was.
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

// best returns the place of who is next: of equals, the first that came.
func (c *checks) best() (at int) {
	for i, w := range c.waiting {
		if w.standing.Before(c.waiting[at].standing) {
			at = i
		}
	}
	return at
}

// worst returns the place of who has to go: of equals, the last that came.
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
