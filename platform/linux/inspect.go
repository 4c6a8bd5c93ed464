// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"vrrpsh/platform"
)

// Inspect returns the kernel settings that hinder IPv4 virtual routers on an interface. Their addresses are on the
// given macvlans or, without macvlans, on the interface itself. Inspect checks the settings for all interfaces, which
// an interface cannot override, and the settings of the interface that others have changed.
func Inspect(iface string, macvlans ...string) []string {
	return inspect(os.DirFS("/proc/sys/net/ipv4/conf"), iface, macvlans)
}

// NotForwarding returns the setting that keeps the host from forwarding packets received on an interface. It returns
// the empty string if the host forwards them.
func NotForwarding(iface string, family platform.Family) string {
	return notForwarding(os.DirFS("/proc/sys/net"), iface, family)
}

func notForwarding(settings fs.FS, iface string, family platform.Family) string {
	b, err := fs.ReadFile(settings, fmt.Sprintf("ipv%d/conf/%s/forwarding", family, iface))
	if err != nil || strings.TrimSpace(string(b)) != "0" {
		return ""
	}
	return fmt.Sprintf("net.ipv%d.conf.%s.forwarding", family, iface)
}

// Values of the settings that Inspect checks. The greater of an interface's own value and the value for all interfaces
// takes effect (include/linux/inetdevice.h of the kernel).
const (
	ignoreOtherSubnets = 2
	ignoreAnyInterface = 3 // to 7: the kernel answers for addresses of other interfaces again
	ignoreAll          = 8
	strictRPFilter     = 1
)

func inspect(settings fs.FS, iface string, macvlans []string) []string {
	read := func(of string, k setting) int {
		b, err := fs.ReadFile(settings, of+"/"+k.String())
		if err != nil {
			return 0
		}
		n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
		return n
	}
	var found []string
	tell := func(of string, k setting, n int, then string) {
		found = append(found, fmt.Sprintf("net.ipv4.conf.%s.%s is %d: %s", of, k, n, then))
	}
	of, n := iface, read(iface, arpIgnore)
	if all := read("all", arpIgnore); all > n || all == n && n > ignoreOthers {
		of, n = "all", all
	}
	switch {
	case n == ignoreAll:
		tell(of, arpIgnore, n, "ARP requests for virtual addresses are not answered")
	case n >= ignoreAnyInterface && len(macvlans) > 0:
		tell(of, arpIgnore, n, iface+" answers ARP for virtual addresses with its own MAC, too")
	case n == ignoreOtherSubnets:
		tell(of, arpIgnore, n, "ARP requests for virtual addresses from other subnets are not answered")
	}
	if len(macvlans) == 0 {
		if read("all", arpFilter)+read(iface, arpFilter) > 0 {
			of = iface
			if read("all", arpFilter) > 0 {
				of = "all"
			}
			tell(of, arpFilter, 1, "hosts whose return route does not leave through "+iface+" get no ARP reply")
		}
		return found
	}
	if n := read("all", arpFilter); n > 0 {
		tell("all", arpFilter, n, "ARP requests for virtual addresses on macvlans are not answered")
	}
	if n := read("all", proxyARP); n > 0 {
		tell("all", proxyARP, n, "a Master answers ARP for every address of the subnet with the virtual MAC")
	}
	if read("all", rpFilter) == strictRPFilter {
		for _, m := range macvlans {
			// Loose is the greater value, so it wins. The router sets it on its macvlans where needed.
			if read(m, rpFilter) < looseRPFilter {
				if _, err := fs.Stat(settings, m); err == nil {
					tell("all", rpFilter, strictRPFilter, "packets to virtual addresses that come in on "+m+" are discarded")
					break
				}
			}
		}
	}
	return found
}
