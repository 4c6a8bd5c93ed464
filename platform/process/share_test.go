// SPDX-License-Identifier: GPL-3.0-only

package process

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestShares checks that one processor stays free, and that a caller that waits for something else does not
// keep a share.
func TestShares(t *testing.T) {
	var taken []*Share
	for range cap(shares) {
		s, err := TakeShare(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, s)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	cancel(gone)
	if _, err := TakeShare(ctx); !errors.Is(err, gone) {
		t.Errorf("one too many: %v", err)
	}
	turns := make(chan string, 2)
	go func() {
		s, err := TakeShare(t.Context())
		turns <- fmt.Sprint("other ", err)
		s.Release()
	}()
	first := taken[0]
	first.Yield() // it is too early
	first.since = first.since.Add(-2 * shareTime)
	for len(turns) == 0 { // until the other waits
		first.Yield()
		first.since = first.since.Add(-2 * shareTime)
	}
	if got := <-turns; got != "other <nil>" {
		t.Error(got)
	}
	first.Waiting(func() {
		s, err := TakeShare(t.Context())
		if err != nil {
			t.Error(err)
		}
		s.Release()
	})
	if _, err := first.Writer(othersCompute{t}).Write([]byte("x")); err != nil {
		t.Error(err)
	}
	for _, s := range taken {
		s.Release()
	}
	var none *Share
	called := false
	none.Yield()
	none.Waiting(func() { called = true })
	none.Release()
	if !called || len(shares) != 0 {
		t.Errorf("without a share: called %t; %d are left", called, len(shares))
	}
}

// othersCompute is a reader who is slow: others get a share meanwhile.
type othersCompute struct{ t *testing.T }

func (o othersCompute) Write(b []byte) (int, error) {
	s, err := TakeShare(o.t.Context())
	s.Release()
	return len(b), err
}

func TestQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQuota(2, time.Minute)
		enter := func(user string) func() {
			t.Helper()
			leave, err := q.Enter(t.Context(), user)
			if err != nil {
				t.Fatal(err)
			}
			return leave
		}
		first, second := enter("bob"), enter("bob")
		enter("alice")()
		start := time.Now()
		if _, err := q.Enter(t.Context(), "bob"); !errors.Is(err, ErrQuota) || time.Since(start) != time.Minute {
			t.Errorf("a third: %v after %v", err, time.Since(start))
		}
		third := make(chan error, 1)
		go func() {
			leave, err := q.Enter(t.Context(), "bob")
			if err == nil {
				leave()
			}
			third <- err
		}()
		synctest.Wait()
		first()
		if err := <-third; err != nil {
			t.Errorf("a third, when the first has gone: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		enter("bob")
		for range 2 * quotaWaiting { // others wait, and are gone
			go func() {
				if _, err := q.Enter(ctx, "bob"); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		start = time.Now()
		if _, err := q.Enter(t.Context(), "bob"); !errors.Is(err, ErrQuota) || time.Since(start) != 0 {
			t.Errorf("above the limit of waiting requests: %v after %v", err, time.Since(start))
		}
		cancel()
		synctest.Wait()
		second()
		if len(q.users) != 1 {
			t.Errorf("%d users are kept, one is active", len(q.users))
		}
	})
}
