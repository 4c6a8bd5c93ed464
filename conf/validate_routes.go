// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// The minimum MTU of IPv4 (RFC 791 section 3.2), and the maximum size of a packet.
const (
	minMTU = 68
	maxMTU = math.MaxUint16
)

// routes validates the static routes. The virtual routers that routes may be bound to are valid, or
// their faults have been reported.
func (v *validator) routes(routers []engine.VirtualRouter) []engine.StaticRoute {
	if Static.refusal(v.host, nil) != "" { // check has reported it
		return nil
	}
	type place struct {
		to     netip.Prefix
		metric uint32
	}
	first := make(map[place]int)
	seen := make(map[engine.StaticRoute]bool)
	known := make(map[engine.Key]bool, len(routers))
	for i := range routers {
		known[routers[i].Key] = true
	}
	var out []engine.StaticRoute
	for i, raw := range Static.Value(v.file) {
		path := nth(Static.Path(), i)
		before := len(v.faults)
		r := engine.StaticRoute{
			Destination: v.destination(path, raw),
			Metric:      uint32(valued(v, StaticMetric, raw, path)),
			MTU:         uint32(valued(v, StaticMTU, raw, path)),
			Bound:       v.bound(path, raw, known),
		}
		if !StaticNH.IsSet(raw) {
			v.fault(join(path, StaticNH.Name), "", "is required")
		}
		r.NextHop, _ = netip.ParseAddr(valued(v, StaticNH, raw, path)) // already checked
		if mtu, set := StaticMTU.In(raw); set && mtu == 0 {
			v.warn("%s 0 is read as none: the MTU of the interface is used", join(path, StaticMTU.Name))
		}
		at := place{r.Destination, r.Metric}
		if other, twice := first[at]; twice && len(v.faults) == before && seen[r] {
			v.warn("%s is the same as %s: it is left out", path, nth(Static.Path(), other))
			continue
		}
		if other, twice := first[at]; twice && len(v.faults) == before {
			const why = "the kernel has one route for a destination and a metric, whoever is Master; another metric makes it another route"
			to := r.Destination.String()
			v.faultTyped(join(path, StaticRoute.Name), to, fmt.Sprintf("with metric %d is already the destination of protocols.static[%d]: %s", r.Metric, other, why),
				fmt.Sprintf("ip route %s with metric %d is configured twice: %s", to, r.Metric, why))
		}
		if _, known := first[at]; !known {
			first[at] = i
		}
		seen[r] = true
		out = append(out, r)
	}
	return out
}

// Destination returns the destination of a static route as a prefix, or as written in the file if it is not
// a prefix.
func Destination(t *Table) string {
	route := StaticRoute.Value(t)
	if mask, err := netip.ParseAddr(StaticMask.Value(t)); err == nil && mask.Is4() {
		if length := maskLength(mask); length >= 0 {
			route += "/" + strconv.Itoa(length)
		}
	}
	if p, err := netip.ParsePrefix(route); err == nil {
		return p.Masked().String()
	}
	return route
}

// destination reads route and mask, or route with a prefix length.
func (v *validator) destination(path string, raw *Table) netip.Prefix {
	route, set := StaticRoute.In(raw)
	mask, masked := StaticMask.In(raw)
	if !set {
		v.fault(join(path, StaticRoute.Name), "", "is required")
		return netip.Prefix{}
	}
	if strings.Contains(route, "/") {
		p, err := netip.ParsePrefix(route)
		switch {
		case err != nil || !p.Addr().Is4():
			v.fault(join(path, StaticRoute.Name), quote(route), "is not an IPv4 destination such as 10.0.0.0/8")
		case masked:
			v.fault(join(path, StaticMask.Name), quote(mask), "is not possible with the prefix length in route")
		default:
			return v.network(path, route, p)
		}
		return netip.Prefix{}
	}
	addr, err := netip.ParseAddr(route)
	if err != nil || !addr.Is4() {
		v.fault(join(path, StaticRoute.Name), quote(route), "is not an IPv4 address")
		return netip.Prefix{}
	}
	if !masked {
		v.fault(join(path, StaticMask.Name), "", "is required, or a prefix length in route")
		return netip.Prefix{}
	}
	m, err := netip.ParseAddr(mask)
	length := -1
	if err == nil && m.Is4() {
		length = maskLength(m)
	}
	if length < 0 {
		v.fault(join(path, StaticMask.Name), quote(mask), "is not a network mask such as 255.255.255.0")
		return netip.Prefix{}
	}
	return v.network(path, route, netip.PrefixFrom(addr, length))
}

// network clears the bits outside the mask of a destination, as the earlier daemon did.
func (v *validator) network(path, written string, p netip.Prefix) netip.Prefix {
	if p != p.Masked() {
		v.warn("%s %s has bits outside its mask: %s is used", join(path, StaticRoute.Name), written, p.Masked())
	}
	return p.Masked()
}

// maskLength returns the prefix length of a network mask; -1 if it is not a mask.
func maskLength(mask netip.Addr) int {
	b := mask.As4()
	m := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	length := bits.LeadingZeros32(^m)
	if m<<length != 0 {
		return -1
	}
	return length
}

// badNextHop checks a next hop.
func badNextHop(s string) string {
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is4() || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() {
		return "is not the IPv4 address of a router"
	}
	return ""
}

// bound returns the key of the virtual router that a route is bound to, if any.
func (v *validator) bound(path string, raw *Table, routers map[engine.Key]bool) engine.Key {
	iface, hasInterface := StaticInterface.In(raw)
	group, hasGroup := StaticGroup.In(raw)
	switch {
	case !hasGroup && !hasInterface:
		return engine.Key{}
	case !hasGroup:
		v.fault(join(path, StaticGroup.Name), "", "is required with interface")
		return engine.Key{}
	case !hasInterface:
		v.fault(join(path, StaticInterface.Name), "", "is required with group")
		return engine.Key{}
	}
	for _, f := range []vrrp.Family{vrrp.IPv4, vrrp.IPv6} {
		if key := (engine.Key{Interface: iface, Family: f, VRID: uint8(group)}); group != 0 && routers[key] {
			return key
		}
	}
	v.fault(join(path, StaticGroup.Name), strconv.Itoa(group), "is not a virtual router on "+quote(iface))
	return engine.Key{}
}
