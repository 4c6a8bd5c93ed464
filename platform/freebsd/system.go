// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"vrrpsh/platform"
	"vrrpsh/platform/runstate"
)

// Options configure a System.
type Options struct {
	// StateDir is the directory of the run-state file. It is created if missing. Empty: no
	// such file is kept, and Recover finds nothing.
	StateDir string
	// Logger gets warnings and debug messages; nil: none.
	Logger *slog.Logger
}

// System is the FreeBSD kernel.
type System struct {
	log    *slog.Logger
	kernel kernel
	state  *runstate.File
	boot   string // identifies this boot

	// mu is held while the interface list is fetched and compared with the fields below, and while
	// these fields and the kernel are changed. So they agree, except for changes by other programs.
	mu      sync.Mutex
	entries map[platform.ID]*entry
	// installed are the addresses that this System installed.
	installed map[place]platform.ID
	// macs are the interfaces that have a virtual MAC instead of their own.
	macs map[int]macChange

	// conns are the open ones; turn says which of them is read next.
	connsMu sync.Mutex
	conns   []*conn
	turn    int
	// backlog is the number of Conns with packets that were already read from the device.
	backlog atomic.Int32

	closing context.Context // done when Close starts
	close   context.CancelFunc
	watches sync.WaitGroup
}

var _ platform.System = (*System)(nil)

// place is an address on an interface.
type place struct {
	link int
	addr netip.Addr
}

// macChange is an interface's MAC before and after the change, and its virtual router.
type macChange struct {
	original, virtual [6]byte
	router            platform.ID
}

func newSystem(k kernel, boot string, o Options) (*System, error) {
	s := &System{
		log: o.Logger, kernel: k, boot: boot,
		entries:   make(map[platform.ID]*entry),
		installed: make(map[place]platform.ID),
		macs:      make(map[int]macChange),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.state, err = runstate.Open(o.StateDir, "run-state", s.log); err != nil {
		return nil, err
	}
	s.closing, s.close = context.WithCancel(context.Background())
	return s, nil
}

// Close implements platform.System.
func (s *System) Close() error {
	if s.closing.Err() != nil {
		return nil
	}
	s.close()
	err := s.removeAll()
	s.release()
	return err
}

// release closes files and sockets without touching the kernel's state.
func (s *System) release() {
	s.close()
	s.watches.Wait()
	s.kernel.close()
	s.state.Close()
}

// Wait implements platform.System.
func (s *System) Wait(until time.Time) error {
	if s.backlog.Load() > 0 {
		return nil
	}
	return s.kernel.wait(until)
}

// Wake implements platform.System.
func (s *System) Wake() { s.kernel.wake() }

// list fetches the interfaces with all addresses. The caller holds s.mu.
func (s *System) list() ([]kernelLink, error) {
	b, err := s.kernel.interfaces()
	if err != nil {
		return nil, fmt.Errorf("interface list: %w", err)
	}
	links, err := parseInterfaces(b)
	if err != nil {
		return nil, fmt.Errorf("interface list: %w", err)
	}
	byName := make(map[string]int, len(links))
	for i := range links {
		byName[links[i].Name] = links[i].Index
	}
	for i := range links {
		if links[i].vlan {
			links[i].Parent = byName[s.kernel.parent(links[i].Name)]
		}
	}
	return links, nil
}

func describe(id platform.ID) string {
	return fmt.Sprintf("IPv%d virtual router %d on %s", id.Family, id.VRID, id.Link)
}

// refused returns the error for an unsupported feature, with what to do instead.
func refused(what, instead string) error {
	return fmt.Errorf("%s: %w (%s)", what, platform.ErrUnsupported, instead)
}

func ignoreNoLink(err error) error {
	if errors.Is(noLink(err), platform.ErrNoLink) {
		return nil
	}
	return err
}
