// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"vrrpsh/platform"
)

// Intervals of watching.
const (
	// recheck is how often the interfaces are checked without a message: the kernel sends none, for
	// example, when an Ethernet address changes.
	recheck = 2 * time.Second
	// retryPause is the delay before the route socket is reopened after a failure.
	retryPause = 100 * time.Millisecond
)

// Links implements platform.System.
func (s *System) Links() ([]platform.Link, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Err() != nil {
		return nil, errClosed
	}
	links, err := s.list()
	if err != nil {
		return nil, err
	}
	return s.foreign(links), nil
}

// foreign returns the interfaces, by index, without the addresses that this System installed.
func (s *System) foreign(links []kernelLink) []platform.Link {
	all := make([]platform.Link, 0, len(links))
	forwards := s.kernel.forwardsIPv6()
	for i := range links {
		l := links[i].Link
		l.ForwardsIPv6 = forwards
		var addrs []netip.Prefix
		for _, p := range l.Addrs {
			if _, ours := s.installed[place{l.Index, p.Addr()}]; !ours {
				addrs = append(addrs, p)
			}
		}
		l.Addrs = addrs
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b platform.Link) int { return cmp.Compare(a.Index, b.Index) })
	return all
}

// Watch implements platform.System. A message of the route socket only triggers a look at
// everything: the list of interfaces is one system call, and a message lost because the
// socket's buffer is full does no harm, since unread messages before it trigger the same look.
func (s *System) Watch(ctx context.Context, fn func(platform.Update)) error {
	s.watches.Add(1)
	defer s.watches.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.closing, cancel)()
	told := make(map[int]platform.Link)
	for {
		err := s.watchUntilError(ctx, told, fn)
		if ctx.Err() != nil {
			return nil
		}
		s.log.Warn("lost the notifications of interfaces", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retryPause):
		}
	}
}

// follow reports the whole state and then every change, until an error. told is the state that the
// caller of Watch knows.
func (s *System) watchUntilError(ctx context.Context, told map[int]platform.Link, fn func(platform.Update)) error {
	n, err := s.kernel.notify()
	if err != nil {
		return fmt.Errorf("route socket: %w", err)
	}
	defer func() { _ = n.close() }()
	defer context.AfterFunc(ctx, func() { _ = n.close() })()
	for first := true; ; first = false {
		u, err := s.look(told, first)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		if !u.Empty() {
			fn(u)
		}
		if err := await(n); err != nil {
			return err
		}
	}
}

// await returns when there were messages about interfaces, after reading all waiting ones, or after recheck.
func await(n notifications) error {
	patience := recheck
	for {
		m, err := n.next(patience)
		switch {
		case err != nil:
			return fmt.Errorf("route socket: %w", err)
		case m == nil:
			return nil
		case concerns(m):
			patience = 0
		}
	}
}

// look returns the changes that the caller of Watch does not know yet, or with all every interface.
func (s *System) look(told map[int]platform.Link, all bool) (platform.Update, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var u platform.Update
	links, err := s.list()
	if err != nil {
		return u, err
	}
	u.Lost = s.lost(newScene(links))
	exists := make(map[int]bool, len(links))
	for _, l := range s.foreign(links) {
		exists[l.Index] = true
		if old, known := told[l.Index]; all || !known || !reflect.DeepEqual(l, old) {
			told[l.Index] = l
			u.Links = append(u.Links, l)
		}
	}
	for index := range told {
		if !exists[index] {
			delete(told, index)
			u.Gone = append(u.Gone, index)
		}
	}
	slices.Sort(u.Gone)
	return u, nil
}

// lost returns the virtual routers that lost an address, and forgets these addresses:
// if one comes back, another program has added it. If the interface itself is gone, the address is not lost,
// since it cannot be put back.
func (s *System) lost(v *scene) []platform.ID {
	var ids []platform.ID
	for at, id := range s.installed {
		if v.present[at] {
			continue
		}
		s.setInstalled(at, id, false)
		if v.links[at.link] != nil && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, platform.ID.Compare)
	return ids
}
