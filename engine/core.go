package engine

import (
	"time"

	"vrrpsh/engine/vrrp"
)

// Core owns the virtual routers. It is not safe for concurrent use.
type Core struct{}

// NewCore returns a Core without virtual routers.
func NewCore(now time.Time) *Core { return &Core{} }

// Apply makes cfg the running configuration, touching only what differs.
func (c *Core) Apply(now time.Time, cfg Config, out *Output) {}

// SetLink tells of a new or changed interface.
func (c *Core) SetLink(now time.Time, link Link, out *Output) {}

// RemoveLink tells that an interface is gone.
func (c *Core) RemoveLink(now time.Time, index int, out *Output) {}

// Deliver handles one received packet. p.Payload is not kept.
func (c *Core) Deliver(now time.Time, link int, family vrrp.Family, p vrrp.Packet, out *Output) {}

// Deadline returns when Expire must be called next; the zero time if never.
func (c *Core) Deadline() time.Time { return time.Time{} }

// Expire fires every timer that is due.
func (c *Core) Expire(now time.Time, out *Output) {}

// Installed tells that the kernel state of a Desired was reached (err nil) or not.
func (c *Core) Installed(now time.Time, key Key, seq uint64, err error, out *Output) {}

// Lost tells that an installed address of a virtual router was removed from outside.
func (c *Core) Lost(now time.Time, key Key, out *Output) {}

// Resign makes a Master give up once.
func (c *Core) Resign(now time.Time, key Key, out *Output) error { return nil }

// ClearStatistics zeroes counters; see Control.
func (c *Core) ClearStatistics(match func(Key) bool) {}

// Stop shuts every virtual router down: priority 0 from each Master, nothing left in the kernel.
func (c *Core) Stop(now time.Time, out *Output) {}

// Snapshot returns the state of everything.
func (c *Core) Snapshot(now time.Time) *Snapshot { return nil }

// Plan returns what Apply would do on the way from one configuration to another, in the order of
// the new configuration, removals last.
func Plan(from, to Config) []Change { return nil }
