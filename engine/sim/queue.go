// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"container/heap"
	"time"

	"vrrpsh/engine"
)

// An event is a future event of a host: a message arrives, its kernel
// has done some work, or it checks its timers.
type event struct {
	at      time.Time
	seq     uint64 // orders events of the same time
	host    *Host
	life    int      // the host's life; if it has changed, the event is void
	message *message // a message arrives
	work    *work    // the kernel is ready
}

type message struct {
	from *Host
	send engine.Send
}

// do makes the event happen.
func (e event) do(l *LAN) {
	h := e.host
	switch {
	case e.message != nil:
		h.receive(e.message)
	case e.life != h.life:
	case e.work != nil:
		h.worked(e.work)
	case e.at.Equal(h.wakeAt):
		h.wakeAt = time.Time{}
		h.turn()
	}
}

// queue is a heap of events by time.
type queue struct {
	events events
	seq    uint64
}

func (q *queue) push(e event) {
	q.seq++
	e.seq = q.seq
	heap.Push(&q.events, &e)
}

// pop removes the first event, if its time is not after end.
func (q *queue) pop(end time.Time) (event, bool) {
	if len(q.events) == 0 || q.events[0].at.After(end) {
		return event{}, false
	}
	return *heap.Pop(&q.events).(*event), true
}

type events []*event

var _ heap.Interface = (*events)(nil)

// Len implements heap.Interface.
func (e events) Len() int { return len(e) }

// Less implements heap.Interface.
func (e events) Less(i, j int) bool {
	if !e[i].at.Equal(e[j].at) {
		return e[i].at.Before(e[j].at)
	}
	return e[i].seq < e[j].seq
}

// Swap implements heap.Interface.
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

// Push implements heap.Interface.
func (e *events) Push(x any) { *e = append(*e, x.(*event)) }

// Pop implements heap.Interface.
func (e *events) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	return x
}
