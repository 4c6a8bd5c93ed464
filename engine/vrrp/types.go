// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Family is the address family of a virtual router. IPv4 and IPv6 virtual
// routers with the same VRID on one interface are independent
// (RFC 9568 section 1.6).
type Family uint8

// The address families.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// String returns "IPv4" or "IPv6".
func (f Family) String() string {
	switch f {
	case IPv4:
		return "IPv4"
	case IPv6:
		return "IPv6"
	default:
		return fmt.Sprintf("Family(%d)", uint8(f))
	}
}

// FamilyOf returns the family of an address; IPv4-mapped IPv6 is IPv6.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

// Version is the protocol version in the first nibble of a VRRP message.
type Version uint8

// The protocol versions: VRRPv2 is RFC 3768, VRRPv3 is RFC 9568.
const (
	V2 Version = 2
	V3 Version = 3
)

// String returns "VRRPv2" or "VRRPv3".
func (v Version) String() string {
	switch v {
	case V2:
		return "VRRPv2"
	case V3:
		return "VRRPv3"
	default:
		return fmt.Sprintf("Version(%d)", uint8(v))
	}
}

// Priorities with a special meaning (RFC 9568 section 5.2.4).
const (
	// PriorityResign in an advert means that the Master stops participating.
	PriorityResign = 0
	// PriorityMin is the lowest priority that can be configured.
	PriorityMin = 1
	// PriorityDefault is the priority if none is configured.
	PriorityDefault = 100
	// PriorityMax is the highest priority that can be configured.
	PriorityMax = 254
	// PriorityOwner is the priority of the router that owns the virtual addresses.
	PriorityOwner = 255
)

// VRIDs are 1 to 255 (RFC 9568 section 5.2.3).
const (
	VRIDMin = 1
	VRIDMax = 255
)

// Advertisement intervals.
const (
	// IntervalDefault is one second (RFC 9568 section 5.2.7, RFC 3768 section 5.3.7).
	IntervalDefault = time.Second
	// IntervalMinV3 and IntervalMaxV3 are the 12-bit field of centiseconds, 1 to 4095.
	IntervalMinV3 = 10 * time.Millisecond
	IntervalMaxV3 = 40950 * time.Millisecond
	// IntervalMinV2 and IntervalMaxV2 are the 8-bit field of seconds, 1 to 255.
	IntervalMinV2 = time.Second
	IntervalMaxV2 = 255 * time.Second
)

// State is the state of a virtual router (RFC 9568 section 6.4).
type State uint8

// The states. RFC 9568 calls Master "Active"; the output says Master, since the
// tools that read it expect that.
const (
	Initialize State = iota
	Backup
	Master
)

// String returns "Init", "Backup" or "Master".
func (s State) String() string {
	switch s {
	case Initialize:
		return "Init"
	case Backup:
		return "Backup"
	case Master:
		return "Master"
	default:
		return fmt.Sprintf("State(%d)", uint8(s))
	}
}

// AuthType is the authentication type of a VRRPv2 message.
type AuthType uint8

// The authentication types. 250 and 251 are the proprietary types of the
// earlier daemon. Types that this router does not support have names for the messages about them.
const (
	AuthNone   AuthType = 0
	AuthSimple AuthType = 1   // RFC 2338 section 5.3.6
	AuthAH     AuthType = 2   // RFC 2338 section 5.3.6: the message is in an IPsec Authentication Header
	AuthP0     AuthType = 250 // first 8 bytes of HMAC-SHA256
	AuthP1     AuthType = 251 // first 8 bytes of SHAKE256
	// AuthCiscoMD5 is a proprietary type of Cisco, with 22 bytes more than the others have.
	AuthCiscoMD5 AuthType = 254
)

// Supported reports whether a virtual router can be configured with the type.
func (t AuthType) Supported() bool {
	return t == AuthNone || t == AuthSimple || t == AuthP0 || t == AuthP1
}

// String returns the name that the configuration file uses, or "none".
func (t AuthType) String() string {
	switch t {
	case AuthNone:
		return "none"
	case AuthSimple:
		return "rfc2338-simple"
	case AuthAH:
		return "ah"
	case AuthP0:
		return "p0-t8-sha256"
	case AuthP1:
		return "p1-t8-shake256"
	case AuthCiscoMD5:
		return "cisco-md5"
	default:
		return fmt.Sprintf("AuthType(%d)", uint8(t))
	}
}

// Config configures one virtual router's state machine. The caller
// validates it: the ranges are those of the constants above.
type Config struct {
	Version  Version
	Family   Family
	VRID     uint8
	Priority uint8 // PriorityMin to PriorityMax; the owner's 255 comes from Local.Owner
	Interval time.Duration
	Preempt  bool
	// PreemptDelay is the wait before this router preempts a Master with lower priority.
	PreemptDelay time.Duration
	// Addresses are the virtual addresses in the order of the advert.
	Addresses []netip.Addr
	AuthType  AuthType
	Secret    string // VRRPv2 authentication
	// Lenient accepts (and counts) the mismatches in Tolerated.
	Lenient  bool
	Checksum ChecksumMode
	// Announce configures the gratuitous ARP or Neighbor Advertisements.
	Announce AnnounceConfig
	// Synced makes a Backup wait for EventTakeOver instead of becoming Master by itself:
	// the members of a sync group become Master together. The owner does not wait.
	Synced bool
	// LastWord makes a Master send one more advert when it gives up to another Master, which may not have heard it before,
	// for example after a split. The lower priority tells the other Master that neighbors used another router, and it
	// announces the addresses anew.
	LastWord bool
	// Unicast makes the router exchange adverts with single peers instead of the multicast group.
	Unicast UnicastConfig
}

// UnicastConfig lists the peers of the adverts; without Peers the multicast group is used.
type UnicastConfig struct {
	Peers []netip.Addr // only their adverts are accepted
	// Source is the source of the adverts, an address of the interface; invalid: its primary address.
	Source netip.Addr
	// TTLMin is the least TTL or hop limit of the peers' adverts: 255 when they are on this link.
	TTLMin uint8
}

// Enabled reports whether there are peers.
func (u *UnicastConfig) Enabled() bool { return len(u.Peers) > 0 }

// Equal compares two configurations.
func (u *UnicastConfig) Equal(o *UnicastConfig) bool {
	return slices.Equal(u.Peers, o.Peers) && u.Source == o.Source && u.TTLMin == o.TTLMin
}

// AnnounceConfig configures how a new Master announces its addresses.
type AnnounceConfig struct {
	Repeat  int           // announcements in each round, per address; at least one is made
	Delay   time.Duration // from the first round to the second; 0: no second round
	Refresh time.Duration // interval of further rounds; 0: none
}

// Local describes the addresses of a virtual router's interface.
type Local struct {
	Primary netip.Addr // source of the adverts
	Owner   bool       // a virtual address is one of the interface's own
}

// Packet is a received VRRP message with the fields of its IP header that the
// checks need. Payload is only valid during the call it is passed to.
type Packet struct {
	Src, Dst netip.Addr
	TTL      uint8 // or hop limit
	Payload  []byte
	// AH says that the message was in an IPsec Authentication Header (RFC 2338 section 5.3.6.3), which this router
	// does not support.
	AH bool
}

// Advertisement is a decoded VRRP message.
type Advertisement struct {
	Version   Version
	Family    Family
	VRID      uint8
	Priority  uint8
	Interval  time.Duration
	AuthType  AuthType // VRRPv2
	AuthData  [8]byte  // VRRPv2
	Checksum  uint16
	Form      ChecksumForm
	Source    netip.Addr   // without a zone
	Addresses []netip.Addr // reused by the next Decode into the same value
	// Missing is the difference between the address count of a VRRPv2 message and its addresses.
	Missing int
	// Message is the whole VRRP message without padding. It is part of the
	// decoded Payload, and valid only as long as the Payload.
	Message []byte
}

// DropReason is why a received packet was discarded, in the order of
// the checks.
type DropReason uint8

// The reasons. DropNone means the packet was accepted.
const (
	DropNone DropReason = iota
	DropPeer            // with unicast peers: not from a peer, or not sent to this router alone
	DropAH              // in an IPsec Authentication Header
	DropTTL
	DropCARP // of another protocol with the same number
	DropLength
	DropVersion
	DropType
	DropChecksum
	DropVRID
	DropOwn
	DropOwner
	DropAuthType
	DropAuth
	DropInterval
	DropNoAddresses
	DropAddressList
	dropReasons
)

// NumDropReasons is the size of an array indexed by DropReason.
const NumDropReasons = int(dropReasons)

var dropNames = [NumDropReasons]string{
	"none", "peer", "ah", "ttl", "carp", "length", "version", "type", "checksum", "vrid", "own",
	"owner", "auth-type", "auth", "interval", "no-addresses", "address-list",
}

// String returns the reason's name, as in the counters of show and the API.
func (d DropReason) String() string {
	if int(d) < len(dropNames) {
		return dropNames[d]
	}
	return fmt.Sprintf("DropReason(%d)", uint8(d))
}

// Cause is why a state was entered.
type Cause uint8

// The causes of transitions, and of staying in Initialize.
const (
	CauseNone           Cause = iota
	CauseStartup              // the interface is ready: Initialize → Backup
	CauseOwner                // the interface owns the address: Initialize → Master
	CauseMasterDown           // no advert within Master_Down_Interval
	CauseMasterResigned       // the Master sent priority 0
	CausePreempt              // took over from a lower-priority Master
	CauseHigherPriority       // an advert with higher priority was heard
	CauseHigherAddress        // equal priority, numerically higher source address
	CauseResign               // resigned by an operator's command
	CauseShutdown             // administratively down, removed, or the router stops
	CauseLinkDown             // the interface is down
	CauseNoLink               // the interface does not exist
	CauseNoAddress            // the interface has no primary address
	CauseTracking             // a tracked object is down
	CauseSyncGroup            // another member of the sync group failed
	CauseInstallFailed        // the kernel refused the addresses
	CauseAddressLost          // another program removed the addresses too often
	CauseReconfigured         // the configuration changed in a way that needs a restart
	CauseUnsuitable           // VRRP cannot run on this kind of interface, or on a port of another interface
	CauseDeaf                 // adverts cannot be received on the interface
	CauseMute                 // adverts cannot be sent, and another Master was heard
	causes
)

// NumCauses is the size of an array indexed by Cause.
const NumCauses = int(causes)

var causeNames = [NumCauses]string{
	"none", "startup", "address owner", "master down timer expired", "master resigned",
	"preempted lower priority", "higher priority heard", "equal priority, higher address heard",
	"resigned by operator", "shutdown", "interface down", "interface missing",
	"no primary address", "tracked object down", "sync group", "addresses refused by the kernel",
	"addresses removed from outside", "reconfigured", "interface unsuitable", "adverts cannot be received",
	"adverts cannot be sent",
}

// String returns the cause as a phrase for people.
func (c Cause) String() string {
	if int(c) < len(causeNames) {
		return causeNames[c]
	}
	return fmt.Sprintf("Cause(%d)", uint8(c))
}

// MarshalText implements encoding.TextMarshaler.
func (c Cause) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. An unknown cause becomes CauseNone.
func (c *Cause) UnmarshalText(text []byte) error {
	*c = Cause(max(0, slices.Index(causeNames[:], string(text))))
	return nil
}
