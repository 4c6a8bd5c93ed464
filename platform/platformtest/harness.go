package platformtest

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"vrrpsh/platform"
)

// Harness is one kernel with one System on it, and a segment (a LAN) with a peer. All of it is new
// for each scenario and released through t.Cleanup. Its methods act on the kernel from
// outside, as an administrator would, and end the test on failure; what the System makes of it is
// what the scenarios look at.
type Harness interface {
	// System returns the System under test. It exists from the beginning.
	System() platform.System
	// Crash drops the System without Close, as kill -9 does, and opens a new one on the same
	// kernel with the same state directory. It does not call Recover.
	Crash()
	// Restart opens a new System in place of one that the scenario has closed.
	Restart()

	// AddLink makes an Ethernet interface that is up, joined to the segment and has these addresses.
	AddLink(name string, addrs ...netip.Prefix)
	// AddMacvlan makes a macvlan of somebody else: up, with a random address.
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
	// SetMAC sets an interface's address.
	SetMAC(name string, mac [6]byte)
	// AddAddr adds an address to an interface.
	AddAddr(name string, addr netip.Prefix)
	// DelAddr removes an address from an interface, be it the System's own.
	DelAddr(name string, addr netip.Prefix)

	// FlushFilter removes all rules of the packet filter, as firewalls do before they load their own.
	FlushFilter()

	// Ping tells whether an echo request from the segment to an address, in a frame to an interface's MAC, is
	// answered.
	Ping(addr netip.Addr, mac [6]byte) bool
	// Kernel returns the kernel's state as it is now.
	Kernel() Kernel
	// Peer returns the other station on the segment.
	Peer() Peer
}

// Kernel is the state of a kernel that the scenarios look at: everything that a System can change.
type Kernel struct {
	// Links are the interfaces by name, without the loopback.
	Links map[string]Link
	// Settings are the kernel's settings (sysctls) of the interfaces that AddLink made, by a
	// name of the harness's choice. A kernel in memory may have none.
	Settings map[string]string
}

// Link is one interface.
type Link struct {
	Index  int
	MAC    [6]byte
	Up     bool   // administratively
	Parent string // of a macvlan
	// Addrs are all addresses, those of the System too, in no particular order, and without
	// IPv6 link-local addresses that the kernel made.
	Addrs []netip.Prefix
	// Routes are the connected routes that the addresses brought.
	Routes []netip.Prefix
}

// Peer is a station on the segment that sends and hears Ethernet frames, without 802.1Q tags.
type Peer interface {
	// Send puts a frame on the segment.
	Send(frame []byte)
	// Receive returns the next frame that was sent on the segment by any other station since the
	// harness began. It waits for one at most this long; false if none came.
	Receive(timeout time.Duration) ([]byte, bool)
}

// Patience is how long scenarios wait for what must happen. Nothing takes that long unless it fails.
const Patience = 5 * time.Second

// Run runs every scenario on a harness of its own, except those for what the system refuses, which
// its own tests have to cover. Each of the exceptions must be the name of a scenario.
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
