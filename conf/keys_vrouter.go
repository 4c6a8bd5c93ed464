// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// Ranges of settings that no RFC limits.
const (
	maxPreemptDelay = time.Hour
	maxGARPRepeat   = 100
	maxGARPDelay    = 5 * time.Minute
	maxGARPRefresh  = 24 * time.Hour
	maxDescription  = 255
	maxSyncGroup    = 64
)

const reservedPriority = "is out of range 1-254 (0 says that the Master resigns, 255 that it owns the addresses, RFC 9568 section 5.2.4)"

// virtualRouter is a short name for use in bindings.
type virtualRouter = engine.VirtualRouter

// The keys of [[vrouter]].
var (
	Group = Declare[int](RouterTable, Key{
		Name: "group", Absent: "required", Example: 51, Effect: Identifies,
		Type: Integer{Low: vrrp.VRIDMin, High: vrrp.VRIDMax, Reserved: map[int]string{
			0: "is not a virtual router identifier: they are 1-255 (RFC 9568 section 5.2.3)",
		}},
		Help: "Virtual router identifier (VRID)",
		Doc:  "virtual router identifier, VRID (RFC 9568 section 5.2.3). 0 is refused: a VRRP packet cannot carry it as a VRID",
	})
	Interface = Declare[string](RouterTable, Key{
		Name: "interface", Type: Text{Kind: "interface", Check: badInterfaceName}, Absent: "required", Example: "eth0", Effect: Identifies,
		Help: "Interface to run on",
		Doc:  "interface to run on, at most 15 characters; it must be Ethernet-like, and may be missing when the router starts",
	})
	VIP = Declare[string](RouterTable, Key{
		Name: "vip", Type: Text{Kind: "address"}, Absent: "required, unless `vips`", Shown: true, Example: "10.0.0.1/24", Rank: 3,
		Help: "Virtual address; repeat the command for more",
		Doc: "virtual address, with or without prefix length: `\"10.0.0.1\"`, `\"10.0.0.1/24\"`. Without one, the prefix length is that of the interface's connected " +
			"subnet that contains the address, else 32. If the interface has no address in the subnet, a prefix length that is given adds the route to the subnet while Master " +
			"(Linux, see [operations](operations.md#repair)). An IPv6 address (`\"2001:db8::1/64\"`) makes it an IPv6 virtual router, see [below](#ipv6)",
	})
	VIPs = Declare[[]string](RouterTable, Key{
		Name: "vips", Type: Strings{}, Absent: "none", Example: []string{"10.0.0.2", "10.0.0.3"}, Dependent: true, Rank: 3,
		Help: "More virtual addresses", Command: "vip",
		Doc: "virtual addresses, after `vip` if that is given too; all of one family, at most 255 (RFC 9568 section 5.2.5), and no more than fit the MTU of the " +
			"interface: 90 of IPv6 on Ethernet. A commit checks them against the current MTU of the interface; a start only warns",
		Router: compared(func(r *virtualRouter) any { return r.Addresses }),
	})
	Version = Declare[int](RouterTable, Key{
		Name: "version", Type: Integer{Low: int(vrrp.V2), High: int(vrrp.V3)}, Default: int(vrrp.V2), Absent: "2; IPv6: 3", Effect: Restarts, Rank: 2,
		Help: "Protocol version: 2 is RFC 3768, 3 is RFC 9568", ValueHelp: "2 or 3; IPv6 is always 3",
		Doc:    "VRRPv2 (RFC 3768) or VRRPv3 (RFC 9568); IPv6 is always version 3",
		Router: compared(func(r *virtualRouter) any { return r.Protocol.Version }),
	})
	Priority = Declare[int](RouterTable, Key{
		Name: "priority", Default: vrrp.PriorityDefault, Rank: 4,
		Type: Integer{Low: vrrp.PriorityMin, High: vrrp.PriorityMax, Reserved: map[int]string{0: reservedPriority, 255: reservedPriority}},
		Help: "Priority; the highest becomes Master", ValueHelp: "Higher wins; an address owner always has 255",
		Doc: "the highest becomes Master (RFC 9568 section 5.2.4). 0 and 255 are reserved: 0 says that a Master resigns, 255 is used automatically when the " +
			"interface owns a virtual address",
		Router: toNumber(func(r *virtualRouter) *uint8 { return &r.Protocol.Priority }),
	})
	Preemption = Declare[bool](RouterTable, Key{
		Name: "preemption", Type: Boolean{}, Default: false, Rank: 5,
		Help: "Take over from a Master of lower priority", Command: "preempt",
		Doc:    "take over from a Master with lower priority (Preempt_Mode, RFC 9568 section 6.1, whose default is true)",
		Router: toField(func(r *virtualRouter) *bool { return &r.Protocol.Preempt }),
	})
	AuthType = Declare[string](RouterTable, Key{
		Name: "auth_type", Absent: "none", Example: "p0-t8-sha256", Dependent: true, Rank: 8,
		Type: Choice{
			Words: []Word{
				{vrrp.AuthSimple.String(), "The secret in clear (RFC 2338)"}, {vrrp.AuthP0.String(), "HMAC-SHA256, cut to 8 bytes"},
				{vrrp.AuthP1.String(), "SHAKE256, 8 bytes"},
			},
			Aliases: []Word{{"p1-b8-shake256", "The same as p1-t8-shake256"}},
		},
		Help: "Authentication (version 2 only)", Command: "auth",
		Doc: `VRRPv2 only: "rfc2338-simple" (RFC 2338 section 5.3.6), "p0-t8-sha256", "p1-t8-shake256" (also written "p1-b8-shake256"). ` +
			"The last two are proprietary and set `rfc3768` to true",
		Router: compared(func(r *virtualRouter) any { return r.Protocol.AuthType }),
	})
	AuthSecret = Declare[string](RouterTable, Key{
		Name: "auth_secret", Type: Text{}, Absent: "none", Example: "change me", Secret: Concealed, Dependent: true, Rank: 9,
		Help: "Shared secret, without changing the type", Command: "auth secret",
		Doc:    "shared secret; required with `auth_type`. \"rfc2338-simple\" uses its first 8 bytes",
		Router: compared(func(r *virtualRouter) any { return r.Protocol.Secret }),
	})
	Timers = Declare[*Table](RouterTable, Key{
		Name: "timers", Type: SubTable{Of: timersTable}, Absent: "`{ advert = 1 }`", Dependent: true, Rank: 7,
		Help: "Advertisement interval in the form of the earlier daemon",
		Doc:  "advertisement interval in the form of the earlier daemon; excludes `advertise_interval`",
	})
	TimersAdvert = Declare[int](timersTable, Key{
		Name: "advert", Type: Integer{Low: 1, High: int(vrrp.IntervalMaxV2 / time.Second), HighV3: int(vrrp.IntervalMaxV3 / time.Second)}, Default: 1,
		Help: "Advertisement interval in seconds", Command: "timers advertise", Doc: "advertisement interval in seconds",
	})
	AdvertiseInterval = Declare[string](RouterTable, Key{
		Name: "advertise_interval", Default: "1s", Rank: 7,
		Type: Duration{
			Low: vrrp.IntervalMinV2, High: vrrp.IntervalMaxV2, Step: time.Second, NotAStep: "is not in whole seconds, which version 2 requires (RFC 3768 section 5.3.7)",
			V3: &Duration{Low: vrrp.IntervalMinV3, High: vrrp.IntervalMaxV3, Step: vrrp.IntervalMinV3, NotAStep: "is not in steps of 10ms (RFC 9568 section 5.2.7)"},
		},
		Help: "Advertisement interval", Command: "timers advertise", Value: "interval",
		ValueHelp: "10ms-40.95s in version 3, 1-255s in version 2; without a unit, in seconds",
		Doc: "Advertisement_Interval (RFC 9568 section 5.2.7, RFC 3768 section 5.3.7): version 2 in whole seconds, 1s-255s; version 3 in steps of 10ms, " +
			"10ms-40.95s",
		Router: compared(func(r *virtualRouter) any { return r.Protocol.Interval }),
	})
	PreemptDelay = Declare[string](RouterTable, Key{
		Name: "preempt_delay", Type: Duration{High: maxPreemptDelay}, Default: "0s", Rank: 6,
		Help: "The delay of preempt, without enabling preemption", Value: "delay", ValueHelp: "Such as 30s; without a unit, in seconds",
		Doc:    "how long to wait before taking over from a lower-priority Master that has been heard; no effect without `preemption`",
		Router: toDuration(func(r *virtualRouter) *time.Duration { return &r.Protocol.PreemptDelay }),
	})
	RFC3768 = Declare[bool](RouterTable, Key{
		Name: "rfc3768", Type: Boolean{}, Default: true, Rank: 14,
		Help: "Accept mismatched intervals and address lists; \"no\" is strict",
		Doc: "true: adverts whose interval or address list differs, that have no addresses, or that contain fewer addresses than their count says (VRRPv2) are counted, logged and accepted; false: they are discarded (RFC 3768 section 7.1), and a " +
			"Master that gives up without a virtual MAC sends no [last advert](operations.md#rivals)",
		Router: toField(func(r *virtualRouter) *bool { return &r.Protocol.Lenient }),
	})
	NetDrv = Declare[string](RouterTable, Key{
		Name: "netdrv", Default: "libnl", Effect: Restarts, Rank: 13,
		Type: Choice{Words: []Word{{"libnl", "Netlink"}, {"ioctl", "By ioctl, for old kernels"}}},
		Help: "How addresses are set in the kernel",
		Doc: "\"libnl\": addresses are set by netlink. \"ioctl\": IPv4 addresses are set by ioctl, on labels such as `eth0:51`, and so is the MAC with `vmac`; " +
			"for old kernels. Like any other, such an address adds the route of its subnet. Interface, colon, group and number must fit in 15 characters.  " +
			"Macvlans and IPv6 always use netlink",
		Router: compared(func(r *virtualRouter) any { return r.IOCTL }),
	})
	IfType = Declare[string](RouterTable, Key{
		Name: "iftype", Default: "ether", Effect: Restarts, Rank: 10,
		Type: Choice{Words: []Word{{engine.Ether.String(), "On the interface itself"}, {engine.Macvlan.String(), "On a macvlan with the virtual MAC"}}},
		Help: "Where the virtual addresses are",
		Doc: `"ether": the virtual addresses are on the interface itself, which keeps its MAC. "macvlan": they are on a macvlan with the virtual MAC ` +
			"(RFC 9568 section 7.3); refused on [FreeBSD](platforms.md)",
		Router:  toMeaning(func(r *virtualRouter) *engine.InterfaceType { return &r.Type }, named(engine.Ether, engine.Macvlan)),
		Refused: map[Host]Refusal{FreeBSD: {"macvlan", `is not supported on FreeBSD, which has no macvlan interfaces: use iftype = "ether", with vmac = true for the virtual MAC on the interface itself`}},
	})
	VIFName = Declare[string](RouterTable, Key{
		Name: "vifname", Type: Text{Kind: "interface", Check: badInterfaceName}, Absent: "standby*group*", Shown: true, Example: "standby51", Effect: Restarts, Rank: 11,
		Help: "Name of the macvlan", Value: "name", ValueHelp: "Up to 15 characters", Doc: "name of the macvlan, at most 15 characters, see below",
		Router: compared(func(r *virtualRouter) any { return r.VIFName }),
	})
	VMAC = Declare[bool](RouterTable, Key{
		Name: "vmac", Type: Boolean{}, Default: false, Effect: Restarts, Rank: 12,
		Help:   "Give the interface itself the virtual MAC while Master",
		Doc:    `"ether" only: the interface itself has the virtual MAC while Master. For one virtual router per interface`,
		Router: toField(func(r *virtualRouter) *bool { return &r.VMAC }),
	})
	AdvertMAC = Declare[string](RouterTable, Key{
		Name: "advert_mac", Default: "virtual", Rank: 13,
		Type: Choice{Words: []Word{
			{engine.AdvertFromVirtual.String(), "The virtual MAC address"},
			{engine.AdvertFromInterface.String(), "The interface's own, for peers that do not hear the virtual one"},
		}},
		Help: "MAC address that adverts come from, with a macvlan",
		Doc: "with macvlan: the MAC address that adverts come from, the virtual one (RFC 9568 section 7.3) or the interface's own, for " +
			"[peers that do not hear the former](interoperability.md#keepalived). Not with `vmac`",
		Router: toMeaning(func(r *virtualRouter) *engine.AdvertMAC { return &r.AdvertMAC }, named(engine.AdvertFromVirtual, engine.AdvertFromInterface)),
	})
	SocketFilter = Declare[bool](RouterTable, Key{
		Name: "socket_filter", Type: Boolean{Quoted: true}, Default: true, Rank: 15,
		Help:    "Let the kernel discard packets of other groups",
		Doc:     "let the kernel discard packets that are not VRRP for this router, by protocol, TTL and VRID; on [FreeBSD](platforms.md) it is false, and true is refused",
		Router:  toField(func(r *virtualRouter) *bool { return &r.SocketFilter }),
		Refused: map[Host]Refusal{FreeBSD: {true, `is not supported on FreeBSD, where the router itself discards packets of other groups: leave it out, or set it to false`}},
	})
	Checksum = Declare[string](RouterTable, Key{
		Name: "checksum", Default: "auto", Rank: 16,
		Type: Choice{Words: []Word{
			{vrrp.ChecksumAuto.String(), "In the form that the peer uses"}, {vrrp.ChecksumRFC5798.String(), "With a pseudo-header"},
			{vrrp.ChecksumRFC9568.String(), "Over the message only"},
		}},
		Help: "Form of the VRRPv3 checksum over IPv4",
		Doc: `checksum of version 3 over IPv4: with pseudo-header ("rfc5798"), over the message alone ("rfc9568" section 5.2.8), or with pseudo-header until a peer is ` +
			`heard and then in the peer's form ("auto"). Both are accepted`,
		Router: toMeaning(func(r *virtualRouter) *vrrp.ChecksumMode { return &r.Protocol.Checksum },
			named(vrrp.ChecksumAuto, vrrp.ChecksumRFC5798, vrrp.ChecksumRFC9568)),
	})
	Description = Declare[string](RouterTable, Key{
		Name: "description", Type: Text{Check: badDescription}, Absent: "none", Shown: true, Example: "", Rank: 1,
		Help: "Description", Value: "text", ValueHelp: "The text", Doc: "any text of at most 255 bytes",
		Router: toField(func(r *virtualRouter) *string { return &r.Description }),
	})
	Shutdown = Declare[bool](RouterTable, Key{
		Name: "shutdown", Type: Boolean{}, Default: false, Rank: 2000,
		Help: "Administratively down", Doc: "administratively down",
		Router: toField(func(r *virtualRouter) *bool { return &r.Shutdown }),
	})
	AcceptMode = Declare[bool](RouterTable, Key{
		Name: "accept_mode", Type: Boolean{}, Default: true, Rank: 25,
		Help: "Accept packets to the virtual addresses; \"no\" answers ARP and ND only",
		Doc: "Accept_Mode (RFC 9568 section 6.1, whose default is false): true accepts packets to the virtual addresses. With false a Master that does not " +
			"own them answers ARP and Neighbor Discovery for them and routes, but discards packets to them, by rules in the nftables table `inet vrrpsh`, which " +
			"exists while there are such addresses and is restored, at once and then at most once a second, when it or a part of it is removed " +
			"(`nft flush ruleset`); refused on [FreeBSD](platforms.md)",
		Router:  toMeaning(func(r *virtualRouter) *bool { return &r.Closed }, func(accept bool) bool { return !accept }),
		Refused: map[Host]Refusal{FreeBSD: {false, `is not supported on FreeBSD: leave it out, and discard packets to the virtual addresses with pf or ipfw`}},
	})
	AcceptPing = Declare[bool](RouterTable, Key{
		Name: "accept_ping", Type: Boolean{}, Default: false, Rank: 26,
		Help: "Answer pings even without accept-mode", Doc: "with `accept_mode = false`, still answer echo requests",
		Router: toField(func(r *virtualRouter) *bool { return &r.AcceptPing }),
	})
	GARPRepeat = Declare[int](RouterTable, Key{
		Name: "garp_repeat", Type: Integer{Low: 1, High: maxGARPRepeat}, Default: 5, Rank: 17,
		Help: "Announcements in a round", Command: "garp repeat", Value: "count", ValueHelp: "How many",
		Doc: "gratuitous ARP, or unsolicited Neighbor Advertisements, that a new Master sends for each address in a round, the second after 10 ms and the others " +
			"every 100 ms. Announcements of many addresses are spread: 2,000 a second in all, or more if that is needed to announce each address within half a second",
		Router: toNumber(func(r *virtualRouter) *int { return &r.Protocol.Announce.Repeat }),
	})
	GARPDelay = Declare[string](RouterTable, Key{
		Name: "garp_delay", Type: Duration{High: maxGARPDelay}, Default: "5s", Rank: 18,
		Help: "Time to the second round of announcements", Command: "garp delay",
		Doc:    `time from the first round to a second one; "0s": no second round`,
		Router: toDuration(func(r *virtualRouter) *time.Duration { return &r.Protocol.Announce.Delay }),
	})
	GARPRefresh = Declare[string](RouterTable, Key{
		Name: "garp_refresh", Type: Duration{Low: time.Second, High: maxGARPRefresh, Off: true}, Default: "0s", Rank: 19,
		Help: "Interval of further announcements (default: none)", Command: "garp refresh",
		Doc:    `interval of further rounds while Master; "0s": none`,
		Router: toDuration(func(r *virtualRouter) *time.Duration { return &r.Protocol.Announce.Refresh }),
	})
	Track = Declare[[]*Table](RouterTable, Key{
		Name: "track", Type: SubTables{Of: trackingTable}, Absent: "none", Dependent: true, Rank: 23,
		Help:   "Depend on a tracked object: while it is down, lose priority (decrement) or stop",
		Doc:    "what the virtual router depends on; see [tracking](tracking.md)",
		Router: compared(func(r *virtualRouter) any { return r.Track }),
	})
	TrackingObject = Declare[string](trackingTable, Key{
		Name: "object", Type: Text{Kind: "track"}, Absent: "required", Example: "uplink", Effect: Identifies,
		Help: "Name of the object", Command: "track", Doc: "name of a `[[track]]` table",
	})
	TrackingDecrement = Declare[int](trackingTable, Key{
		Name: "decrement", Type: Integer{Low: 1, High: engine.MaxWeight}, Absent: "none", Example: 50,
		Help: "Amount by which the priority drops while the object is down", Command: "track",
		Doc: "amount by which the priority drops while the object is down, to no less than 1; without it the virtual router is held in Initialize. Not for files",
	})
	SyncGroup = Declare[string](RouterTable, Key{
		Name: "sync_group", Type: Text{Kind: "word", Check: badSyncGroup}, Absent: "none", Example: "edge", Dependent: true, Rank: 24,
		Help: "Be Master together with the others of the sync group, or not at all", Value: "name", ValueHelp: "Name of the sync group",
		Doc:    "name of a [sync group](sync-groups.md), whose members are Master together or not at all; one member per interface and family",
		Router: compared(func(r *virtualRouter) any { return r.SyncGroup }),
	})
	UnicastPeers = Declare[[]string](RouterTable, Key{
		Name: "unicast_peers", Type: Strings{}, Absent: "none", Example: []string{"192.0.2.2"}, Dependent: true, Rank: 20,
		Help: "Exchange adverts with this router instead of the multicast group; repeat the command for more", Command: "unicast peer",
		Doc: "addresses of at most 32 other routers: adverts go to each of them by the kernel's routing, instead of the multicast group, and only adverts from them to this " +
			"router's own address are heard. For networks without multicast. The adverts must arrive on `interface`. `socket_filter` has no effect with peers, so that every " +
			"discarded advert is counted; refused on [FreeBSD](platforms.md)",
		Router:  compared(func(r *virtualRouter) any { return r.Protocol.Unicast.Peers }),
		Refused: map[Host]Refusal{FreeBSD: {Why: "is not supported on FreeBSD"}},
	})
	UnicastSource = Declare[string](RouterTable, Key{
		Name: "unicast_source", Type: Text{Kind: "address", Check: hostAddress}, Absent: "the primary address", Example: "192.0.2.1", Dependent: true, Rank: 21,
		Help: "Source of adverts to unicast peers (default: the primary address)", Command: "unicast source",
		ValueHelp: "Address of the interface", Words: map[string]string{"source": "Where adverts come from"},
		Doc: "source of adverts to unicast peers; while the interface does not have this address, the virtual router waits in Initialize. IPv6 needs it when the peers are not " +
			"link-local",
		Router: compared(func(r *virtualRouter) any { return r.Protocol.Unicast.Source }),
	})
	UnicastTTLMin = Declare[int](RouterTable, Key{
		Name: "unicast_ttl_min", Type: Integer{Low: 1, High: vrrp.TTL}, Default: vrrp.TTL, Dependent: true, Rank: 22,
		Help: "Least TTL of the adverts of unicast peers", Command: "unicast ttl-min",
		Value: "ttl", ValueHelp: "Less than 255 for peers behind other routers", Words: map[string]string{"ttl-min": "Least TTL"},
		Doc: "least TTL or hop limit of the peers' adverts. 255, the TTL with which they are sent, proves that no router has forwarded them (RFC 5082); keepalived does not check it, " +
			"and sends to IPv6 peers with 64",
		Router: compared(func(r *virtualRouter) any {
			if len(r.Protocol.Unicast.Peers) == 0 {
				return uint8(vrrp.TTL) // the default: without peers the value has no effect
			}
			return r.Protocol.Unicast.TTLMin
		}),
	})
)
