// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"context"
	"sync"
	"time"

	"vrrpsh/engine"
	"vrrpsh/platform"
)

// operation is a request to the goroutine that owns the Core.
type operation func(l *loop, now time.Time)

// mailbox holds the posted operations that were not carried out yet.
type mailbox struct {
	mu         sync.Mutex
	operations []operation
	// snapshots are the requests for a snapshot: one snapshot answers all.
	snapshots []chan<- *engine.Snapshot
	ended     bool
}

// post posts an operation. It returns false after end.
func (m *mailbox) post(s platform.System, op operation) bool {
	m.mu.Lock()
	ended := m.ended
	if !ended {
		m.operations = append(m.operations, op)
	}
	m.mu.Unlock()
	if !ended {
		s.Wake()
	}
	return !ended
}

// ask requests a snapshot. It returns false after end.
func (m *mailbox) ask(s platform.System, answer chan<- *engine.Snapshot) bool {
	m.mu.Lock()
	ended := m.ended
	if !ended {
		m.snapshots = append(m.snapshots, answer)
	}
	m.mu.Unlock()
	if !ended {
		s.Wake()
	}
	return !ended
}

// take returns the waiting operations. The mailbox fills the slice empty from then on.
func (m *mailbox) take(empty []operation) []operation {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.operations) == 0 {
		return empty
	}
	list := m.operations
	m.operations = empty
	return list
}

// asked returns the waiting requests for a snapshot.
func (m *mailbox) asked() []chan<- *engine.Snapshot {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.snapshots
	m.snapshots = nil
	return list
}

// end refuses further operations and drops the waiting ones.
func (m *mailbox) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.operations, m.snapshots, m.ended = nil, nil, true
}

// do posts an operation and waits until it is carried out. If do fails, the operation
// may still be carried out later.
func (d *Driver) do(ctx context.Context, op operation) error {
	done := make(chan struct{})
	if !d.mail.post(d.system, func(l *loop, now time.Time) { op(l, now); close(done) }) {
		return ErrStopped
	}
	return d.await(ctx, done)
}

// await waits for a channel to be closed.
func (d *Driver) await(ctx context.Context, done <-chan struct{}) error {
	_, err := await(ctx, d, done)
	return err
}

// await waits for a value from a channel, or for the channel to be closed.
func await[T any](ctx context.Context, d *Driver, c <-chan T) (v T, err error) {
	if d.block == nil {
		select {
		case v = <-c:
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-d.stopped:
			err = ErrStopped
		}
		return v, err
	}
	d.block(func() bool {
		select {
		case v = <-c:
			return true
		default:
		}
		select {
		case <-d.stopped:
			err = ErrStopped
		default:
			if err = context.Cause(ctx); err == nil {
				return false
			}
		}
		return true
	})
	return v, err
}
