// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"iter"
	"slices"
	"time"
)

// scheduler lets things happen one after the other in virtual time.
type scheduler struct {
	now     time.Duration // since the start
	queue   happenings
	seq     uint64
	tasks   []*task // that wait, in the order in which they began
	current *task
	// after is called after each happening and each piece of a task.
	after func()

	sum   hash.Hash64 // of the trace
	lines []string    // the trace for people, with verbose
	// verbose keeps the lines.
	verbose bool
}

func newScheduler(verbose bool) *scheduler {
	return &scheduler{sum: fnv.New64a(), verbose: verbose, after: func() {}}
}

// happening is something that happens at a time.
type happening struct {
	at  time.Duration
	seq uint64 // keeps what happens at the same time in order
	do  func()
}

// in has something happen after a time.
func (s *scheduler) in(d time.Duration, do func()) { s.at(s.now+max(d, 0), do) }

func (s *scheduler) at(t time.Duration, do func()) {
	s.seq++
	heap.Push(&s.queue, happening{max(t, s.now), s.seq, do})
}

// run lets time pass.
func (s *scheduler) run(until time.Duration) {
	for len(s.queue) > 0 && s.queue[0].at <= until {
		h := heap.Pop(&s.queue).(happening)
		s.now = h.at
		h.do()
		s.settle()
	}
	s.now = until
}

// settle goes on with the tasks that can.
func (s *scheduler) settle() {
	s.after()
	for again := true; again; {
		again = false
		for _, t := range slices.Clone(s.tasks) {
			if !t.ended && t.ready() {
				s.resume(t)
				s.after()
				again = true
			}
		}
	}
}

// note adds a line to the trace.
func (s *scheduler) note(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(s.now))
	s.sum.Write(at[:])
	s.sum.Write([]byte(line))
	if s.verbose {
		s.lines = append(s.lines, fmt.Sprintf("%12.6f %s", s.now.Seconds(), line))
	}
}

// task is a call into the program that may wait: of a commit for the kernel, for example. While it waits, everything else goes on.
type task struct {
	life   *life // that it belongs to; nil: none
	next   func() (func() bool, bool)
	stop   func()
	yield  func(func() bool) bool
	ready  func() bool
	ended  bool
	killed bool
	runs   bool
}

// killed is what ends a task whose program was killed.
type killed struct{}

// begin begins a task, and runs it until it waits.
func (s *scheduler) begin(l *life, do func()) *task {
	t := &task{life: l}
	t.next, t.stop = iter.Pull(func(yield func(func() bool) bool) {
		t.yield = yield
		defer func() {
			if r := recover(); r != nil {
				if _, ok := r.(killed); !ok {
					panic(r)
				}
			}
		}()
		do()
	})
	s.tasks = append(s.tasks, t)
	s.resume(t)
	return t
}

func (s *scheduler) resume(t *task) {
	was := s.current
	s.current, t.runs = t, true
	ready, more := t.next()
	s.current, t.runs = was, false
	if t.ready = ready; !more {
		s.end(t)
	}
}

func (s *scheduler) end(t *task) {
	t.ended = true
	s.tasks = slices.DeleteFunc(s.tasks, func(o *task) bool { return o == t })
}

// block has the task that runs wait until ready is true.
func (s *scheduler) block(ready func() bool) {
	t := s.current
	if t == nil {
		panic("sim: something waits that is no task")
	}
	if t.killed {
		panic(killed{})
	}
	if !ready() && !t.yield(ready) {
		t.killed = true
		panic(killed{})
	}
}

// sleep has the task that runs wait for a time.
func (s *scheduler) sleep(d time.Duration) {
	over := false
	s.in(d, func() { over = true })
	s.block(func() bool { return over })
}

// kill ends the tasks of a life where they are. One that runs ends when it waits or touches the disk.
func (s *scheduler) kill(l *life) {
	for _, t := range slices.Clone(s.tasks) {
		if t.life != l || t.ended {
			continue
		}
		t.killed = true
		if !t.runs {
			t.stop()
			s.end(t)
		}
	}
}

// happenings is a heap by time.
type happenings []happening

var _ heap.Interface = (*happenings)(nil)

// Len implements heap.Interface.
func (h happenings) Len() int { return len(h) }

// Less implements heap.Interface.
func (h happenings) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return h[i].seq < h[j].seq
}

// Swap implements heap.Interface.
func (h happenings) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *happenings) Push(x any) { *h = append(*h, x.(happening)) }

// Pop implements heap.Interface.
func (h *happenings) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = happening{}
	*h = (*h)[:last]
	return x
}
