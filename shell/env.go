// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"context"
	"log/slog"
	"time"

	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/report"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/journal"
)

// Manager is what a session needs of a conf.Manager.
type Manager interface {
	Running() *conf.Revision
	Edit() *conf.Candidate
	Check(c *conf.Candidate) ([]engine.Change, error)
	Commit(ctx context.Context, c *conf.Candidate, info conf.Info) (*conf.Revision, error)
	Confirm(ctx context.Context, info conf.Info) (*conf.Confirmation, error)
	Awaited() *conf.Confirmation
	Missing() []conf.Missing
	History() []*conf.Revision
	Load(n int) (*conf.File, error)
}

var _ Manager = (*conf.Manager)(nil)

// Lab is the simulated network of the demo. Routers and the links to them are
// named alike.
type Lab interface {
	// Routers returns the names that can be stopped, started, cut and restored.
	Routers() []string
	Stop(router string) error    // the router ends, handing over first
	Start(router string) error   // and comes back
	Cut(router string) error     // its link is cut
	Restore(router string) error // and mended
	// Show returns a picture of the lab as text.
	Show() string
}

// Env is the router that sessions talk to. It is shared by them and not
// changed once the first was made.
type Env struct {
	View    engine.View
	Control engine.Control
	Tap     engine.Tap // nil: no packets can be debugged
	// Load tells how the loop fares; nil: nobody knows.
	Load func(context.Context) (report.Load, error)
	// Capture calls fn with every VRRP frame on an interface until ctx ends; nil: Tap takes its place.
	Capture func(ctx context.Context, iface string, fn func(at time.Time, b []byte)) error
	Manager Manager
	// Hostname is the system's; the configured one comes first in prompts.
	Hostname string
	Version  string
	Started  time.Time
	// Path and Format are those of the configuration file, for "show startup-config".
	Path   string
	Format conf.Format
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Log receives the audit trail: who changed what; nil: none is kept.
	Log *slog.Logger
	// Journal is where Log and everything else is logged, for "show logging" and "terminal
	// monitor"; nil: nowhere.
	Journal *journal.Journal
	// Sessions knows all sessions of this router; nil: the session is on its own.
	Sessions *Sessions
	// Restart puts a new process, of what is installed by now, in this one's place. It returns what that is, or
	// why it cannot be; the session ends soon after. Nil where that is not possible.
	Restart func(ctx context.Context) (string, error)
	// Obstacles says what of the host's settings is in the way of virtual routers; nil: nobody knows.
	Obstacles func([]engine.VirtualRouter) []string
	// Connects tells that the prefix length of a virtual address brings a route to its subnet.
	Connects bool
	// NotForwarding is the setting by which the host does not forward what comes in on an interface; empty: it does. nil: nobody
	// knows.
	NotForwarding func(iface string, family vrrp.Family) string
	// Lab is nil outside the demo.
	Lab Lab
}

// User is who talks to the router.
type User struct {
	Name  string
	Level conf.Level
	// Source says where from: Console, "control socket", an address.
	Source string
	// Valid tells whether the user is still who he is under another configuration; the session
	// ends otherwise. Nil: always.
	Valid func(*conf.Config) bool
}

// Console is the Source of the user at the terminal that the router runs in.
const Console = "console"
