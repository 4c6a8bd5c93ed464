// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"net/netip"
	"testing"

	"golang.org/x/net/bpf"
)

// TestCaptured checks the frames that the sniffer receives.
func TestCaptured(t *testing.T) {
	vm, err := bpf.NewVM(captured)
	must(t, err)
	v4, v6 := advert(t, peer4, 7), advert(t, netip.MustParseAddr("fe80::2"), 7)
	with := func(b []byte, at int, value ...byte) []byte {
		b = append([]byte{}, b...)
		copy(b[at:], value)
		return b
	}
	for _, tt := range []struct {
		name   string
		frame  []byte
		passes bool
	}{
		{"IPv4", v4, true},
		{"IPv4 with an Authentication Header", with(v4, 14+9, 51), true},
		{"TCP", with(v4, 14+9, 6), false},
		{"IPv6", v6, true},
		{"ICMPv6", with(v6, 14+6, 58), false},
		{"behind a tag", with(v4, 12, 0x81, 0), true},
		{"ARP", with(v4, 12, 8, 6), false},
	} {
		n, err := vm.Run(tt.frame)
		must(t, err)
		if n > 0 != tt.passes {
			t.Errorf("%s: passes %t", tt.name, n > 0)
		}
	}
}
