// SPDX-License-Identifier: GPL-3.0-only

package fake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"vrrpsh/platform"
)

// Errors of a System that has ended.
var (
	ErrClosed = errors.New("the system is closed")
	ErrKilled = errors.New("the system was killed")
)

// System is the router program's access to a Router.
type System struct {
	router *Router
	conns  []*conn  // in the order in which they were opened
	ready  int      // waiting packets of all conns
	given  [][]byte // payloads that the last Recv returned
	buffer []byte   // for a frame being sent
	woken  bool
	paused bool
	wake   chan struct{} // makes Wait check again
	timer  *time.Timer   // of Wait

	news    news
	watcher chan struct{} // signals news

	claims []*claimWatch

	err   error         // why the System has ended
	ended chan struct{} // closed when it has ended
}

var _ platform.System = (*System)(nil)

// news are the changes that Watch has not reported yet.
type news struct {
	links map[int]bool
	gone  []int
	lost  []platform.ID
	// routes is set when a route of a System was removed.
	routes bool
	// diverged is set when Reconcile may find something.
	diverged bool
	whole    bool // the whole state must be told
}

// Boot starts the router program. If one still runs, Boot kills it first.
func (r *Router) Boot() *System {
	defer r.lock()()
	if r.system != nil {
		r.system.end(ErrKilled)
	}
	s := &System{
		router:  r,
		wake:    make(chan struct{}, 1),
		news:    news{links: make(map[int]bool)},
		watcher: make(chan struct{}, 1),
		ended:   make(chan struct{}),
	}
	r.system = s
	return s
}

// Kill ends the program like kill -9: all its changes to the kernel stay.
func (r *Router) Kill() {
	defer r.lock()()
	if r.system != nil {
		r.system.end(ErrKilled)
	}
}

// end makes every method fail from now on.
func (s *System) end(err error) {
	if s.err != nil {
		return
	}
	s.err = err
	close(s.ended)
	s.conns = nil
	s.router.system = nil
	s.signal()
}

// Close implements platform.System.
func (s *System) Close() error {
	defer s.router.lock()()
	if s.err != nil {
		return s.err
	}
	s.end(ErrClosed)
	return s.router.releaseAll()
}

// Links implements platform.System.
func (s *System) Links() ([]platform.Link, error) {
	defer s.router.lock()()
	if s.err != nil {
		return nil, s.err
	}
	if err := s.router.try(CallLinks, "", func() {}); err != nil {
		return nil, err
	}
	return s.links(slices.Sorted(maps.Keys(s.router.links))), nil
}

// links returns the existing ones of the interfaces.
func (s *System) links(indexes []int) []platform.Link {
	var list []platform.Link
	for _, index := range indexes {
		k := s.router.links[index]
		if k == nil {
			continue
		}
		portOf := ""
		if upper := s.router.links[k.upper]; upper != nil {
			portOf = upper.name
		}
		list = append(list, platform.Link{
			Macvlan: k.parent != 0, PortOf: portOf,
			Index: k.index, Name: k.name, MAC: k.mac, MTU: k.mtu, Up: s.router.running(k), Ethernet: true, ForwardsIPv6: true,
			Parent: k.parent, Ours: k.owner != nil, Addrs: slices.Clone(k.addrs),
		})
	}
	return list
}

// Watch implements platform.System.
func (s *System) Watch(ctx context.Context, fn func(platform.Update)) error {
	unlock := s.router.lock()
	s.news.whole = true
	unlock()
	for {
		// The whole state is told even when there is nothing left of it.
		if u, whole := s.News(); whole || !u.Empty() {
			fn(u)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.ended:
			return nil
		case <-s.watcher:
		}
	}
}

// News returns what Watch would report next, and whether that is the whole state. It does not wait and is called in place
// of Watch.
func (s *System) News() (u platform.Update, whole bool) {
	defer s.router.lock()()
	told := s.news
	s.news = news{links: make(map[int]bool)}
	u = platform.Update{Gone: told.gone, Lost: told.lost, RoutesLost: told.routes, Diverged: told.diverged}
	if told.whole {
		u.Links, u.Gone = s.links(slices.Sorted(maps.Keys(s.router.links))), nil
	} else {
		u.Links = s.links(slices.Sorted(maps.Keys(told.links)))
	}
	u.Broken = s.broken(u.Links)
	for _, h := range s.router.holdings {
		h.refused = h.closed
	}
	return u, told.whole
}

// HasNews reports whether something has happened since the last News.
func (s *System) HasNews() bool {
	defer s.router.lock()()
	n := &s.news
	return n.whole || len(n.links)+len(n.gone)+len(n.lost) > 0 || n.routes || n.diverged
}

func (s *System) tell() {
	select {
	case s.watcher <- struct{}{}:
	default:
	}
}

// Wait implements platform.System.
func (s *System) Wait(until time.Time) error {
	for {
		s.router.net.mu.Lock()
		err, paused, due := s.err, s.paused, s.woken || s.ready > 0
		if err == nil && !paused {
			s.woken = false
		}
		s.router.net.mu.Unlock()
		switch {
		case err != nil:
			return err
		case !paused && due:
			return nil
		case paused || until.IsZero():
			<-s.wake
			continue
		}
		left := time.Until(until)
		if left <= 0 {
			return nil
		}
		if s.timer == nil {
			s.timer = time.NewTimer(left)
		} else {
			s.timer.Reset(left)
		}
		select {
		case <-s.wake:
		case <-s.timer.C:
		}
		s.timer.Stop()
	}
}

// Ready reports whether Wait would return at once. It is called in place of Wait.
func (s *System) Ready() bool {
	defer s.router.lock()()
	ready := s.woken || s.ready > 0
	s.woken = false
	return ready
}

// Wake implements platform.System.
func (s *System) Wake() {
	defer s.router.lock()()
	s.woken = true
	s.signal()
}

// signal makes Wait check again.
func (s *System) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Open implements platform.System.
func (s *System) Open(index int, family platform.Family, source netip.Addr) (platform.Conn, error) {
	defer s.router.lock()()
	k := s.router.links[index]
	switch {
	case s.err != nil:
		return nil, s.err
	case k == nil:
		return nil, fmt.Errorf("interface %d: %w", index, platform.ErrNoLink)
	case s.router.faults.Open != nil:
		if err := s.router.faults.Open(k.name, family); err != nil {
			return nil, err
		}
	}
	if err := s.router.try(CallOpen, k.name, func() {}); err != nil {
		return nil, err
	}
	c := &conn{system: s, link: k, family: family, source: source}
	s.conns = append(s.conns, c)
	return c, nil
}
