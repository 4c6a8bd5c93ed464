// SPDX-License-Identifier: GPL-3.0-only

package hook

import (
	"container/list"
	"context"
	"sync"

	"vrrpsh/engine"
)

// queueLimit is the number of events that wait for a hook before some are dropped.
const queueLimit = 256

// queue holds the events that wait for a hook.
type queue struct {
	hook engine.Hook
	wake chan struct{} // holds a value when the queue has changed

	mu     sync.Mutex
	events *list.List                   // of *engine.Event
	last   map[engine.Key]*list.Element // the newest transition of each virtual router
	lost   uint64
	ended  bool
}

func newQueue(h engine.Hook) *queue {
	return &queue{hook: h, wake: make(chan struct{}, 1), events: list.New(), last: make(map[engine.Key]*list.Element)}
}

// add appends an event. In a full queue, a transition replaces the older transition of the same virtual router, and other
// events are dropped.
func (q *queue) add(e *engine.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	full := q.events.Len() >= queueLimit
	if !e.Changes() {
		if full {
			q.lost++
			return
		}
		q.push(e)
		return
	}
	if older := q.last[e.Key]; full && older != nil {
		q.events.Remove(older)
		q.lost++
	}
	q.last[e.Key] = q.push(e)
}

func (q *queue) push(e *engine.Event) *list.Element {
	kept := *e
	at := q.events.PushBack(&kept)
	q.signal()
	return at
}

func (q *queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// finish ends the queue as soon as it is empty.
func (q *queue) finish() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.signal()
}

// next waits for the next event. ok is false at the end.
func (q *queue) next(ctx context.Context) (e *engine.Event, lost uint64, ok bool) {
	for {
		if e, lost, ok = q.take(); e != nil || !ok {
			return e, lost, ok && ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
			return nil, 0, false
		case <-q.wake:
		}
	}
}

// take returns the first event, or nil if none waits. ok is false if none will come.
func (q *queue) take() (e *engine.Event, lost uint64, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	at := q.events.Front()
	if at == nil {
		return nil, 0, !q.ended
	}
	e = q.events.Remove(at).(*engine.Event)
	if q.last[e.Key] == at {
		delete(q.last, e.Key)
	}
	lost, q.lost = q.lost, 0
	return e, lost, true
}
