package driver

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"vrrpsh/engine"
	"vrrpsh/platform"
)

// ErrStopped means that the driver no longer runs.
var ErrStopped = errors.New("the router has stopped")

// Options configure a Driver.
type Options struct {
	System platform.System
	// Logger receives events and troubles; nil: none. It is called by a goroutine of
	// its own and never delays an advert.
	Logger *slog.Logger
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Driver runs the virtual routers. It is safe for concurrent use.
type Driver struct {
	o Options
}

var (
	_ engine.View    = (*Driver)(nil)
	_ engine.Control = (*Driver)(nil)
	_ engine.Applier = (*Driver)(nil)
)

// New returns a Driver that Run starts.
func New(o Options) *Driver { return &Driver{o: o} }

// Run runs the virtual routers until ctx ends.
func (d *Driver) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Snapshot implements engine.View.
func (d *Driver) Snapshot(ctx context.Context) (*engine.Snapshot, error) { return nil, ErrStopped }

// Subscribe implements engine.View.
func (d *Driver) Subscribe() (events <-chan engine.Event, stop func()) {
	return nil, func() {}
}

// Resign implements engine.Control.
func (d *Driver) Resign(ctx context.Context, key engine.Key) error { return ErrStopped }

// ClearStatistics implements engine.Control.
func (d *Driver) ClearStatistics(ctx context.Context, match func(engine.Key) bool) error {
	return ErrStopped
}

// Apply implements engine.Applier.
func (d *Driver) Apply(ctx context.Context, cfg engine.Config) error { return ErrStopped }
