// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// simpleSecret is the number of bytes for a secret in a message (RFC 2338 section 5.3.6).
const simpleSecret = 8

// router validates one [[vrouter]] table.
type router struct {
	*validator
	raw   *Table
	table string // path of the table
	out   engine.VirtualRouter
	// identified is true if interface, family and VRID are known and valid.
	identified bool
}

// routers validates all [[vrouter]] tables, then conflicts between them.
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

// in returns the value of a key of the table, or its default if it is unset or was refused.
func in[T any](r *router, k KeyOf[T]) T { return valued(r.validator, k, r.raw, r.table) }

// accepted returns the value of a key of the table; nil if it is unset or was refused.
func (r *router) accepted(k *Key) any { return r.validator.accepted(k, r.raw, r.table) }

// fault reports what is wrong with one key of the table.
func (r *router) fault(key, value, problem string) {
	r.validator.fault(r.path(key), value, problem)
}

func (r *router) warn(format string, args ...any) {
	r.validator.warn(r.name()+": "+format, args...)
}

// name returns the name of the virtual router for messages.
func (r *router) name() string {
	if name := RouterName(r.raw); name != "" {
		return name
	}
	return r.table
}

// conflict reports that a value conflicts with another table. The problem contains %s for the other table: inFile, or its
// name in the words of the command line.
func (r *router) conflict(key, value, problem string, other *router, inFile string) {
	if r.full() { // the texts take longer than everything else
		return
	}
	path := r.path(key)
	r.faultTyped(path, value, fmt.Sprintf(problem, inFile), r.typed(path, value, fmt.Sprintf(problem, other.name())))
}

// RouterName returns the name of a virtual router for messages, such as "eth0 group 51"; empty if
// the table lacks the keys for it.
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

// IsIPv6 reports whether the first address of a virtual router looks like IPv6.
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

	for _, k := range RouterTable.keys {
		if k.Router.set == nil {
			continue
		}
		if value := r.accepted(k); value != nil {
			k.Router.set(&r.out, value)
		} else if k.Default != nil && k.refusal(r.host, k.Default) == "" {
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

func (r *router) version() {
	r.out.Protocol.Version = versionOf(r.raw)
	if version, set := r.accepted(Version.Key).(int); set && version == int(vrrp.V2) && r.out.Family == vrrp.IPv6 {
		r.fault(Version.Name, "2", "is not possible with IPv6 addresses: they need version 3 (RFC 9568)")
	}
}

// interval reads advertise_interval, or else the timers table of the earlier daemon.
func (r *router) interval() {
	p := &r.out.Protocol
	p.Interval = vrrp.IntervalDefault
	switch {
	case Timers.IsSet(r.raw) && AdvertiseInterval.IsSet(r.raw):
		r.faultTyped(r.path(Timers.Name), "", "excludes advertise_interval: give only one of them",
			r.name()+": "+AdvertiseInterval.CommandWords()+" is configured twice")
	case Timers.IsSet(r.raw):
		p.Interval = time.Duration(valued(r.validator, TimersAdvert, r.raw, r.path(Timers.Name))) * time.Second
	default:
		p.Interval, _ = time.ParseDuration(in(r, AdvertiseInterval)) // already checked
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

// authType returns the meaning of auth_type. SHAKE256 authentication has a second name.
func authType(name string) vrrp.AuthType {
	if name == "p1-b8-shake256" {
		return vrrp.AuthP1
	}
	return named(vrrp.AuthSimple, vrrp.AuthP0, vrrp.AuthP1)(name)
}

// acceptance disables accept_ping if accept_mode makes it redundant.
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

// labels refuses ioctl if the label of an address would exceed the maximum length of an interface name. A label
// consists of the interface's name, the group, and a number from the second address on.
func (r *router) labels() {
	longest := r.out.Interface + ":" + strconv.Itoa(int(r.out.VRID))
	if n := len(r.out.Addresses); n > 1 {
		longest += "-" + strconv.Itoa(n-1)
	}
	if len(longest) > maxInterfaceName {
		r.fault(NetDrv.Name, `"ioctl"`, fmt.Sprintf("is not possible: the label of the address would be %s, and labels have at most %d characters", longest, maxInterfaceName))
	}
}

// placement checks settings that depend on how and where the host gets the addresses.
func (r *router) placement() {
	macvlan := r.out.Type == engine.Macvlan
	if in(r, NetDrv) == "ioctl" {
		switch {
		case macvlan:
			r.warn(`netdrv = "ioctl" has no effect with iftype = "macvlan", which always uses netlink`)
		case r.out.Family == vrrp.IPv6:
			r.warn(`netdrv = "ioctl" has no effect with IPv6, which always uses netlink`)
		case r.host != FreeBSD: // FreeBSD always uses ioctl
			r.out.IOCTL = true
			r.labels()
		}
	}
	if r.out.VMAC && macvlan {
		r.fault(VMAC.Name, "true", `is not possible with iftype = "macvlan": the macvlan has the virtual MAC`)
	}
	if r.out.AdvertMAC == engine.AdvertFromInterface {
		switch {
		case r.out.VMAC:
			r.fault(AdvertMAC.Name, `"interface"`, "is not possible with vmac: the interface itself has the virtual MAC then")
		case !macvlan:
			r.warn(`advert_mac = "interface" has no effect without iftype = "macvlan": there is no virtual MAC`)
		}
	}
}
