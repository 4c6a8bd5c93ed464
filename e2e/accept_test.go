// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// TestAcceptMode checks that a Master without accept_mode answers ARP and ND for its addresses and routes, but accepts no
// packets to them, except pings with accept_ping; and that no rule is left when it is no longer Master.
func TestAcceptMode(t *testing.T) {
	for _, iftype := range []string{ether, macvlan} {
		t.Run(iftype, func(t *testing.T) {
			parallel(t)
			l := lab.New(t, 1)
			r1 := l.Routers[0]
			const far4 = "198.51.100.1"
			r1.IP("addr add " + far4 + "/32 dev lo")
			l.Host.IP("route add " + far4 + " via " + lab.VIP)
			v4, v6 := fast, fast6
			v4.Macvlan, v6.Macvlan = iftype == macvlan, iftype == macvlan
			v4.Extra = "accept_mode = false\n"
			v6.Extra = v4.Extra
			v := l.VrrpshFile(bin, r1, v4.Table(200)+"\n"+v6.Table(200))
			// Both listen on every address, including the virtual ones.
			for _, addr := range []string{"0.0.0.0:8080", "[::]:8081"} {
				err := r1.Do(func() error {
					listener, err := net.Listen("tcp"+map[bool]string{true: "4", false: "6"}[addr[0] == '0'], addr)
					if err == nil {
						t.Cleanup(func() { _ = listener.Close() })
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			v.Start()
			masters := func() {
				t.Helper()
				lab.Until(t, patience, "Master with its addresses in both families", func() error {
					if r1.Holds(lab.VIP) == "" || r1.Holds(lab.VIP6Global) == "" || r1.Holds(lab.VIP6) == "" {
						return errNotYet
					}
					return nil
				})
			}
			masters()
			virtual := []string{lab.VIP, lab.VIP6 + "%eth0", lab.VIP6Global}
			ping := func(addr string) error {
				_, err := l.Host.Try("ping", "-q", "-c", "1", "-W", "0.5", addr)
				return err
			}
			connect := func(addr string) error {
				port := "8080"
				if strings.Contains(addr, ":") {
					port = "8081"
				}
				return l.Host.Do(func() error {
					c, err := net.DialTimeout("tcp", net.JoinHostPort(addr, port), 500*time.Millisecond)
					if err == nil {
						_ = c.Close()
					}
					return err
				})
			}
			check := func(what string, to []string, do func(string) error, want bool) {
				t.Helper()
				for _, addr := range to {
					if want {
						lab.Until(t, patience, what+": "+addr, func() error { return do(addr) })
					} else if do(addr) == nil {
						t.Errorf("%s: %s can be reached", what, addr)
					}
				}
			}
			set := func(lines ...string) {
				t.Helper()
				for _, group := range []string{"vrrp 51", "vrrp 51 ipv6"} {
					for _, line := range lines {
						v.Script("configure", "interface eth0 "+group+" "+line, "commit", "end")
					}
				}
			}
			own := []string{r1.Addr, "2001:db8::1"}
			through := []string{far4, lab.Far}
			check("packets routed through the addresses", through, ping, true)
			check("connections to the router's own addresses", own, connect, true)
			check("closed: pings", virtual, ping, false)
			check("closed: connections", virtual, connect, false)
			if got := l.Host.Neighbor(lab.VIP6Global); got == "" {
				t.Error("closed: the host cannot resolve the address")
			}

			set("accept-ping")
			check("closed except for pings: pings", virtual, ping, true)
			check("closed except for pings: connections", virtual[:1], connect, false)
			if out := v.Show("show", "vrrp"); !strings.Contains(out, "Accept mode is off: only ARP and Neighbor Discovery and pings") {
				t.Errorf("show vrrp does not show it:\n%s", out)
			}
			set("accept-mode")
			check("open: connections", virtual, connect, true)
			set("no accept-mode")
			check("closed again: connections", virtual[:1], connect, false)

			tables := func() string { return r1.Run("nft", "list", "tables") }
			if !strings.Contains(tables(), "inet vrrpsh") {
				t.Errorf("the tables are %s", tables())
			}
			// Firewalls do this when they load their rules.
			for range 2 {
				r1.Run("nft", "flush", "ruleset")
				lab.Until(t, patience, "the table is restored", func() error {
					if sets := r1.Run("nft", "list", "ruleset"); !strings.Contains(sets, lab.VIP+" }") || !strings.Contains(sets, lab.VIP6Global+" }") {
						return fmt.Errorf("the rules are %s", sets)
					}
					return nil
				})
				check("after nft flush ruleset: connections", virtual[:1], connect, false)
			}
			v.Kill()
			v.Start()
			masters()
			check("after kill -9: connections", virtual[:1], connect, false)
			check("after kill -9: routed packets", through, ping, true)
			v.Stop()
			lab.Until(t, time.Second, "no table left", func() error {
				if got := tables(); got != "" {
					return fmt.Errorf("tables: %s", got)
				}
				return nil
			})
		})
	}
}
