package driver

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"vrrpsh/engine"
	"vrrpsh/platform"
)

// handoverVersion is that of the document. It grows when what an earlier release wrote would be
// misunderstood; fields that are added or missing are no reason.
const handoverVersion = 1

// Handover is what a Driver hands to another one, in the process that takes this one's place as a rule. It
// has secrets in it.
type Handover struct {
	Version int
	Engine  engine.Handover
	// System is what platform.System.Leave said.
	System json.RawMessage
}

// ReadHandover reads what was marshaled as JSON. It is an error if another release has written it
// in a way that this one cannot understand: then the router starts anew.
func ReadHandover(b []byte) (*Handover, error) {
	var version struct{ Version int }
	if err := json.Unmarshal(b, &version); err != nil {
		return nil, fmt.Errorf("hand-over: %w", err)
	}
	if version.Version != handoverVersion {
		return nil, fmt.Errorf("hand-over of version %d: this release understands version %d", version.Version, handoverVersion)
	}
	h := new(Handover)
	if err := json.Unmarshal(b, h); err != nil {
		return nil, fmt.Errorf("hand-over: %w", err)
	}
	return h, nil
}

// HandOver ends Run in another way than the end of its context does: no Master resigns, the kernel stays as it
// is, and what it returns lets another Driver go on. The peers hear nothing until that
// one begins.
func (d *Driver) HandOver(ctx context.Context) (*Handover, error) {
	if !d.mail.post(d.system, func(l *loop, _ time.Time) { l.leaving = true }) {
		return nil, ErrStopped
	}
	select {
	case <-d.stopped:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if d.left == nil {
		return nil, ErrStopped
	}
	return d.left, nil
}

// leave notes what is to be handed over, and lets go of the System.
func (d *Driver) leave(l *loop) error {
	h := &Handover{Version: handoverVersion, Engine: l.core.Handover()}
	left, err := d.system.Leave()
	if err != nil {
		return fmt.Errorf("hand over: %w", err)
	}
	h.System = left
	d.left = h
	return nil
}

// begin makes the kernel ready, and returns what this Driver inherits.
func (d *Driver) begin() *Handover {
	h := d.inherited
	if d.inherited = nil; h != nil { // it holds a whole configuration
		err := d.system.Adopt(h.System)
		if err == nil {
			return h
		}
		d.journal.warn("could not take over what the process before has left; starting anew", "error", err)
	}
	if err := d.system.Recover(); err != nil {
		d.journal.warn("could not remove all that an earlier run left behind", "error", err)
	}
	return nil
}

// inherit makes the Core go on where another one has stopped. The actuator does not run yet: nothing
// may happen between the sockets' opening and that.
func (l *loop) inherit(now time.Time, links []platform.Link, h *engine.Handover) {
	l.config = h.Config
	l.needs = needsOf(l.config)
	l.update(now, platform.Update{Links: links})
	l.actuator.openAll()
	l.operate(now)
	l.core.Restore(now, h, &l.out)
	l.take(now)
	l.flush()
}
