// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// fast is a virtual router that fails over in well under a second.
var fast = lab.Group{VRID: vrid, Version: 3, Interval: 200 * time.Millisecond}

// duo is two vrrpsh, r1 with priority 200 and r2 with 100, and a capture of their segment.
type duo struct {
	t      *testing.T
	lab    *lab.Lab
	wire   *lab.Capture
	r1, r2 *lab.Vrrpsh
	group  lab.Group
}

// newDuo starts both and waits until r1 is Master and r2 knows it.
func newDuo(t *testing.T, g lab.Group) *duo {
	t.Helper()
	l := lab.New(t, 2)
	d := &duo{t: t, lab: l, wire: l.Capture(), r1: l.Vrrpsh(bin, l.Routers[0], g), r2: l.Vrrpsh(bin, l.Routers[1], g), group: g}
	start := time.Now()
	d.r1.SetPriority(200)
	d.r1.Start()
	d.r2.Start()
	d.wire.WaitMaster("r1", start, patience)
	d.r1.WaitState("Master", patience)
	d.r2.WaitState("Backup", patience)
	return d
}

// TestHostKeepsVirtualMAC checks that a host sees one unchanging router: its neighbor entry is the virtual MAC
// under either Master, and the failover does not change it.
func TestHostKeepsVirtualMAC(t *testing.T) {
	parallel(t)
	g := fast
	g.Macvlan = true
	d := newDuo(t, g)
	want := lab.VirtualMAC(vrid).String()
	entry := func(when string) {
		t.Helper()
		if got := d.lab.Host.Neighbor(lab.VIP); got != want {
			t.Errorf("%s: the host's neighbor entry is %q, want %q", when, got, want)
		}
	}
	ask := func(when string) {
		t.Helper()
		// A host with an empty neighbor cache gets the same answer.
		d.lab.Host.IP("neigh flush all")
		d.lab.Host.Run("ping", "-q", "-c", "1", "-W", "2", lab.VIP)
		entry(when)
	}
	ask("r1 is Master")

	start := time.Now()
	d.r1.Stop()
	d.wire.WaitMaster("r2", start, patience)
	d.r2.WaitState("Master", patience)
	entry("after the failover")
	ask("r2 is Master")

	start = time.Now()
	d.r1.Start()
	d.wire.WaitMaster("r1", start, patience)
	d.r2.WaitState("Backup", patience)
	entry("after r1 came back")
	ask("r1 is Master again")

	// No router has answered for the address with another MAC in the meantime.
	for _, f := range d.wire.Frames("", time.Time{}) {
		if mac, ok := lab.ClaimsInARP(f, lab.VIP); ok && mac.String() != want {
			t.Errorf("%s claims %s for %v by ARP", f.Port, lab.VIP, mac)
		}
	}
}

// TestGratuitousARP checks that a new Master announces the address, with the correct sender for each interface type.
func TestGratuitousARP(t *testing.T) {
	parallel(t)
	for _, iftype := range []string{ether, macvlan} {
		t.Run(iftype, func(t *testing.T) {
			g := fast
			g.Macvlan = iftype == macvlan
			d := newDuo(t, g)
			start := time.Now()
			d.r1.Stop()
			first := d.wire.WaitMaster("r2", start, patience)
			want := d.r2.Node().MAC("eth0")
			if g.Macvlan {
				want = lab.VirtualMAC(vrid).String()
			}
			lab.Until(t, time.Second, "a gratuitous ARP of r2", func() error {
				for _, f := range d.wire.Frames("r2", first.Time) {
					if mac, ok := lab.GratuitousARP(f, lab.VIP); ok {
						if mac.String() != want {
							t.Fatalf("a gratuitous ARP claims %s for %v, want %s", lab.VIP, mac, want)
						}
						return nil
					}
				}
				return errNotYet
			})
		})
	}
}

// TestBackupDoesNotForward sends each router a packet to route, addressed to the virtual MAC. Only the Master
// forwards it (RFC 9568 section 6.4.2).
func TestBackupDoesNotForward(t *testing.T) {
	parallel(t)
	g := fast
	g.Macvlan = true
	d := newDuo(t, g)
	// Both route to a gateway that is only a neighbor entry: forwarded packets appear on their ports.
	gateway := net.HardwareAddr{0x02, 0, 0, 0, 0, 0xfe}
	for _, n := range d.lab.Routers {
		n.IP("neigh replace 192.0.2.254 lladdr "+gateway.String()+" nud permanent dev eth0",
			"route add 198.51.100.0/24 via 192.0.2.254 dev eth0")
	}
	host, err := net.ParseMAC(d.lab.Host.MAC("eth0"))
	if err != nil {
		t.Fatal(err)
	}
	forwarded := func(f lab.Frame, mark string) bool {
		return strings.Contains(string(f.Data), mark) && net.HardwareAddr(f.Data[:6]).String() == gateway.String()
	}
	deliver := func(mark string, dst net.HardwareAddr, to *lab.Namespace) {
		d.lab.Deliver(to, lab.UDP(host, dst, netip.MustParseAddr(lab.HostAddr), netip.MustParseAddr("198.51.100.9"), mark))
	}
	// check delivers a packet to the virtual MAC of both, and then one to each own MAC, which
	// routers forward in any state. When the latter have arrived, the former would have arrived, too.
	check := func(round string, master, backup *lab.Namespace) {
		t.Helper()
		start := time.Now()
		for _, n := range []*lab.Namespace{master, backup} {
			own, err := net.ParseMAC(n.MAC("eth0"))
			if err != nil {
				t.Fatal(err)
			}
			deliver(round+" to the virtual MAC", lab.VirtualMAC(vrid), n)
			deliver(round+" to its own MAC", own, n)
			lab.Until(t, 2*time.Second, n.Role+" forwards packets to its own MAC", func() error {
				for _, f := range d.wire.Frames(n.Role, start) {
					if forwarded(f, round+" to its own MAC") {
						return nil
					}
				}
				return errNotYet
			})
		}
		count := map[string]int{}
		for _, f := range d.wire.Frames("", start) {
			if forwarded(f, round+" to the virtual MAC") {
				count[f.Port]++
			}
		}
		if count[master.Role] != 1 || count[backup.Role] != 0 {
			t.Errorf("%s: forwarded %v, want once by the Master %s alone", round, count, master.Role)
		}
	}
	r1, r2 := d.r1.Node(), d.r2.Node()
	check("first", r1, r2)

	start := time.Now()
	d.r1.SetPriority(50)
	d.wire.WaitMaster("r2", start, patience)
	d.r1.WaitState("Backup", patience)
	d.r2.WaitState("Master", patience)
	lab.Until(t, time.Second, "r1 has removed the address", func() error {
		if r1.Holds(lab.VIP) != "" || r2.Holds(lab.VIP) == "" {
			return errNotYet
		}
		return nil
	})
	check("second", r2, r1)
}
