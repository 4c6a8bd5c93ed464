// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// TestMuteMaster prevents a Master from sending adverts in several ways. Alone it stays Master, with a fault; it gives way to a
// router of lower priority, and takes over again when it can send.
func TestMuteMaster(t *testing.T) {
	parallel(t)
	// An advert with 255 addresses has 1048 bytes. The other router has one address, because a veth does not receive packets
	// longer than the MTU either.
	crowded := func(g lab.Group, priority uint8) string {
		vips := []string{lab.VIP}
		for i := range 254 {
			vips = append(vips, fmt.Sprintf("198.51.100.%d", i+1))
		}
		return strings.Replace(g.Table(priority), "vip = \""+lab.VIP+"\"\n", "vips = [\""+strings.Join(vips, "\", \"")+"\"]\n", 1)
	}
	for _, tt := range []struct {
		name    string
		unicast bool
		table   func(lab.Group, uint8) string
		harm    string // a shell command in the router's namespace
		mend    string
		fault   string
	}{
		{
			name: "255 addresses and a small MTU", table: crowded,
			harm: "ip link set eth0 mtu 900", mend: "ip link set eth0 mtu 1500",
			fault: "cannot send: message too long (an advert has 1048 bytes, the MTU of eth0 is 900)",
		},
		{
			name:  "egress filter",
			harm:  "nft 'add table netdev t; add chain netdev t c { type filter hook egress device eth0 priority 0; }; add rule netdev t c ip protocol 112 drop'",
			mend:  "nft delete table netdev t",
			fault: "no buffer space available",
		},
		{
			name: "output filter, unicast", unicast: true,
			harm:  "nft 'add table ip t; add chain ip t c { type filter hook output priority 0; }; add rule ip t c ip protocol 112 drop'",
			mend:  "nft delete table ip t",
			fault: "operation not permitted",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := lab.New(t, 2)
			n1, n2 := l.Routers[0], l.Routers[1]
			g := lab.Group{VRID: 51, Version: 3, Interval: 300 * time.Millisecond}
			if tt.unicast {
				g.Unicast = l.Routers
			}
			router := func(n *lab.Namespace, priority uint8) *lab.Vrrpsh {
				if tt.table != nil && n == n1 {
					return l.VrrpshFile(bin, n, tt.table(g, priority))
				}
				v := l.Vrrpsh(bin, n, g)
				v.SetPriority(priority)
				return v
			}
			r1, r2 := router(n1, 200), router(n2, 100)
			wire := l.Capture()
			r1.Start()
			r1.WaitState("Master", patience)
			sent := func() float64 {
				n, err := statistic(r1, "adverts_sent")
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			n1.Run("sh", "-c", tt.harm)
			waitShow(t, r1, "show vrrp", "Fault: cannot send: ")
			waitShow(t, r1, "show vrrp explain", tt.fault)
			waitShow(t, r1, "show vrrp | json", `"send_fault": "cannot send: `)
			since, before := time.Now(), sent()
			ping := l.Ping(lab.VIP)
			waitShow(t, r1, "show vrrp", "State is MASTER")
			r2.Start()
			r2.WaitState("Master", patience)
			r1.WaitState("Backup", patience)
			ping.WaitAnswer(time.Now(), patience)
			ping.Stop()
			waitShow(t, r1, "show vrrp history", "adverts cannot be sent")
			if on := n1.Holds(lab.VIP); on != "" {
				t.Errorf("the address is still on %s of r1", on)
			}
			if now := sent(); now != before {
				t.Errorf("%v adverts count as sent, %v before", now, before)
			}
			// Its periodic attempts to send are not visible to others.
			waitShow(t, r1, "show vrrp explain", "because adverts cannot be sent")
			for _, a := range wire.Adverts("r1", since) {
				t.Errorf("seen on the wire: %+v", a)
			}

			n1.Run("sh", "-c", tt.mend)
			r1.WaitState("Master", patience)
			r2.WaitState("Backup", patience)
			waitShow(t, r1, "show logging", "adverts can be sent again")
			if out := r1.Show("show", "vrrp"); strings.Contains(out, "Fault") {
				t.Errorf("the fault stays:\n%s", out)
			}
		})
	}
}
