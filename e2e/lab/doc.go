// Package lab builds small Ethernet segments out of network namespaces and runs routers on
// them: vrrpsh, keepalived and FRR.
//
// A Lab has a namespace with a bridge that plays the switch, one namespace for each router, with
// the interface eth0, and one for a host. All have unique names that begin with Prefix and the
// process ID of their creator, so that Setup can remove what a crashed run left behind without
// touching what another run uses. Nothing is ever sent or changed outside these namespaces.
//
// What happens on the segment is judged from outside the routers: Capture records, with
// the kernel's timestamps, what each port of the bridge received, Pinger asks a virtual
// address once a millisecond from the host, and Snapshot compares a namespace's
// addresses, links, routes and settings.
package lab
