// SPDX-License-Identifier: GPL-3.0-only

// Package lab builds small Ethernet segments out of network namespaces and runs routers on
// them: vrrpsh, keepalived and FRR.
//
// A Lab has a namespace with a bridge as the switch, one namespace for each router, with
// the interface eth0, and one for a host. All have unique names that begin with Prefix and the
// process ID of their creator, so that Setup can remove the leftovers of a crashed run without
// touching those of another run. Nothing is ever sent or changed outside these namespaces.
//
// Tests observe the segment from outside the routers: Capture records, with
// the kernel's timestamps, the frames that each port of the bridge receives, Pinger pings a virtual
// address every millisecond from the host, and Snapshot records a namespace's
// addresses, links, routes and settings.
package lab
