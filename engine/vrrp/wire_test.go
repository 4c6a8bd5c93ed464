// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// compareAddr compares addresses, which have unexported fields.
var compareAddr = cmpopts.EquateComparable(netip.Addr{})

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// messages are adverts in their wire format.
var messages = []struct {
	name     string
	cfg      Config
	priority uint8
	form     ChecksumForm
	src      string
	want     string
}{{
	name: "VRRPv2", cfg: vector(AuthNone), priority: 254, src: "10.100.100.9",
	want: "2101fe01000172960a6464010000000000000000",
}, {
	name: "VRRPv2 simple", cfg: vector(AuthSimple), priority: 254, src: "10.100.100.9",
	want: "2101fe010101bce20a6464017468697373656372",
}, {
	name: "VRRPv2 P0", cfg: vector(AuthP0), priority: 254, src: "10.100.100.9",
	want: "2101fe01fa01facf0a64640173e7f8e0d81638e6",
}, {
	name: "VRRPv2 P1", cfg: vector(AuthP1), priority: 254, src: "10.100.100.9",
	want: "2101fe01fb0138a80a646401d34169e875138caf",
}, {
	name: "VRRPv3 RFC 9568", cfg: base(V3), priority: 100, form: FormMessage, src: "10.0.0.2",
	want: "31336401006460660a000001",
}, {
	name: "VRRPv3 RFC 5798", cfg: base(V3), priority: 100, form: FormPseudoHeader, src: "10.0.0.2",
	want: "31336401006475d50a000001",
}, {
	name: "VRRPv3 longest interval", priority: 0, form: FormMessage, src: "10.0.0.2",
	cfg:  base(V3, func(c *Config) { c.Interval = IntervalMaxV3 }),
	want: "313300010fffb4cb0a000001",
}, {
	name: "VRRPv3 IPv6", cfg: baseIPv6(), priority: 100, form: FormPseudoHeader, src: "fe80::2%eth0",
	want: "3133640200643ffafe80000000000000000000000000000120010db8000000000000000000000001",
}}

// vector returns the configuration of the authentication vectors.
func vector(auth AuthType) Config {
	return Config{
		Version: V2, Family: IPv4, VRID: 1, Priority: 254, Interval: time.Second,
		Addresses: []netip.Addr{netip.MustParseAddr("10.100.100.1")},
		AuthType:  auth, Secret: "thissecretnolongeris",
	}
}

func TestAppendMessage(t *testing.T) {
	for _, tt := range messages {
		t.Run(tt.name, func(t *testing.T) {
			src, dst := netip.MustParseAddr(tt.src), Group(tt.cfg.Family)
			got := AppendMessage([]byte("kept"), &tt.cfg, tt.priority, tt.form, src, dst)
			if diff := cmp.Diff("kept", string(got[:4])); diff != "" {
				t.Errorf("existing bytes (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, hex.EncodeToString(got[4:])); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	for _, tt := range messages {
		t.Run(tt.name, func(t *testing.T) {
			payload := unhex(t, tt.want)
			src := netip.MustParseAddr(tt.src)
			got := Advertisement{AuthType: AuthP1, AuthData: [8]byte{1}, Addresses: []netip.Addr{vip, self}}
			drop := Decode(&got, Packet{Src: src, Dst: Group(tt.cfg.Family), TTL: 255, Payload: payload}, tt.cfg.Family, tt.cfg.Version)
			if drop != DropNone {
				t.Fatalf("dropped: %v", drop)
			}
			want := Advertisement{
				Version: tt.cfg.Version, Family: tt.cfg.Family, VRID: tt.cfg.VRID, Priority: tt.priority,
				Interval: tt.cfg.Interval, AuthType: tt.cfg.AuthType,
				Checksum: uint16(payload[6])<<8 | uint16(payload[7]), Form: tt.form,
				Source: src.WithZone(""), Addresses: tt.cfg.Addresses, Message: payload,
			}
			if tt.cfg.Version == V2 {
				want.AuthData = [8]byte(payload[len(payload)-8:])
			}
			if diff := cmp.Diff(want, got, compareAddr); diff != "" {
				t.Errorf("advertisement (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDecodeDrops covers the receive checks of RFC 9568 section 7.1 and RFC 3768 section
// 7.1 that need the packet only. A case that fails several is dropped for the first.
func TestDecodeDrops(t *testing.T) {
	v2, v3 := base(V2), base(V3)
	v6 := baseIPv6()
	flip := func(i int, mask byte) func(*Packet) { return func(p *Packet) { p.Payload[i] ^= mask } }
	length := func(n int) func(*Packet) {
		return func(p *Packet) { p.Payload = append(p.Payload, make([]byte, 64)...)[:n] }
	}
	withPseudoHeader := func(p *Packet) {
		p.Payload[offChecksum], p.Payload[offChecksum+1] = 0, 0
		c := ^fold(sum(0, p.Payload) + sumPseudoHeader(IPv4, p.Src, p.Dst, len(p.Payload)))
		binary.BigEndian.PutUint16(p.Payload[offChecksum:], c)
	}
	tests := []struct {
		name  string
		cfg   Config
		want  Version
		alter func(*Packet)
		drop  DropReason
	}{
		{"VRRPv2", v2, V2, nil, DropNone},
		{"VRRPv3", v3, V3, nil, DropNone},
		{"either version", v2, 0, nil, DropNone},
		{"either version", v3, 0, nil, DropNone},
		{"IPv6", v6, V3, nil, DropNone},

		{"TTL 254", v3, V3, func(p *Packet) { p.TTL = 254 }, DropTTL},
		{"in an Authentication Header", v2, V2, func(p *Packet) { p.AH = true }, DropAH},
		{"Authentication Header before TTL", v2, V2, func(p *Packet) { p.AH, p.TTL = true, 1 }, DropAH},
		{"TTL before length", v3, V3, func(p *Packet) { p.TTL, p.Payload = 1, nil }, DropTTL},

		{"empty", v3, V3, length(0), DropLength},
		{"half a header", v3, V3, length(7), DropLength},
		{"header only", v3, V3, length(8), DropLength},
		{"half an address", v3, V3, length(11), DropLength},
		{"no authentication data", v2, V2, length(12), DropLength},
		{"half the authentication data", v2, V2, length(19), DropLength},
		{"half an IPv6 address", v6, V3, length(32), DropLength},
		{"count too high", v3, V3, flip(3, 2), DropLength},
		{"no addresses and something behind them", v6, V3, flip(3, 2), DropLength},
		{"length before version", v3, V2, length(11), DropLength},
		{"Ethernet padding", v3, V3, length(26), DropNone},
		{"Ethernet padding", v2, V2, length(26), DropNone},
		{"more than padding", v3, V3, length(27), DropLength},
		{"IPv6 has no padding", v6, V3, length(41), DropLength},

		{"VRRPv3 for VRRPv2", v3, V2, nil, DropVersion},
		{"VRRPv2 for VRRPv3", v2, V3, nil, DropVersion},
		{"version 0", v3, 0, flip(0, 0x30), DropVersion},
		{"version 15", v3, 0, flip(0, 0xc0), DropVersion},
		{"VRRPv2 over IPv6", v6, 0, flip(0, 0x10), DropVersion},
		{"version before type", v3, V2, flip(0, 0x02), DropVersion},

		{"type 0", v3, V3, flip(0, 0x01), DropType},
		{"type 3", v2, V2, flip(0, 0x02), DropType},
		{"type before checksum", v3, V3, func(p *Packet) { p.Payload[0] ^= 0x02; p.Payload[7]++ }, DropType},

		{"VRRPv2 checksum", v2, V2, flip(6, 1), DropChecksum},
		{"VRRPv2 with a pseudo-header", v2, V2, withPseudoHeader, DropChecksum},
		{"VRRPv2 authentication data", v2, V2, flip(19, 1), DropChecksum},
		{"VRRPv3 checksum", v3, V3, flip(7, 1), DropChecksum},
		{"VRRPv3 priority", v3, V3, flip(2, 1), DropChecksum},
		{"IPv6 checksum", v6, V3, flip(39, 1), DropChecksum},
		{"IPv6 source", v6, V3, func(p *Packet) { p.Src = p.Src.Next() }, DropChecksum},
		{"pseudo-header's source", v3, V3, func(p *Packet) { p.Src = p.Src.Next() }, DropChecksum},
		{"pseudo-header's destination", v3, V3, func(p *Packet) { p.Dst = p.Dst.Next() }, DropChecksum},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := higher
			if tt.cfg.Family == IPv6 {
				src = netip.MustParseAddr("fe80::9")
			}
			p := packet(&tt.cfg, src, 100, FormPseudoHeader)
			if tt.alter != nil {
				tt.alter(&p)
			}
			if drop := Decode(new(Advertisement), p, tt.cfg.Family, tt.want); drop != tt.drop {
				t.Errorf("got %v, want %v", drop, tt.drop)
			}
		})
	}
}

// TestChecksumIPv6 checks that over IPv6 the checksum always includes the pseudo-header.
func TestChecksumIPv6(t *testing.T) {
	cfg := baseIPv6()
	src := netip.MustParseAddr("fe80::9")
	p := packet(&cfg, src, 100, FormMessage)
	var a Advertisement
	if drop := Decode(&a, p, IPv6, V3); drop != DropNone || a.Form != FormPseudoHeader {
		t.Errorf("got %v, %v", drop, a.Form)
	}
	p.Payload[offChecksum], p.Payload[offChecksum+1] = 0, 0
	binary.BigEndian.PutUint16(p.Payload[offChecksum:], ^fold(sum(0, p.Payload)))
	if drop := Decode(&a, p, IPv6, V3); drop != DropChecksum {
		t.Errorf("without the pseudo-header: got %v, want %v", drop, DropChecksum)
	}
}

// carp is a CARP advertisement as sent by FreeBSD and OpenBSD, with a correct checksum.
func carp(vhid byte) []byte {
	b := []byte{0x21, vhid, 0, 7, 0, 1, 0, 0}
	for i := range 28 { // the counter and the digest
		b = append(b, byte(3*i+1))
	}
	binary.BigEndian.PutUint16(b[offChecksum:], ^fold(sum(0, b)))
	return b
}

// TestDecodeCARP covers a protocol that shares number, group and the first byte with VRRPv2.
func TestDecodeCARP(t *testing.T) {
	for _, want := range []Version{0, V2, V3} {
		p := Packet{Src: higher, Dst: GroupIPv4, TTL: TTL, Payload: carp(51)}
		if drop := Decode(new(Advertisement), p, IPv4, want); drop != DropCARP {
			t.Errorf("IPv4, want %d: got %v, want %v", want, drop, DropCARP)
		}
	}
	p := Packet{Src: netip.MustParseAddr("fe80::9"), Dst: GroupIPv6, TTL: TTL, Payload: carp(51)}
	if drop := Decode(new(Advertisement), p, IPv6, V3); drop != DropCARP {
		t.Errorf("IPv6: got %v, want %v", drop, DropCARP)
	}
	// VRRPv2 with seven addresses begins alike and is longer.
	cfg := base(V2)
	for len(cfg.Addresses) < 7 {
		cfg.Addresses = append(cfg.Addresses, cfg.Addresses[len(cfg.Addresses)-1].Next())
	}
	if drop := Decode(new(Advertisement), packet(&cfg, higher, 100, FormMessage), IPv4, V2); drop != DropNone {
		t.Errorf("seven addresses: got %v", drop)
	}
}

// TestDecodeFewerAddresses covers VRRPv2 messages with fewer addresses than they declare.
func TestDecodeFewerAddresses(t *testing.T) {
	for _, tt := range []struct {
		name        string
		count, hold int
		drop        DropReason
	}{
		{"one of two", 2, 1, DropNone},
		{"one of 255", 255, 1, DropNone},
		{"three of four", 4, 3, DropNone},
		{"none of one", 1, 0, DropLength},
	} {
		cfg := vector(AuthSimple)
		cfg.Addresses = nil
		for i := range tt.hold {
			cfg.Addresses = append(cfg.Addresses, netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}))
		}
		p := packet(&cfg, higher, 100, FormMessage)
		p.Payload[offCount] = byte(tt.count)
		p.Payload[offChecksum], p.Payload[offChecksum+1] = 0, 0
		binary.BigEndian.PutUint16(p.Payload[offChecksum:], ^fold(sum(0, p.Payload)))
		var a Advertisement
		if drop := Decode(&a, p, IPv4, V2); drop != tt.drop {
			t.Errorf("%s: got %v, want %v", tt.name, drop, tt.drop)
			continue
		}
		if tt.drop != DropNone {
			continue
		}
		if diff := cmp.Diff(cfg.Addresses, a.Addresses, compareAddr); diff != "" || a.Missing != tt.count-tt.hold || string(a.AuthData[:]) != "thissecr" {
			t.Errorf("%s: %d missing, authentication %q, addresses (-want +got):\n%s", tt.name, a.Missing, a.AuthData, diff)
		}
	}
}

// TestDecodeUnknownAuth covers unsupported authentication, whose data has an unknown length.
func TestDecodeUnknownAuth(t *testing.T) {
	message := func(kind AuthType, more int) []byte {
		cfg := base(V2)
		b := append(AppendMessage(nil, &cfg, 100, FormMessage, higher, GroupIPv4), make([]byte, more)...)
		b[offAuthType] = byte(kind)
		for i := range more {
			b[len(b)-1-i] = byte(i + 1)
		}
		b[offChecksum], b[offChecksum+1] = 0, 0
		binary.BigEndian.PutUint16(b[offChecksum:], ^fold(sum(0, b)))
		return b
	}
	for _, tt := range []struct {
		name  string
		kind  AuthType
		more  int
		alter int // index of the changed byte; 0: none
		drop  DropReason
	}{
		{"Cisco's MD5", AuthCiscoMD5, 22, 0, DropNone},
		{"Cisco's MD5, damaged behind the message", AuthCiscoMD5, 22, 41, DropChecksum},
		{"unknown, as long as others", 9, 0, 0, DropNone},
		{"none", AuthNone, 22, 0, DropLength},
		{"simple", AuthSimple, 22, 0, DropLength},
		{"proprietary", AuthP1, 22, 0, DropLength},
	} {
		b := message(tt.kind, tt.more)
		if tt.alter > 0 {
			b[tt.alter] ^= 1
		}
		var a Advertisement
		drop := Decode(&a, Packet{Src: higher, Dst: GroupIPv4, TTL: TTL, Payload: b}, IPv4, V2)
		if drop != tt.drop {
			t.Errorf("%s: got %v, want %v", tt.name, drop, tt.drop)
			continue
		}
		if drop == DropNone {
			if drop, _ := backup(base(V2)).Check(&a); drop != DropAuthType || a.AuthType != tt.kind {
				t.Errorf("%s: type %v, Check says %v, want %v", tt.name, a.AuthType, drop, DropAuthType)
			}
		}
	}
}

func TestPeekVRID(t *testing.T) {
	for _, tt := range []struct {
		payload string
		vrid    uint8
		ok      bool
	}{
		{"31336401006460660a000001", 0x33, true},
		{"31ff", 255, true},
		{"31", 0, false},
		{"", 0, false},
	} {
		if vrid, ok := PeekVRID(unhex(t, tt.payload)); vrid != tt.vrid || ok != tt.ok {
			t.Errorf("%q: got %d, %t, want %d, %t", tt.payload, vrid, ok, tt.vrid, tt.ok)
		}
	}
}

// TestVirtualMAC covers RFC 9568 section 7.3.
func TestVirtualMAC(t *testing.T) {
	if got, want := VirtualMAC(IPv4, 51), [6]byte{0, 0, 0x5e, 0, 1, 51}; got != want {
		t.Errorf("IPv4: got %x, want %x", got, want)
	}
	if got, want := VirtualMAC(IPv6, 255), [6]byte{0, 0, 0x5e, 0, 2, 255}; got != want {
		t.Errorf("IPv6: got %x, want %x", got, want)
	}
}

// TestGroup covers RFC 9568 sections 5.1.1.2 and 5.1.2.2.
func TestGroup(t *testing.T) {
	for family, want := range map[Family]string{IPv4: "224.0.0.18", IPv6: "ff02::12"} {
		if got := Group(family).String(); got != want {
			t.Errorf("%v: got %s, want %s", family, got, want)
		}
	}
}

// TestDecodeReservedBits: the four bits in front of the interval of VRRPv3 are ignored (RFC 9568 section 5.2.6).
func TestDecodeReservedBits(t *testing.T) {
	cfg := base(V3)
	b := AppendMessage(nil, &cfg, 100, FormMessage, higher, GroupIPv4)
	b[offIntervalV3] |= 0xf0
	b[offChecksum], b[offChecksum+1] = 0, 0
	binary.BigEndian.PutUint16(b[offChecksum:], ^fold(sum(0, b)))
	var a Advertisement
	drop := Decode(&a, Packet{Src: higher, Dst: GroupIPv4, TTL: TTL, Payload: b}, IPv4, V3)
	if drop != DropNone || a.Interval != cfg.Interval {
		t.Errorf("discarded: %v; the interval is %s, want %s", drop, a.Interval, cfg.Interval)
	}
}
