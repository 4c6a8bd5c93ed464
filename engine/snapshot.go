// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"context"
	"net/netip"
	"time"

	"vrrpsh/engine/vrrp"
)

// Counters count one virtual router's packets and transitions
// (RFC 6527 and RFC 8347 name most of them).
type Counters struct {
	// Since is when they were last zero.
	Since                time.Time
	AdvertsSent          uint64 // without failed ones
	AdvertsReceived      uint64 // accepted
	PriorityZeroSent     uint64
	PriorityZeroReceived uint64
	BecameMaster         uint64
	SendErrors           uint64
	// Claims counts the claims of virtual addresses of this Master by other hosts, by ARP or Neighbor Discovery.
	Claims uint64
	// Untold counts the transitions that were too frequent to report one by one.
	Untold uint64
	// Transitions counts the changes of state by cause.
	Transitions [vrrp.NumCauses]uint64
	// Dropped counts discarded packets by reason.
	Dropped [vrrp.NumDropReasons]uint64
	// Tolerated counts mismatches that were accepted because the router is lenient:
	// only DropLength, DropInterval and DropAddressList occur.
	Tolerated [vrrp.NumDropReasons]uint64
}

// Transition is one change of state and, if an advert caused it, that advert. The change
// follows the advert at once or, after priority 0 or for a preemption, after a wait.
type Transition struct {
	Time     time.Time
	From, To vrrp.State
	Cause    vrrp.Cause
	Peer     netip.Addr // source of the advert; invalid if none
	Priority uint8      // of the advert
}

// DroppedAdvert is an advert that was discarded.
type DroppedAdvert struct {
	Time   time.Time
	Source netip.Addr
	Reason vrrp.DropReason
	Auth   vrrp.AuthType // for DropAuthType only
}

// RouterStatus is the visible state of one virtual router.
type RouterStatus struct {
	Config *VirtualRouter // applied configuration; read only
	vrrp.Status
	// Carrier is the interface that carries the addresses now: the macvlan while
	// Master in a macvlan group, the configured one otherwise.
	Carrier string
	// Rivals are other routers that claim something that only one router can have.
	Rivals []Rival
	// LinkIndex is 0 while the interface does not exist.
	LinkIndex  int
	LinkMAC    [6]byte // of the configured interface
	VirtualMAC [6]byte
	AdvertMAC  [6]byte        // source of adverts; zero while the interface does not exist
	Addresses  []netip.Prefix // virtual addresses with their effective prefix length
	// Fault is the last kernel error, or why the interface cannot be used; empty if there is no fault.
	Fault string
	// SendFault says why no adverts go out; empty if they do.
	SendFault string
	Counters  Counters
	// Dropped holds the last discarded advert for each reason that has occurred.
	Dropped []DroppedAdvert
	// Peers are the unicast peers, in the order of the configuration; nil: adverts go to the multicast group.
	Peers []UnicastPeer
	// History holds the last transitions, oldest first.
	History []Transition
	// Tracked are the objects that the virtual router depends on; Sync is its sync group, nil without one.
	Tracked []TrackedStatus
	Sync    *SyncStatus
}

// LinkStatus is the visible state of an interface.
type LinkStatus struct {
	Link
	Groups int // virtual routers configured on it
	// UnknownVRID counts adverts with VRIDs that are not configured on the interface.
	// Malformed counts, by reason, adverts that could not be assigned to a virtual router.
	UnknownVRID uint64
	Malformed   [vrrp.NumDropReasons]uint64
}

// Snapshot is the state of all virtual routers at one moment. It is immutable
// and shared between readers.
type Snapshot struct {
	Time    time.Time
	Started time.Time
	Routers []*RouterStatus // in configuration order
	Links   []LinkStatus    // by index
	Routes  []RouteStatus   // the static routes, in configuration order
	Tracks  []TrackStatus   // the tracked objects, in configuration order
}

// Link describes an interface of the host to the Core.
type Link struct {
	Index int
	Name  string
	MAC   [6]byte
	MTU   int
	Up    bool // administratively up and with carrier
	// Ethernet is false for interfaces without Ethernet framing: VRRP cannot run there.
	Ethernet bool
	// ForwardsIPv6 is true if the interface forwards IPv6; Neighbor Advertisements carry this (RFC 4861 section 4.4).
	ForwardsIPv6 bool
	// Parent is the index of the lower interface of a macvlan or VLAN; 0 if none.
	Parent int
	// Macvlan is true if the interface is itself a macvlan, as is common in containers.
	Macvlan bool
	// PortOf is the bridge, bond or team that takes the packets received on the interface; empty if there is none.
	PortOf string
	// DeafIPv4 and DeafIPv6 say why the interface cannot receive adverts of the family; empty if it can.
	DeafIPv4, DeafIPv6 string
	// Addrs are the interface's addresses, except those that this router installed.
	Addrs []netip.Prefix
}

// EventKind is the kind of an Event.
type EventKind uint8

// The kinds of event.
const (
	EventTransition EventKind = iota // From, To, Cause are set
	EventFault                       // a problem with the kernel or a peer: Text
	EventLink                        // an interface appeared, vanished or changed, or a foreign virtual router was heard: Text
	EventConfig                      // a configuration was applied: Text
	EventTrack                       // a tracked object changed: Text
	EventRoute                       // a static route was installed or withdrawn: Text
	EventFlaps                       // one report for many transitions: From, To, Cause and Untold are set
)

// Event is something that happened, for logs, sessions and subscribers.
type Event struct {
	Seq      uint64 // counts up from 1 without gaps
	Time     time.Time
	Kind     EventKind
	Key      Key // zero if it concerns no virtual router; EventLink has the Interface only
	From, To vrrp.State
	Cause    vrrp.Cause
	Text     string
	// Quiet events are too frequent for logs and hooks. The next EventFlaps, or the next transition that is not
	// Quiet, gives in Untold the number of Quiet transitions of the virtual router.
	Quiet  bool
	Untold uint64
	// Priority and Addresses describe the virtual router in an EventTransition or EventFlaps.
	Priority  uint8
	Addresses []netip.Prefix // read only
}

// Changes reports whether the event is about a change of state.
func (e *Event) Changes() bool { return e.Kind == EventTransition || e.Kind == EventFlaps }

// View gives the shell, the API and other readers access to the running state.
type View interface {
	// Snapshot returns the present state. It fails only if the engine has stopped or ctx ends.
	Snapshot(ctx context.Context) (*Snapshot, error)
	// Subscribe delivers events from now on until the caller calls stop. A reader that
	// falls behind loses the oldest events and sees a gap in Seq.
	Subscribe() (events <-chan Event, stop func())
}

// Control changes the running state without changing the configuration.
type Control interface {
	// Resign gives up Master once. It fails if the router does not exist or is not Master.
	Resign(ctx context.Context, key Key) error
	// ClearStatistics zeroes the counters of the routers that match accepts. A nil match means all routers and the links.
	ClearStatistics(ctx context.Context, match func(Key) bool) error
}

// Applier makes a configuration the running one.
type Applier interface {
	// Apply changes the running virtual routers to cfg and touches only what differs. It
	// returns when the Core has taken over the configuration and the kernel has confirmed what the
	// change needs (sockets, macvlans). On error everything is as it was before.
	Apply(ctx context.Context, cfg Config) error
}
