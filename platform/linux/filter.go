// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"time"

	"golang.org/x/net/bpf"

	"vrrpsh/platform/frame"
)

// vridSet is a set of VRIDs.
type vridSet [8]uint32

func (s *vridSet) add(v uint8)      { s[v/32] |= 1 << (v % 32) }
func (s *vridSet) has(v uint8) bool { return s[v/32]&(1<<(v%32)) != 0 }

// Values that a filter returns: how many bytes of the packet are kept.
const (
	keepAll  = 0xffff
	keepNone = 0
)

// acceptAll and rejectAll are the filters without conditions.
var (
	acceptAll = []bpf.Instruction{bpf.RetConstant{Val: keepAll}}
	rejectAll = []bpf.Instruction{bpf.RetConstant{Val: keepNone}}
)

// netOff is the base of loads relative to the network header (SKF_NET_OFF): the packets of an
// IPv6 raw socket begin behind it.
const netOff = 0xfff00000

// program accepts packets whose second byte behind the IP header, the VRID, is in the set; strictly, only those with
// TTL or hop limit 255. The set is a bitmap in the program: whichever VRID, a packet
// costs about a dozen instructions.
func program(set *vridSet, v6, strict bool) ([]bpf.RawInstruction, error) {
	var p []bpf.Instruction
	ttl, vrid := uint32(8), bpf.Instruction(bpf.LoadIndirect{Off: 1, Size: 1})
	if v6 {
		ttl, vrid = netOff+7, bpf.LoadAbsolute{Off: 1, Size: 1}
	}
	if strict {
		p = append(p, bpf.LoadAbsolute{Off: ttl, Size: 1}, bpf.JumpIf{Cond: bpf.JumpEqual, Val: frame.TTL, SkipTrue: 1},
			bpf.RetConstant{Val: keepNone})
	}
	if !v6 {
		p = append(p, bpf.LoadMemShift{Off: 0}) // X: length of the IPv4 header
	}
	// X becomes the bit's number in its word, A the word's number.
	p = append(p, vrid, bpf.StoreScratch{Src: bpf.RegA, N: 0},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 31}, bpf.TAX{},
		bpf.LoadScratch{Dst: bpf.RegA, N: 0}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 5})
	last := len(set) - 1
	for i, word := range set[:last] {
		p = append(p, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(i), SkipTrue: 2},
			bpf.LoadConstant{Dst: bpf.RegA, Val: word},
			// To the test: over the rest of the words, three instructions each but the last.
			bpf.Jump{Skip: uint32(3*(last-1-i) + 1)})
	}
	p = append(p, bpf.LoadConstant{Dst: bpf.RegA, Val: set[last]},
		bpf.ALUOpX{Op: bpf.ALUOpShiftRight},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 1, SkipFalse: 1},
		bpf.RetConstant{Val: keepAll}, bpf.RetConstant{Val: keepNone})
	return bpf.Assemble(p)
}

// Packets with a wrong TTL come from a peer that is configured wrong, which is worth telling, or from elsewhere,
// where anybody can send them. More than ttlBurst in ttlWindow are left to the kernel for ttlRest.
const (
	ttlBurst  = 100
	ttlWindow = time.Second
	ttlRest   = 10 * time.Second
)

// ttlGuard counts packets with a wrong TTL.
type ttlGuard struct {
	count  int // since from
	from   time.Time
	strict bool // the kernel discards them
	until  time.Time
}

// note counts a packet.
func (g *ttlGuard) note(now time.Time) {
	if now.Sub(g.from) >= ttlWindow {
		g.count, g.from = 0, now
	}
	g.count++
}
