// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"bytes"
	"net/netip"
	"testing"

	"golang.org/x/net/bpf"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// A buffer with two packets, of 3 and 8 bytes, in the layout of amd64 and arm64.
const twoCaptures = `
	00f15365 00000000 40e20100 00000000 03000000 03000000 1a00 aabbcc .3
	01f15365 00000000 00000000 00000000 08000000 08000000 1e00 .4 0102030405060708 .2
`

func TestCaptures(t *testing.T) {
	whole := capture([]byte{1, 2, 3}, 3)
	for _, tt := range []struct {
		name   string
		buffer []byte
		want   [][]byte
	}{
		{"nothing", nil, nil},
		{"two packets with different headers", dehex(t, twoCaptures), [][]byte{{0xaa, 0xbb, 0xcc}, {1, 2, 3, 4, 5, 6, 7, 8}}},
		{"the last without padding", dehex(t, twoCaptures)[:26+3], [][]byte{{0xaa, 0xbb, 0xcc}}},
		{"the last cut off", dehex(t, twoCaptures)[:32+30+7], [][]byte{{0xaa, 0xbb, 0xcc}}},
		{"a header cut off", dehex(t, twoCaptures)[:32+25], [][]byte{{0xaa, 0xbb, 0xcc}}},
		{"one that was not captured in full", append(capture([]byte{9, 9}, 60), whole...), [][]byte{nil, {1, 2, 3}}},
		{"no header length", replace(bytes.Clone(whole), 24, 0, 0), nil},
		{"longer than the buffer", replace(bytes.Clone(whole), 16, 0xff, 0xff, 0xff, 0x7f), nil},
	} {
		var got [][]byte
		for b := tt.buffer; ; {
			p, rest, ok := nextCapture(b)
			if !ok {
				break
			}
			got = append(got, p)
			b = rest
		}
		if len(got) != len(tt.want) {
			t.Errorf("%s: %x, want %x", tt.name, got, tt.want)
			continue
		}
		for i := range got {
			if !bytes.Equal(got[i], tt.want[i]) {
				t.Errorf("%s: packet %d is %x, want %x", tt.name, i, got[i], tt.want[i])
			}
		}
	}
}

func FuzzCaptures(f *testing.F) {
	f.Add(capture([]byte{1, 2, 3}, 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		for {
			_, rest, ok := nextCapture(b)
			if !ok {
				return
			}
			if len(rest) >= len(b) {
				t.Fatalf("no progress in %x", b)
			}
			b = rest
		}
	})
}

func TestProgram(t *testing.T) {
	advert := func(source string) []byte {
		b, err := frame.AppendAdvert(nil, &platform.Frame{Source: netip.MustParseAddr(source), Payload: []byte{0x31, 7, 100, 1, 0, 100, 0, 0}})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	arp, err := frame.AppendAnnouncement(nil, &platform.Announcement{Addr: netip.MustParseAddr("10.9.0.254")})
	if err != nil {
		t.Fatal(err)
	}
	const ipv4, ipv6 = "10.9.0.2", "fe80::2"
	for _, tt := range []struct {
		name   string
		family platform.Family
		frame  []byte
		passes bool
	}{
		{"an IPv4 advert", platform.IPv4, advert(ipv4), true},
		{"with another TTL, which must be counted", platform.IPv4, replace(advert(ipv4), 14+8, 64), true},
		{"in an Authentication Header", platform.IPv4, replace(advert(ipv4), 14+9, 51), true},
		{"in an Authentication Header to another group", platform.IPv4, replace(advert(ipv4), 14+9, 51, 0, 0, 0, 0, 0, 0, 0, 0, 0, 19), false},
		{"with another protocol", platform.IPv4, replace(advert(ipv4), 14+9, 17), false},
		{"to another group", platform.IPv4, replace(advert(ipv4), 14+19, 19), false},
		{"to a host", platform.IPv4, replace(advert(ipv4), 14+16, 10, 9, 0, 1), false},
		{"behind an 802.1Q tag", platform.IPv4, replace(advert(ipv4), 12, 0x81, 0), false},
		{"an IPv6 advert for IPv4", platform.IPv4, advert(ipv6), false},
		{"an ARP request", platform.IPv4, arp, false},
		{"a runt", platform.IPv4, advert(ipv4)[:20], false},
		{"an IPv6 advert", platform.IPv6, advert(ipv6), true},
		{"to another IPv6 group", platform.IPv6, replace(advert(ipv6), 14+39, 0x13), false},
		{"to a group of another scope", platform.IPv6, replace(advert(ipv6), 14+24, 0xff, 0x05), false},
		{"with another next header", platform.IPv6, replace(advert(ipv6), 14+6, 58), false},
		{"an IPv4 advert for IPv6", platform.IPv6, advert(ipv4), false},
	} {
		p, err := adverts(tt.family)
		if err != nil {
			t.Fatal(err)
		}
		if got := passes(t, p, tt.frame); got != tt.passes {
			t.Errorf("%s: passes %t, want %t", tt.name, got, tt.passes)
		}
	}
	none, err := rejectAll()
	if err != nil {
		t.Fatal(err)
	}
	if passes(t, none, advert(ipv4)) {
		t.Error("the program that passes nothing passes an advert")
	}
}

func passes(t *testing.T, p []bpf.RawInstruction, frame []byte) bool {
	t.Helper()
	program, ok := bpf.Disassemble(p)
	if !ok {
		t.Fatal("the program is not valid")
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	n, err := vm.Run(frame)
	return err == nil && n > 0
}
