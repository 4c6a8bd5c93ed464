// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"net/netip"
	"testing"
	"time"
)

// TestCheck covers the receive checks of RFC 9568 section 7.1 and RFC 3768 section 7.1 that
// depend on the virtual router. Every case states how the peer differs from the router.
func TestCheck(t *testing.T) {
	lenient := func(c *Config) { c.Lenient = true }
	secret := func(kind AuthType, secret string) func(*Config) {
		return func(c *Config) { c.AuthType, c.Secret = kind, secret }
	}
	interval := func(d time.Duration) func(*Config) { return func(c *Config) { c.Interval = d } }
	addresses := func(list ...string) func(*Config) {
		return func(c *Config) {
			c.Addresses = nil
			for _, s := range list {
				c.Addresses = append(c.Addresses, netip.MustParseAddr(s))
			}
		}
	}
	all := func(fs ...func(*Config)) func(*Config) {
		return func(c *Config) {
			for _, f := range fs {
				f(c)
			}
		}
	}
	same := func(*Config) {}
	tests := []struct {
		name      string
		version   Version
		us, peer  func(*Config)
		missing   int // of the addresses that the peer declares
		src       netip.Addr
		priority  uint8
		owner     bool
		drop      DropReason
		tolerated Tolerated
	}{
		{name: "same configuration", version: V2, us: same, peer: same},
		{name: "same configuration", version: V3, us: same, peer: same},

		{name: "another VRID", version: V3, us: same, peer: func(c *Config) { c.VRID = 52 }, drop: DropVRID},
		{name: "own address", version: V3, us: same, peer: same, src: self, drop: DropOwn},
		{name: "own before owner", version: V3, us: same, peer: same, src: self, owner: true, drop: DropOwn},
		{name: "address owner", version: V3, us: same, peer: same, owner: true, drop: DropOwner},
		{name: "another owner", version: V3, us: same, peer: same, owner: true, priority: PriorityOwner},
		{name: "owner before auth-type", version: V2, us: same, peer: secret(AuthSimple, "x"), owner: true, drop: DropOwner},

		{name: "authentication missing", version: V2, us: secret(AuthSimple, "x"), peer: same, drop: DropAuthType},
		{name: "authentication unwanted", version: V2, us: same, peer: secret(AuthP0, "x"), drop: DropAuthType},
		{name: "other type, same secret", version: V2, us: secret(AuthP0, "x"), peer: secret(AuthP1, "x"), drop: DropAuthType},
		{name: "simple", version: V2, us: secret(AuthSimple, "sesame"), peer: secret(AuthSimple, "sesame")},
		{name: "simple, same 8 bytes", version: V2, us: secret(AuthSimple, "open sesame"), peer: secret(AuthSimple, "open ses")},
		{name: "simple, wrong", version: V2, us: secret(AuthSimple, "sesame"), peer: secret(AuthSimple, "sesam"), drop: DropAuth},
		{name: "P0", version: V2, us: secret(AuthP0, "sesame"), peer: secret(AuthP0, "sesame")},
		{name: "P0, wrong", version: V2, us: secret(AuthP0, "sesame"), peer: secret(AuthP0, "sesamE"), drop: DropAuth},
		{name: "P1", version: V2, us: secret(AuthP1, "sesame"), peer: secret(AuthP1, "sesame")},
		{name: "P1, wrong", version: V2, us: secret(AuthP1, "sesame"), peer: secret(AuthP1, "sesamE"), drop: DropAuth},
		{
			name: "auth before interval", version: V2, us: secret(AuthP1, "sesame"),
			peer: all(secret(AuthP1, "?"), interval(2*time.Second)), drop: DropAuth,
		},

		{name: "VRRPv2 interval, strict", version: V2, us: same, peer: interval(2 * time.Second), drop: DropInterval},
		{
			name: "VRRPv2 interval, lenient", version: V2, us: lenient, peer: interval(2 * time.Second),
			tolerated: Tolerated{Interval: true},
		},
		{name: "VRRPv3 learns the interval", version: V3, us: same, peer: interval(2 * time.Second)},
		{name: "VRRPv3 interval 0", version: V3, us: lenient, peer: interval(0), drop: DropInterval},
		{
			name: "interval before address list", version: V2, us: same,
			peer: all(interval(2*time.Second), addresses("10.0.0.2")), drop: DropInterval,
		},

		{name: "other address, strict", version: V3, us: same, peer: addresses("10.0.0.2"), drop: DropAddressList},
		{name: "one address more, strict", version: V2, us: same, peer: addresses("10.0.0.1", "10.0.0.2"), drop: DropAddressList},
		{
			name: "other order", version: V3, us: addresses("10.0.0.1", "10.0.0.2", "10.0.0.3"),
			peer: addresses("10.0.0.3", "10.0.0.2", "10.0.0.1"),
		},
		{
			name: "same address twice", version: V3, us: addresses("10.0.0.1", "10.0.0.2"),
			peer: addresses("10.0.0.1", "10.0.0.1"), drop: DropAddressList,
		},
		{
			name: "other address, from the owner", version: V3, us: same, peer: addresses("10.0.0.2"),
			priority: PriorityOwner, tolerated: Tolerated{AddressList: true},
		},
		{
			name: "other address, lenient", version: V3, us: lenient, peer: addresses("10.0.0.2"),
			tolerated: Tolerated{AddressList: true},
		},
		{name: "no addresses, strict", version: V3, us: same, peer: addresses(), drop: DropNoAddresses},
		{name: "no addresses, from the owner", version: V2, us: same, peer: addresses(), priority: PriorityOwner, drop: DropNoAddresses},
		{
			name: "no addresses, lenient", version: V2, us: lenient, peer: addresses(),
			tolerated: Tolerated{AddressList: true},
		},
		{
			name: "interval before no addresses", version: V2, us: same,
			peer: all(interval(2*time.Second), addresses()), drop: DropInterval,
		},
		{name: "fewer addresses than counted, strict", version: V2, us: same, peer: same, missing: 1, drop: DropLength},
		{
			name: "fewer addresses than counted, lenient", version: V2, us: lenient, peer: same, missing: 1,
			tolerated: Tolerated{Length: true},
		},
		{
			name: "fewer addresses than counted, and wrong ones", version: V2, us: lenient, peer: addresses("10.0.0.2"), missing: 3,
			tolerated: Tolerated{Length: true, AddressList: true},
		},
		{
			name: "interval and address, lenient", version: V2, us: lenient,
			peer:      all(interval(2*time.Second), addresses("10.0.0.2")),
			tolerated: Tolerated{Interval: true, AddressList: true},
		},
	}
	for _, tt := range tests {
		t.Run(tt.version.String()+" "+tt.name, func(t *testing.T) {
			r := New(base(tt.version, tt.us))
			step(r, 0, Event{Kind: EventUp, Local: Local{Primary: self, Owner: tt.owner}})
			src, priority := tt.src, tt.priority
			if !src.IsValid() {
				src = higher
			}
			if priority == 0 {
				priority = 100
			}
			before := r.Status()
			a := advertOf(t, base(tt.version, tt.peer), src, priority)
			a.Missing = tt.missing
			drop, tolerated := r.Check(a)
			if drop != tt.drop || tolerated != tt.tolerated {
				t.Errorf("got %v, %+v, want %v, %+v", drop, tolerated, tt.drop, tt.tolerated)
			}
			if r.Status() != before {
				t.Errorf("Check changed the router")
			}
		})
	}
}

// TestCheckVersion covers a caller that decoded either version.
func TestCheckVersion(t *testing.T) {
	r := backup(base(V2))
	if drop, _ := r.Check(advertOf(t, base(V3), higher, 100)); drop != DropVersion {
		t.Errorf("got %v, want %v", drop, DropVersion)
	}
}

// TestAdmit has the checks of a virtual router with unicast peers: of the sender, of the receiver and of the TTL.
func TestAdmit(t *testing.T) {
	unicast := func(ttlMin uint8) func(*Config) {
		return func(c *Config) { c.Unicast = UnicastConfig{Peers: []netip.Addr{lower, higher}, TTLMin: ttlMin} }
	}
	stranger := netip.MustParseAddr("10.0.0.77")
	for _, tt := range []struct {
		name     string
		vary     func(*Config)
		src, dst netip.Addr
		ttl      uint8
		drop     DropReason // by Admit, or else by Decode
	}{
		{"a peer", unicast(255), lower, self, 255, DropNone},
		{"the other peer", unicast(255), higher, self, 255, DropNone},
		{"a stranger", unicast(255), stranger, self, 255, DropPeer},
		{"a stranger to a peer", unicast(255), stranger, lower, 255, DropPeer},
		{"a peer to all", unicast(255), lower, GroupIPv4, 255, DropPeer},
		{"a peer far away", unicast(255), lower, self, 254, DropTTL},
		{"a peer as far as it may be", unicast(250), lower, self, 250, DropNone},
		{"a peer farther than that", unicast(250), lower, self, 249, DropTTL},
		{"anybody without peers", func(*Config) {}, stranger, GroupIPv4, 255, DropNone},
		{"anybody far away without peers", func(*Config) {}, stranger, GroupIPv4, 254, DropTTL},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := base(V3, tt.vary)
			p := Packet{Src: tt.src, Dst: tt.dst, TTL: tt.ttl, Payload: AppendMessage(nil, &cfg, 100, FormPseudoHeader, tt.src, tt.dst)}
			drop := backup(cfg).Admit(&p)
			if drop == DropNone {
				drop = Decode(new(Advertisement), p, IPv4, V3)
			}
			if drop != tt.drop {
				t.Errorf("discarded: %v, want %v", drop, tt.drop)
			}
		})
	}
}
