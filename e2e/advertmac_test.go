// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"errors"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// TestAdvertMAC runs beside a keepalived with use_vmac and vmac_xmit_base, which does not receive adverts from the virtual MAC
// because it has that MAC itself: both are Master, and explain names the remedy. With adverts from the interface's MAC only one is
// Master.
func TestAdvertMAC(t *testing.T) {
	parallel(t)
	for _, tt := range []struct {
		name string
		g    lab.Group
	}{
		{"VRRPv2", lab.Group{VRID: 51, Version: 2, Interval: time.Second}},
		{"VRRPv3", lab.Group{VRID: 51, Version: 3, Interval: 300 * time.Millisecond}},
		{"IPv6", lab.Group{VRID: 51, Version: 3, Interval: 300 * time.Millisecond, IPv6: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := lab.New(t, 2)
			g := tt.g
			g.Macvlan, g.XmitBase = true, true
			wire := l.Capture()
			theirs, ours := l.Keepalived(l.Routers[1], g), l.Vrrpsh(bin, l.Routers[0], g)
			theirs.Start()
			wire.WaitMaster("r2", time.Now(), patience)
			ours.SetPriority(200)
			ours.Start()
			ours.WaitState("Master", patience)
			waitShow(t, ours, "show vrrp", "Rival Master is ")
			out := strings.Join(strings.Fields(ours.Show("show", "vrrp", "explain")), " ")
			for _, want := range []string{
				"with priority 100, and stays Master although this router's 200 is higher: it does not hear this router",
				"such as keepalived with use_vmac and vmac_xmit_base: \"advert-mac interface\" sends them from the MAC address of eth0",
			} {
				if !says(out, want) {
					t.Errorf("explain does not say %q:\n%s", want, out)
				}
			}

			family := ""
			if g.IPv6 {
				family = " ipv6"
			}
			since := time.Now()
			ours.Script("configure", "interface eth0 vrrp 51"+family+" advert-mac interface", "commit", "end")
			mac := l.Routers[0].MAC("eth0")
			a := wire.Wait("r1", since, patience, "an advert from the interface's MAC", func(a lab.Advert) bool { return a.MAC.String() == mac })
			gone := func(when string) {
				t.Helper()
				lab.Until(t, patience, "the keepalived is Backup "+when, func() error {
					if on := l.Routers[1].Holds(g.VIP()); on != "" {
						return errors.New("it has the address on " + on)
					}
					return nil
				})
			}
			gone("when it hears " + a.MAC.String())
			waitShow(t, ours, "show vrrp", "Advertisements come from the MAC address of the interface, "+mac)
			lab.Until(t, patience, "there is no rival", func() error {
				if out := ours.Show("show", "vrrp"); strings.Contains(out, "Rival") {
					return errors.New(out)
				}
				return nil
			})
			// Hosts still find the address at the virtual MAC.
			to := lab.VIP
			if g.IPv6 {
				to = lab.VIP6 + "%eth0"
			}
			lab.Until(t, patience, "the host reaches the address", func() error {
				_, err := l.Host.Try("ping", "-q", "-c", "1", "-W", "1", to)
				return err
			})
			if got, want := l.Host.Neighbor(g.VIP()), g.VirtualMAC().String(); got != want {
				t.Errorf("the host has %s for the address, want %s", got, want)
			}
			// keepalived hears the resignation, and the return.
			since = time.Now()
			ours.Stop()
			wire.WaitMaster("r2", since, patience)
			g.Extra = "advert_mac = \"interface\"\n"
			ours = l.Vrrpsh(bin, l.Routers[0], g)
			ours.SetPriority(200)
			ours.Start()
			ours.WaitState("Master", patience)
			gone("again")
		})
	}
}
