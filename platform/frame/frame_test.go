// SPDX-License-Identifier: GPL-3.0-only

package frame

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/platform"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	mac4 = MAC{0x00, 0x00, 0x5e, 0x00, 0x01, 0x33}
	mac6 = MAC{0x00, 0x00, 0x5e, 0x00, 0x02, 0x33}
)

// The checksums in these bytes were verified with an independent decoder.
const (
	bytesAdvert4 = `01005e000012 00005e000133 0800
		45c0 0020 0000 4000 ff70 909a 0a000001 e0000012
		3133 6401 0064 74d9 0a0000fe`
	bytesAdvert6 = `333300000012 00005e000233 86dd
		6c000000 0018 70 ff fe800000000000000000000000000001 ff020000000000000000000000000012
		3133 6401 0064 0000 fe8000000000000000000000000000fe`
	bytesARP = `ffffffffffff 00005e000133 0806
		0001 0800 06 04 0001 00005e000133 0a0000fe 000000000000 0a0000fe`
	bytesNA = `333300000001 00005e000233 86dd
		60000000 0020 3a ff fe8000000000000000000000000000fe ff020000000000000000000000000001
		88 00 776e a0000000 fe8000000000000000000000000000fe 02 01 00005e000233`
)

func TestAppendAdvert(t *testing.T) {
	for name, test := range map[string]struct {
		source, payload, want string
		mac                   MAC
		parsed                Packet
	}{
		"IPv4": {"10.0.0.1", "3133 6401 0064 74d9 0a0000fe", bytesAdvert4, mac4, Packet{
			Kind: Advert, Dst: GroupMACIPv4, Src: mac4, EtherType: 0x0800, SrcAddr: netip.MustParseAddr("10.0.0.1"),
			DstAddr: GroupIPv4, TTL: 255, TOS: 0xc0,
		}},
		"IPv6": {"fe80::1", "3133 6401 0064 0000 fe8000000000000000000000000000fe", bytesAdvert6, mac6, Packet{
			Kind: Advert, Dst: GroupMACIPv6, Src: mac6, EtherType: 0x86dd, SrcAddr: netip.MustParseAddr("fe80::1"),
			DstAddr: GroupIPv6, TTL: 255, TOS: 0xc0,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := platform.Frame{MAC: test.mac, Source: netip.MustParseAddr(test.source), Payload: unhex(t, test.payload)}
			got, err := AppendAdvert([]byte("before"), &f)
			if err != nil {
				t.Fatal(err)
			}
			if want := append([]byte("before"), unhex(t, test.want)...); !bytes.Equal(got, want) {
				t.Fatalf("frame\n%x, want\n%x", got, want)
			}
			if n := AdvertLen(&f); n != len(got)-len("before") {
				t.Errorf("length %d, want %d", n, len(got)-len("before"))
			}
			// Append padding, as in short frames.
			p, err := Parse(append(got[len("before"):], 0, 0, 0, 0))
			if err != nil {
				t.Fatal(err)
			}
			test.parsed.Payload = f.Payload
			if d := cmp.Diff(test.parsed, p, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
				t.Errorf("parsed (-want +got):\n%s", d)
			}
		})
	}
}

func TestAppendAnnouncement(t *testing.T) {
	for name, test := range map[string]struct {
		a    platform.Announcement
		want string
	}{
		"gratuitous ARP":         {platform.Announcement{MAC: mac4, Addr: netip.MustParseAddr("10.0.0.254")}, bytesARP},
		"neighbor advertisement": {platform.Announcement{MAC: mac6, Addr: netip.MustParseAddr("fe80::fe"), Router: true}, bytesNA},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := AppendAnnouncement(nil, &test.a)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, unhex(t, test.want)) {
				t.Fatalf("frame\n%x, want\n%x", got, unhex(t, test.want))
			}
			p, err := Parse(got)
			if err != nil {
				t.Fatal(err)
			}
			if p.SenderMAC != test.a.MAC || p.TargetIP != test.a.Addr || p.Router != test.a.Router {
				t.Errorf("parsed %+v of %+v", p, test.a)
			}
			if p.Kind == ARP && (!p.Gratuitous() || p.Operation != 1 || p.TargetMAC != MAC{}) {
				t.Errorf("not a gratuitous request: %+v", p)
			}
			if p.Kind == NeighborAdvertisement && (!p.Override || p.Solicited || p.TTL != 255) {
				t.Errorf("not an unsolicited advertisement that overrides: %+v", p)
			}
		})
	}
}

func TestAppendRefuses(t *testing.T) {
	for name, f := range map[string]platform.Frame{
		"no source":      {},
		"mapped source":  {Source: netip.MustParseAddr("::ffff:10.0.0.1")},
		"payload length": {Source: netip.MustParseAddr("10.0.0.1"), Payload: make([]byte, 1<<16)},
	} {
		if b, err := AppendAdvert([]byte("x"), &f); err == nil || string(b) != "x" {
			t.Errorf("%s: error %v, buffer %q", name, err, b)
		}
	}
	for _, a := range []string{"", "::ffff:10.0.0.1"} {
		addr, _ := netip.ParseAddr(a)
		if b, err := AppendAnnouncement([]byte("x"), &platform.Announcement{Addr: addr}); err == nil || string(b) != "x" {
			t.Errorf("announcement of %q: error %v, buffer %q", a, err, b)
		}
	}
}

func TestParseFaults(t *testing.T) {
	change := func(hexed string, at int, to byte) []byte {
		b := unhex(t, hexed)
		b[at] = to
		return b
	}
	for name, test := range map[string]struct {
		frame []byte
		want  error
		kind  Kind
	}{
		"empty":                     {nil, ErrTruncated, Other},
		"other protocol":            {unhex(t, "ffffffffffff 020000000001 88b5 00"), nil, Other},
		"IPv4 header cut":           {unhex(t, bytesAdvert4)[:30], ErrTruncated, Other},
		"IPv4 payload cut":          {unhex(t, bytesAdvert4)[:40], ErrTruncated, Other},
		"IPv4 version":              {change(bytesAdvert4, 14, 0x55), ErrHeader, Other},
		"IPv4 header length":        {change(bytesAdvert4, 14, 0x44), ErrHeader, Other},
		"IPv4 length below header":  {change(bytesAdvert4, 17, 19), ErrHeader, Other},
		"IPv4 checksum":             {change(bytesAdvert4, 22, 254), ErrChecksum, Other},
		"IPv6 header cut":           {unhex(t, bytesAdvert6)[:50], ErrTruncated, Other},
		"IPv6 payload cut":          {unhex(t, bytesAdvert6)[:70], ErrTruncated, Other},
		"IPv6 version":              {change(bytesAdvert6, 14, 0x4c), ErrHeader, Other},
		"IPv6 other next header":    {change(bytesAdvert6, 20, 17), nil, Other},
		"ARP cut":                   {unhex(t, bytesARP)[:41], ErrTruncated, Other},
		"ARP of other hardware":     {change(bytesARP, 15, 2), ErrHeader, Other},
		"NA checksum":               {change(bytesNA, 56, 1), ErrChecksum, Other},
		"ICMPv6 of another type":    {change(bytesNA, 54, 135), nil, Other},
		"a good one for comparison": {unhex(t, bytesNA), nil, NeighborAdvertisement},
	} {
		p, err := Parse(test.frame)
		if !errors.Is(err, test.want) || p.Kind != test.kind {
			t.Errorf("%s: %v, %v; want %v, %v", name, p.Kind, err, test.kind, test.want)
		}
	}
}

// A fragment does not contain a whole VRRP message.
func TestParseFragment(t *testing.T) {
	b := unhex(t, bytesAdvert4)
	b[20], b[24], b[25] = 0x20, 0, 0
	c := ^fold(sum(0, b[14:34]))
	b[24], b[25] = byte(c>>8), byte(c)
	if p, err := Parse(b); err != nil || p.Kind != Other {
		t.Errorf("fragment is %v, %v", p.Kind, err)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	f := platform.Frame{MAC: mac4, Source: netip.MustParseAddr("10.0.0.1"), Payload: unhex(t, "31336401006474d90a0000fe")}
	a4 := platform.Announcement{MAC: mac4, Addr: netip.MustParseAddr("10.0.0.254")}
	a6 := platform.Announcement{MAC: mac6, Addr: netip.MustParseAddr("fe80::fe")}
	buf := make([]byte, 0, 256)
	n := testing.AllocsPerRun(100, func() {
		b, _ := AppendAdvert(buf, &f)
		_, _ = Parse(b)
		b, _ = AppendAnnouncement(buf, &a4)
		_, _ = Parse(b)
		b, _ = AppendAnnouncement(buf, &a6)
		_, _ = Parse(b)
	})
	if n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// TestParseAH checks that only messages inside an IPsec Authentication Header are extracted.
func TestParseAH(t *testing.T) {
	message := unhex(t, "2133 6401 0201 0000 0a0000fe 0000000000000000")
	build := func(next, words byte) []byte {
		body := append([]byte{next, words, 0, 0, 1, 2, 3, 4, 0, 0, 0, 9, 23: 0}, message...)
		b := unhex(t, bytesAdvert4)[:34]
		b[14+3], b[14+9] = byte(20+len(body)), ProtocolAH
		b[24], b[25] = 0, 0
		c := ^fold(sum(0, b[14:34]))
		b[24], b[25] = byte(c>>8), byte(c)
		return append(b, body...)
	}
	p, err := Parse(build(Protocol, 4))
	if err != nil || p.Kind != Advert || !p.AH || !bytes.Equal(p.Payload, message) {
		t.Errorf("parsed %+v, %v", p, err)
	}
	for name, b := range map[string][]byte{"ESP behind it": build(50, 4), "longer than the packet": build(Protocol, 200)} {
		if p, err := Parse(b); err != nil || p.Kind != Other || p.AH {
			t.Errorf("%s: parsed %+v, %v", name, p, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{bytesAdvert4, bytesAdvert6, bytesARP, bytesNA} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil {
			return
		}
		// Every parsed frame can be built again.
		switch {
		case p.Kind == Advert && !p.SrcAddr.Is4In6():
			again, err := AppendAdvert(nil, &platform.Frame{MAC: p.Src, Source: p.SrcAddr, Payload: p.Payload})
			if err != nil {
				t.Fatal(err)
			}
			q, err := Parse(again)
			if err != nil || q.Kind != Advert || q.SrcAddr != p.SrcAddr || !bytes.Equal(q.Payload, p.Payload) {
				t.Fatalf("%+v became %+v, %v", p, q, err)
			}
		case p.Gratuitous() || p.Kind == NeighborAdvertisement && !p.TargetIP.Is4In6():
			again, err := AppendAnnouncement(nil, &platform.Announcement{MAC: p.SenderMAC, Addr: p.TargetIP, Router: p.Router})
			if err != nil {
				t.Fatal(err)
			}
			q, err := Parse(again)
			if err != nil || q.Kind != p.Kind || q.TargetIP != p.TargetIP || q.SenderMAC != p.SenderMAC || q.Router != p.Router {
				t.Fatalf("%+v became %+v, %v", p, q, err)
			}
		}
	})
}

func BenchmarkAppendAdvert(b *testing.B) {
	f := platform.Frame{MAC: mac4, Source: netip.MustParseAddr("10.0.0.1"), Payload: unhex(b, "31336401006474d90a0000fe")}
	buf := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = AppendAdvert(buf, &f)
	}
}
