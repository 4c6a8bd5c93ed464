// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"context"
	"io"
	"runtime"
	"time"
)

// shares holds a value for each running command or request of a user. One processor is reserved for the protocol.
var shares = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1))

// shareTime is how long a command or request computes before it lets waiting ones run.
const shareTime = 10 * time.Millisecond

// Share is the right to compute for a user. The number of shares is less than the number of processors, however many users make
// requests; the users take turns. A nil Share is for callers that need no share.
type Share struct{ since time.Time }

// alone is the key of a value that WithoutShare sets.
type alone struct{}

// WithoutShare returns a context in which TakeShare returns nil at once. A simulation computes everything in one goroutine
// and must not wait.
func WithoutShare(ctx context.Context) context.Context { return context.WithValue(ctx, alone{}, true) }

// TakeShare waits for a share. Release gives it back.
func TakeShare(ctx context.Context) (*Share, error) {
	if ctx.Value(alone{}) != nil {
		return nil, nil
	}
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

// Yield lets waiting commands or requests compute once shareTime is over.
func (s *Share) Yield() {
	if s != nil && time.Since(s.since) > shareTime {
		s.Waiting(func() {})
	}
}

// Waiting releases the share while it calls f, which waits for something other than a processor.
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

// Writer returns a writer that releases the share while it writes to w, because the reader may be slow.
func (s *Share) Writer(w io.Writer) io.Writer { return unshared{s, w} }

type unshared struct {
	share *Share
	w     io.Writer
}

// Write implements io.Writer.
func (u unshared) Write(b []byte) (n int, err error) {
	u.share.Waiting(func() { n, err = u.w.Write(b) })
	return n, err
}
