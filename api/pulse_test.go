// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// However many clients ask for the health, the engine is asked once a second.
func TestPulseIsTakenOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, err := 0, error(nil)
		p := newPulse()
		take := func() error {
			return p.take(t.Context(), time.Now, func(context.Context) error { asked++; return err })
		}
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if err := take(); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		time.Sleep(pulsePause)
		err = errors.New("stopped")
		if got := take(); !errors.Is(got, err) || asked != 2 {
			t.Errorf("a second later: %v, asked %d times", got, asked)
		}
		// An engine that does not answer is reported as unhealthy, in time.
		time.Sleep(pulsePause)
		began := time.Now()
		got := p.take(t.Context(), time.Now, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		if !errors.Is(got, context.DeadlineExceeded) || time.Since(began) != pulseLimit {
			t.Errorf("a stuck engine: %v after %v", got, time.Since(began))
		}
	})
}
