// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// TestUnicast checks that the router exchanges adverts with keepalived's unicast_peer, as Master and as Backup, sends nothing
// to the multicast group, and discards adverts from other routers.
func TestUnicast(t *testing.T) {
	require(t)
	for name, g := range map[string]lab.Group{
		"v2": {Version: 2}, "v3": {Version: 3},
		// keepalived sends to IPv6 peers with the default hop limit, not 255.
		"IPv6": {Version: 3, IPv6: true, Extra: "unicast_ttl_min = 64\n"},
	} {
		t.Run(name, func(t *testing.T) {
			parallel(t)
			l := lab.New(t, 3)
			wire := l.Capture()
			g.VRID, g.Interval, g.Unicast = vrid, time.Second, l.Routers[:2]
			ours, peer := l.Vrrpsh(bin, l.Routers[0], g), l.Keepalived(l.Routers[1], g)
			reached, group, from := lab.VIP, netip.MustParseAddr("224.0.0.18"), l.Routers[1].Addr
			if g.IPv6 {
				reached, group, from = lab.VIP6Global, netip.MustParseAddr("ff02::12"), l.Routers[1].Addr6()
			}
			start := time.Now()
			ours.SetPriority(200)
			peer.SetPriority(100)
			ours.Start()
			peer.Start()
			wire.WaitMaster("r1", start, patience)
			ping := l.Ping(reached)
			ping.WaitAnswer(time.Now(), patience)
			ours.WaitState("Master", patience)
			settled := time.Now()
			for range 4 {
				wire.WaitMaster("r1", time.Now(), patience)
			}
			for _, a := range wire.Adverts("r2", settled) {
				t.Errorf("keepalived does not hear us: %v", a)
			}

			// As Backup, with another router, not a peer, that would outrank both.
			since := time.Now()
			ours.SetPriority(50)
			wire.WaitMaster("r2", since, patience)
			ours.WaitState("Backup", patience)
			multicast := g
			multicast.Unicast, multicast.Extra = nil, ""
			stranger := l.Vrrpsh(bin, l.Routers[2], multicast)
			stranger.SetPriority(254)
			settled = time.Now()
			stranger.Start()
			wire.WaitMaster("r3", settled, patience)
			for range 4 {
				wire.WaitMaster("r2", time.Now(), patience)
			}
			for _, a := range wire.Adverts("r1", settled) {
				t.Errorf("the Backup has taken over: %v", a)
			}
			lab.Until(t, patience, "the other router's adverts are counted", func() error {
				if out := ours.Show("show", "vrrp", "statistics", "|", "include", "Dropped,.peer"); strings.Fields(out)[2] == "0" {
					return fmt.Errorf("not counted: %s", out)
				}
				return nil
			})
			if out := ours.Show("show", "vrrp"); !strings.Contains(out, from+" has priority 100, last heard ") {
				t.Errorf("the peer is not shown:\n%s", out)
			}
			stranger.Stop()
			since = time.Now()
			peer.Kill()
			wire.WaitMaster("r1", since, patience)
			ours.Stop()
			for _, a := range append(wire.Adverts("r1", time.Time{}), wire.Adverts("r2", time.Time{})...) {
				if a.Dst == group {
					t.Errorf("to the multicast group: %v", a)
				}
			}
			for _, complaint := range l.Complaints("r1", wire.Frames("r1", start)) {
				t.Errorf("tshark: %s", complaint)
			}
		})
	}
}
