// Package sim runs virtual routers on a simulated LAN in virtual time: any number of
// hosts, each with an engine.Core, a kernel that takes its time and may refuse, and messages that
// are delayed, lost and cut off. A LAN is deterministic: the same seed and the same calls
// give the same transitions.
//
// All the while it is checked that what VRRP promises is kept: at most one Master on a connected
// segment once adverts have had the time to arrive, one within the protocol's time,
// and the addresses where the Master is and nowhere else. LAN.Violations tells where it was not.
package sim
