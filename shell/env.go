// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/report"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
	"vrrpsh/platform/journal"
)

// Manager is the part of conf.Manager that a session needs.
type Manager interface {
	Running() *conf.Revision
	Edit() *conf.Candidate
	Check(c *conf.Candidate) (*conf.Config, []engine.Change, error)
	Commit(ctx context.Context, c *conf.Candidate, info conf.Info) (*conf.Revision, error)
	Confirm(ctx context.Context, info conf.Info) (*conf.Confirmation, error)
	Extend(ctx context.Context, wait time.Duration, info conf.Info) (*conf.Confirmation, error)
	Awaited() *conf.Confirmation
	Missing() []conf.Missing
	History() []*conf.Revision
	Load(n int) (*conf.File, error)
}

var _ Manager = (*conf.Manager)(nil)

// Lab is the simulated network of the demo. A router and its link have the same name.
type Lab interface {
	// Routers returns the names that Stop, Start, Cut and Restore accept.
	Routers() []string
	Stop(router string) error    // stops the router after a handover
	Start(router string) error   // starts the router again
	Cut(router string) error     // cuts the router's link
	Restore(router string) error // restores the router's link
	// Show returns a picture of the lab as text.
	Show() string
}

// Env describes the router to its sessions. All sessions share it; it must not change after the
// first session is created.
type Env struct {
	View    engine.View
	Control engine.Control
	Tap     engine.Tap // nil: packets cannot be debugged
	// Load returns the load of the engine's loop; nil: unknown.
	Load func(context.Context) (report.Load, error)
	// Capture calls fn with every VRRP frame on an interface until ctx ends; nil: sessions use Tap instead.
	Capture func(ctx context.Context, iface string, fn func(at time.Time, b []byte)) error
	Manager Manager
	// Hostname is the system's hostname. Prompts prefer the configured hostname.
	Hostname string
	Version  string
	Started  time.Time
	// Path and Format describe the configuration file, for "show startup-config".
	Path   string
	Format conf.Format
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Log receives the audit trail of changes and their users; nil: there is no audit trail.
	Log *slog.Logger
	// Journal holds all log entries, including those of Log, for "show logging" and "terminal
	// monitor"; nil: there is no journal.
	Journal *journal.Journal
	// Sessions is the registry of this router's sessions; nil: the session gets its own registry.
	Sessions *Sessions
	// Preferences are the remembered settings of users; nil: nothing is remembered.
	Preferences *Preferences
	// Restart replaces this process with a new process of the installed program. It returns a description of that
	// program, or why it cannot be started; the session ends soon after. Restart is nil where this is not possible.
	Restart func(ctx context.Context) (string, error)
	// Shutdown stops this router; the session ends soon after. It is nil where this is not possible.
	Shutdown func()
	// Reload reopens the log files and makes the configuration file the running configuration, as SIGHUP does; nil where this is not
	// possible.
	Reload func(ctx context.Context, info conf.Info) (*conf.Revision, error)
	// Obstacles lists settings of the host that hinder virtual routers; nil: unknown.
	Obstacles func([]engine.VirtualRouter) []string
	// Connects tells that the prefix length of a virtual address brings a route to its subnet.
	Connects bool
	// NotForwarding is the setting by which the host does not forward what comes in on an interface; empty: it does. nil: nobody
	// knows.
	NotForwarding func(iface string, family vrrp.Family) string
	// RunProgram runs "ping" or "traceroute" of the system with arguments, without a shell, until it or ctx ends, and passes on what it writes.
	// nil: this router has no system.
	RunProgram func(ctx context.Context, name string, args []string, out io.Writer) error
	// Neighbors and Traffic return what the kernel knows of neighbours, and the counters of interfaces. nil: nobody knows.
	Neighbors func() ([]platform.Neighbor, error)
	Traffic   func() ([]platform.Traffic, error)
	// CheckPassword checks the password of a user who comes from an address, and slows down guessing. nil: there are no passwords.
	CheckPassword func(ctx context.Context, source, user, password string) error
	// Hint says why an interface is missing or has no usable address, where that is not plain; empty: nothing is known. nil: nobody knows.
	Hint func(iface string, family vrrp.Family) string
	// Lab is nil outside the demo.
	Lab Lab
}

// User is the user of a session.
type User struct {
	Name  string
	Level conf.Level
	// Source is where the user connects from: Console, "control socket" or an address.
	Source string
	// Valid tells whether the user is still valid under another configuration. If not, the session
	// ends. Nil: always valid.
	Valid func(*conf.Config) bool
	// Plain makes sessions begin in plain line mode, without a pager.
	Plain bool
	// CommitOnEnd makes "end" commit at a terminal.
	CommitOnEnd bool
}

// describe names the user to others.
func (u *User) describe() string { return fmt.Sprintf("%s (%s)", u.Name, u.Source) }

// Console is the Source of the user at the terminal in which the router runs.
const Console = "console"
