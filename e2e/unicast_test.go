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

// TestUnicast holds that adverts are exchanged with keepalived's unicast_peer, as Master and as Backup, that nothing
// goes to the multicast group, and that who is not a peer is not heard.
func TestUnicast(t *testing.T) {
	require(t)
	for _, version := range []uint8{2, 3} {
		t.Run(fmt.Sprintf("v%d", version), func(t *testing.T) {
			parallel(t)
			l := lab.New(t, 3)
			wire := l.Capture()
			g := lab.Group{VRID: vrid, Version: version, Interval: time.Second, Unicast: []string{"192.0.2.1", "192.0.2.2"}}
			ours, peer := l.Vrrpsh(bin, l.Routers[0], g), l.Keepalived(l.Routers[1], g)
			start := time.Now()
			ours.SetPriority(200)
			peer.SetPriority(100)
			ours.Start()
			peer.Start()
			wire.WaitMaster("r1", start, patience)
			ping := l.Ping(lab.VIP)
			ping.WaitAnswer(time.Now(), patience)
			ours.WaitState("Master", patience)
			settled := time.Now()
			for range 4 {
				wire.WaitMaster("r1", time.Now(), patience)
			}
			for _, a := range wire.Adverts("r2", settled) {
				t.Errorf("keepalived does not hear us: %v", a)
			}

			// As Backup, and with a stranger who would outrank both.
			since := time.Now()
			ours.SetPriority(50)
			wire.WaitMaster("r2", since, patience)
			ours.WaitState("Backup", patience)
			multicast := g
			multicast.Unicast = nil
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
			if out := ours.Show("show", "vrrp", "statistics"); !strings.Contains(out, "peer") {
				t.Errorf("the stranger's adverts are not counted:\n%s", out)
			}
			stranger.Stop()
			since = time.Now()
			peer.Kill()
			wire.WaitMaster("r1", since, patience)
			ours.Stop()
			group := netip.MustParseAddr("224.0.0.18")
			for _, a := range append(wire.Adverts("r1", time.Time{}), wire.Adverts("r2", time.Time{})...) {
				if a.Dst == group {
					t.Errorf("to the multicast group: %v", a)
				}
			}
		})
	}
}
