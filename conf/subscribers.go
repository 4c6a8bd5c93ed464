package conf

import "sync"

// backlog is how many revisions a subscriber may be behind.
const backlog = 16

// subscribers tells others of commits, in order.
type subscribers struct {
	mu       sync.Mutex
	channels map[chan *Revision]struct{}

	// Calls of a Notify function are queued under the Manager's turn and made outside it, by
	// one goroutine at a time: they stay in order, and may use the Manager.
	queue   []func()
	calling bool
}

func (s *subscribers) add() (<-chan *Revision, func()) {
	ch := make(chan *Revision, backlog)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels == nil {
		s.channels = map[chan *Revision]struct{}{}
	}
	s.channels[ch] = struct{}{}
	return ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, subscribed := s.channels[ch]; subscribed {
			delete(s.channels, ch)
			close(ch)
		}
	}
}

// publish delivers to the channels and queues a call of notify, if there is one.
func (s *subscribers) publish(rev *Revision, notify func(*Revision)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ch := range s.channels {
		select {
		case ch <- rev:
		default:
			select { // make room; the reader may have done so just now
			case <-ch:
			default:
			}
			ch <- rev // only this function sends, under mu
		}
	}
	if notify != nil {
		s.queue = append(s.queue, func() { notify(rev) })
	}
}

// enqueue queues a call behind those of the commits before it.
func (s *subscribers) enqueue(call func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, call)
}

// notify makes the queued calls, unless another goroutine is at it.
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
