// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// statistic returns a counter of group 51 of a router.
func statistic(v *lab.Vrrpsh, name string) (float64, error) {
	var one struct {
		Statistics map[string]any `json:"statistics"`
	}
	if err := v.TryGet("/run/vrrp/51/eth0", &one); err != nil {
		return 0, err
	}
	n, ok := one.Statistics[name].(float64)
	if !ok {
		return 0, fmt.Errorf("%s is %v", name, one.Statistics[name])
	}
	return n, nil
}

// hears waits until a Backup has accepted more adverts than at the call.
func hears(t *testing.T, v *lab.Vrrpsh, when string) {
	t.Helper()
	before, err := statistic(v, "adverts_received")
	if err != nil {
		t.Fatal(err)
	}
	lab.Until(t, patience, v.Name+" hears adverts "+when, func() error {
		now, err := statistic(v, "adverts_received")
		if err == nil && now < before+3 {
			err = fmt.Errorf("%v received, %v before", now, before)
		}
		return err
	})
}

// TestMembershipsAreRenewed makes the kernel forget the memberships of a Backup, and of a Master, by an MTU that is too small for
// the family: IPv6 needs at least 1280.
func TestMembershipsAreRenewed(t *testing.T) {
	parallel(t)
	l := lab.New(t, 2)
	g := lab.Group{VRID: 51, Version: 3, Interval: 300 * time.Millisecond, IPv6: true}
	r1, r2 := l.Vrrpsh(bin, l.Routers[0], g), l.Vrrpsh(bin, l.Routers[1], g)
	r1.SetPriority(200)
	r1.Start()
	r1.WaitState("Master", patience)
	r2.Start()
	r2.WaitState("Backup", patience)
	wire := l.Capture()
	shrink := func(n *lab.Namespace) {
		n.IP("link set eth0 mtu 1200")
		n.IP("link set eth0 mtu 1500")
		lab.Until(t, patience, n.Role+" has its addresses of IPv6 again", func() error {
			if !strings.Contains(n.Run("ip", "-6", "-o", "addr", "show", "dev", "eth0"), "fe80:") {
				return errNotYet
			}
			return nil
		})
	}
	since := time.Now()
	shrink(l.Routers[1])
	r2.WaitState("Backup", patience)
	hears(t, r2, "after its MTU was 1200")
	for _, a := range wire.Adverts("r2", since) {
		t.Errorf("the Backup has sent %+v", a)
	}
	shrink(l.Routers[0])
	r1.WaitState("Master", patience)
	r2.WaitState("Backup", patience)
	// The Master hears as well.
	r2.SetPriority(250)
	r2.WaitState("Master", patience)
	r1.WaitState("Backup", patience)
	hears(t, r1, "after its MTU was 1200")
}

// TestMovedWhileStopped moves the interface of a stopped router to another network namespace and back, with the same index as
// before: its open sockets are no longer bound to an interface.
func TestMovedWhileStopped(t *testing.T) {
	parallel(t)
	for _, tt := range []struct {
		name string
		ipv6 bool
		role int // of the stopped router
	}{
		{"Master of IPv4", false, 0},
		{"Backup of IPv4", false, 1},
		{"Master of IPv6", true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := lab.New(t, 2)
			g := lab.Group{VRID: 51, Version: 3, Interval: 300 * time.Millisecond, IPv6: tt.ipv6}
			routers := []*lab.Vrrpsh{l.Vrrpsh(bin, l.Routers[0], g), l.Vrrpsh(bin, l.Routers[1], g)}
			routers[0].SetPriority(200)
			for i, state := range []string{"Master", "Backup"} {
				routers[i].Start()
				routers[i].WaitState(state, patience)
			}
			wire, away, n := l.Capture(), l.Elsewhere(), l.Routers[tt.role]
			index := n.Run("cat", "/sys/class/net/eth0/ifindex")
			routers[tt.role].Signal(syscall.SIGSTOP)
			n.IP("link set eth0 netns " + away.Name)
			away.IP("link set eth0 netns " + n.Name)
			n.Run("sysctl", "-q", "-w", "net.ipv6.conf.eth0.accept_dad=0")
			n.IP("addr add "+n.Addr+"/24 dev eth0", "addr add "+n.Addr6()+"/64 dev eth0", "link set eth0 up")
			lab.Until(t, patience, "the interface has a link-local address again", func() error {
				if !strings.Contains(n.Run("ip", "-6", "-o", "addr", "show", "dev", "eth0"), "fe80:") {
					return errNotYet
				}
				return nil
			})
			if now := n.Run("cat", "/sys/class/net/eth0/ifindex"); now != index {
				t.Errorf("the index is %s, it was %s", now, index)
			}
			since := time.Now()
			routers[tt.role].Signal(syscall.SIGCONT)
			routers[0].WaitState("Master", patience)
			routers[1].WaitState("Backup", patience)
			wire.Wait("r1", since, patience, "an advert of the Master", func(a lab.Advert) bool { return a.Priority == 200 })
			hears(t, routers[1], "after the interface was away")
			if on := l.Routers[0].Holds(g.VIP()); on != "eth0" {
				t.Errorf("the virtual address is on %q of the Master", on)
			}
		})
	}
}
