// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"vrrpsh/engine"
	"vrrpsh/platform"
)

// Versions of the document. Documents of all versions up to its own are understood by a release, and those of later ones
// that need no later one.
const (
	// handoverVersion is what this release writes. It grows whenever the fields change, as a test holds.
	handoverVersion = 4
	// handoverNeeds is the oldest version whose readers can do without what it does not know. It becomes
	// handoverVersion with every field that they would have to know, and with every one that means something else.
	handoverNeeds = 1
)

// Handover is what a Driver hands to another one, in the process that takes this one's place as a rule. It
// has secrets in it.
type Handover struct {
	// Version is that of who has written it. The first one does not say.
	Version int `json:"Written"`
	// Needs is the oldest version that understands it. Readers of version 1 call it Version, and want a 1 here.
	Needs int `json:"Version"`
	// Uptime is that of Options when Engine.At was; 0: there is none.
	Uptime time.Duration
	Engine engine.Handover
	// System is what platform.System.Leave said.
	System json.RawMessage
}

// ReadHandover reads what was marshaled as JSON. System is read into left, to see that it can be; nil: it is not. It is an
// error if this release would not understand all of it: then somebody else has to go on, or the router starts anew.
func ReadHandover(b []byte, left any) (*Handover, error) {
	var of struct{ Written, Version int }
	if err := json.Unmarshal(b, &of); err != nil {
		return nil, fmt.Errorf("hand-over: %w", err)
	}
	switch {
	case of.Version < 1:
		return nil, errors.New("hand-over: it has no version")
	case of.Version > handoverVersion:
		return nil, fmt.Errorf("hand-over that needs version %d: this release understands version %d", of.Version, handoverVersion)
	}
	strict := of.Written <= handoverVersion // a later release has fields that this one can do without
	h := new(Handover)
	if err := decode(b, h, strict); err != nil {
		return nil, fmt.Errorf("hand-over: %w", err)
	}
	h.Version = max(h.Version, 1)
	if left != nil {
		if err := decode(h.System, left, strict); err != nil {
			return nil, fmt.Errorf("hand-over: what is left in the system: %w", err)
		}
	}
	return h, nil
}

func decode(b []byte, v any, strict bool) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if strict {
		d.DisallowUnknownFields()
	}
	return d.Decode(v)
}

// MarshalFor returns the document for a reader that is of a version, if it can understand it.
func (h *Handover) MarshalFor(version int) ([]byte, error) {
	if h.Needs > version {
		return nil, fmt.Errorf("hand-over that needs version %d: the other release understands version %d", h.Needs, version)
	}
	return json.Marshal(h)
}

// HandOver ends Run in another way than the end of its context does: no Master resigns, the kernel stays as it
// is, and what it returns lets another Driver go on. The virtual routers go on until the kernel work that is under way is
// done; then the peers hear nothing until that one begins.
func (d *Driver) HandOver(ctx context.Context) (*Handover, error) {
	if !d.mail.post(d.system, func(l *loop, _ time.Time) {
		l.leaving = true
		l.actuator.finish()
	}) {
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
	h := &Handover{Version: handoverVersion, Needs: handoverNeeds, Engine: l.core.Handover()}
	now := d.now()
	h.Engine.Rebase(now, now.Round(0)) // what was noted before the clock was set, too
	if d.uptime != nil {
		h.Uptime = d.uptime()
	}
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
		err := persistently(func() error { return d.system.Adopt(h.System) })
		if err == nil {
			d.date(h)
			return h
		}
		d.journal.warn("could not take over what the process before has left; starting anew", "error", err)
	}
	if err := persistently(d.system.Recover); err != nil {
		d.journal.warn("could not remove all that an earlier run left behind", "error", err)
	}
	return nil
}

// date tells the moments of a hand-over by the clock of this process, which may have been set since, and has not
// stood still either.
func (d *Driver) date(h *Handover) {
	if h.Engine.At.IsZero() || h.Uptime == 0 || d.uptime == nil {
		return
	}
	if gap := d.uptime() - h.Uptime; gap >= 0 { // otherwise the machine was started meanwhile
		h.Engine.Rebase(h.Engine.At, d.now().Add(-gap))
	}
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
	for _, r := range l.core.Snapshot(now).Routers {
		if r.Mute {
			l.failing[r.Config.Key] = true
		}
	}
	l.take(now)
	l.flush(now)
}
