// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"net/netip"
	"slices"
	"strconv"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// maxPeers is the maximum number of unicast peers of a virtual router.
const maxPeers = 32

// unicast reads unicast_peers and the settings that depend on it.
func (r *router) unicast() {
	u, peers := &r.out.Protocol.Unicast, UnicastPeers.Value(r.raw)
	if n := len(peers); n > maxPeers {
		addresses, problem := strconv.Itoa(n)+" addresses", "are more than "+strconv.Itoa(maxPeers)
		r.faultTyped(r.path(UnicastPeers.Name), addresses, problem, r.name()+": "+UnicastPeers.CommandWords()+": "+addresses+" "+problem)
		peers = peers[:maxPeers] // each is compared with all virtual addresses
	}
	seen := make(map[netip.Addr]bool)
	for i, s := range peers {
		key := nth(UnicastPeers.Name, i)
		a, ok := r.endpoint(key, s)
		switch {
		case !ok:
		case seen[a]:
			r.fault(key, quote(s), "occurs twice")
		case slices.ContainsFunc(r.out.Addresses, func(v engine.Address) bool { return v.Addr == a }):
			r.fault(key, quote(s), "is one of the virtual addresses: a peer needs its own address")
		}
		seen[a] = ok
		u.Peers = append(u.Peers, a)
	}
	u.TTLMin = uint8(in(r, UnicastTTLMin))
	if source := in(r, UnicastSource); source != "" {
		u.Source, _ = r.endpoint(UnicastSource.Name, source)
		if seen[u.Source] {
			path := r.path(UnicastSource.Name)
			r.faultTyped(path, quote(source), "is one of the unicast_peers", r.typed(path, quote(source), "is one of the unicast peers"))
		}
	}
	r.scopes(u)
	if len(peers) == 0 {
		if UnicastSource.IsSet(r.raw) || UnicastTTLMin.IsSet(r.raw) {
			r.warn("unicast_source and unicast_ttl_min have no effect without unicast_peers")
		}
		*u = vrrp.UnicastConfig{}
	}
}

// scopes warns of IPv6 peers that know this router by an address other than the source of its adverts. Without
// unicast_source, adverts come from a link-local address.
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

// endpoint reads a host address of the virtual router's family.
func (r *router) endpoint(key, s string) (netip.Addr, bool) {
	if problem := hostAddress(s); problem != "" {
		r.fault(key, quote(s), problem)
		return netip.Addr{}, false
	}
	a := netip.MustParseAddr(s)
	if r.out.Family != 0 && vrrp.FamilyOf(a) != r.out.Family {
		r.fault(key, quote(s), "is not an "+r.out.Family.String()+" address like the virtual addresses")
		return netip.Addr{}, false
	}
	return a, true
}
