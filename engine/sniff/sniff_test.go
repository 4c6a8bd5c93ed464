// SPDX-License-Identifier: GPL-3.0-only

package sniff

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// noon is the time of all frames.
var noon = time.Date(2026, time.March, 4, 12, 0, 0, 123456000, time.UTC)

// sample is a packet to be built.
type sample struct {
	v6        bool
	version   byte
	kind      byte
	vrid      byte
	priority  byte
	count     int // −1: as there are addresses
	rest      [2]byte
	addresses []string
	auth      []byte
	pseudo    bool
	badSum    bool
	ttl       byte
	source    string
	dest      string
	sourceMAC MAC
	destMAC   MAC
	vlan      uint16
	padding   int // bytes after the message, inside the IP packet
	fragment  bool
	badHeader bool
	ah        bool // in an Authentication Header
	cut       int  // bytes missing at the end of the frame
}

// v2, v3 and v6 have no faults.
func v2() sample {
	return sample{
		version: 2, kind: 1, vrid: 7, priority: 100, count: -1, rest: [2]byte{0, 1}, addresses: []string{"10.0.0.100"},
		auth: make([]byte, 8), ttl: 255, source: "10.0.0.1", dest: "224.0.0.18",
		sourceMAC: MAC{0, 0, 0x5e, 0, 1, 7}, destMAC: MAC{1, 0, 0x5e, 0, 0, 0x12},
	}
}

func v3() sample {
	s := v2()
	s.version, s.auth, s.rest = 3, nil, [2]byte{0, 100}
	return s
}

func v6() sample {
	s := v3()
	s.v6, s.pseudo, s.source, s.dest = true, true, "fe80::1", "ff02::12"
	s.addresses = []string{"fe80::100", "2001:db8::100"}
	s.sourceMAC, s.destMAC = MAC{0, 0, 0x5e, 0, 2, 7}, MAC{0x33, 0x33, 0, 0, 0, 0x12}
	return s
}

// message returns the VRRP message.
func (s *sample) message() []byte {
	count := s.count
	if count < 0 {
		count = len(s.addresses)
	}
	b := []byte{s.version<<4 | s.kind, s.vrid, s.priority, byte(count), s.rest[0], s.rest[1], 0, 0}
	for _, a := range s.addresses {
		b = append(b, netip.MustParseAddr(a).AsSlice()...)
	}
	b = append(b, s.auth...)
	summed := b
	if s.pseudo {
		head := slices.Concat(netip.MustParseAddr(s.source).AsSlice(), netip.MustParseAddr(s.dest).AsSlice())
		summed = append(append(head, 0, 0, 0, byte(len(b)), 0, 0, 0, 112), b...)
	}
	binary.BigEndian.PutUint16(b[6:], ^sum16(summed))
	if s.badSum {
		b[6] ^= 1
	}
	return append(b, make([]byte, s.padding)...)
}

// packet returns the IP packet.
func (s *sample) packet() []byte {
	m := s.message()
	src, dst := netip.MustParseAddr(s.source).AsSlice(), netip.MustParseAddr(s.dest).AsSlice()
	if s.v6 {
		b := append([]byte{0x6c, 0, 0, 0, 0, byte(len(m)), 112, s.ttl}, src...)
		return slices.Concat(b, dst, m)
	}
	protocol := byte(112)
	if s.ah { // with 12 bytes of integrity check value
		m = append([]byte{112, 4, 0, 0, 1, 2, 3, 4, 0, 0, 0, 9, 12: 0, 23: 0}, m...)
		protocol = 51
	}
	b := []byte{0x45, 0xc0, 0, byte(20 + len(m)), 0, 0, 0, 0, s.ttl, protocol, 0, 0}
	if s.fragment {
		b[6] = 0x20
	}
	b = slices.Concat(b, src, dst)
	binary.BigEndian.PutUint16(b[10:], ^sum16(b))
	if s.badHeader {
		b[10] ^= 1
	}
	return append(b, m...)
}

// frame returns the Ethernet frame.
func (s *sample) frame() []byte {
	etherType := []byte{8, 0}
	if s.v6 {
		etherType = []byte{0x86, 0xdd}
	}
	if s.vlan != 0 {
		etherType = append([]byte{0x81, 0, byte(s.vlan>>8) | 0xa0, byte(s.vlan)}, etherType...)
	}
	b := slices.Concat(s.destMAC[:], s.sourceMAC[:], etherType, s.packet())
	return b[:len(b)-s.cut]
}

func print(t *testing.T, p Printer, f Frame) string {
	t.Helper()
	var b strings.Builder
	p.W, p.UTC = &b, true
	if err := p.Print(f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLines(t *testing.T) {
	for _, test := range []struct {
		name string
		s    sample
		want string
	}{
		{"VRRPv2", v2(), "00:00:5e:00:01:07 10.0.0.1 > 224.0.0.18 VRRPv2 group 7 priority 100 advertisement interval 1s auth none addresses 10.0.0.100 checksum message"},
		{"VRRPv3 as in RFC 9568", v3(), "00:00:5e:00:01:07 10.0.0.1 > 224.0.0.18 VRRPv3 group 7 priority 100 advertisement interval 1s addresses 10.0.0.100 checksum message"},
		{"IPv6", v6(), "00:00:5e:00:02:07 fe80::1 > ff02::12 VRRPv3 group 7 priority 100 advertisement interval 1s addresses fe80::100 2001:db8::100 checksum pseudo-header"},
	} {
		want := "2026-03-04T12:00:00.123456Z " + test.want + "\n"
		if diff := cmp.Diff(want, print(t, Printer{}, Frame{Time: noon, Link: Ethernet, Data: test.s.frame()})); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

// TestFaults makes one change to a good packet and checks the reported faults.
func TestFaults(t *testing.T) {
	for _, test := range []struct {
		name   string
		base   func() sample
		change func(*sample)
		line   string // text that the line must contain
		faults []string
	}{
		{"RFC 5798 checksum", v3, func(s *sample) { s.pseudo = true }, "checksum pseudo-header", nil},
		{"simple password", v2, func(s *sample) { s.rest[0], s.auth = 1, []byte("geheim\x00\x00") }, "auth rfc2338-simple", nil},
		{"proprietary authentication", v2, func(s *sample) { s.rest[0] = 251 }, "auth p1-t8-shake256", nil},
		{"VLAN", v2, func(s *sample) { s.vlan = 900 }, "00:00:5e:00:01:07 vlan 900 10.0.0.1", nil},
		{"unicast", v2, func(s *sample) { s.dest, s.destMAC = "10.0.0.2", MAC{2} }, "10.0.0.1 > 10.0.0.2", nil},
		{"10 ms", v3, func(s *sample) { s.rest = [2]byte{0, 1} }, "interval 10ms", nil},
		{"own MAC", v2, func(s *sample) { s.sourceMAC = MAC{2, 0, 0, 0, 0, 1} }, "02:00:00:00:00:01 10.0.0.1", nil},

		{"TTL", v2, func(s *sample) { s.ttl = 64 }, "", []string{"TTL 64 is not 255"}},
		{"version", v2, func(s *sample) { s.version = 4 }, "", []string{"unknown version 4 over IPv4"}},
		{"version over IPv6", v6, func(s *sample) { s.version, s.rest, s.auth = 2, [2]byte{0, 1}, make([]byte, 8) }, "", []string{"unknown version 2 over IPv6"}},
		{"type", v2, func(s *sample) { s.kind = 3 }, "priority 100 type 3 interval", []string{"type 3 is not 1"}},
		{"group", v2, func(s *sample) { s.vrid, s.sourceMAC = 0, MAC{2} }, "", []string{"group 0"}},
		{"checksum", v2, func(s *sample) { s.badSum = true }, "checksum wrong", []string{"wrong checksum"}},
		{"checksum of IPv6 without pseudo-header", v6, func(s *sample) { s.pseudo = false }, "checksum wrong", []string{"wrong checksum"}},
		{"VRRPv2 with pseudo-header", v2, func(s *sample) { s.pseudo = true }, "checksum wrong", []string{"wrong checksum"}},
		{"authentication type", v2, func(s *sample) { s.rest[0] = 9 }, "auth 9", []string{"authentication type 9 is unknown"}},
		{"reserved bits", v3, func(s *sample) { s.rest[0] = 0x10 }, "interval 1s", []string{"reserved bits are set"}},
		{"interval", v3, func(s *sample) { s.rest = [2]byte{} }, "", []string{"interval 0"}},
		{"no addresses", v2, func(s *sample) { s.addresses = nil }, "", []string{"no addresses"}},
		{"count", v3, func(s *sample) { s.count = 9 }, "checksum unknown", []string{"message has 12 bytes, 9 addresses need 44"}},
		{"fewer addresses than counted", v2, func(s *sample) { s.count = 9 }, "addresses 10.0.0.100 checksum message", []string{"message has 20 bytes, 9 addresses need 52"}},
		{"Cisco's MD5", v2, func(s *sample) { s.rest[0], s.auth = 254, bytes.Repeat([]byte{7}, 30) }, "auth cisco-md5 addresses 10.0.0.100 checksum message",
			[]string{"authentication cisco-md5 (type 254), which vrrpsh does not support"}},
		{"Cisco's MD5, damaged", v2, func(s *sample) { s.rest[0], s.auth, s.badSum = 254, bytes.Repeat([]byte{7}, 30), true }, "checksum wrong",
			[]string{"authentication cisco-md5 (type 254), which vrrpsh does not support", "22 bytes after the message", "wrong checksum"}},
		{"AH", v2, func(s *sample) { s.ah, s.rest[0] = true, 2 }, "10.0.0.1 > 224.0.0.18 AH VRRPv2 group 7 priority 100 advertisement interval 1s auth ah addresses 10.0.0.100",
			[]string{"in an IPsec Authentication Header (protocol 51), which vrrpsh does not support", "authentication ah (type 2), which vrrpsh does not support"}},
		{"CARP", v2, func(s *sample) { s.count, s.rest, s.auth = 7, [2]byte{0, 1}, make([]byte, 24) }, "10.0.0.1 > 224.0.0.18 CARP ID 7 checksum", []string{"CARP, not VRRP"}},
		{"addresses twice", v2, func(s *sample) { s.addresses = []string{"10.0.0.9", "10.0.0.9"} }, "", []string{"address 10.0.0.9 twice"}},
		{"multicast address", v2, func(s *sample) { s.addresses = []string{"224.0.0.1"} }, "", []string{"address 224.0.0.1 cannot be a virtual address"}},
		{"global first", v6, func(s *sample) { slices.Reverse(s.addresses) }, "", []string{"first address 2001:db8::100 is not link-local"}},
		{"global source", v6, func(s *sample) { s.source = "2001:db8::1" }, "", []string{"source 2001:db8::1 is not link-local"}},
		{"no source", v2, func(s *sample) { s.source = "0.0.0.0" }, "", []string{"source 0.0.0.0 cannot be the address of an interface"}},
		{"another multicast group", v2, func(s *sample) { s.dest = "224.0.0.5" }, "", []string{"destination 224.0.0.5 is not 224.0.0.18"}},
		{"unicast MAC", v2, func(s *sample) { s.destMAC = MAC{2} }, "", []string{"destination MAC 02:00:00:00:00:00 is not 01:00:5e:00:00:12"}},
		{"MAC of another group", v2, func(s *sample) { s.sourceMAC[5] = 8 }, "", []string{"source MAC 00:00:5e:00:01:08 is not the group's virtual MAC 00:00:5e:00:01:07"}},
		{"padding", v2, func(s *sample) { s.padding = 3 }, "checksum message", []string{"3 bytes after the message"}},
		{"fragment", v2, func(s *sample) { s.fragment = true }, "", []string{"IP fragment"}},
		{"IP checksum", v2, func(s *sample) { s.badHeader = true }, "", []string{"wrong IP header checksum"}},
		{"cut", v2, func(s *sample) { s.cut = 4 }, "VRRPv2 group 7", []string{"4 bytes of the IP packet are missing", "message has 16 bytes, 1 addresses need 20"}},
		{"cut short", v2, func(s *sample) { s.cut = 18 }, "10.0.0.1 > 224.0.0.18 checksum unknown", []string{"18 bytes of the IP packet are missing", "message has 2 bytes, its header needs 8"}},
		{"several", v2, func(s *sample) { s.ttl, s.kind, s.badSum = 1, 2, true }, "", []string{"TTL 1 is not 255", "type 2 is not 1", "wrong checksum"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := test.base()
			test.change(&s)
			f := Frame{Time: noon, Link: Ethernet, Data: s.frame()}
			p, ok := Decode(f)
			if !ok {
				t.Fatal("not recognised as VRRP")
			}
			if diff := cmp.Diff(test.faults, p.Faults); diff != "" {
				t.Error(diff)
			}
			line := print(t, Printer{}, f)
			if !strings.Contains(line, test.line) || strings.Contains(line, "FAULTS") != (test.faults != nil) {
				t.Errorf("no %q in %s", test.line, line)
			}
			if strings.Contains(line, "geheim") {
				t.Errorf("a password is shown: %s", line)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	s := v2()
	s.ttl = 64
	got := print(t, Printer{JSON: true}, Frame{Time: noon, Link: Ethernet, Data: s.frame()})
	want := `{"time":"2026-03-04T12:00:00.123456Z","source_mac":"00:00:5e:00:01:07","destination_mac":"01:00:5e:00:00:12",` +
		`"source":"10.0.0.1","destination":"224.0.0.18","ttl":64,"version":2,"type":1,"group":7,"priority":100,"interval":1,` +
		`"addresses":["10.0.0.100"],"auth_type":"none","checksum":"message","faults":["TTL 64 is not 255"]}` + "\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	s = v2()
	got = print(t, Printer{JSON: true}, Frame{Time: noon, Link: RawIP, Data: s.packet()[:22]})
	var o map[string]any
	if err := json.Unmarshal([]byte(got), &o); err != nil || o["group"] != nil || o["source_mac"] != nil {
		t.Errorf("%s: %v", got, err)
	}
}

func TestOtherFrames(t *testing.T) {
	tcp, esp := v2(), v2()
	b := tcp.frame()
	b[14+9] = 6
	esp.ah = true
	other := esp.frame()
	other[14+20] = 50
	for name, data := range map[string][]byte{"TCP": b, "something else behind AH": other, "cut AH": other[:40], "short": b[:20], "empty": nil, "ARP": append(make([]byte, 12), 8, 6, 0, 1)} {
		if got := print(t, Printer{}, Frame{Link: Ethernet, Data: data}); got != "" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// file returns a capture file with one frame.
func file(order binary.AppendByteOrder, magic, link uint32, fraction uint32, data []byte) []byte {
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(order.AppendUint16(b, 2), 4)
	b = order.AppendUint32(order.AppendUint32(order.AppendUint32(order.AppendUint32(b, 0), 0), 65535), link)
	b = order.AppendUint32(order.AppendUint32(b, uint32(noon.Unix())), fraction)
	b = order.AppendUint32(order.AppendUint32(b, uint32(len(data))), uint32(len(data)))
	return append(b, data...)
}

func TestCaptureFiles(t *testing.T) {
	s2, s6 := v2(), v6()
	cooked := append([]byte{0, 0, 0, 1, 0, 6, 0, 0, 0x5e, 0, 1, 7, 0, 0, 8, 0}, s2.packet()...)
	cooked2 := append([]byte{8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 0, 0, 0x5e, 0, 1, 7, 0, 0}, s2.packet()...)
	for _, test := range []struct {
		name     string
		order    binary.AppendByteOrder
		magic    uint32
		link     LinkType
		fraction uint32
		data     []byte
		want     string
	}{
		{"microseconds", binary.LittleEndian, magicMicroseconds, Ethernet, 123456, s2.frame(), "00:00:5e:00:01:07 10.0.0.1 > 224.0.0.18 VRRPv2"},
		{"big endian", binary.BigEndian, magicMicroseconds, Ethernet, 123456, s2.frame(), "00:00:5e:00:01:07 10.0.0.1 > 224.0.0.18 VRRPv2"},
		{"nanoseconds", binary.LittleEndian, magicNanoseconds, Ethernet, 123456789, s2.frame(), "00:00:5e:00:01:07 10.0.0.1 > 224.0.0.18 VRRPv2"},
		{"nanoseconds, big endian", binary.BigEndian, magicNanoseconds, Ethernet, 123456000, s6.frame(), "00:00:5e:00:02:07 fe80::1 > ff02::12 VRRPv3"},
		{"raw IP", binary.LittleEndian, magicMicroseconds, RawIP, 123456, s6.packet(), "fe80::1 > ff02::12 VRRPv3"},
		{"raw IP by another number", binary.LittleEndian, magicMicroseconds, 12, 123456, s2.packet(), "10.0.0.1 > 224.0.0.18 VRRPv2"},
		{"raw IPv4", binary.LittleEndian, magicMicroseconds, RawIPv4, 123456, s2.packet(), "10.0.0.1 > 224.0.0.18 VRRPv2"},
		{"cooked", binary.LittleEndian, magicMicroseconds, Cooked, 123456, cooked, "00:00:5e:00:01:07 10.0.0.1 > 224.0.0.18 VRRPv2"},
		{"cooked v2", binary.LittleEndian, magicMicroseconds, CookedV2, 123456, cooked2, "00:00:5e:00:01:07 10.0.0.1 > 224.0.0.18 VRRPv2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := file(test.order, test.magic, uint32(test.link), test.fraction, test.data)
			var b strings.Builder
			p := Printer{W: &b, UTC: true}
			if err := p.File(bytes.NewReader(data)); err != nil {
				t.Fatal(err)
			}
			if want := "2026-03-04T12:00:00.123456Z " + test.want; !strings.HasPrefix(b.String(), want) || strings.Contains(b.String(), "FAULTS") {
				t.Errorf("%q, want %q", b.String(), want)
			}
			for n := range data {
				err := p.File(bytes.NewReader(data[:n]))
				if n == fileHeaderLen && err != nil || n != fileHeaderLen && !errors.Is(err, ErrFormat) {
					t.Errorf("cut after %d bytes: %v", n, err)
				}
			}
		})
	}
	for want, data := range map[string][]byte{
		"not a capture": []byte(strings.Repeat("text", 20)),
		"a frame of 21": append(file(binary.LittleEndian, magicMicroseconds, 1, 0, nil)[:fileHeaderLen+8], 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0),
		"type 105":      file(binary.LittleEndian, magicMicroseconds, 105, 0, nil),
	} {
		p := Printer{W: io.Discard}
		if err := p.File(bytes.NewReader(data)); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func FuzzFile(f *testing.F) {
	s2, s6 := v2(), v6()
	f.Add(file(binary.LittleEndian, magicMicroseconds, 1, 0, s2.frame()))
	f.Add(file(binary.BigEndian, magicNanoseconds, 101, 0, s6.packet()))
	f.Add(file(binary.BigEndian, magicNanoseconds, 113, 0, append(make([]byte, 14), s2.packet()...)))
	for _, n := range []ng{{binary.LittleEndian}, {binary.BigEndian}} {
		f.Add(slices.Concat(n.section(), n.iface(Ethernet, 0, n.option(optionResolution, []byte{9}), n.option(optionOffset, make([]byte, 8))),
			n.enhanced(0, 1e18, s2.frame()), n.iface(RawIP, 60), n.enhanced(1, 1, s6.packet()), n.block(blockSimple, n.u32(54), s2.frame()),
			n.block(blockPacket, n.u16(0, 1), n.u32(0, 1, 54, 54), s2.frame())))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := Printer{W: io.Discard, JSON: true}
		if err := p.File(bytes.NewReader(data)); err != nil && !errors.Is(err, ErrFormat) {
			t.Error(err)
		}
		p.JSON = false
		_ = p.File(bytes.NewReader(data))
	})
}
