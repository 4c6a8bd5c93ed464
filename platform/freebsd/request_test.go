// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"bytes"
	"net/netip"
	"testing"
)

func TestRequests(t *testing.T) {
	v4, v6 := netip.MustParseAddr("10.9.0.254"), netip.MustParseAddr("2001:db8::fe")
	local := netip.MustParseAddr("fe80::5")
	type build func(string, int, netip.Addr) (uint32, []byte)
	mac := func(link string, _ int, _ netip.Addr) (uint32, []byte) {
		return macRequest(link, [6]byte{0, 0, 0x5e, 0, 1, 7})
	}
	const em0 = "656d3000 .12 "
	for _, tt := range []struct {
		name    string
		build   build
		addr    netip.Addr
		request uint32
		want    string
	}{
		{"add IPv4", addRequest, v4, 0x8044692b,
			em0 + "10 02 0000 0a0900fe .8  .16  10 02 0000 ffffffff .8  .4"},
		{"delete IPv4", delRequest, v4, 0x80206919,
			em0 + "10 02 0000 0a0900fe .8"},
		{"add IPv6", addRequest, v6, 0x8088691b,
			em0 + "1c 1c 0000 00000000 20010db8000000000000 0000000000fe 00000000  .28" +
				" 1c 1c 0000 00000000 ffffffffffffffffffffffffffffffff 00000000  20000000  .16 ffffffff ffffffff  .8"},
		{"add a link-local address", addRequest, local, 0x8088691b,
			em0 + "1c 1c 0000 00000000 fe80000000000000 0000000000000005 03000000  .28" +
				" 1c 1c 0000 00000000 ffffffffffffffffffffffffffffffff 00000000  20000000  .16 ffffffff ffffffff  .8"},
		{"delete IPv6", delRequest, v6, 0x81206919,
			em0 + "1c 1c 0000 00000000 20010db8000000000000 0000000000fe 00000000  .244"},
		{"set the Ethernet address", mac, v4, 0x8020693c,
			em0 + "06 12 00005e000107 .8"},
	} {
		request, b := tt.build("em0", 3, tt.addr)
		if want := dehex(t, tt.want); request != tt.request || !bytes.Equal(b, want) {
			t.Errorf("%s: request %#x\n%x, want %#x\n%x", tt.name, request, b, tt.request, want)
		}
	}
	_, b := delRequest("a-name-that-is-too-long", 3, v4)
	if want := "a-name-that-is-\x00"; string(b[:16]) != want {
		t.Errorf("the name in a request is %q, want %q", b[:16], want)
	}
}

func TestMembership(t *testing.T) {
	for addr, want := range map[string]string{
		"224.0.0.18": "03000000 .4 10 02 0000 e0000012 .120",
		"ff02::12":   "03000000 .4 1c 1c 0000 00000000 ff020000000000000000000000000012 .104",
	} {
		if got := membership(3, netip.MustParseAddr(addr)); !bytes.Equal(got, dehex(t, want)) {
			t.Errorf("%s: %x, want %x", addr, got, dehex(t, want))
		}
	}
}
