// SPDX-License-Identifier: GPL-3.0-only

package feed

import "sync"

// Send puts v into c, which must be buffered. If c is full, Send drops its oldest value.
func Send[T any](c chan T, v T) {
	for {
		select {
		case c <- v:
			return
		default:
		}
		select {
		case <-c:
		default: // the reader was faster
		}
	}
}

// Feed gives the published values to each of its readers, in order. The zero value is ready. It is safe for concurrent use.
type Feed[T any] struct {
	mu      sync.Mutex
	readers map[chan T]struct{}
	ended   bool
}

// Subscribe returns a channel that gets the values published from now on. The reader loses the oldest values when more than
// size values wait for it; size must be at least 1. The channel is closed by stop, which may be called repeatedly, and by End.
func (f *Feed[T]) Subscribe(size int) (values <-chan T, stop func()) {
	c := make(chan T, size)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		close(c)
		return c, func() {}
	}
	if f.readers == nil {
		f.readers = make(map[chan T]struct{})
	}
	f.readers[c] = struct{}{}
	return c, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if _, reads := f.readers[c]; reads {
			delete(f.readers, c)
			close(c)
		}
	}
}

// Publish gives values to all readers.
func (f *Feed[T]) Publish(values ...T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.readers {
		for _, v := range values {
			Send(c, v)
		}
	}
}

// End closes the channels of all readers. Later readers get a closed channel.
func (f *Feed[T]) End() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.readers {
		close(c)
	}
	f.readers, f.ended = nil, true
}
