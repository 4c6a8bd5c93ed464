// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"context"
	"time"
)

const (
	// pulsePause is how long the result of a health check of the engine remains valid. Every client may ask, and the
	// engine has more important work.
	pulsePause = time.Second
	// pulseLimit is how long the engine may take to answer.
	pulseLimit = 2 * time.Second
)

// pulse tells whether the engine responds.
type pulse struct{ last chan beat }

// beat is one response of the engine.
type beat struct {
	at  time.Time
	err error
}

func newPulse() pulse {
	p := pulse{make(chan beat, 1)}
	p.last <- beat{}
	return p
}

// take returns the last result, or a new one if the last one is too old. Only one caller at a time asks the engine.
func (p pulse) take(ctx context.Context, now func() time.Time, ask func(context.Context) error) error {
	var b beat
	select {
	case b = <-p.last:
	case <-ctx.Done():
		return ctx.Err()
	}
	if age := now().Sub(b.at); age < 0 || age >= pulsePause {
		// Continue even if the client cancels: the next client can use the result.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pulseLimit)
		b.err = ask(ctx)
		cancel()
		b.at = now()
	}
	p.last <- b
	return b.err
}
