package conf

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// Ranges of the settings that no RFC limits.
const (
	maxPreemptDelay = time.Hour

	garpRepeatDefault = 5
	maxGARPRepeat     = 100
	garpDelayDefault  = 5 * time.Second
	maxGARPDelay      = 5 * time.Minute
	maxGARPRefresh    = 24 * time.Hour

	maxDescription = 255
)

// Sizes of a message (RFC 9568 section 5.2, RFC 3768 section 5.1).
const (
	// ethernetMTU is that of an interface that does not tell its own.
	ethernetMTU = 1500
	// minMTU6 is the smallest that IPv6 allows (RFC 8200 section 5).
	minMTU6    = 1280
	ipv4Header = 20
	ipv6Header = 40
	vrrpHeader = 8
	authData   = 8 // at the end of version 2
	// maxAddresses is what the count field holds.
	maxAddresses = 255
)

// The proprietary authentication has its name in two forms for SHAKE256.
var authTypes = map[string]vrrp.AuthType{
	"rfc2338-simple": vrrp.AuthSimple,
	"p0-t8-sha256":   vrrp.AuthP0,
	"p1-t8-shake256": vrrp.AuthP1,
	"p1-b8-shake256": vrrp.AuthP1,
}

var authNames = []string{"rfc2338-simple", "p0-t8-sha256", "p1-t8-shake256"}

// simpleSecret is how many bytes of a secret RFC 2338 section 5.3.6 has room for.
const simpleSecret = 8

// router validates one [[vrouter]] table.
type router struct {
	*validator
	index int
	raw   *VRouter
	out   engine.VirtualRouter
	// identified is true when interface, family and VRID are known and legal.
	identified bool
}

// routers validates all tables, then what they must not have in common.
func (v *validator) routers(tracks []engine.TrackObject) []engine.VirtualRouter {
	list := make([]*router, len(v.file.VRouters))
	for i := range v.file.VRouters {
		list[i] = &router{validator: v, index: i, raw: &v.file.VRouters[i]}
		list[i].validate()
	}
	v.identities(list)
	v.sharedAddresses(list)
	v.virtualMACs(list)
	v.names(list)
	v.tracking(list, tracks)
	v.syncGroups(list)
	out := make([]engine.VirtualRouter, len(list))
	for i, r := range list {
		out[i] = r.out
	}
	return out
}

func (r *router) path(key string) string {
	return "vrouter[" + strconv.Itoa(r.index) + "]." + key
}

// fault reports what is wrong with one key of the table.
func (r *router) fault(key, value, problem string) {
	r.validator.fault(r.path(key), value, problem)
}

func (r *router) warn(format string, args ...any) {
	name := r.raw.Name()
	if name == "" {
		name = "vrouter[" + strconv.Itoa(r.index) + "]"
	}
	r.validator.warn(name+": "+format, args...)
}

// Name returns how messages call a virtual router, such as "eth0 group 51"; empty if the
// table does not say enough.
func (v *VRouter) Name() string {
	if v.Interface == nil || v.Group == nil {
		return ""
	}
	name := *v.Interface + " "
	if v.isIPv6() {
		name += "IPv6 "
	}
	return name + "group " + strconv.Itoa(*v.Group)
}

// isIPv6 tells the family by the first address, as far as that can be read.
func (v *VRouter) isIPv6() bool {
	if v.VIP != nil {
		return strings.Contains(*v.VIP, ":")
	}
	return len(v.VIPs) > 0 && strings.Contains(v.VIPs[0], ":")
}

func (r *router) validate() {
	raw := r.raw
	before := len(r.faults)
	r.group()
	r.iface()
	r.addresses()
	r.identified = len(r.faults) == before && raw.Group != nil && raw.Interface != nil && r.out.Family != 0

	p := &r.out.Protocol
	p.Priority = vrrp.PriorityDefault
	if raw.Priority != nil {
		r.priority(*raw.Priority)
	}
	p.PreemptDelay = r.duration(r.path("preempt_delay"), raw.PreemptDelay, 0, maxPreemptDelay, 0)
	p.Announce = vrrp.AnnounceConfig{
		Repeat:  r.integer(r.path("garp_repeat"), raw.GARPRepeat, 1, maxGARPRepeat, garpRepeatDefault),
		Delay:   r.duration(r.path("garp_delay"), raw.GARPDelay, 0, maxGARPDelay, garpDelayDefault),
		Refresh: r.refresh(),
	}
	p.Preempt = isTrue(raw.Preemption)
	if p.PreemptDelay > 0 && !p.Preempt {
		r.warn("preempt_delay has no effect without preemption")
	}
	p.Lenient = raw.RFC3768 == nil || *raw.RFC3768
	p.Family = r.out.Family
	p.VRID = r.out.VRID
	r.version()
	r.interval()
	r.fits()
	r.authentication()
	r.checksum()
	r.unicast()
	r.placement()
	if raw.Description != nil {
		r.out.Description = *raw.Description
		if n := len(*raw.Description); n > maxDescription {
			r.fault("description", quote(*raw.Description), fmt.Sprintf("is longer than %d bytes", maxDescription))
		}
	}
	r.out.Shutdown = isTrue(raw.Shutdown)
	r.acceptance()
	r.out.SocketFilter = r.host.filtersSockets()
	if raw.SocketFilter != nil {
		r.out.SocketFilter = bool(*raw.SocketFilter)
		r.possible("socket_filter", strconv.FormatBool(r.out.SocketFilter))
	}
}

// possible refuses what the host cannot do.
func (r *router) possible(key, value string) {
	if problem := r.host.refusal(key, value); problem != "" {
		if value != "true" && value != "false" {
			value = quote(value)
		}
		r.fault(key, value, problem)
	}
}

func isTrue(b *bool) bool { return b != nil && *b }

func (r *router) group() {
	switch g := r.raw.Group; {
	case g == nil:
		r.fault("group", "", "is required")
	case *g == 0:
		r.fault("group", "0", fmt.Sprintf("is not a virtual router identifier: they are %d-%d (RFC 9568 section 5.2.3)", vrrp.VRIDMin, vrrp.VRIDMax))
	case *g < vrrp.VRIDMin || *g > vrrp.VRIDMax:
		r.fault("group", strconv.Itoa(*g), outOfRange(vrrp.VRIDMin, vrrp.VRIDMax))
	default:
		r.out.VRID = uint8(*g)
	}
}

func (r *router) iface() {
	if r.raw.Interface == nil {
		r.fault("interface", "", "is required")
		return
	}
	r.out.Interface = *r.raw.Interface
	if problem := badInterfaceName(r.out.Interface); problem != "" {
		r.fault("interface", quote(r.out.Interface), problem)
	}
}

func (r *router) priority(p int) {
	switch {
	case p == vrrp.PriorityResign || p == vrrp.PriorityOwner:
		r.fault("priority", strconv.Itoa(p), outOfRange(vrrp.PriorityMin, vrrp.PriorityMax)+
			" (0 says that the Master resigns, 255 that it owns the addresses, RFC 9568 section 5.2.4)")
	case p < vrrp.PriorityMin || p > vrrp.PriorityMax:
		r.fault("priority", strconv.Itoa(p), outOfRange(vrrp.PriorityMin, vrrp.PriorityMax))
	default:
		r.out.Protocol.Priority = uint8(p)
	}
}

// refresh allows 0 for "off", else at least a second.
func (r *router) refresh() time.Duration {
	const key = "garp_refresh"
	if p := r.raw.GARPRefresh; p != nil && *p != "0" && *p != "0s" {
		return r.duration(r.path(key), p, time.Second, maxGARPRefresh, 0)
	}
	return 0
}

// addresses reads vip and vips into one list of one family.
func (r *router) addresses() {
	raw := r.raw
	if raw.VIP == nil && len(raw.VIPs) == 0 {
		if !r.known[r.path("vips")] && !r.known[r.path("vips[0]")] {
			r.fault("vip", "", "is required (or vips)")
		}
		return
	}
	read := func(key, s string) {
		a, problem := parseAddress(s)
		if problem != "" {
			r.fault(key, quote(s), problem)
			return
		}
		family := vrrp.FamilyOf(a.Addr)
		if r.out.Family == 0 {
			r.out.Family = family
		}
		if family != r.out.Family {
			r.fault(key, quote(s), fmt.Sprintf("is an %s address, but the first one is %s: a virtual router has one family", family, r.out.Family))
			return
		}
		r.out.Addresses = append(r.out.Addresses, a)
	}
	if raw.VIP != nil {
		read("vip", *raw.VIP)
	}
	for i, s := range raw.VIPs {
		read("vips["+strconv.Itoa(i)+"]", s)
	}
	if r.out.Family == vrrp.IPv6 {
		r.linkLocalFirst()
	}
	for i := range r.out.Addresses {
		r.out.Protocol.Addresses = append(r.out.Protocol.Addresses, r.out.Addresses[i].Addr)
	}
}

// fits checks that the addresses fit an advertisement on the interface. An MTU that is not what it shall be, or not yet,
// does not keep the router from starting.
func (r *router) fits() {
	n, least := len(r.out.Addresses), minMTU6
	if r.out.Family == vrrp.IPv4 {
		least = minMTU
	}
	if n <= r.room(least) {
		return // wherever; to ask for each of thousands would take seconds
	}
	mtu, known := r.mtu(r.out.Interface)
	if !known {
		mtu = ethernetMTU
	}
	most := r.room(mtu)
	if n <= most {
		return
	}
	problem := fmt.Sprintf("do not fit an advertisement: at most %d %s addresses do", most, r.out.Family)
	if most < maxAddresses && known {
		problem += fmt.Sprintf(" on %s, whose MTU is %d", r.out.Interface, mtu)
	}
	if r.out.Addresses[0].Derived {
		problem += ", the link-local one that is derived among them"
	}
	if n <= maxAddresses && r.host != "" && r.running == nil {
		r.warn("%d addresses %s", n, problem)
		return
	}
	r.fault("vips", strconv.Itoa(n)+" addresses", problem)
}

// room is how many addresses fit an advertisement with an MTU.
func (r *router) room(mtu int) int {
	room, size := mtu-ipv6Header-vrrpHeader, 16
	if r.out.Family == vrrp.IPv4 {
		room, size = mtu-ipv4Header-vrrpHeader, 4
		if r.out.Protocol.Version == vrrp.V2 {
			room -= authData
		}
	}
	return min(max(room/size, 0), maxAddresses)
}

// linkLocalFirst makes a link-local address the first of IPv6, as RFC 9568 section 5.2.9 wants it: the
// first that is configured, or else the one that follows from the virtual MAC.
func (r *router) linkLocalFirst() {
	all := r.out.Addresses
	i := slices.IndexFunc(all, func(a engine.Address) bool { return a.Addr.IsLinkLocalUnicast() })
	if i < 0 {
		r.out.Addresses = slices.Insert(all, 0, engine.Address{Addr: vrrp.LinkLocal(r.out.VRID), Bits: -1, Derived: true})
		return
	}
	first := all[i]
	r.out.Addresses = slices.Insert(slices.Delete(all, i, i+1), 0, first)
}

// parseAddress reads "10.0.0.1" or "10.0.0.1/24".
func parseAddress(s string) (engine.Address, string) {
	a := engine.Address{Bits: -1}
	text, bits, hasBits := strings.Cut(s, "/")
	var err error
	if a.Addr, err = netip.ParseAddr(text); err != nil || a.Addr.Zone() != "" {
		return a, `is not an address such as "10.0.0.1", "10.0.0.1/24" or "2001:db8::1/64"`
	}
	if hasBits {
		n, err := strconv.ParseUint(bits, 10, 8)
		if err != nil || n < 1 || n > uint64(a.Addr.BitLen()) {
			return a, fmt.Sprintf("has a prefix length that is out of range 1-%d", a.Addr.BitLen())
		}
		a.Bits = int(n)
	}
	switch {
	case a.Addr.Is4In6():
		return a, "is an IPv4 address in IPv6 form: write the IPv4 address"
	case a.Addr.IsUnspecified():
		return a, "is not the address of a host"
	case a.Addr.IsMulticast():
		return a, "is a multicast address"
	case a.Addr.IsLoopback():
		return a, "is a loopback address"
	case a.Addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return a, "is the broadcast address"
	}
	return a, ""
}

func (r *router) version() {
	p := &r.out.Protocol
	p.Version = vrrp.V2
	if r.out.Family == vrrp.IPv6 {
		p.Version = vrrp.V3
	}
	raw := r.raw.Version
	switch {
	case raw == nil:
	case *raw != int(vrrp.V2) && *raw != int(vrrp.V3):
		r.fault("version", strconv.Itoa(*raw), "is not 2 or 3")
	case *raw == int(vrrp.V2) && r.out.Family == vrrp.IPv6:
		r.fault("version", "2", "is not possible with IPv6 addresses: they need version 3 (RFC 9568)")
	default:
		p.Version = vrrp.Version(*raw)
	}
}

// interval reads advertise_interval, or else the earlier daemon's timers table.
func (r *router) interval() {
	p, raw := &r.out.Protocol, r.raw
	p.Interval = vrrp.IntervalDefault
	low, high := vrrp.IntervalMinV2, vrrp.IntervalMaxV2
	if p.Version == vrrp.V3 {
		low, high = vrrp.IntervalMinV3, vrrp.IntervalMaxV3
	}
	switch {
	case raw.Timers != nil && raw.AdvertiseInterval != nil:
		r.fault("timers", "", "excludes advertise_interval: give one of them")
	case raw.Timers != nil:
		if advert := raw.Timers.Advert; advert != nil {
			n := r.integer(r.path("timers.advert"), advert, 1, int(high/time.Second), 1)
			p.Interval = time.Duration(n) * time.Second
		}
	case raw.AdvertiseInterval != nil:
		s := *raw.AdvertiseInterval
		d, err := time.ParseDuration(s)
		switch {
		case err != nil:
			r.fault("advertise_interval", quote(s), notDuration)
		case d < low || d > high:
			r.fault("advertise_interval", quote(s), outOfRange(shortDuration(low), shortDuration(high)))
		case p.Version == vrrp.V2 && d%time.Second != 0:
			r.fault("advertise_interval", quote(s), "is not in whole seconds, as version 2 needs it (RFC 3768 section 5.3.7)")
		case d%vrrp.IntervalMinV3 != 0:
			r.fault("advertise_interval", quote(s), "is not in steps of 10ms (RFC 9568 section 5.2.7)")
		default:
			p.Interval = d
		}
	}
}

func (r *router) authentication() {
	p, raw := &r.out.Protocol, r.raw
	if raw.AuthType == nil {
		if raw.AuthSecret != nil && !r.known[r.path("auth_type")] {
			r.warn("auth_secret has no effect without auth_type")
		}
		return
	}
	kind, ok := authTypes[*raw.AuthType]
	if !ok {
		r.fault("auth_type", quote(*raw.AuthType), "is not "+oneOf(authNames))
		return
	}
	if p.Version == vrrp.V3 {
		r.fault("auth_type", quote(*raw.AuthType), "is not possible with version 3, which has no authentication (RFC 9568 section 9)")
		return
	}
	if raw.AuthSecret == nil || *raw.AuthSecret == "" {
		r.fault("auth_secret", "", "is required with auth_type")
		return
	}
	p.AuthType, p.Secret = kind, *raw.AuthSecret
	if kind == vrrp.AuthSimple && len(p.Secret) > simpleSecret {
		r.warn("only the first %d characters of auth_secret are used by rfc2338-simple", simpleSecret)
	}
	if kind != vrrp.AuthSimple && !p.Lenient {
		p.Lenient = true
		r.warn("rfc3768 = false is not possible with %s, which no RFC defines: true is used", *raw.AuthType)
	}
}

// acceptance reads what is delivered to the addresses of a Master.
func (r *router) acceptance() {
	r.out.Closed = r.raw.AcceptMode != nil && !*r.raw.AcceptMode
	r.out.AcceptPing = r.out.Closed && isTrue(r.raw.AcceptPing)
	if r.out.Closed {
		r.possible("accept_mode", "false")
	} else if isTrue(r.raw.AcceptPing) {
		r.warn("accept_ping has no effect without accept_mode = false")
	}
}

func (r *router) checksum() {
	switch r.choice(r.path("checksum"), r.raw.Checksum, "auto", "rfc5798", "rfc9568") {
	case "rfc5798":
		r.out.Protocol.Checksum = vrrp.ChecksumRFC5798
	case "rfc9568":
		r.out.Protocol.Checksum = vrrp.ChecksumRFC9568
	default:
		r.out.Protocol.Checksum = vrrp.ChecksumAuto
	}
	if r.out.Protocol.Checksum != vrrp.ChecksumAuto && (r.out.Protocol.Version != vrrp.V3 || r.out.Family != vrrp.IPv4) {
		r.fault("checksum", quote(*r.raw.Checksum), "can be chosen for version 3 with IPv4 addresses only")
	}
}

// labels refuses ioctl where the labels that addresses are set on would be longer than the name of an interface
// may be: those are the interface's name, the group, and a number from the second address on.
func (r *router) labels() {
	longest := r.out.Interface + ":" + strconv.Itoa(int(r.out.VRID))
	if n := len(r.out.Addresses); n > 1 {
		longest += "-" + strconv.Itoa(n-1)
	}
	if len(longest) > maxInterfaceName {
		r.fault("netdrv", `"ioctl"`, fmt.Sprintf("is not possible: the address would be on the label %s, and labels have at most %d characters", longest, maxInterfaceName))
	}
}

// placement reads where and how the addresses are put on the host.
func (r *router) placement() {
	raw := r.raw
	iftype := r.choice(r.path("iftype"), raw.IfType, "ether", "macvlan")
	netdrv := r.choice(r.path("netdrv"), raw.NetDrv, "libnl", "ioctl")
	r.possible("iftype", iftype)
	if iftype == "macvlan" {
		r.out.Type = engine.Macvlan
	}
	if netdrv == "ioctl" {
		switch {
		case r.out.Type == engine.Macvlan:
			r.warn(`netdrv = "ioctl" has no effect with iftype = "macvlan", which always uses netlink`)
		case r.out.Family == vrrp.IPv6:
			r.warn(`netdrv = "ioctl" has no effect with IPv6, which always uses netlink`)
		case r.host != FreeBSD: // which has nothing else
			r.out.IOCTL = true
			r.labels()
		}
	}
	if r.out.VMAC = isTrue(raw.VMAC); r.out.VMAC && r.out.Type == engine.Macvlan {
		r.fault("vmac", "true", `is not possible with iftype = "macvlan": the macvlan has the virtual MAC`)
	}
	if raw.VIFName != nil {
		if problem := badInterfaceName(*raw.VIFName); problem != "" {
			r.fault("vifname", quote(*raw.VIFName), problem)
		}
	}
}
