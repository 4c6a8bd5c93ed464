// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// TestNeighborsAndTraffic reads what the kernel has.
func TestNeighborsAndTraffic(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4, uplink6)
	addr := netip.MustParseAddr("10.9.0.77")
	var neighbors []platform.Neighbor
	var traffic []platform.Traffic
	must(t, inside(h.router, func() error {
		link, err := netlink.LinkByName("up0")
		if err != nil {
			return err
		}
		err = netlink.NeighSet(&netlink.Neigh{
			LinkIndex: link.Attrs().Index, State: unix.NUD_PERMANENT, IP: addr.AsSlice(), HardwareAddr: net.HardwareAddr(evilMAC[:]),
		})
		if err != nil {
			return err
		}
		if neighbors, err = Neighbors(); err != nil {
			return err
		}
		traffic, err = Traffic()
		return err
	}))
	found := false
	for _, n := range neighbors {
		found = found || n == platform.Neighbor{Addr: addr, MAC: evilMAC, Known: true, Interface: "up0", State: "permanent"}
		if n.Addr.IsMulticast() {
			t.Errorf("a group is a neighbour: %v", n)
		}
	}
	if !found {
		t.Errorf("neighbours: %v", neighbors)
	}
	if len(traffic) == 0 || traffic[0].Interface == "lo" {
		t.Errorf("traffic: %v", traffic)
	}
}
