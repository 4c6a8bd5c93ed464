// SPDX-License-Identifier: GPL-3.0-only

package driver_test

import (
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vrrpsh/engine"
	"vrrpsh/engine/driver"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/fake"
)

// byHand is a Driver that the test steps, by its own clock.
type byHand struct {
	*driver.Driver
	*driver.Manual
	t   *testing.T
	now time.Time
}

func newByHand(t *testing.T, r *fake.Router, h *driver.Handover) *byHand {
	b := &byHand{t: t, now: time.Now()}
	b.Driver = driver.New(driver.Options{
		System: r.Boot(), Handover: h, Now: func() time.Time { return b.now }, Block: b.block,
	})
	var err error
	if b.Manual, err = b.Driver.Manual(); err != nil {
		t.Fatal(err)
	}
	return b
}

// block runs the Driver until ready.
func (b *byHand) block(ready func() bool) {
	for !ready() {
		b.step()
		if b.Left() {
			b.end()
		}
	}
}

func (b *byHand) step() {
	b.Turn()
	for w := b.Work(); w != nil; w = b.Work() {
		w.Do()
		w.Report()
	}
}

func (b *byHand) end() {
	b.t.Helper()
	if err := b.End(); err != nil {
		b.t.Fatal(err)
	}
}

// run lets time pass.
func (b *byHand) run(d time.Duration) {
	for end := b.now.Add(d); ; {
		b.step()
		at := b.Deadline()
		if at.IsZero() || at.After(end) {
			b.now = end
			return
		}
		if at.After(b.now) {
			b.now = at
		}
	}
}

func (b *byHand) state(t *testing.T) vrrp.State {
	t.Helper()
	s, err := b.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Routers[0].State
}

// TestManual starts, hands over and stops a router without any goroutine.
func TestManual(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	lan := newLab()
	r := lan.AddRouter("r1", netip.MustParsePrefix("10.0.0.1/24"))
	b := newByHand(t, r, nil)
	if err := b.Apply(t.Context(), engine.Config{Routers: []engine.VirtualRouter{group(1, 100)}}); err != nil {
		t.Fatal(err)
	}
	b.run(3 * time.Second)
	if s := b.state(t); s != vrrp.Backup || r.Has(virtual) {
		t.Fatalf("after 3 s it is %s", s)
	}
	b.run(time.Second)
	if s := b.state(t); s != vrrp.Master || !r.Has(virtual) {
		t.Fatalf("after 4 s it is %s", s)
	}
	if _, err := b.Driver.Manual(); err == nil {
		t.Error("it was started twice")
	}

	left, err := b.HandOver(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b = newByHand(t, r, left)
	b.run(0)
	if s := b.state(t); s != vrrp.Master || !r.Has(virtual) {
		t.Fatalf("after the hand-over it is %s", s)
	}

	lan.forget()
	b.Stop()
	b.step()
	b.end()
	if sent := lan.sent(); len(sent) != 1 || sent[0].priority != 0 || r.Has(virtual) {
		t.Errorf("at the end it has sent %v, and has the address: %t", sent, r.Has(virtual))
	}
	if _, err := b.Snapshot(t.Context()); err == nil {
		t.Error("it answers after the end")
	}
}
