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
	// StateDir is the directory of the run-state file, created if missing. If empty, there is
	// no such file, and Recover finds only what is marked in the kernel.
	StateDir string
	// Logger gets warnings and debug messages; nil discards them.
	Logger *slog.Logger
	// Namespace is the file descriptor of the network namespace to work in; 0 is the
	// calling thread's. It must stay open while the System is.
	Namespace int
}

// System is the Linux kernel.
type System struct {
	log   *slog.Logger
	space namespace

	// change carries the requests of Apply, query those of Links and Watch, so that Watch
	// reports a link failure even while Apply executes thousands of requests.
	change, query *rtnetlink

	waiter   waiter
	intakes  [2]intake      // IPv4, IPv6
	joined   [2]memberships // the same
	sender   sender
	ah       ahListener
	connsMu  sync.Mutex
	conns    map[int][]*conn // open ones, by interface index
	registry registry
	routes   routeTable
	// connected are the routes to subnets of virtual addresses that may be installed.
	connected map[netip.Prefix]connectedRoute
	// own are the addresses of interfaces that are not ours: see ownAddresses.
	own map[int][]netip.Prefix
	// left is what an earlier run left and Recover could not remove.
	left    runState
	gate    gate
	owner   ownerRules
	guarded bool        // guardFilter was called
	routed  atomic.Bool // we have or had routes
	notify  atomic.Pointer[notifications]
	state   *stateFile
	// sole is true while no other router runs in this network namespace: only then is it
	// certain that objects with our mark, but not in the run-state file, are leftovers.
	sole bool
	lone int // the socket whose name shows other routers that we run
	// control is the socket for ioctls.
	control int

	applying sync.Mutex // held while the kernel is changed
	// changes are the settings of configured interfaces that we changed.
	changes map[settingKey]settingRecord

	// notifyBuffer is the size in bytes of the buffer for notifications.
	notifyBuffer int

	closing context.Context // done when Close begins
	close   context.CancelFunc
	watches sync.WaitGroup
}

var _ platform.System = (*System)(nil)

// New opens the sockets and files of a System. It fails with platform.ErrConflict if another
// router uses the run-state file, and with the kernel's error if the caller may not administer
// the network.
func New(o Options) (*System, error) {
	s := &System{log: o.Logger, space: namespace{fd: o.Namespace}, lone: -1, control: -1, sender: sender{fd: -1}, notifyBuffer: 2 * answerBuffer}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.gate.filterSocket = filterSocket{space: s.space, ids: new(sync.Map)}
	s.owner.filterSocket = s.gate.filterSocket
	s.changes = make(map[settingKey]settingRecord)
	s.conns = make(map[int][]*conn)
	for i, family := range []platform.Family{platform.IPv4, platform.IPv6} {
		s.intakes[i].init(s, family)
		s.joined[i].family = family
	}
	s.own = make(map[int][]netip.Prefix)
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
	s.gate.name = filterTableName(s.sole)
	s.owner.name = s.gate.name
	if !s.sole {
		s.log.Warn("another router runs in this network namespace")
	}
	s.warnOfCapabilities()
	return nil
}

// claimNamespace binds a name in the network namespace for the lifetime of the process. It
// returns false if another router has the name.
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

// release closes sockets and files without changing the kernel's state.
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
	s.ah.release()
	for i := range s.intakes {
		s.intakes[i].close()
		s.joined[i].release()
	}
	for _, fd := range []int{s.lone, s.control, s.sender.fd} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

func indexOf(family platform.Family) int {
	if family == platform.IPv6 {
		return 1
	}
	return 0
}

func (s *System) intake(family platform.Family) *intake { return &s.intakes[indexOf(family)] }

func (s *System) memberships(family platform.Family) *memberships { return &s.joined[indexOf(family)] }

// nameOf returns the name of an interface, for errors.
func (s *System) nameOf(link int) string {
	s.connsMu.Lock()
	defer s.connsMu.Unlock()
	for _, c := range s.conns[link] {
		return c.name
	}
	return fmt.Sprintf("interface %d", link)
}

// errClosed is returned by methods of a System after Close.
var errClosed = fmt.Errorf("network system: %w", os.ErrClosed)

// noLink turns the kernel's errors for missing interfaces into platform.ErrNoLink.
func noLink(err error) error {
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("%w (%w)", platform.ErrNoLink, err)
	}
	return err
}

// removal returns a step that removes what. If what may be left, errs gets an error.
func removal(r *request, what string, errs *[]error) step {
	return step{request: r, after: func(err error) {
		if isLeft(err) {
			*errs = append(*errs, fmt.Errorf("remove %s: %w", what, err))
		}
	}}
}

// isLeft reports whether an address or a route may still exist after the result of its removal.
func isLeft(err error) bool {
	return err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ESRCH) && !errors.Is(noLink(err), platform.ErrNoLink)
}
