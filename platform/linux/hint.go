// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
)

// Hint returns why an interface of this name is missing or has no usable address, where the name or the address alone does not tell: it is
// an alternative name of an interface, or another host has the address. It returns the empty string if there is no such reason.
func Hint(iface string, family platform.Family) string {
	link, err := netlink.LinkByName(iface)
	if err != nil {
		return ""
	}
	if name := link.Attrs().Name; name != iface {
		return fmt.Sprintf("%s is an alternative name of %s: configure interface %[2]s", iface, name)
	}
	if family != platform.IPv6 {
		return ""
	}
	addrs, err := netlink.AddrList(link, unix.AF_INET6)
	if err != nil {
		return ""
	}
	for _, a := range addrs {
		if a.Flags&unix.IFA_F_DADFAILED != 0 {
			return fmt.Sprintf("%s on %s failed duplicate address detection: another host has this address", a.IP, iface)
		}
	}
	return ""
}
