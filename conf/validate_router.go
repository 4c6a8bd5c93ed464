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

// simpleSecret is how many bytes of a secret RFC 2338 section 5.3.6 has room for.
const simpleSecret = 8

// router validates one [[vrouter]] table.
type router struct {
	*validator
	raw   *Table
	table string // its path
	out   engine.VirtualRouter
	// identified is true when interface, family and VRID are known and legal.
	identified bool
}

// routers validates all tables, then what they must not have in common.
func (v *validator) routers(tracks []engine.TrackObject) []engine.VirtualRouter {
	tables := VRouters.Value(v.file)
	list := make([]*router, len(tables))
	for i, t := range tables {
		list[i] = &router{validator: v, raw: t, table: nth(VRouters.Name, i)}
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

func (r *router) path(key string) string { return join(r.table, key) }

// in is the value of a key of the table, or its default if it is unset or was refused.
func in[T any](r *router, k KeyOf[T]) T { return valued(r.validator, k, r.raw, r.table) }

// accepted is the value of a key of the table; nil if it is unset or was refused.
func (r *router) accepted(k *Key) any { return r.validator.accepted(k, r.raw, r.table) }

// fault reports what is wrong with one key of the table.
func (r *router) fault(key, value, problem string) {
	r.validator.fault(r.path(key), value, problem)
}

func (r *router) warn(format string, args ...any) {
	r.validator.warn(r.name()+": "+format, args...)
}

// name is what messages call the virtual router.
func (r *router) name() string {
	if name := RouterName(r.raw); name != "" {
		return name
	}
	return r.table
}

// conflict reports that a value of the table cannot be beside another table. The problem has a %s for that: inFile, or its
// name in the words of commands.
func (r *router) conflict(key, value, problem string, other *router, inFile string) {
	path := r.path(key)
	r.faultTyped(path, value, fmt.Sprintf(problem, inFile), r.typed(path, value, fmt.Sprintf(problem, other.name())))
}

// RouterName returns how messages call a virtual router, such as "eth0 group 51"; empty if its
// table does not say enough.
func RouterName(t *Table) string {
	iface, ok := Interface.In(t)
	group, ok2 := Group.In(t)
	if !ok || !ok2 {
		return ""
	}
	if IsIPv6(t) {
		iface += " IPv6"
	}
	return iface + " group " + strconv.Itoa(group)
}

// IsIPv6 tells the family of a virtual router by its first address, as far as that can be read.
func IsIPv6(t *Table) bool {
	first := VIP.Value(t)
	if all := VIPs.Value(t); first == "" && len(all) > 0 {
		first = all[0]
	}
	return strings.Contains(first, ":")
}

func (r *router) validate() {
	raw, p := r.raw, &r.out.Protocol
	before := len(r.faults)
	group, hasGroup := r.accepted(Group.Key).(int)
	iface, hasInterface := r.accepted(Interface.Key).(string)
	if !Group.IsSet(raw) {
		r.fault(Group.Name, "", "is required")
	}
	if !Interface.IsSet(raw) {
		r.fault(Interface.Name, "", "is required")
	}
	r.out.VRID, r.out.Interface = uint8(group), iface
	r.addresses()
	r.identified = len(r.faults) == before && hasGroup && hasInterface && r.out.Family != 0
	p.Family, p.VRID = r.out.Family, r.out.VRID

	r.out.SocketFilter = r.host.filtersSockets()
	for _, k := range RouterTable.keys {
		if k.Router.set == nil {
			continue
		}
		if value := r.accepted(k); value != nil {
			k.Router.set(&r.out, value)
		} else if k.Default != nil && k != SocketFilter.Key {
			k.Router.set(&r.out, k.Default)
		}
	}
	if p.PreemptDelay > 0 && !p.Preempt {
		r.warn("preempt_delay has no effect without preemption")
	}
	r.version()
	r.interval()
	r.fits()
	r.authentication()
	r.checksum()
	r.unicast()
	r.placement()
	r.acceptance()
}

func badDescription(s string) string {
	if len(s) > maxDescription {
		return fmt.Sprintf("is longer than %d bytes", maxDescription)
	}
	return ""
}

// addresses reads vip and vips into one list of one family.
func (r *router) addresses() {
	first, hasFirst := VIP.In(r.raw)
	others := VIPs.Value(r.raw)
	if !hasFirst && len(others) == 0 {
		if !r.known[r.path(VIPs.Name)] && !r.known[nth(r.path(VIPs.Name), 0)] {
			r.faultTyped(r.path(VIP.Name), "", "is required (or vips)", r.typed(r.path(VIP.Name), "", "is required"))
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
	if hasFirst {
		read(VIP.Name, first)
	}
	for i, s := range others {
		read(nth(VIPs.Name, i), s)
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
	addresses := strconv.Itoa(n) + " addresses"
	r.faultTyped(r.path(VIPs.Name), addresses, problem, r.name()+": "+addresses+" "+problem)
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
	r.out.Protocol.Version = versionOf(r.raw)
	if version, set := r.accepted(Version.Key).(int); set && version == int(vrrp.V2) && r.out.Family == vrrp.IPv6 {
		r.fault(Version.Name, "2", "is not possible with IPv6 addresses: they need version 3 (RFC 9568)")
	}
}

// interval reads advertise_interval, or else the earlier daemon's timers table.
func (r *router) interval() {
	p := &r.out.Protocol
	p.Interval = vrrp.IntervalDefault
	switch {
	case Timers.IsSet(r.raw) && AdvertiseInterval.IsSet(r.raw):
		r.faultTyped(r.path(Timers.Name), "", "excludes advertise_interval: give one of them",
			r.name()+": "+AdvertiseInterval.CommandWords()+" is configured twice")
	case Timers.IsSet(r.raw):
		p.Interval = time.Duration(valued(r.validator, TimersAdvert, r.raw, r.path(Timers.Name))) * time.Second
	default:
		p.Interval, _ = time.ParseDuration(in(r, AdvertiseInterval)) // was checked
	}
}

func (r *router) authentication() {
	p := &r.out.Protocol
	secret := in(r, AuthSecret)
	if !AuthType.IsSet(r.raw) {
		if AuthSecret.IsSet(r.raw) && !r.known[r.path(AuthType.Name)] {
			r.warn("auth_secret has no effect without auth_type")
		}
		return
	}
	name := in(r, AuthType)
	switch {
	case name == "":
		return
	case p.Version == vrrp.V3:
		r.fault(AuthType.Name, quote(name), "is not possible with version 3, which has no authentication (RFC 9568 section 9)")
		return
	case secret == "":
		r.fault(AuthSecret.Name, "", "is required with auth_type")
		return
	}
	p.AuthType, p.Secret = authType(name), secret
	if p.AuthType == vrrp.AuthSimple && len(secret) > simpleSecret {
		r.warn("only the first %d characters of auth_secret are used by rfc2338-simple", simpleSecret)
	}
	if p.AuthType != vrrp.AuthSimple && !p.Lenient {
		p.Lenient = true
		r.warn("rfc3768 = false is not possible with %s, which no RFC defines: true is used", name)
	}
}

// authType is the meaning of auth_type. Authentication by SHAKE256 has a second name.
func authType(name string) vrrp.AuthType {
	if name == "p1-b8-shake256" {
		return vrrp.AuthP1
	}
	return named(vrrp.AuthSimple, vrrp.AuthP0, vrrp.AuthP1)(name)
}

// acceptance makes of accept_ping what it means beside accept_mode.
func (r *router) acceptance() {
	if r.out.AcceptPing && !r.out.Closed {
		r.out.AcceptPing = false
		r.warn("accept_ping has no effect without accept_mode = false")
	}
}

func (r *router) checksum() {
	if p := &r.out.Protocol; p.Checksum != vrrp.ChecksumAuto && (p.Version != vrrp.V3 || r.out.Family != vrrp.IPv4) {
		r.fault(Checksum.Name, quote(in(r, Checksum)), "can be chosen for version 3 with IPv4 addresses only")
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
		r.fault(NetDrv.Name, `"ioctl"`, fmt.Sprintf("is not possible: the address would be on the label %s, and labels have at most %d characters", longest, maxInterfaceName))
	}
}

// placement checks what depends on where the addresses are put on the host, and how.
func (r *router) placement() {
	macvlan := r.out.Type == engine.Macvlan
	if in(r, NetDrv) == "ioctl" {
		switch {
		case macvlan:
			r.warn(`netdrv = "ioctl" has no effect with iftype = "macvlan", which always uses netlink`)
		case r.out.Family == vrrp.IPv6:
			r.warn(`netdrv = "ioctl" has no effect with IPv6, which always uses netlink`)
		case r.host != FreeBSD: // which has nothing else
			r.out.IOCTL = true
			r.labels()
		}
	}
	if r.out.VMAC && macvlan {
		r.fault(VMAC.Name, "true", `is not possible with iftype = "macvlan": the macvlan has the virtual MAC`)
	}
}
