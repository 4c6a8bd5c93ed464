// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"encoding/binary"

	"golang.org/x/net/bpf"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

// Layout of struct bpf_hdr, which precedes every packet in a buffer of a BPF device.
const (
	offCaptured     = 16 // behind the time
	offOnWire       = 20
	offHeaderLen    = 24
	captureHeader   = 26 // without the padding after it
	captureBoundary = 8  // BPF_ALIGNMENT of the next packet
)

// nextCapture returns the first packet of a BPF device's buffer. The packet is nil if it
// was not captured in full; ok is false if the buffer has no more.
func nextCapture(b []byte) (packet, rest []byte, ok bool) {
	if len(b) < captureHeader {
		return nil, nil, false
	}
	captured := int(binary.LittleEndian.Uint32(b[offCaptured:]))
	onWire := int(binary.LittleEndian.Uint32(b[offOnWire:]))
	header := int(binary.LittleEndian.Uint16(b[offHeaderLen:]))
	end := header + captured
	if header < captureHeader || end > len(b) {
		return nil, nil, false
	}
	rest = b[min((end+captureBoundary-1)&^(captureBoundary-1), len(b)):]
	if captured < onWire {
		return nil, rest, true
	}
	return b[header:end], rest, true
}

// Offsets within an Ethernet frame without 802.1Q tag.
const (
	offEtherType = 12
	offProtocol4 = 14 + 9
	offDst4      = 14 + 16
	offProtocol6 = 14 + 6
	offDst6      = 14 + 24

	etherTypeIPv4 = 0x0800
	etherTypeIPv6 = 0x86dd
)

// Return values of a program: how many bytes of the packet are kept.
const (
	keepAll  = 0xffff
	keepNone = 0
)

// rejectAll is the program that passes nothing.
func rejectAll() ([]bpf.RawInstruction, error) {
	return bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: keepNone}})
}

// adverts is the program that passes the VRRP packets of a family to its multicast group. Those
// with a wrong TTL or, perhaps, in an IPsec Authentication Header pass, for they are to be counted.
func adverts(family platform.Family) ([]bpf.RawInstruction, error) {
	type test struct {
		off, size int
		value     uint32
	}
	group := frame.GroupIPv4.AsSlice()
	etherType, protocol, dst := uint32(etherTypeIPv4), offProtocol4, offDst4
	if family == platform.IPv6 {
		group = frame.GroupIPv6.AsSlice()
		etherType, protocol, dst = etherTypeIPv6, offProtocol6, offDst6
	}
	tests := []test{{offEtherType, 2, etherType}}
	for i := 0; i < len(group); i += 4 {
		tests = append(tests, test{dst + i, 4, binary.BigEndian.Uint32(group[i:])})
	}
	const last = 4 // instructions behind the tests
	var p []bpf.Instruction
	for i, t := range tests {
		// To the rejection: over the tests that are left, two instructions each, and what is behind them.
		over := uint8(2*(len(tests)-1-i) + last)
		p = append(p, bpf.LoadAbsolute{Off: uint32(t.off), Size: t.size},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: t.value, SkipFalse: over})
	}
	return bpf.Assemble(append(p,
		bpf.LoadAbsolute{Off: uint32(protocol), Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: frame.Protocol, SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: frame.ProtocolAH, SkipFalse: 1},
		bpf.RetConstant{Val: keepAll}, bpf.RetConstant{Val: keepNone}))
}
