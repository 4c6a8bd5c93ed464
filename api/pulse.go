// SPDX-License-Identifier: GPL-3.0-only

package api

import (
	"context"
	"time"
)

const (
	// pulsePause is how long an answer to whether the engine lives is good for. Everybody may ask, and the engine has
	// better things to do.
	pulsePause = time.Second
	// pulseLimit is how long the engine may take to answer.
	pulseLimit = 2 * time.Second
)

// pulse knows whether the engine lives.
type pulse struct{ last chan beat }

// beat is an answer of the engine.
type beat struct {
	at  time.Time
	err error
}

func newPulse() pulse {
	p := pulse{make(chan beat, 1)}
	p.last <- beat{}
	return p
}

// take returns the last answer, or a new one if that is old: one at a time asks for it.
func (p pulse) take(ctx context.Context, now func() time.Time, ask func(context.Context) error) error {
	var b beat
	select {
	case b = <-p.last:
	case <-ctx.Done():
		return ctx.Err()
	}
	if age := now().Sub(b.at); age < 0 || age >= pulsePause {
		// Not by the client's leave: the next one is glad of the answer.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pulseLimit)
		b.err = ask(ctx)
		cancel()
		b.at = now()
	}
	p.last <- b
	return b.err
}
