// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

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
	// calling thread's. It must stay open as long as the System.
	Namespace int
}

// System is the Linux kernel.
type System struct {
	log   *slog.Logger
	space namespace

	// change carries the requests of Apply, query those of Links and Watch, so that a link
	// that goes down is told while Apply works through thousands of requests.
	change, query *rtnetlink

	waiter   waiter
	ah       ahListener
	connsMu  sync.Mutex
	conns    map[int][]*conn // that are open, by interface
	registry registry
	routes   routeTable
	// connected are the routes to subnets of virtual addresses that may be there.
	connected map[netip.Prefix]connectedRoute
	// left is what an earlier run has left and Recover could not remove.
	left    runState
	gate    gate
	owner   ownerRules
	guarded bool        // guardFilter was called
	routed  atomic.Bool // there are or were routes of ours
	notify  atomic.Pointer[notifications]
	state   *stateFile
	// sole is true while no other router runs in this network namespace: only then is
	// what carries our mark, but is not in the run-state file, certain to be nobody's.
	sole bool
	lone int // the socket that says so to others
	// control is the socket of ioctls.
	control int

	applying sync.Mutex // held by what changes the kernel
	// changes are the settings of configured interfaces that we changed.
	changes map[settingKey]settingRecord

	// notifyBuffer is the size in bytes of the buffer for notifications.
	notifyBuffer int

	closing context.Context // done when Close begins
	close   context.CancelFunc
	watches sync.WaitGroup
}

var _ platform.System = (*System)(nil)

// New opens what a System needs of the kernel. It fails with platform.ErrConflict when the
// run-state file is in use by another router, and with the kernel's error when the caller may
// not administer the network.
func New(o Options) (*System, error) {
	s := &System{log: o.Logger, space: namespace{fd: o.Namespace}, lone: -1, control: -1, notifyBuffer: 2 * answerBuffer}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.gate.space = s.space
	s.owner.gate = &s.gate
	s.changes = make(map[settingKey]settingRecord)
	s.conns = make(map[int][]*conn)
	s.connected = make(map[netip.Prefix]connectedRoute)
	s.registry.init(kernelMarksAddresses())
	s.closing, s.close = context.WithCancel(context.Background())
	if err := s.space.do(func() error { return s.open(o.StateDir) }); err != nil {
		s.release()
		return nil, err
	}
	return s, nil
}

func (s *System) open(stateDir string) error {
	var err error
	if s.change, err = openRTNetlink(); err != nil {
		return err
	}
	if s.query, err = openRTNetlink(); err != nil {
		return err
	}
	if err = s.waiter.open(); err != nil {
		return err
	}
	origin, err := currentOrigin()
	if err != nil {
		return err
	}
	if s.state, err = openStateFile(stateDir, origin, s.log); err != nil {
		return err
	}
	if s.control, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	s.lone, s.sole = claimNamespace()
	s.gate.name = gateName(s.sole)
	if !s.sole {
		s.log.Warn("another router runs in this network namespace")
	}
	s.warnOfCapabilities()
	return nil
}

// claimNamespace binds a name in the network namespace that lives as long as the process. It
// is false when another router has it.
func claimNamespace() (int, bool) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, false
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: "@vrrpsh"}); err != nil {
		_ = unix.Close(fd)
		return -1, false
	}
	return fd, true
}

// Close implements platform.System.
func (s *System) Close() error {
	if s.closing.Err() != nil {
		return nil
	}
	err := s.removeAll()
	s.release()
	return err
}

// release lets go of sockets and files without touching the kernel's state.
func (s *System) release() {
	s.close()
	s.watches.Wait()
	s.waiter.close()
	s.gate.close()
	s.owner.close()
	for _, c := range []*rtnetlink{s.change, s.query} {
		if c != nil {
			c.close()
		}
	}
	if s.state != nil {
		s.state.close()
	}
	for _, fd := range []int{s.lone, s.control} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// errClosed is returned by methods of a System after Close.
var errClosed = fmt.Errorf("network system: %w", os.ErrClosed)

// noLink turns the errors by which the kernel says that an interface does not exist into
// platform.ErrNoLink.
func noLink(err error) error {
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("%w (%w)", platform.ErrNoLink, err)
	}
	return err
}
