// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// Neighbors returns the neighbours that the kernel knows by ARP and Neighbor Discovery, without multicast addresses.
func Neighbors() ([]platform.Neighbor, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("interfaces: %w", err)
	}
	names := make(map[int]string, len(links))
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	var list []platform.Neighbor
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		known, err := netlink.NeighList(0, family)
		if err != nil {
			return nil, fmt.Errorf("neighbours: %w", err)
		}
		for i := range known {
			n := &known[i]
			addr, ok := netip.AddrFromSlice(n.IP)
			if !ok || n.State&unix.NUD_NOARP != 0 {
				continue
			}
			entry := platform.Neighbor{Addr: addr.Unmap(), Interface: names[n.LinkIndex], State: neighborState(n.State)}
			if len(n.HardwareAddr) == len(entry.MAC) {
				entry.MAC, entry.Known = [6]byte(n.HardwareAddr), true
			}
			list = append(list, entry)
		}
	}
	return list, nil
}

func neighborState(s int) string {
	switch {
	case s&unix.NUD_PERMANENT != 0:
		return "permanent"
	case s&unix.NUD_REACHABLE != 0:
		return "reachable"
	case s&unix.NUD_STALE != 0:
		return "stale"
	case s&unix.NUD_DELAY != 0:
		return "delay"
	case s&unix.NUD_PROBE != 0:
		return "probe"
	case s&unix.NUD_INCOMPLETE != 0:
		return "incomplete"
	case s&unix.NUD_FAILED != 0:
		return "failed"
	default:
		return "none"
	}
}

// Traffic returns the counters of the interfaces, in the order of their index.
func Traffic() ([]platform.Traffic, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("interfaces: %w", err)
	}
	var list []platform.Traffic
	for _, l := range links {
		if n := l.Attrs().Statistics; n != nil && l.Attrs().Flags&net.FlagLoopback == 0 {
			list = append(list, platform.Traffic{
				Interface: l.Attrs().Name,
				Received:  platform.Counts{Packets: n.RxPackets, Octets: n.RxBytes, Errors: n.RxErrors, Dropped: n.RxDropped},
				Sent:      platform.Counts{Packets: n.TxPackets, Octets: n.TxBytes, Errors: n.TxErrors, Dropped: n.TxDropped},
			})
		}
	}
	return list, nil
}
