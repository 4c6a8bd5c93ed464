package conf

import (
	"net/netip"
	"slices"
	"strconv"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// maxPeers bounds the unicast peers of a virtual router.
const maxPeers = 32

// broadcast is the address of all hosts of a network of IPv4.
var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// unicast reads unicast_peers and what goes with them.
func (r *router) unicast() {
	raw, u := r.raw, &r.out.Protocol.Unicast
	if len(raw.UnicastPeers) > 0 {
		r.possible("unicast_peers", "")
	}
	if n := len(raw.UnicastPeers); n > maxPeers {
		r.fault("unicast_peers", strconv.Itoa(n)+" addresses", "are more than "+strconv.Itoa(maxPeers))
	}
	seen := make(map[netip.Addr]bool)
	for i, s := range raw.UnicastPeers {
		key := "unicast_peers[" + strconv.Itoa(i) + "]"
		a, ok := r.endpoint(key, s)
		switch {
		case !ok:
		case seen[a]:
			r.fault(key, quote(s), "occurs twice")
		case slices.ContainsFunc(r.out.Addresses, func(v engine.Address) bool { return v.Addr == a }):
			r.fault(key, quote(s), "is one of the virtual addresses: a peer has an address of its own")
		}
		seen[a] = ok
		u.Peers = append(u.Peers, a)
	}
	u.TTLMin = uint8(r.integer(r.path("unicast_ttl_min"), raw.UnicastTTLMin, 1, vrrp.TTL, vrrp.TTL))
	if raw.UnicastSource != nil {
		u.Source, _ = r.endpoint("unicast_source", *raw.UnicastSource)
		if seen[u.Source] {
			r.fault("unicast_source", quote(*raw.UnicastSource), "is one of the unicast_peers")
		}
	}
	r.scopes(u)
	if len(raw.UnicastPeers) == 0 {
		if raw.UnicastSource != nil || raw.UnicastTTLMin != nil {
			r.warn("unicast_source and unicast_ttl_min have no effect without unicast_peers")
		}
		*u = vrrp.UnicastConfig{}
	}
}

// scopes warns of IPv6 peers that know this router by another address than that which it sends from. Without a
// source adverts come from a link-local address.
func (r *router) scopes(u *vrrp.UnicastConfig) {
	local := !u.Source.IsValid() || u.Source.IsLinkLocalUnicast()
	if r.out.Family != vrrp.IPv6 {
		return
	}
	for i, peer := range u.Peers {
		switch {
		case !peer.IsValid() || peer.IsLinkLocalUnicast() == local:
		case local:
			r.warn("unicast_peers[%d] %s is not link-local, but adverts to it come from a link-local address: set unicast_source", i, peer)
		default:
			r.warn("unicast_peers[%d] %s is link-local, but unicast_source is not", i, peer)
		}
	}
}

// endpoint reads an address of the virtual router's family that one host can have.
func (r *router) endpoint(key, s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil || a.Zone() != "" || a.Is4In6():
		r.fault(key, quote(s), "is not an IP address")
	case a.IsMulticast() || a.IsUnspecified() || a.IsLoopback() || a == broadcast:
		r.fault(key, quote(s), "is not the address of another host on a network")
	case r.out.Family != 0 && vrrp.FamilyOf(a) != r.out.Family:
		r.fault(key, quote(s), "is not an "+r.out.Family.String()+" address, as the virtual addresses are")
	default:
		return a, true
	}
	return netip.Addr{}, false
}
