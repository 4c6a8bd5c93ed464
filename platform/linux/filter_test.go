// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"testing"

	"golang.org/x/net/bpf"

	"vrrpsh/platform"
)

// packet4 is an IPv4 packet with a VRRP message behind a header of 20 + options bytes.
func packet4(ttl, vrid uint8, options int) []byte {
	b := make([]byte, 20+options+8)
	b[0], b[8], b[9] = byte(0x40+(20+options)/4), ttl, 112
	b[20+options], b[21+options] = 0x31, vrid
	return b
}

func TestProgramPassesExactlyTheSet(t *testing.T) {
	sets := map[string][]uint8{
		"none": nil, "one": {51}, "edges": {0, 31, 32, 63, 64, 127, 128, 223, 224, 255}, "all": nil,
	}
	for v := range 256 {
		sets["all"] = append(sets["all"], uint8(v))
	}
	for name, vrids := range sets {
		var set vridSet
		for _, v := range vrids {
			set.add(v)
		}
		for _, strict := range []bool{false, true} {
			raw, err := (&rule{vrids: set, strict: strict}).program(platform.IPv4)
			if err != nil {
				t.Fatal(err)
			}
			code, ok := bpf.Disassemble(raw)
			if !ok {
				t.Fatalf("%s: cannot be disassembled", name)
			}
			vm, err := bpf.NewVM(code)
			if err != nil {
				t.Fatal(err)
			}
			passes := func(b []byte) bool {
				t.Helper()
				n, err := vm.Run(b)
				if err != nil {
					t.Fatal(err)
				}
				return n > 0
			}
			for v := range 256 {
				vrid := uint8(v)
				for _, options := range []int{0, 4, 40} {
					if got := passes(packet4(255, vrid, options)); got != set.has(vrid) {
						t.Errorf("%s: VRID %d behind %d bytes of options: passes %v", name, vrid, options, got)
					}
				}
				if got := passes(packet4(254, vrid, 0)); got != (set.has(vrid) && !strict) {
					t.Errorf("%s: VRID %d with TTL 254, strict %t: passes %t", name, vrid, strict, got)
				}
			}
			if passes(packet4(255, 51, 0)[:21]) {
				t.Errorf("%s: a packet without a VRID passes", name)
			}
		}
	}
}
