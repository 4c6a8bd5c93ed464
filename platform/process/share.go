// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"context"
	"runtime"
	"time"
)

// shares holds a value for each user's command or request that computes: one processor is left to the protocol.
var shares = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))

// shareTime is how long one computes before it is the turn of others that wait.
const shareTime = 10 * time.Millisecond

// Share is the right to compute for a user. However many users ask for however much, fewer of them compute at a time than there
// are processors, in turn. A nil Share is that of who need not ask.
type Share struct{ since time.Time }

// TakeShare waits for a share. Release gives it back.
func TakeShare(ctx context.Context) (*Share, error) {
	select {
	case shares <- struct{}{}:
		return &Share{time.Now()}, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Release gives the share back.
func (s *Share) Release() {
	if s != nil {
		<-shares
	}
}

// Yield lets others compute that wait, if it is time.
func (s *Share) Yield() {
	if s != nil && time.Since(s.since) > shareTime {
		s.Waiting(func() {})
	}
}

// Waiting calls f, which waits for something else than a processor, without the share.
func (s *Share) Waiting(f func()) {
	if s == nil {
		f()
		return
	}
	<-shares
	defer func() {
		shares <- struct{}{}
		s.since = time.Now()
	}()
	f()
}
