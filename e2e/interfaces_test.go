// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// waitShow waits until the output of a show command contains a text.
func waitShow(t *testing.T, v *lab.Vrrpsh, command, want string) {
	t.Helper()
	lab.Until(t, patience, v.Name+": "+command+" says "+want, func() error {
		if out := v.Show(strings.Fields(command)...); !says(out, want) {
			return errors.New(out)
		}
		return nil
	})
}

// TestPortOfABridge makes the interface of a Master a port of a bridge: the Master cannot receive there, and resigns.
func TestPortOfABridge(t *testing.T) {
	parallel(t)
	for _, ipv6 := range []bool{false, true} {
		t.Run(map[bool]string{false: "IPv4", true: "IPv6"}[ipv6], func(t *testing.T) {
			l := lab.New(t, 2)
			g := lab.Group{VRID: 51, Version: 3, Interval: 300 * time.Millisecond, IPv6: ipv6}
			r1, r2 := l.Vrrpsh(bin, l.Routers[0], g), l.Vrrpsh(bin, l.Routers[1], g)
			r1.SetPriority(200)
			r1.Start()
			r1.WaitState("Master", patience)
			r2.Start()
			r2.WaitState("Backup", patience)
			n := l.Routers[0]
			n.IP("link add bridge7 type bridge")
			for range 2 {
				n.IP("link set eth0 master bridge7")
				r1.WaitState("Init", patience)
				r2.WaitState("Master", patience)
				waitShow(t, r1, "show vrrp", "Fault: eth0 is a port of bridge7: run on bridge7")
				waitShow(t, r1, "show vrrp explain", "Cannot run on eth0: eth0 is a port of bridge7: run on bridge7.")
				waitShow(t, r1, "show vrrp | json", `"cause": "interface unsuitable"`)
				if on := n.Holds(g.VIP()); on != "" {
					t.Errorf("%s is still on %s", g.VIP(), on)
				}
				n.IP("link set eth0 nomaster")
				r1.WaitState("Master", patience)
				r2.WaitState("Backup", patience)
			}
			// A router that starts on a port waits.
			n.IP("link set eth0 master bridge7")
			r1.Stop()
			r1.Start()
			r1.WaitReady()
			r1.WaitState("Init", patience)
			n.IP("link del bridge7")
			r1.WaitState("Master", patience)
		})
	}
}

// TestMacvlanOnMacvlan covers routers whose interface is a macvlan, like that of a container: with the virtual MAC address two
// Masters would not hear each other.
func TestMacvlanOnMacvlan(t *testing.T) {
	parallel(t)
	l := lab.New(t, 2)
	for i, n := range l.Routers {
		n.IP("link set eth0 down", "link set eth0 name wire0", "addr flush dev wire0", "link set wire0 up",
			"link add eth0 link wire0 type macvlan mode bridge",
			fmt.Sprintf("addr add 192.0.2.%d/24 dev eth0", i+1), "link set eth0 up")
	}
	g := lab.Group{VRID: 51, Version: 3, Interval: 300 * time.Millisecond}
	for _, tt := range []struct {
		name, lines string
		runs        bool
	}{
		{"macvlan", "iftype = \"macvlan\"\n", false},
		{"vmac", "vmac = true\n", false},
		{"ether", "", true},
	} {
		r1, r2 := l.VrrpshFile(bin, l.Routers[0], nested(g, 200, tt.lines)), l.VrrpshFile(bin, l.Routers[1], nested(g, 100, tt.lines))
		r2.Start()
		r2.WaitReady()
		if tt.runs {
			r2.WaitState("Master", patience)
		}
		r1.Start()
		r1.WaitReady()
		if tt.runs {
			r1.WaitState("Master", patience)
			r2.WaitState("Backup", patience)
		} else {
			for _, v := range []*lab.Vrrpsh{r1, r2} {
				v.WaitState("Init", patience)
				waitShow(t, v, "show vrrp explain", "Cannot run on eth0: eth0 is itself a macvlan, where Masters with the virtual MAC address do not hear each other")
			}
		}
		r1.Stop()
		r2.Stop()
	}
}

// nested is a [[vrouter]] table without a line for the interface type.
func nested(g lab.Group, priority uint8, lines string) string {
	return strings.Replace(g.Table(priority), "iftype = \"ether\"\n", lines, 1)
}
