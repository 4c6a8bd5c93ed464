// SPDX-License-Identifier: GPL-3.0-only

package fake

import (
	"context"
	"net/netip"
	"slices"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// claimQueue is the number of claims that wait for WatchClaims before more are lost.
const claimQueue = 256

// claimWatch is a WatchClaims in progress.
type claimWatch struct {
	addrs []netip.Addr
	heard chan platform.Claim
}

var _ platform.ClaimWatcher = (*System)(nil)

// WatchClaims implements platform.ClaimWatcher.
func (s *System) WatchClaims(ctx context.Context, addrs []netip.Addr, fn func([]platform.Claim)) error {
	w := &claimWatch{slices.Clone(addrs), make(chan platform.Claim, claimQueue)}
	unlock := s.router.lock()
	s.claims = append(s.claims, w)
	unlock()
	defer func() {
		defer s.router.lock()()
		s.claims = slices.DeleteFunc(s.claims, func(o *claimWatch) bool { return o == w })
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.ended:
			return nil
		case c := <-w.heard:
			fn([]platform.Claim{c})
		}
	}
}

// overhear reports what a frame claims.
func (s *System) overhear(k *link, p *frame.Packet) {
	if s.router.faults.NoClaims {
		return
	}
	c := platform.Claim{Link: k.index, MAC: p.SenderMAC, Times: 1}
	switch {
	case p.Kind == frame.ARP:
		c.Addr = p.SenderIP
	case p.Kind == frame.NeighborAdvertisement && p.TTL == frame.TTL && p.SenderMAC != mac{}:
		c.Addr = p.TargetIP
	default:
		return
	}
	for _, w := range s.claims {
		if slices.Contains(w.addrs, c.Addr) {
			select {
			case w.heard <- c:
			default:
			}
		}
	}
}
