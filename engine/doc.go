// SPDX-License-Identifier: GPL-3.0-only

// Package engine runs many virtual routers. Core owns them, a Snapshot shows their state, and
// an Event reports what happened to them.
//
// Like engine/vrrp it is pure: every call passes in the time, effects go out as
// data in an Output, and package driver carries them out.
//
// Inside the Core, a port is an interface named in the configuration and a link is an interface
// of the host. A segment is one family of a port and holds the groups (virtual routers) by VRID.
// Received packets find their group through these tables. Groups with a running timer are in a
// heap of deadlines. The kernel state that a group needs is a Desired; after every step the Core
// compares it with the last one. The VRIDs that a segment must hear are a Listen, compared likewise.
package engine
