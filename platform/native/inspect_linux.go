// SPDX-License-Identifier: GPL-3.0-only

package native

import (
	"vrrpsh/platform"
	"vrrpsh/platform/linux"
)

// Inspect lists the sysctls that cause problems for IPv4 virtual routers on an interface. Their
// addresses are on the given macvlans, or if there are none on the interface itself.
func Inspect(iface string, macvlans ...string) []string { return linux.Inspect(iface, macvlans...) }

// NotForwarding returns the setting by which the host does not forward packets that come in on an interface, empty if it does.
func NotForwarding(iface string, family platform.Family) string {
	return linux.NotForwarding(iface, family)
}

// Neighbors returns the neighbours that the kernel knows by ARP and Neighbor Discovery.
func Neighbors() ([]platform.Neighbor, error) { return linux.Neighbors() }

// Traffic returns the counters of the interfaces.
func Traffic() ([]platform.Traffic, error) { return linux.Traffic() }

// Hint returns why an interface is missing or has no usable address, where that is not plain; empty if there is no such reason.
func Hint(iface string, family platform.Family) string { return linux.Hint(iface, family) }

// Connects tells that the prefix length of a virtual address brings a route to its subnet.
const Connects = true
