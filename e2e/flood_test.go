// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// TestFloodOfOneLink floods one of three links of a Master, and of a Backup, with as many adverts as the machine can make, of each
// kind: on the other links no advert is late and nothing changes.
func TestFloodOfOneLink(t *testing.T) {
	require(t)
	const rate, size = 200000, 300000
	f := lab.Fleet{Links: 3, PerLink: 1, Interval: 100 * time.Millisecond, Preempt: true}
	l := lab.NewPair(t, f.Links)
	r1, r2 := l.Routers[0], l.Routers[1]
	master := l.Crew(lab.KindVrrpsh, bin, r1, f, 200).Vrrpsh
	backup := l.Crew(lab.KindVrrpsh, bin, r2, f, 100).Vrrpsh
	elsewhere := func(v *lab.Vrrpsh) (n int) {
		for line := range strings.Lines(v.Log()) {
			if strings.Contains(line, "became") && !strings.Contains(line, "interface=eth0") {
				n++
			}
		}
		return n
	}
	lab.Until(t, patience, "three Masters and three Backups", func() error {
		for v, state := range map[*lab.Vrrpsh]string{master: "MASTER", backup: "BACKUP"} {
			if text := v.Show("show", "vrrp", "brief"); strings.Count(text, state) != f.Links {
				return fmt.Errorf("%s shows\n%s", v.Name, text)
			}
		}
		return nil
	})
	before := map[*lab.Vrrpsh]int{master: elsewhere(master), backup: elsewhere(backup)}
	base := lab.Forged{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 0x66}, Src: netip.MustParseAddr("10.0.0.66"), Version: 3, VRID: 1, Priority: 150,
		Interval: f.Interval, VIP: f.Addrs()[0]}
	for _, kind := range []struct {
		name   string
		change func(*lab.Forged)
	}{
		{"valid", func(*lab.Forged) {}},
		{"priority 0", func(f *lab.Forged) { f.Priority = 0 }},
		{"TTL", func(f *lab.Forged) { f.TTL = 254 }},
		{"checksum", func(f *lab.Forged) { f.BadChecksum = true }},
		{"unknown VRID", func(f *lab.Forged) { f.VRID = 9 }},
	} {
		forged := base
		kind.change(&forged)
		flood := func(from *lab.Namespace) (*lab.Junk, func()) {
			j := l.JunkFrom(from, "eth0", rate, [][]byte{forged.Frame()})
			return j, func() {
				lab.Until(t, patience, "the flood is over", func() error {
					if n := j.Sent(); n < size {
						return fmt.Errorf("%d were sent", n)
					}
					return nil
				})
				j.Stop()
			}
		}
		for attempt := 1; ; attempt++ {
			wire := l.CaptureAt(r2)
			began := time.Now()
			j, over := flood(r2)
			over()
			wire.Stop()
			var late []time.Duration
			for _, port := range []string{"eth1", "eth2"} {
				late = append(late, lateness(wire.Adverts(port, began), f.Interval)...)
			}
			longest := time.Duration(0)
			for _, d := range late {
				longest = max(longest, d)
			}
			t.Logf("%s: %d in %s; of %d adverts on the other links the latest was %s late", kind.name, j.Sent(),
				time.Since(began).Round(time.Millisecond), len(late), longest)
			if longest <= junkDelay {
				break
			}
			if attempt == junkAttempts {
				t.Errorf("%s: an advert on another link was %s late", kind.name, longest)
				break
			}
		}
		_, over := flood(r1)
		over()
		for v, n := range before {
			if now := elsewhere(v); now != n {
				t.Errorf("%s: %s changed its state %d times on the other links", kind.name, v.Name, now-n)
				before[v] = now
			}
		}
	}
}
