// SPDX-License-Identifier: GPL-3.0-only

package platformtest

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"vrrpsh/platform"
)

// Harness is one kernel with one System on it, and a segment (a LAN) with a peer. Each scenario gets a new
// one, released through t.Cleanup. Its methods change the kernel from
// outside, like an administrator, and end the test on failure. The scenarios check the System's
// reaction.
type Harness interface {
	// System returns the System under test. It exists from the start.
	System() platform.System
	// Crash drops the System without Close, like kill -9, and opens a new one on the same
	// kernel with the same state directory. It does not call Recover.
	Crash()
	// Restart opens a new System after the scenario has closed the old one.
	Restart()

	// AddLink makes an Ethernet interface with these addresses, which is up and joined to the segment.
	AddLink(name string, addrs ...netip.Prefix)
	// AddMacvlan makes a foreign macvlan: up, with a random MAC.
	AddMacvlan(name, parent string)
	// SetPort makes an interface a port of a bridge of the host, which is made; or, with "", none.
	SetPort(name, bridge string)
	// DelLink removes an interface, be it the System's own.
	DelLink(name string)
	// RenameLink renames an interface.
	RenameLink(from, to string)
	// SetUp sets an interface administratively up or down.
	SetUp(name string, up bool)
	// SetCarrier plugs or pulls the cable of an interface made by AddLink.
	SetCarrier(name string, up bool)
	// SetMAC sets an interface's MAC.
	SetMAC(name string, mac [6]byte)
	// AddAddr adds an address to an interface.
	AddAddr(name string, addr netip.Prefix)
	// DelAddr removes an address from an interface, even one of the System.
	DelAddr(name string, addr netip.Prefix)

	// FlushFilter removes all rules of the packet filter, like a firewall before it loads its own.
	FlushFilter()

	// Ping reports whether an echo request from the segment to an address, in a frame to an interface's MAC, is
	// answered.
	Ping(addr netip.Addr, mac [6]byte) bool
	// Kernel returns the kernel's state as it is now.
	Kernel() Kernel
	// Peer returns the other station on the segment.
	Peer() Peer
}

// Kernel is the part of a kernel's state that the scenarios check: everything that a System can change.
type Kernel struct {
	// Links are the interfaces by name, without the loopback.
	Links map[string]Link
	// Settings are the sysctls of the interfaces made by AddLink, by
	// names that the harness chooses. A simulated kernel may have none.
	Settings map[string]string
}

// Link is one interface.
type Link struct {
	Index  int
	MAC    [6]byte
	Up     bool   // administratively
	Parent string // of a macvlan
	// Addrs are all addresses, including those of the System, in no particular order, without
	// IPv6 link-local addresses made by the kernel.
	Addrs []netip.Prefix
	// Routes are the connected routes of the addresses.
	Routes []netip.Prefix
}

// Peer is a station on the segment that sends and receives Ethernet frames, without 802.1Q tags.
type Peer interface {
	// Send puts a frame on the segment.
	Send(frame []byte)
	// Receive returns the next frame that any other station sent on the segment since the
	// start of the harness. It returns false if none arrived within the timeout.
	Receive(timeout time.Duration) ([]byte, bool)
}

// Patience is how long scenarios wait for an expected event. Only failures take that long.
const Patience = 5 * time.Second

// Run runs every scenario on its own harness, except those for features that the system refuses; the
// system's own tests must cover the refusals. Each exception must be the name of a scenario.
func Run(t *testing.T, newHarness func(t *testing.T) Harness, except ...string) {
	t.Helper()
	for _, name := range except {
		if !slices.ContainsFunc(scenarios, func(s scenario) bool { return s.name == name }) {
			t.Errorf("there is no scenario %q", name)
		}
	}
	for _, s := range scenarios {
		if !slices.Contains(except, s.name) {
			t.Run(s.name, func(t *testing.T) { s.run(t, newHarness(t)) })
		}
	}
}

type scenario struct {
	name string
	run  func(*testing.T, Harness)
}
