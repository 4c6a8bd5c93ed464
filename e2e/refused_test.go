// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// TestRefusedDoesNotFlap adds a better router whose kernel refuses the addresses: it tries once, and leaves them to the Master
// that it hears until something changes.
func TestRefusedDoesNotFlap(t *testing.T) {
	parallel(t)
	taken := "link add twin link eth0 address " + lab.VirtualMAC(vrid).String() + " type macvlan mode bridge"
	for _, tc := range []struct {
		name    string
		macvlan bool
		before  func(*lab.Namespace)
		command func(*exec.Cmd)
		fault   string
		after   func(*lab.Namespace) // what helps; nil: nothing does
	}{
		{
			name: "without CAP_NET_ADMIN",
			command: func(c *exec.Cmd) { // ip netns exec NAME ...
				c.Args = slices.Insert(c.Args, 4, "setpriv", "--bounding-set", "-net_admin")
			},
			fault: "operation not permitted: the router lacks CAP_NET_ADMIN",
		},
		{
			name: "the MAC address is taken", macvlan: true,
			before: func(n *lab.Namespace) { n.IP(taken, "link set twin up") },
			fault:  "another interface on eth0 has the same Ethernet address",
			after:  func(n *lab.Namespace) { n.IP("link del twin") },
		},
		{
			name: "the interface with the MAC address goes down", macvlan: true,
			before: func(n *lab.Namespace) { n.IP(taken, "link set twin up") },
			fault:  "another interface on eth0 has the same Ethernet address",
			after:  func(n *lab.Namespace) { n.IP("link set twin down") },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := lab.New(t, 2)
			if tc.before != nil {
				tc.before(l.Routers[0])
			}
			wire := l.Capture()
			g := fast
			g.Macvlan = tc.macvlan
			r1, r2 := l.Vrrpsh(bin, l.Routers[0], g), l.Vrrpsh(bin, l.Routers[1], g)
			start := time.Now()
			r2.Start()
			wire.WaitMaster("r2", start, patience)

			r1.SetPriority(200)
			start = time.Now()
			r1.StartWith(tc.command)
			gone := wire.WaitResign("r1", start, patience)
			back := wire.WaitMaster("r2", gone.Time, patience)
			lab.Until(t, 20*time.Second, "40 adverts of r2", func() error {
				if n := len(wire.Adverts("r2", back.Time)); n < 40 {
					return fmt.Errorf("%d adverts", n)
				}
				return nil
			})
			if again := wire.Adverts("r1", gone.Time.Add(time.Microsecond)); len(again) > 0 {
				t.Errorf("r1 has tried again: %d adverts", len(again))
			}
			why := r1.Show("show", "vrrp", "explain")
			for _, want := range []string{"the kernel refused the addresses", tc.fault} {
				if !strings.Contains(why, want) {
					t.Errorf("%q is missing in\n%s", want, why)
				}
			}
			start = time.Now()
			if tc.after != nil {
				tc.after(l.Routers[0])
			} else {
				r2.Kill()
			}
			wire.WaitMaster("r1", start, patience)
			if tc.after != nil {
				r1.WaitState("Master", patience)
				r2.WaitState("Backup", patience)
			}
		})
	}
}

// TestIPv6IsOffByDefault checks that a macvlan carries IPv6 on a host where it is disabled for new interfaces.
func TestIPv6IsOffByDefault(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	l.Routers[0].Run("sysctl", "-q", "-w", "net.ipv6.conf.default.disable_ipv6=1")
	g := fast
	g.Macvlan, g.IPv6 = true, true
	r1 := l.Vrrpsh(bin, l.Routers[0], g)
	r1.Start()
	r1.WaitState("Master", patience)
	lab.Until(t, patience, "the addresses are on the macvlan", func() error {
		if got := r1.Node().Holds(lab.VIP6); !strings.HasPrefix(got, "standby") {
			return fmt.Errorf("%s is on %q", lab.VIP6, got)
		}
		return nil
	})
}

// TestMissingCapabilityIsNamed checks that a router that cannot open its sockets does not start, and names the missing
// capability.
func TestMissingCapabilityIsNamed(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	r1 := l.Vrrpsh(bin, l.Routers[0], fast)
	r1.StartWith(func(c *exec.Cmd) { c.Args = slices.Insert(c.Args, 4, "setpriv", "--bounding-set", "-net_raw") })
	if status := r1.Wait(patience); status == 0 {
		t.Error("it started")
	}
	for _, want := range []string{
		`msg="the router lacks CAP_NET_RAW, which it needs to send and receive adverts"`,
		"raw socket: operation not permitted: the router lacks CAP_NET_RAW",
	} {
		if !strings.Contains(r1.Log(), want) {
			t.Errorf("%q is missing in\n%s", want, r1.Log())
		}
	}
}
