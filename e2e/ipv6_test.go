// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// derived6 is the link-local address derived from the IPv6 virtual MAC.
const derived6 = "fe80::200:5eff:fe00:233"

// bothFamilies is group 51 in IPv4 and IPv6, with only a global address.
func bothFamilies(priority uint8) string {
	v4 := fast
	v4.Macvlan = true
	return v4.Table(priority) + fmt.Sprintf(`
[[vrouter]]
group = %d
interface = "eth0"
vip = "%s/64"
priority = %d
preemption = true
advertise_interval = "200ms"
iftype = "macvlan"
garp_refresh = "1s"
`, vrid, lab.VIP6Global, priority)
}

// TestIPv6 runs both families of one group side by side. The host's default router is the link-local address
// derived from the virtual MAC: it is the same neighbor under either Master, and the Backup sends nothing.
func TestIPv6(t *testing.T) {
	parallel(t)
	l := lab.New(t, 2)
	wire := l.Capture()
	r1 := l.VrrpshFile(bin, l.Routers[0], bothFamilies(200))
	r2 := l.VrrpshFile(bin, l.Routers[1], bothFamilies(100))
	l.Host.IP("route replace default via inet6 " + derived6 + " dev eth0")
	start := time.Now()
	r1.Start()
	r2.Start()
	are := func(v *lab.Vrrpsh, state string) {
		t.Helper()
		lab.Until(t, patience, v.Name+" is "+state+" in both families", func() error {
			all, err := v.TryStatus()
			if err != nil || len(all) != 2 || all[0].State != state || all[1].State != state {
				return fmt.Errorf("the API has %+v: %w", all, errors.Join(err, errNotYet))
			}
			return nil
		})
	}
	are(r1, "Master")
	are(r2, "Backup")
	mac6 := lab.Group{VRID: vrid, IPv6: true}.VirtualMAC()
	reached := func(when string) {
		t.Helper()
		for _, to := range []struct{ addr, neighbor, mac string }{
			{lab.VIP, lab.VIP, lab.VirtualMAC(vrid).String()},
			{derived6 + "%eth0", derived6, mac6.String()},
			{lab.VIP6Global, lab.VIP6Global, mac6.String()},
			{lab.Far, derived6, mac6.String()},
		} {
			lab.Until(t, patience, when+": the host reaches "+to.addr, func() error {
				_, err := l.Host.Try("ping", "-q", "-c", "1", "-W", "1", to.addr)
				return err
			})
			if got := l.Host.Neighbor(to.neighbor); got != to.mac {
				t.Errorf("%s: the host's neighbor entry for %s is %q, want %q", when, to.neighbor, got, to.mac)
			}
		}
	}
	reached("r1 is Master")
	if got := r1.Node().Holds(derived6) + " " + r1.Node().Holds(lab.VIP); got != "standby51-eth0 standby51" {
		t.Errorf("the addresses are on %s", got)
	}
	if out := r1.Show("show", "vrrp"); !strings.Contains(out, derived6+"/64 (derived from the virtual MAC)") {
		t.Errorf("show vrrp does not show the derived address:\n%s", out)
	}
	ping := l.Ping(lab.Far)
	ping.WaitAnswer(time.Now(), patience)

	// The interface stops forwarding: the announcements show it.
	announced := func(router bool) {
		t.Helper()
		since := time.Now()
		lab.Until(t, patience, fmt.Sprintf("a Neighbor Advertisement with Router flag %t", router), func() error {
			for _, f := range wire.Frames("r1", since) {
				if flags, ok := lab.Announced6(f, derived6); ok {
					if flags&0x20 == 0 {
						t.Fatalf("an announcement without the Override flag: %#x", flags)
					}
					if flags&0x80 != 0 == router {
						return nil
					}
				}
			}
			return errNotYet
		})
	}
	announced(true)
	r1.Node().Run("sysctl", "-q", "-w", "net.ipv6.conf.eth0.forwarding=0")
	announced(false)
	r1.Node().Run("sysctl", "-q", "-w", "net.ipv6.conf.eth0.forwarding=1")

	// A Backup sends nothing from a virtual MAC, not even MLD reports: the switch would learn the wrong port.
	for _, f := range wire.Frames("r2", start) {
		if bytes.Equal(f.Data[6:10], mac6[:4]) {
			t.Errorf("the Backup sent a frame from a virtual MAC: %x", f.Data)
		}
	}
	left := time.Now()
	r1.Stop()
	are(r2, "Master")
	ping.WaitAnswer(time.Now(), patience)
	if got := l.Host.Neighbor(derived6); got != mac6.String() {
		t.Errorf("after the failover the default router is at %q, want %q", got, mac6)
	}
	t.Logf("failover: pings through the default router were out for %v", ping.Longest(left).Length())
	reached("r2 is Master")
	if r1.Node().Holds(derived6) != "" {
		t.Error("r1 still has the link-local address")
	}
	for _, v := range []*lab.Vrrpsh{r1, r2} {
		for _, complaint := range l.Complaints(v.Node().Role, wire.Frames(v.Node().Role, start)) {
			t.Errorf("tshark: %s", complaint)
		}
		if strings.Contains(v.ConfigText(), derived6) {
			t.Error("the derived address was written to the file")
		}
	}
}
