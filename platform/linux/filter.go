// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"math/bits"
	"slices"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// vridSet is a set of VRIDs.
type vridSet [8]uint32

func (s *vridSet) add(v uint8)      { s[v/32] |= 1 << (v % 32) }
func (s *vridSet) has(v uint8) bool { return s[v/32]&(1<<(v%32)) != 0 }

func (s *vridSet) len() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount32(w)
	}
	return n
}

// list returns the members in order.
func (s *vridSet) list() []uint8 {
	list := make([]uint8, 0, s.len())
	for v := range 256 {
		if s.has(uint8(v)) {
			list = append(list, uint8(v))
		}
	}
	return list
}

// Return values of a filter: how many bytes of the packet the kernel keeps.
const (
	keepAll  = 0xffff
	keepNone = 0
)

// nothing is a filter that nothing passes.
var nothing = []bpf.RawInstruction{{Op: 0x06, K: keepNone}} // RET

// netOff makes a load relative to the network header (SKF_NET_OFF). Packets of an IPv6 raw socket
// begin after that header.
const netOff = 0xfff00000

// rule says which packets a filter lets pass.
type rule struct {
	all    bool // of all VRIDs
	vrids  vridSet
	strict bool     // only with the right TTL or hop limit
	except []uint32 // not those of these interfaces, sorted
}

// within reports whether o lets pass whatever r lets pass, but for floods.
func (r *rule) within(o *rule) bool {
	for i, w := range r.vrids {
		if w&^o.vrids[i] != 0 && !o.all {
			return false
		}
	}
	return !r.all || o.all
}

func (r *rule) equal(o *rule) bool {
	return r.all == o.all && r.strict == o.strict && (r.all || r.vrids == o.vrids) && slices.Equal(r.except, o.except)
}

// program returns the filter of a rule.
func (r *rule) program(family platform.Family) ([]bpf.RawInstruction, error) {
	p := r.conditions(family)
	if r.all {
		return bpf.Assemble(append(p, bpf.RetConstant{Val: keepAll}))
	}
	return bpf.Assemble(append(append(p, loadByte(family, 1)), search(r.values(), keepAll, keepNone)...))
}

// conditions returns the instructions that reject what is not about the message. X is the length of an IPv4 header afterwards.
func (r *rule) conditions(family platform.Family) []bpf.Instruction {
	var p []bpf.Instruction
	reject := bpf.RetConstant{Val: keepNone}
	if len(r.except) > 0 {
		p = append(p, bpf.LoadExtension{Num: bpf.ExtInterfaceIndex})
		p = append(append(p, unless(r.except)...), bpf.Jump{Skip: 1}, reject)
	}
	if r.strict {
		ttl := uint32(8)
		if family == platform.IPv6 {
			ttl = netOff + 7
		}
		p = append(p, bpf.LoadAbsolute{Off: ttl, Size: 1}, bpf.JumpIf{Cond: bpf.JumpEqual, Val: frame.TTL, SkipTrue: 1}, reject)
	}
	if family == platform.IPv4 {
		p = append(p, bpf.LoadMemShift{Off: 0})
	}
	return p
}

// loadByte loads a byte of the VRRP message. In IPv4, X is the length of the IP header.
func loadByte(family platform.Family, off uint32) bpf.Instruction {
	if family == platform.IPv6 {
		return bpf.LoadAbsolute{Off: off, Size: 1} // packets of an IPv6 raw socket begin after the header
	}
	return bpf.LoadIndirect{Off: off, Size: 1}
}

// alarmKey identifies a virtual router in the alarm's filter.
func alarmKey(link int, vrid uint8) uint32 { return uint32(link)<<8 | uint32(vrid) }

// alarmProgram returns the filter of what a rule lets pass and may not wait: packets with priority 0, and those of urgent virtual
// routers. It searches for those among the urgent or the patient ones, whichever are fewer, if it knows all patient ones.
func (r *rule) alarmProgram(family platform.Family, urgent, patient []uint32) ([]bpf.RawInstruction, error) {
	resigned := []bpf.Instruction{bpf.RetConstant{Val: keepAll}}
	if !r.all {
		resigned = append([]bpf.Instruction{loadByte(family, 1)}, search(r.values(), keepAll, keepNone)...)
	}
	p := append(r.conditions(family), loadByte(family, 2),
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 1}, bpf.Jump{Skip: uint32(len(resigned))})
	p = append(append(p, resigned...), loadByte(family, 1))
	found, lost := uint32(keepAll), uint32(keepNone)
	if !r.all && len(patient) < len(urgent) {
		urgent, found, lost = patient, keepNone, keepAll
		// What is not patient is urgent only if its VRID is wanted.
		p = append(append(p, unless(r.values())...), bpf.RetConstant{Val: keepNone})
	}
	p = append(p, bpf.TAX{}, bpf.LoadExtension{Num: bpf.ExtInterfaceIndex}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 8},
		bpf.ALUOpX{Op: bpf.ALUOpOr})
	slices.Sort(urgent)
	return bpf.Assemble(append(p, search(urgent, found, lost)...))
}

// values returns the VRIDs for search.
func (r *rule) values() []uint32 {
	values := make([]uint32, 0, 256)
	for _, v := range r.vrids.list() {
		values = append(values, uint32(v))
	}
	return values
}

// unless skips the instruction that follows if the accumulator is one of the values, 255 at most.
func unless(values []uint32) (p []bpf.Instruction) {
	for i, v := range values {
		p = append(p, bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipTrue: uint8(len(values) - i)})
	}
	return p
}

// search ends a filter: it keeps in bytes of the packet if the accumulator is one of the sorted values, or else out. It is a binary
// search: each packet costs a few instructions, however many values there are.
func search(values []uint32, in, out uint32) (p []bpf.Instruction) {
	const few = 8
	if len(values) <= few {
		return append(unless(values), bpf.RetConstant{Val: out}, bpf.RetConstant{Val: in})
	}
	middle := len(values) / 2
	below := search(values[:middle], in, out)
	p = append(p, bpf.JumpIf{Cond: bpf.JumpLessThan, Val: values[middle], SkipTrue: 1}, bpf.Jump{Skip: uint32(len(below))})
	return slices.Concat(p, below, search(values[middle:], in, out))
}

// setFilter sets the filter of a socket.
func setFilter(fd int, program []bpf.RawInstruction) error {
	if len(program) > unix.BPF_MAXINSNS {
		return unix.EINVAL
	}
	list := make([]unix.SockFilter, len(program))
	for i, r := range program {
		list[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(list)), Filter: &list[0]})
}

// Packets with a wrong TTL come from a misconfigured peer, which is worth a report, or from another network, where
// anybody can send them. After more than ttlBurst in ttlWindow the kernel discards them for ttlRest at least.
const (
	ttlBurst  = 100
	ttlWindow = time.Second
	ttlRest   = 10 * time.Second
)

// ttlGuard counts packets with a wrong TTL.
type ttlGuard struct {
	count int // since the time from
	from  time.Time
}

// note counts a packet with a wrong TTL.
func (g *ttlGuard) note(now time.Time) {
	if now.Sub(g.from) >= ttlWindow {
		g.count, g.from = 0, now
	}
	g.count++
}

// exceeded reports whether there are too many.
func (g *ttlGuard) exceeded() bool { return g.count > ttlBurst }
