// SPDX-License-Identifier: GPL-3.0-only

// Package sim runs virtual routers on a simulated LAN in virtual time: any number of
// hosts, each with an engine.Core and a kernel that is slow and may refuse, and messages that
// are delayed, lost and cut off. A LAN is deterministic: the same seed and the same calls
// give the same transitions.
//
// The simulation always checks the guarantees of VRRP: at most one Master on a connected
// segment after adverts have had time to arrive, one Master within the protocol's time limits,
// and the addresses only on the Master. LAN.Violations lists the violations.
package sim
