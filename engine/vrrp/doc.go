// Package vrrp implements one virtual router of the Virtual Router Redundancy
// Protocol: the packet codec with its receive checks, and the state machine, for
// VRRPv2 (RFC 3768) and VRRPv3 (RFC 9568).
//
// The package is pure: it has no sockets, goroutines, clocks or logging. A Router
// takes an Event and the time, and appends the Actions that follow.
package vrrp
