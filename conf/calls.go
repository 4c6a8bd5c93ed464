// SPDX-License-Identifier: GPL-3.0-only

package conf

import "sync"

// callQueue holds calls of functions that may use the Manager: they are made outside its turn, in order, by one goroutine at a time.
type callQueue struct {
	mu     sync.Mutex
	queue  []func()
	active bool // a goroutine makes the calls
}

// add queues a call after those of earlier commits.
func (q *callQueue) add(call func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queue = append(q.queue, call)
}

// run makes the queued calls, unless another goroutine is making them.
func (q *callQueue) run() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.active {
		return
	}
	q.active = true
	defer func() { q.active = false }()
	for len(q.queue) > 0 {
		call := q.queue[0]
		q.queue = q.queue[1:]
		q.mu.Unlock()
		call()
		q.mu.Lock()
	}
}
