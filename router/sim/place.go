// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"fmt"
	"net/netip"
	"strings"
)

// wanName is an interface without virtual routers, to be tracked.
const wanName = "wan0"

// lanName is the interface on a LAN.
func lanName(lan int) string { return fmt.Sprintf("eth%d", lan) }

// lanOf is the LAN of such an interface.
func lanOf(name string) int { return int(name[len(name)-1] - '0') }

// machineName is what a machine is called.
func machineName(i int) string { return fmt.Sprintf("r%d", i+1) }

// addressOf is the address of a machine on a LAN, linkLocalOf that of IPv6, and globalOf another one of that.
func addressOf(lan, machine int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(lan), 0, byte(machine + 1)})
}

func linkLocalOf(lan, machine int) netip.Addr {
	return netip.MustParseAddr(fmt.Sprintf("fe80::%x:%x", lan+1, machine+1))
}

func globalOf(lan, machine int) netip.Addr {
	return netip.MustParseAddr(fmt.Sprintf("2001:db8:%x::%x", lan+1, machine+1))
}

// addressesOf are all of them.
func addressesOf(lan, machine int) []netip.Prefix {
	return []netip.Prefix{
		netip.PrefixFrom(addressOf(lan, machine), 24),
		netip.PrefixFrom(linkLocalOf(lan, machine), 64),
		netip.PrefixFrom(globalOf(lan, machine), 64),
	}
}

// ownAddress is the address of a machine in a form for a configuration.
func ownAddress(lan, machine int) string { return addressOf(lan, machine).String() + "/24" }

// virtualAddresses are n addresses of a virtual router.
func virtualAddresses(lan, vrid int, v6 bool, n int) []string {
	var list []string
	for i := range n {
		if v6 {
			list = append(list, fmt.Sprintf("2001:db8:%x::%x:%x/64", lan+1, 0x100+vrid, i+1))
		} else {
			list = append(list, fmt.Sprintf("10.%d.0.%d/24", lan, 100+10*vrid+i))
		}
	}
	return list
}

// addrOnly is an address without its prefix length.
func addrOnly(s string) string {
	s, _, _ = strings.Cut(s, "/")
	return s
}
