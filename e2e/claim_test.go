// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"vrrpsh/e2e/lab"
	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// TestClaimedAddress has another station claim the virtual addresses of a Master, by ARP and Neighbor Discovery: hosts that have followed it
// come back, and the router says who it was.
func TestClaimedAddress(t *testing.T) {
	parallel(t)
	l := lab.New(t, 2)
	v4, v6 := fast, fast6
	v6.VRID = vrid + 1
	r1 := l.VrrpshFile(bin, l.Routers[0], v4.Table(200)+"\n"+v6.Table(200))
	r1.Start()
	evil := net.HardwareAddr{0x02, 0xbe, 0xef, 0, 0, 1}
	neighbor := func(addr string) string {
		fields := strings.Fields(l.Host.Run("ip", "neigh", "show", addr, "dev", "eth0"))
		for i, word := range fields {
			if word == "lladdr" && i+1 < len(fields) {
				return fields[i+1]
			}
		}
		return ""
	}
	for _, addr := range []string{lab.VIP, lab.VIP6} {
		to := addr
		if strings.Contains(addr, ":") {
			to += "%eth0"
		}
		var own string
		lab.Until(t, patience, "the host knows "+addr, func() error {
			if _, err := l.Host.Try("ping", "-c", "1", "-W", "1", to); err != nil {
				return err
			}
			if own = neighbor(addr); own == "" {
				return errNotYet
			}
			return nil
		})
		f, err := frame.AppendAnnouncement(nil, &platform.Announcement{MAC: [6]byte(evil), Addr: netip.MustParseAddr(addr), Router: true})
		if err != nil {
			t.Fatal(err)
		}
		var said string
		lab.Until(t, patience, "the claim of "+addr+" is shown", func() error {
			l.Inject(l.Routers[1], f)
			if said = r1.Show("show", "vrrp"); !strings.Contains(said, fmt.Sprintf("Virtual IP address %s is claimed by another host, %s", addr, evil)) {
				return fmt.Errorf("it says\n%s", said)
			}
			return nil
		})
		lab.Until(t, patience, "the host has come back to the Master of "+addr, func() error {
			if now := neighbor(addr); now != own {
				return fmt.Errorf("it has %s, want %s", now, own)
			}
			return nil
		})
	}
	if text := r1.Show("show", "vrrp", "statistics"); strings.Contains(text, "Addresses claimed by other hosts       0\n") {
		t.Errorf("statistics:\n%s", text)
	}
	if !strings.Contains(r1.Log(), evil.String()+" also claims the virtual address") {
		t.Error("the log does not say it")
	}
}
