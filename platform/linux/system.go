//go:build linux

package linux

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"vrrpsh/platform"
)

// Options configure a System.
type Options struct {
	// StateDir is the directory of the run-state file. It is made when missing. Empty: no
	// such file is kept, and Recover finds only what is marked in the kernel.
	StateDir string
	// Logger gets warnings and debug messages; nil: none.
	Logger *slog.Logger
	// Namespace is the file descriptor of the network namespace to work in; 0 is the
	// calling thread's. It is not closed.
	Namespace int
}

// System is the Linux kernel.
type System struct{}

var _ platform.System = (*System)(nil)

// New opens what a System needs of the kernel.
func New(Options) (*System, error) { return nil, platform.ErrUnsupported }

// Recover implements platform.System.
func (s *System) Recover() error { return nil }

// Links implements platform.System.
func (s *System) Links() ([]platform.Link, error) { return nil, nil }

// Watch implements platform.System.
func (s *System) Watch(context.Context, func(platform.Update)) error { return nil }

// Open implements platform.System.
func (s *System) Open(int, platform.Family, netip.Addr) (platform.Conn, error) { return nil, nil }

// Wait implements platform.System.
func (s *System) Wait(time.Time) error { return nil }

// Wake implements platform.System.
func (s *System) Wake() {}

// Apply implements platform.System.
func (s *System) Apply([]platform.Attachment) []error { return nil }

// Close implements platform.System.
func (s *System) Close() error { return nil }
