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

// Return values of a filter: how many bytes of the packet the kernel keeps.
const (
	keepAll  = 0xffff
	keepNone = 0
)

// acceptAll and rejectAll are filters without conditions.
var (
	acceptAll = []bpf.Instruction{bpf.RetConstant{Val: keepAll}}
	rejectAll = []bpf.Instruction{bpf.RetConstant{Val: keepNone}}
)

// netOff makes a load relative to the network header (SKF_NET_OFF). Packets of an IPv6 raw socket
// begin after that header.
const netOff = 0xfff00000

// program accepts packets whose VRID, the second byte after the IP header, is in the set. If strict, the TTL or hop
// limit must also be 255. The program holds the set as a bitmap, so a packet costs about a dozen instructions whatever
// its VRID.
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
	// X becomes the number of the bit in its word, A the number of the word.
	p = append(p, vrid, bpf.StoreScratch{Src: bpf.RegA, N: 0},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 31}, bpf.TAX{},
		bpf.LoadScratch{Dst: bpf.RegA, N: 0}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 5})
	last := len(set) - 1
	for i, word := range set[:last] {
		p = append(p, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(i), SkipTrue: 2},
			bpf.LoadConstant{Dst: bpf.RegA, Val: word},
			// Jump to the test, over the remaining words: three instructions each, one for the last.
			bpf.Jump{Skip: uint32(3*(last-1-i) + 1)})
	}
	p = append(p, bpf.LoadConstant{Dst: bpf.RegA, Val: set[last]},
		bpf.ALUOpX{Op: bpf.ALUOpShiftRight},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 1, SkipFalse: 1},
		bpf.RetConstant{Val: keepAll}, bpf.RetConstant{Val: keepNone})
	return bpf.Assemble(p)
}

// Packets with a wrong TTL come from a misconfigured peer, which is worth a report, or from another network, where
// anybody can send them. After more than ttlBurst in ttlWindow the kernel discards them for ttlRest.
const (
	ttlBurst  = 100
	ttlWindow = time.Second
	ttlRest   = 10 * time.Second
)

// ttlGuard counts packets with a wrong TTL.
type ttlGuard struct {
	count  int // since the time from
	from   time.Time
	strict bool // the kernel discards them
	until  time.Time
}

// note counts a packet with a wrong TTL.
func (g *ttlGuard) note(now time.Time) {
	if now.Sub(g.from) >= ttlWindow {
		g.count, g.from = 0, now
	}
	g.count++
}
