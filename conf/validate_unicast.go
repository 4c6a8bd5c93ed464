package conf

import (
	"net/netip"
	"strconv"

	"vrrpsh/engine/vrrp"
)

// maxPeers bounds the unicast peers of a virtual router.
const maxPeers = 32

// unicast reads unicast_peers and what goes with them.
func (r *router) unicast() {
	raw, u := r.raw, &r.out.Protocol.Unicast
	if len(raw.UnicastPeers) > 0 {
		r.possible("unicast_peers", "")
	}
	if n := len(raw.UnicastPeers); n > maxPeers {
		r.fault("unicast_peers", strconv.Itoa(n)+" addresses", "at most "+strconv.Itoa(maxPeers)+" are possible")
	}
	seen := make(map[netip.Addr]bool)
	for i, s := range raw.UnicastPeers {
		key := "unicast_peers[" + strconv.Itoa(i) + "]"
		a, ok := r.endpoint(key, s)
		if ok && seen[a] {
			r.fault(key, quote(s), "occurs twice")
		}
		seen[a] = true
		u.Peers = append(u.Peers, a)
	}
	u.TTLMin = uint8(r.integer(r.path("unicast_ttl_min"), raw.UnicastTTLMin, 1, vrrp.TTL, vrrp.TTL))
	if raw.UnicastSource != nil {
		u.Source, _ = r.endpoint("unicast_source", *raw.UnicastSource)
		if seen[u.Source] {
			r.fault("unicast_source", quote(*raw.UnicastSource), "is one of the unicast_peers")
		}
	}
	if len(raw.UnicastPeers) == 0 {
		if raw.UnicastSource != nil || raw.UnicastTTLMin != nil {
			r.warn("unicast_source and unicast_ttl_min have no effect without unicast_peers")
		}
		*u = vrrp.UnicastConfig{}
	}
}

// endpoint reads an address of the virtual router's family that one host can have.
func (r *router) endpoint(key, s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil || a.Zone() != "" || a.Is4In6():
		r.fault(key, quote(s), "is not an IP address")
	case a.IsMulticast() || a.IsUnspecified() || a.IsLoopback():
		r.fault(key, quote(s), "is not the address of another host on a network")
	case r.out.Family != 0 && vrrp.FamilyOf(a) != r.out.Family:
		r.fault(key, quote(s), "is not an "+r.out.Family.String()+" address, as the virtual addresses are")
	default:
		return a, true
	}
	return netip.Addr{}, false
}
