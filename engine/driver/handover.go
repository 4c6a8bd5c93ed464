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

// Versions of the document. A release understands documents of all versions up to its own, and later documents
// that need no later version.
const (
	// handoverVersion is the version that this release writes. It must grow whenever the fields change; a test checks this.
	handoverVersion = 5
	// handoverNeeds is the oldest version whose readers can ignore the fields they do not know. It must become
	// handoverVersion with every new field that they must not ignore, and with every field whose meaning changes.
	handoverNeeds = 1
)

// Handover is the state that a Driver hands to another Driver, usually in the process that replaces this one. It
// contains secrets.
type Handover struct {
	// Version is the version of the writer. Version 1 does not write it.
	Version int `json:"Written"`
	// Needs is the oldest version that understands the document. Readers of version 1 call it Version and require 1 here.
	Needs int `json:"Version"`
	// Uptime is the value of Options.Uptime at Engine.At; 0: there is none.
	Uptime time.Duration
	Engine engine.Handover
	// System is the result of platform.System.Leave.
	System json.RawMessage
}

// ReadHandover reads a document in JSON. It decodes System into left to check that this is possible, unless left is nil. It
// returns an error if this release does not understand the document: then another program must go on, or the router starts anew.
func ReadHandover(b []byte, left any) (*Handover, error) {
	var of struct{ Written, Version int }
	if err := json.Unmarshal(b, &of); err != nil {
		return nil, fmt.Errorf("hand-over: %w", err)
	}
	switch {
	case of.Version < 1:
		return nil, errors.New("hand-over without a version")
	case of.Version > handoverVersion:
		return nil, fmt.Errorf("hand-over needs version %d, this release understands version %d", of.Version, handoverVersion)
	}
	strict := of.Written <= handoverVersion // a later release has fields that this release can ignore
	h := new(Handover)
	if err := decode(b, h, strict); err != nil {
		return nil, fmt.Errorf("hand-over: %w", err)
	}
	h.Version = max(h.Version, 1)
	if left != nil {
		if err := decode(h.System, left, strict); err != nil {
			return nil, fmt.Errorf("hand-over: state left in the kernel: %w", err)
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

// MarshalFor returns the document for a reader of a version, or an error if that reader cannot understand it.
func (h *Handover) MarshalFor(version int) ([]byte, error) {
	if h.Needs > version {
		return nil, fmt.Errorf("hand-over needs version %d, the other release understands version %d", h.Needs, version)
	}
	return json.Marshal(h)
}

// HandOver ends Run without stopping the virtual routers: no Master resigns, the kernel state stays, and
// another Driver can go on from the returned Handover. The virtual routers run until the pending kernel work is
// done; then the peers hear nothing until the other Driver begins.
func (d *Driver) HandOver(ctx context.Context) (*Handover, error) {
	if !d.mail.post(d.system, func(l *loop, _ time.Time) {
		l.leaving = true
		l.actuator.finish()
	}) {
		return nil, ErrStopped
	}
	if err := d.await(ctx, d.stopped); err != nil && !errors.Is(err, ErrStopped) {
		return nil, err
	}
	if d.left == nil {
		return nil, ErrStopped
	}
	return d.left, nil
}

// leave records the state to hand over and releases the System.
func (d *Driver) leave(l *loop) error {
	h := &Handover{Version: handoverVersion, Needs: handoverNeeds, Engine: l.core.Handover()}
	now := d.now()
	h.Engine.Rebase(now, now.Round(0)) // also corrects times recorded before the clock was set
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

// begin prepares the kernel and returns the Handover that this Driver inherits.
func (d *Driver) begin() *Handover {
	h := d.inherited
	if d.inherited = nil; h != nil { // it holds a whole configuration
		err := d.persistently(func() error { return d.system.Adopt(h.System) })
		if err == nil {
			d.date(h)
			return h
		}
		d.journal.warn("could not take over the state of the previous process; starting anew", "error", err)
	}
	if err := d.persistently(d.system.Recover); err != nil {
		d.journal.warn("could not remove everything that an earlier run left behind", "error", err)
	}
	return nil
}

// date converts the times of a hand-over to the clock of this process, which has advanced since and may have been
// set.
func (d *Driver) date(h *Handover) {
	if h.Engine.At.IsZero() || h.Uptime == 0 || d.uptime == nil {
		return
	}
	if gap := d.uptime() - h.Uptime; gap >= 0 { // otherwise the machine was rebooted meanwhile
		h.Engine.Rebase(h.Engine.At, d.now().Add(-gap))
	}
}

// inherit makes the Core go on where another Core stopped. The actuator does not run yet: nothing else
// may happen between opening the sockets and restoring the Core.
func (l *loop) inherit(now time.Time, links []platform.Link, h *engine.Handover) {
	l.config = h.Config
	l.needs = needsOf(l.config)
	l.update(now, platform.Update{Links: links})
	l.actuator.openAll()
	l.operate(now)
	l.core.Restore(now, h, &l.out)
	for i := range h.Groups {
		if g := &h.Groups[i]; g.Protocol.Mute {
			l.failing[g.Key] = true
		}
	}
	l.take(now)
	l.flush(now)
}
