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
	AdvertsSent          uint64 // without those that could not be
	AdvertsReceived      uint64 // accepted
	PriorityZeroSent     uint64
	PriorityZeroReceived uint64
	BecameMaster         uint64
	SendErrors           uint64
	// Untold counts the transitions that were too many to tell one by one.
	Untold uint64
	// Transitions counts the changes of state by cause.
	Transitions [vrrp.NumCauses]uint64
	// Dropped counts discarded packets by reason.
	Dropped [vrrp.NumDropReasons]uint64
	// Tolerated counts mismatches that were accepted because the router is lenient:
	// only DropLength, DropInterval and DropAddressList occur.
	Tolerated [vrrp.NumDropReasons]uint64
}

// Transition is one change of state, with the advert that caused it if one did, at
// once or, like a priority of 0 or one to preempt, after a wait.
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
	Auth   vrrp.AuthType // of a DropAuthType
}

// RouterStatus is what can be seen of one virtual router.
type RouterStatus struct {
	Config *VirtualRouter // applied configuration; read only
	vrrp.Status
	// Carrier is the interface that carries the addresses now: the macvlan while
	// Master in a macvlan group, the configured one otherwise.
	Carrier string
	// Rivals are the other routers that claim what only one can have.
	Rivals []Rival
	// LinkIndex is 0 while the interface does not exist.
	LinkIndex  int
	LinkMAC    [6]byte // of the configured interface
	VirtualMAC [6]byte
	AdvertMAC  [6]byte        // where adverts come from; zero while the interface does not exist
	Addresses  []netip.Prefix // virtual addresses with their effective prefix length
	// Fault is the last trouble with the kernel or why the interface cannot be used, empty when there is none.
	Fault string
	// SendFault is why no advert goes out, empty when they do.
	SendFault string
	Counters  Counters
	// Dropped holds the last discarded advert of each reason for which there was one.
	Dropped []DroppedAdvert
	// Peers are the unicast peers, in the order of the configuration; nil: adverts go to the multicast group.
	Peers []UnicastPeer
	// History holds the last transitions, oldest first.
	History []Transition
	// Tracked are the objects that it depends on; Sync is its sync group, nil without one.
	Tracked []TrackedStatus
	Sync    *SyncStatus
}

// LinkStatus is what can be seen of an interface.
type LinkStatus struct {
	Link
	Groups int // virtual routers configured on it
	// UnknownVRID counts adverts of VRIDs that are not configured there;
	// Malformed those whose virtual router could not be told, by reason.
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

// Link is what the Core needs to know of an interface of the host.
type Link struct {
	Index int
	Name  string
	MAC   [6]byte
	MTU   int
	Up    bool // administratively up, and with a carrier
	// Ethernet is false for interfaces without Ethernet framing: VRRP cannot run there.
	Ethernet bool
	// ForwardsIPv6 says that it routes IPv6, which Neighbor Advertisements tell (RFC 4861 section 4.4).
	ForwardsIPv6 bool
	// Parent is the index of the lower interface of a macvlan or VLAN; 0 if none.
	Parent int
	// Macvlan says that the interface is itself a macvlan, as those of containers often are.
	Macvlan bool
	// PortOf is the bridge, bond or team that takes what the interface receives; empty if there is none.
	PortOf string
	// DeafIPv4 and DeafIPv6 say why adverts of the family cannot be received; empty: they can.
	DeafIPv4, DeafIPv6 string
	// Addrs are the interface's addresses without those that this router installed.
	Addrs []netip.Prefix
}

// EventKind is the kind of an Event.
type EventKind uint8

// The kinds of event.
const (
	EventTransition EventKind = iota // From, To, Cause are set
	EventFault                       // trouble with the kernel or a peer: Text says which
	EventLink                        // an interface came, went or changed, or a foreign virtual router is heard on it: Text
	EventConfig                      // a configuration was applied: Text
	EventTrack                       // a tracked object changed: Text
	EventRoute                       // a static route was installed or withdrawn: Text
	EventFlaps                       // many transitions, told as one: From, To, Cause and Untold are set
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
	// Quiet events are not for logs and hooks: there are too many. An EventFlaps or the next transition that is
	// told says in Untold how many transitions of the virtual router that were.
	Quiet  bool
	Untold uint64
	// Priority and Addresses are those of the virtual router of an EventTransition or EventFlaps.
	Priority  uint8
	Addresses []netip.Prefix // read only
}

// Changes tells whether the event is about a change of state.
func (e *Event) Changes() bool { return e.Kind == EventTransition || e.Kind == EventFlaps }

// View is how the shell, the API and everything else that looks reads the running state.
type View interface {
	// Snapshot returns the state now. It fails only when the engine has stopped or ctx ends.
	Snapshot(ctx context.Context) (*Snapshot, error)
	// Subscribe delivers events from now on until stop is called. A reader that
	// falls behind loses the oldest events, seen as a gap in Seq.
	Subscribe() (events <-chan Event, stop func())
}

// Control changes the running state other than by configuration.
type Control interface {
	// Resign gives up Master once; an error if the router does not exist or is not Master.
	Resign(ctx context.Context, key Key) error
	// ClearStatistics zeroes the counters of the routers that match accepts; nil: of all, and of the links.
	ClearStatistics(ctx context.Context, match func(Key) bool) error
}

// Applier makes a configuration the running one.
type Applier interface {
	// Apply changes the running virtual routers to cfg, touching only what differs. It
	// returns when the Core has taken the configuration over and the kernel has answered for what the
	// change needs (sockets, macvlans), or with an error and everything as it was before.
	Apply(ctx context.Context, cfg Config) error
}
