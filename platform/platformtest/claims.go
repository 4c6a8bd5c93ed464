// SPDX-License-Identifier: GPL-3.0-only

package platformtest

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// claims collects what WatchClaims tells.
type claims struct {
	mu   sync.Mutex
	told []platform.Claim
	more chan struct{}
}

func (c *claims) add(batch []platform.Claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, batch...)
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// has waits until a claim was told.
func (c *claims) has(t *testing.T, what string, link int, addr netip.Addr, mac frame.MAC) {
	t.Helper()
	limit := time.After(Patience)
	for {
		c.mu.Lock()
		found := slices.ContainsFunc(c.told, func(o platform.Claim) bool { return o.Link == link && o.Addr == addr && o.MAC == mac && o.Times > 0 })
		told := slices.Clone(c.told)
		c.mu.Unlock()
		if found {
			return
		}
		select {
		case <-c.more:
		case <-limit:
			t.Fatalf("%s is not told; told are %+v", what, told)
		}
	}
}

var claimScenarios = []scenario{
	{"what other hosts claim is heard", func(t *testing.T, h Harness) {
		watcher, ok := h.System().(platform.ClaimWatcher)
		if !ok {
			t.Skip("this system hears no claims")
		}
		b := newBench(t, h)
		link := b.index(uplink)
		vip6 := netip.MustParseAddr("fe80::100")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		c := &claims{more: make(chan struct{}, 1)}
		go func() { ended <- watcher.WatchClaims(ctx, []netip.Addr{vip.Addr(), vip6}, c.add) }()
		announcement := func(addr netip.Addr, mac frame.MAC) []byte {
			t.Helper()
			f, err := frame.AppendAnnouncement(nil, &platform.Announcement{MAC: mac, Addr: addr})
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		// Until it listens.
		stop := make(chan struct{})
		var sending sync.WaitGroup
		sending.Go(func() {
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for {
				b.Peer().Send(announcement(vip.Addr(), peerMAC))
				select {
				case <-stop:
					return
				case <-tick.C:
				}
			}
		})
		c.has(t, "a gratuitous ARP request", link, vip.Addr(), peerMAC)
		close(stop)
		sending.Wait()
		// What is not about these addresses, and what we say ourselves, comes before what is waited for.
		b.Peer().Send(announcement(other.Addr(), peerMAC))
		conn, err := b.System().Open(link, platform.IPv4, source)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := b.System().Announce([]platform.Announcement{{Link: link, MAC: virtualMAC(1), Addr: vip.Addr()}}); err != nil {
			t.Fatal(err)
		}
		reply := announcement(vip.Addr(), peerMAC)
		another := frame.MAC{0x02, 0, 0, 0, 0, 0x78}
		reply[21] = 2 // the operation: a reply
		copy(reply[22:], another[:])
		b.Peer().Send(reply)
		c.has(t, "an ARP reply", link, vip.Addr(), another)
		b.Peer().Send(announcement(vip6, peerMAC))
		c.has(t, "a Neighbor Advertisement", link, vip6, peerMAC)
		c.mu.Lock()
		for _, o := range c.told {
			if o.Addr != vip.Addr() && o.Addr != vip6 || o.MAC == virtualMAC(1) {
				t.Errorf("told is %+v", o)
			}
		}
		c.mu.Unlock()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("in the end: %v", err)
		}
	}},
}
