// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/platform"
)

var compareLinks = cmp.Options{
	cmp.AllowUnexported(kernelLink{}),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

// dehex reads hexadecimal digits separated by blanks; a dot before a number
// stands for that many zero bytes.
func dehex(t *testing.T, text string) []byte {
	t.Helper()
	var all []byte
	for _, word := range strings.Fields(text) {
		if n, ok := strings.CutPrefix(word, "."); ok {
			zeros := 0
			for _, c := range n {
				zeros = 10*zeros + int(c-'0')
			}
			all = append(all, make([]byte, zeros)...)
			continue
		}
		b, err := hex.DecodeString(word)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

// The interface list of a machine with em0 and em0.7 (VLAN), byte by byte.
const listEm0 = `
	e000 05 0e 10000000 4388 0000 0100 0000
	  06 00 06 12 02 00 9800 dc050000 .140
	  36 12 0100 06 03 06 00 656d30 080027aabbcc .37 .2
	7c00 05 0c b4000000 00000000 0100 0000 00000000
	  10 02 0000 ffffff00 .8
	  36 12 0100 06 00 00 00 .46 .2
	  10 02 0000 0a090001 .8
	  10 02 0000 0a0900ff .8
	7400 05 0c 34000000 00000000 0100 0000 00000000
	  1c 1c 0000 00000000 ffffffffffffffff 0000000000000000 00000000 .4
	  1c 12 0100 06 00 00 00 .20 .4
	  1c 1c 0000 00000000 fe80 0001 00000000 0a0027fffeaabbcc 00000000 .4
`

func TestInterfaceList(t *testing.T) {
	raw := dehex(t, listEm0)
	got, err := parseInterfaces(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := []kernelLink{{Link: platform.Link{
		Index: 1, Name: "em0", MAC: [6]byte{0x08, 0x00, 0x27, 0xaa, 0xbb, 0xcc}, MTU: 1500, Up: true, Ethernet: true,
		Addrs: []netip.Prefix{netip.MustParsePrefix("10.9.0.1/24"), netip.MustParsePrefix("fe80::a00:27ff:feaa:bbcc/64")},
	}}}
	if d := cmp.Diff(want, got, compareLinks); d != "" {
		t.Errorf("interfaces (-want +got):\n%s", d)
	}
	for n := range raw {
		if _, err := parseInterfaces(raw[:n]); err == nil && n != 0 && n != 224 && n != 224+124 {
			t.Errorf("the first %d bytes were understood", n)
		}
	}
}

func TestLinkState(t *testing.T) {
	mac := []byte{2, 0, 0, 0, 0, 1}
	for _, tt := range []struct {
		name         string
		kind         byte
		flags        uint32
		state        byte
		mac          []byte
		up, ethernet bool
	}{
		{"up with a carrier", 6, 0x8843, 2, mac, true, true},
		{"up without a carrier", 6, 0x8843, 1, mac, false, true},
		{"up, with unknown carrier", 6, 0x8843, 0, mac, true, true},
		{"down", 6, 0x8802, 2, mac, false, true},
		{"a VLAN", 0x87, 0x8843, 2, mac, true, true},
		{"a bridge", 0xd1, 0x8843, 2, mac, true, true},
		{"the loopback", 24, 0x8049, 0, nil, true, false},
		{"a tunnel", 0xf0, 0x8051, 0, nil, true, false},
		{"a member of an aggregate", 0xa1, 0x8843, 2, mac, true, false},
		{"Ethernet without an address", 6, 0x8843, 2, nil, true, false},
	} {
		l, err := parseInterfaces(linkMessage(3, "if3", tt.kind, tt.flags, tt.state, 9000, tt.mac))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if l[0].Up != tt.up || l[0].Ethernet != tt.ethernet || l[0].Name != "if3" || l[0].Index != 3 || l[0].MTU != 9000 || l[0].vlan != (tt.kind == 0x87) {
			t.Errorf("%s: %+v", tt.name, l[0])
		}
	}
}

// TestInterfaceDataOfOtherReleases reads messages with shorter and longer statistics.
func TestInterfaceDataOfOtherReleases(t *testing.T) {
	m := linkMessage(3, "if3", 6, 0x8843, 2, 1500, []byte{2, 0, 0, 0, 0, 1})
	for _, length := range []int{16, 96, 176} {
		b := append([]byte(nil), m[:16+min(length, 152)]...)
		b = append(b, make([]byte, max(length-152, 0))...)
		b = append(b, m[16+152:]...)
		binary.LittleEndian.PutUint16(b, uint16(len(b)))
		binary.LittleEndian.PutUint16(b[22:], uint16(length))
		l, err := parseInterfaces(b)
		if err != nil || l[0].Name != "if3" || !l[0].Ethernet {
			t.Errorf("statistics of %d bytes: %+v, %v", length, l, err)
		}
	}
}

func TestNetmasks(t *testing.T) {
	v4, v6 := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1")
	for _, tt := range []struct {
		mask string
		addr netip.Addr
		want int
	}{
		{"10 02 0000 ffffff00 .8", v4, 24},
		{"10 02 0000 ffffffff .8", v4, 32},
		{"10 02 0000 fffffe00 .8", v4, 23},
		{"07 00 0000 ffffff", v4, 24}, // ends after its last one bit
		{"08 ff ffff ffffff80", v4, 25},
		{"05 00 0000 80", v4, 1},
		{"00", v4, 0},
		{"", v4, 0},
		{"10 02 0000 ff00ff00 .8", v4, 8},
		{"1c 1c 0000 00000000 ffffffffffffffff .8 .4", v6, 64},
		{"10 1c 0000 00000000 ffffffffffffffff", v6, 64},
		{"1c 1c 0000 00000000 ffffffffffffffffffffffffffffffff .4", v6, 128},
	} {
		if got := maskLength(dehex(t, tt.mask), tt.addr); got != tt.want {
			t.Errorf("mask %q of %s: %d, want %d", tt.mask, tt.addr, got, tt.want)
		}
	}
}

func TestMalformedMessages(t *testing.T) {
	valid := func() []byte { return linkMessage(1, "em0", 6, 0x8843, 2, 1500, []byte{2, 0, 0, 0, 0, 1}) }
	addr := func() []byte { return addrMessage(1, netip.MustParsePrefix("10.0.0.1/24")) }
	for name, b := range map[string][]byte{
		"length zero":          append([]byte{0, 0}, valid()[2:]...),
		"longer than the data": append([]byte{0xff, 0xff}, valid()[2:]...),
		"another version":      append(append([]byte(nil), valid()[:2]...), append([]byte{4}, valid()[3:]...)...),
		"header only":          {8, 0, 5, 0x0e, 0, 0, 0, 0},
		"no name":              linkMessage(1, "", 6, 0x8843, 2, 1500, nil),
		"statistics too long":  replace(valid(), 22, 0xff, 0xff),
		"statistics too short": replace(valid(), 22, 4, 0),
		"address beyond":       replace(valid(), 16+152, 0xff),
		"name beyond":          replace(valid(), 16+152+5, 0xff),
		"addresses missing":    replace(valid(), 4, 0xff),
		"address: header only": {8, 0, 5, 0x0c, 0, 0, 0, 0},
		"address: mask beyond": replace(addr(), 20, 0xff),
		"address: missing":     replace(addr(), 4, 0xff, 0xff),
	} {
		if l, err := parseInterfaces(b); !errors.Is(err, errMessage) {
			t.Errorf("%s: %+v, error %v, want a malformed message", name, l, err)
		}
	}
	// Messages of other types and addresses of other families are skipped.
	b := append([]byte{6, 0, 5, 0x77, 0, 0}, append(addrMessage(9, netip.MustParsePrefix("10.0.0.1/24")), valid()...)...)
	b = append(b, replace(addr(), 20+16+56+1, 99)...) // an address of another family
	if l, err := parseInterfaces(b); err != nil || len(l) != 1 || len(l[0].Addrs) != 0 {
		t.Errorf("got %+v, %v, want one interface without addresses", l, err)
	}
}

func replace(b []byte, at int, with ...byte) []byte {
	copy(b[at:], with)
	return b
}

func TestWhatConcernsInterfaces(t *testing.T) {
	for kind, want := range map[byte]bool{1: false, 2: false, 0x0c: true, 0x0d: true, 0x0e: true, 0x0f: false, 0x11: true} {
		if got := concerns([]byte{4, 0, 5, kind}); got != want {
			t.Errorf("message type %#x: %t, want %t", kind, got, want)
		}
	}
	if concerns(nil) || concerns([]byte{4, 0, 5}) {
		t.Error("a message without a type concerns interfaces")
	}
}

func FuzzInterfaces(f *testing.F) {
	f.Add(linkMessage(1, "em0", 6, 0x8843, 2, 1500, []byte{2, 0, 0, 0, 0, 1}))
	f.Add(append(linkMessage(2, "em1", 6, 0x8843, 2, 1500, []byte{2, 0, 0, 0, 0, 2}),
		addrMessage(2, netip.MustParsePrefix("fe80::1/64"))...))
	f.Fuzz(func(t *testing.T, b []byte) {
		links, err := parseInterfaces(b)
		if err != nil {
			return
		}
		for _, l := range links {
			if l.Name == "" {
				t.Errorf("an interface without a name: %+v", l)
			}
			for _, p := range l.Addrs {
				if !p.IsValid() {
					t.Errorf("%s has the address %v", l.Name, p)
				}
			}
		}
	})
}
