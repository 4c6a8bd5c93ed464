// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"sync"

	"vrrpsh/platform/feed"
)

// backlog is how many revisions a subscriber may fall behind.
const backlog = 16

// subscribers delivers commits, in order.
type subscribers struct {
	readers feed.Feed[*Revision]

	mu sync.Mutex
	// Calls of Notify functions are queued under the Manager's turn and made outside it, by one
	// goroutine at a time: they stay in order, and may use the Manager.
	queue   []func()
	calling bool
}

// publish delivers to the readers and queues a call of notify unless it is nil.
func (s *subscribers) publish(rev *Revision, notify func(*Revision)) {
	s.readers.Publish(rev)
	if notify != nil {
		s.enqueue(func() { notify(rev) })
	}
}

// enqueue queues a call after the calls of earlier commits.
func (s *subscribers) enqueue(call func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, call)
}

// notify makes the queued calls, unless another goroutine is making them.
func (s *subscribers) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calling {
		return
	}
	s.calling = true
	defer func() { s.calling = false }()
	for len(s.queue) > 0 {
		call := s.queue[0]
		s.queue = s.queue[1:]
		s.mu.Unlock()
		call()
		s.mu.Lock()
	}
}
