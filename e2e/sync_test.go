// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// TestSyncGroup runs a router on two segments, in one sync group, beside a keepalived that does the same. When a link fails
// on one side, both sides move to the other router, and move back when the link returns, without oscillating.
func TestSyncGroup(t *testing.T) {
	const interval = 300 * time.Millisecond
	near := lab.Group{VRID: vrid, Version: 3, Interval: interval}
	far := lab.Group{VRID: vrid + 1, Version: 3, Interval: interval, Second: true}
	for name, ours := range map[string]int{"vrrpsh is better": 0, "keepalived is better": 1} {
		t.Run(name, func(t *testing.T) {
			parallel(t)
			l := lab.NewDouble(t, 2)
			wire := l.Capture()
			extra := func(g lab.Group) lab.Group {
				g.Extra = "sync_group = \"edge\"\n"
				return g
			}
			priority := []uint8{200, 100}
			us, better, other := l.Routers[ours], l.Routers[0], l.Routers[1]
			router := l.VrrpshFile(bin, us, extra(near).Table(priority[ours])+"\n"+extra(far).Table(priority[ours]))
			peer := l.KeepalivedSync(l.Routers[1-ours], near, far)
			peer.SetPriority(priority[1-ours])
			start := time.Now()
			begin := []lab.Router{router, peer}
			for _, r := range []lab.Router{begin[ours], begin[1-ours]} { // the better one first
				r.Start()
				wire.WaitMaster(better.SecondPort(), start, patience)
			}
			router.WaitReady()
			pings := []*lab.Pinger{l.Ping(lab.VIP), l.Ping(lab.VIP2)}

			// master waits until a router has both addresses, alone, and the host reaches them.
			master := func(when string, n *lab.Namespace) {
				t.Helper()
				lab.Until(t, patience, when+": both addresses are on "+n.Role, func() error {
					for _, r := range l.Routers {
						for _, addr := range []string{lab.VIP, lab.VIP2} {
							if (r.Holds(addr) != "") != (r == n) {
								return errNotYet
							}
						}
					}
					return nil
				})
				for _, p := range pings {
					p.WaitAnswer(time.Now(), patience)
				}
				state := map[bool]string{true: "Master", false: "Backup"}[us == n]
				if us != n && strings.HasSuffix(when, "link cut") {
					state = "Init"
				}
				lab.Until(t, patience, fmt.Sprintf("%s: both of vrrpsh's are %s", when, state), func() error {
					all, err := router.TryStatus()
					if err != nil || len(all) != 2 || all[0].State != state || all[1].State != state {
						return fmt.Errorf("the API has %+v: %w", all, errors.Join(err, errNotYet))
					}
					return nil
				})
			}
			master("at first", better)

			l.CutPort(better.SecondPort())
			master("with a link cut", other)
			if ours == 0 {
				if out := router.Show("show", "vrrp", "explain"); !strings.Contains(out, "eth1") || !strings.Contains(out, "sync group") {
					t.Errorf("show vrrp explain does not give the reason:\n%s", out)
				}
			}
			l.JoinPort(better.SecondPort())
			master("with the link back", better)
			l.Cut(better)
			master("with the other link cut", other)
			l.Join(better)
			master("with both back", better)

			// The Master does not change again.
			quiet := time.Now()
			for range 6 {
				for _, port := range []string{better.Role, better.SecondPort()} {
					wire.WaitMaster(port, time.Now(), patience)
				}
			}
			for _, port := range []string{other.Role, other.SecondPort()} {
				for _, a := range wire.Adverts(port, quiet) {
					t.Errorf("%v although %s is Master", a, better.Role)
				}
			}
			for _, vr := range []uint8{near.VRID, far.VRID} {
				var adverts []lab.Advert
				for _, a := range wire.Adverts("", start) {
					if a.VRID == vr {
						adverts = append(adverts, a)
					}
				}
				var want []string
				for _, n := range []*lab.Namespace{better, other, better, other, better} {
					want = append(want, map[uint8]string{near.VRID: n.Role, far.VRID: n.SecondPort()}[vr])
				}
				if got := lab.Successions(adverts); !slices.Equal(got, want) {
					t.Errorf("group %d: the Masters were %q, want %q", vr, got, want)
				}
			}
			router.Stop()
		})
	}
}
