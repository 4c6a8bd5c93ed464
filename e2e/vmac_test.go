// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/e2e/lab"
)

// TestInterfaceTakesVirtualMAC checks that with vmac the interface has the virtual MAC while Master, that hosts reach the
// address there, and that the interface gets its own MAC back: as Backup, after a stop, and after a crash.
func TestInterfaceTakesVirtualMAC(t *testing.T) {
	require(t)
	for _, netdrv := range []string{"libnl", "ioctl"} {
		t.Run(netdrv, func(t *testing.T) {
			parallel(t)
			g := fast
			g.Extra = "vmac = true\nnetdrv = \"" + netdrv + "\"\n"
			l, _, v, before := solo(t, g)
			r1 := l.Routers[0]
			virtual := lab.VirtualMAC(vrid).String()
			reached := func(when string) {
				t.Helper()
				lab.Until(t, patience, "eth0 has the virtual MAC "+when, func() error {
					if r1.MAC("eth0") != virtual {
						return errNotYet
					}
					return nil
				})
				l.Host.IP("neigh flush all")
				l.Host.Run("ping", "-q", "-c", "1", "-W", "2", lab.VIP)
				if got := l.Host.Neighbor(lab.VIP); got != virtual {
					t.Errorf("%s the host's neighbor entry is %q, want %q", when, got, virtual)
				}
			}
			reached("as Master")
			// Addresses set by ioctl are on a label.
			labeled := strings.Contains(r1.Run("ip", "-4", "addr", "show", "dev", "eth0"), "eth0:51")
			if labeled != (netdrv == "ioctl") {
				t.Errorf("the address is on a label of the interface: %v", labeled)
			}
			v.Kill()
			if r1.MAC("eth0") != virtual {
				t.Error("the MAC was restored with the end of the process, so there is nothing to test")
			}
			v.Start()
			v.WaitState("Master", patience)
			reached("after a crash and restart")

			v.Script("configure", "interface eth0 vrrp 51 shutdown", "commit", "end")
			lab.Until(t, patience, "eth0 has its own MAC when the group is shut down", func() error {
				if r1.MAC("eth0") == virtual {
					return errNotYet
				}
				return nil
			})
			v.Script("configure", "no interface eth0 vrrp 51 shutdown", "commit", "end")
			v.WaitState("Master", patience)
			reached("as Master again")
			v.Stop()
			if diff := cmp.Diff(before, r1.Snapshot()); diff != "" {
				t.Errorf("the namespace after a clean stop (-before +after):\n%s", diff)
			}
		})
	}
}
