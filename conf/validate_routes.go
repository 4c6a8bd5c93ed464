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

// The smallest MTU that IPv4 allows (RFC 791 section 3.2), and the largest packet that there is.
const (
	minMTU = 68
	maxMTU = math.MaxUint16
)

// routes validates the static routes. The virtual routers that they may be bound to are valid or have
// been reported.
func (v *validator) routes(routers []engine.VirtualRouter) []engine.StaticRoute {
	if v.file.Protocols == nil {
		return nil
	}
	if problem := v.host.refusal("protocols.static", ""); problem != "" && len(v.file.Protocols.Static) > 0 {
		v.fault("protocols.static[0]", "", problem)
		return nil
	}
	type place struct {
		to     netip.Prefix
		metric uint32
	}
	first := make(map[place]int)
	var out []engine.StaticRoute
	for i := range v.file.Protocols.Static {
		raw := &v.file.Protocols.Static[i]
		path := "protocols.static[" + strconv.Itoa(i) + "]"
		if problem := v.host.refusal("protocols.static", ""); problem != "" {
			v.fault(path, "", problem)
			continue
		}
		before := len(v.faults)
		r := engine.StaticRoute{
			Destination: v.destination(path, raw),
			NextHop:     v.nextHop(path+".nh", raw.NH),
			Metric:      uint32(v.integer(path+".metric", raw.Metric, 0, math.MaxUint32, 0)),
			MTU:         uint32(v.integer(path+".mtu", raw.MTU, minMTU, maxMTU, 0)),
			Bound:       v.bound(path, raw, routers),
		}
		at := place{r.Destination, r.Metric}
		if other, twice := first[at]; twice && len(v.faults) == before {
			v.fault(path+".route", r.Destination.String(), fmt.Sprintf("with metric %d is already the destination of protocols.static[%d]: the kernel has one route for a destination and a metric, whoever is Master; another metric makes it another route", r.Metric, other))
		}
		if _, known := first[at]; !known {
			first[at] = i
		}
		out = append(out, r)
	}
	return out
}

// destination reads route and mask, or route with a prefix length.
func (v *validator) destination(path string, raw *StaticRoute) netip.Prefix {
	if raw.Route == nil {
		v.fault(path+".route", "", "is required")
		return netip.Prefix{}
	}
	if strings.Contains(*raw.Route, "/") {
		p, err := netip.ParsePrefix(*raw.Route)
		switch {
		case err != nil || !p.Addr().Is4():
			v.fault(path+".route", quote(*raw.Route), "is not an IPv4 destination such as 10.0.0.0/8")
		case raw.Mask != nil:
			v.fault(path+".mask", quote(*raw.Mask), "is not possible with the prefix length in route")
		default:
			return v.network(path, p)
		}
		return netip.Prefix{}
	}
	addr, err := netip.ParseAddr(*raw.Route)
	if err != nil || !addr.Is4() {
		v.fault(path+".route", quote(*raw.Route), "is not an IPv4 address")
		return netip.Prefix{}
	}
	if raw.Mask == nil {
		v.fault(path+".mask", "", "is required, or a prefix length in route")
		return netip.Prefix{}
	}
	mask, err := netip.ParseAddr(*raw.Mask)
	length := -1
	if err == nil && mask.Is4() {
		length = maskLength(mask)
	}
	if length < 0 {
		v.fault(path+".mask", quote(*raw.Mask), "is not a network mask such as 255.255.255.0")
		return netip.Prefix{}
	}
	return v.network(path, netip.PrefixFrom(addr, length))
}

// network refuses a destination with bits behind its mask.
func (v *validator) network(path string, p netip.Prefix) netip.Prefix {
	if p != p.Masked() {
		v.fault(path+".route", quote(p.Addr().String()), "has bits outside its mask: the network is "+p.Masked().String())
	}
	return p.Masked()
}

// maskLength returns the prefix length of a network mask; -1: it is none.
func maskLength(mask netip.Addr) int {
	b := mask.As4()
	m := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	length := bits.LeadingZeros32(^m)
	if m<<length != 0 {
		return -1
	}
	return length
}

func (v *validator) nextHop(path string, p *string) netip.Addr {
	if p == nil {
		v.fault(path, "", "is required")
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(*p)
	if err != nil || !a.Is4() || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() {
		v.fault(path, quote(*p), "is not the IPv4 address of a router")
	}
	return a
}

// bound returns the virtual router that a route is bound to, if it is.
func (v *validator) bound(path string, raw *StaticRoute, routers []engine.VirtualRouter) engine.Key {
	switch {
	case raw.Group == nil && raw.Interface == nil:
		return engine.Key{}
	case raw.Group == nil:
		v.fault(path+".group", "", "is required with interface")
		return engine.Key{}
	case raw.Interface == nil:
		v.fault(path+".interface", "", "is required with group")
		return engine.Key{}
	}
	group := v.integer(path+".group", raw.Group, vrrp.VRIDMin, vrrp.VRIDMax, 0)
	for _, f := range []vrrp.Family{vrrp.IPv4, vrrp.IPv6} {
		for i := range routers {
			if key := routers[i].Key; key == (engine.Key{Interface: *raw.Interface, Family: f, VRID: uint8(group)}) && group != 0 {
				return key
			}
		}
	}
	v.fault(path+".group", strconv.Itoa(*raw.Group), "is no virtual router on "+quote(*raw.Interface))
	return engine.Key{}
}
