// SPDX-License-Identifier: GPL-3.0-only

// Package engine holds many virtual routers: Core is their owner, Snapshot what
// can be seen of them, Event what happened to them.
//
// Like engine/vrrp it is pure: time comes in with every call, effects go out as
// data in an Output, and package driver carries them out.
//
// Inside the Core a port is an interface as the configuration names it, a link one that the
// host has; a segment is one family of a port, with the groups (virtual routers) by VRID. A
// packet finds its group through these tables; a group that waits is in a heap of
// deadlines. What a group wants of the kernel is a Desired, compared with the last one after every
// step; what a segment wants to hear is a Listen, compared likewise.
package engine
