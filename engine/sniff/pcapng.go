// SPDX-License-Identifier: GPL-3.0-only

package sniff

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"time"
)

// The blocks of a pcapng file (draft-ietf-opsawg-pcapng, section 4) that the reader needs. It skips all
// others.
const (
	blockSection   = 0x0a0d0d0a // reads the same in both byte orders
	blockInterface = 1
	blockPacket    = 2 // obsolete
	blockSimple    = 3
	blockEnhanced  = 6
)

// byteOrderMagic is at the start of each section header's body.
const byteOrderMagic = 0x1a2b3c4d

// The options of an interface that its time stamps need (section 4.2).
const (
	optionEnd        = 0
	optionResolution = 9
	optionOffset     = 14
)

const (
	blockHeaderLen  = 8 // type and total length
	blockTrailerLen = 4 // the total length again
	// maxBlock is the longest accepted block: a frame and its options.
	maxBlock = maxFrame + 1<<16
	// maxInterfaces limits the interfaces of a section.
	maxInterfaces = 4096
)

// nextGen reads the pcapng format: blocks, which include sections, each with its byte order, interfaces,
// each with its link type, and frames.
type nextGen struct {
	in         *input
	order      binary.ByteOrder
	interfaces []captured
	// unknown is the error for the first unknown link type; seen is true if there were known ones.
	unknown error
	seen    bool
}

// captured is an interface of the section.
type captured struct {
	link      LinkType
	ok        bool   // the link type is known
	perSecond uint64 // resolution of the time stamps
	offset    int64  // seconds to add to the time stamps
	snapLen   uint32 // 0: whole frames
}

// newNextGen reads the first section's header after the type of its block.
func newNextGen(in *input) (*nextGen, error) {
	g := &nextGen{in: in}
	var length [4]byte
	if _, err := g.must(length[:]); err != nil {
		return nil, err
	}
	return g, g.section(length)
}

// must fills b; a shorter file is an error.
func (g *nextGen) must(b []byte) ([]byte, error) {
	err := g.in.fill(b)
	if errors.Is(err, io.EOF) {
		err = g.in.cut()
	}
	return b, err
}

// section starts a section. Its length can be read only after its byte order.
func (g *nextGen) section(length [4]byte) error {
	var magic [4]byte
	if _, err := g.must(magic[:]); err != nil {
		return err
	}
	switch {
	case binary.LittleEndian.Uint32(magic[:]) == byteOrderMagic:
		g.order = binary.LittleEndian
	case binary.BigEndian.Uint32(magic[:]) == byteOrderMagic:
		g.order = binary.BigEndian
	default:
		return fmt.Errorf("%w: a section without byte order", ErrFormat)
	}
	body, err := g.body(g.order.Uint32(length[:]), len(magic))
	if err != nil {
		return err
	}
	if len(body) < 12 {
		return fmt.Errorf("%w: a section header is too short", ErrFormat)
	}
	if major := g.order.Uint16(body); major != 1 {
		return fmt.Errorf("%w: pcapng of version %d, not 1", ErrFormat, major)
	}
	g.interfaces = g.interfaces[:0]
	return nil
}

// body reads the rest of a block, after the first read bytes of its body, and checks that both lengths of the block agree.
func (g *nextGen) body(total uint32, read int) ([]byte, error) {
	if err := g.plausible(total, read); err != nil {
		return nil, err
	}
	if total > maxBlock {
		return nil, fmt.Errorf("%w: a block of %d bytes", ErrFormat, total)
	}
	b, err := g.in.take(int(total) - blockHeaderLen - read)
	if err != nil {
		return nil, err
	}
	body, trailer := b[:len(b)-blockTrailerLen], b[len(b)-blockTrailerLen:]
	if again := g.order.Uint32(trailer); again != total {
		return nil, fmt.Errorf("%w: a block with length %d at its start but %d at its end", ErrFormat, total, again)
	}
	return body, nil
}

func (g *nextGen) plausible(total uint32, read int) error {
	if total%4 != 0 || int64(total) < int64(blockHeaderLen+read+blockTrailerLen) {
		return fmt.Errorf("%w: a block of %d bytes", ErrFormat, total)
	}
	return nil
}

func (g *nextGen) next() (Frame, error) {
	for {
		var h [blockHeaderLen]byte
		if err := g.in.fill(h[:]); err != nil {
			if errors.Is(err, io.EOF) && !g.seen && g.unknown != nil {
				err = g.unknown
			}
			return Frame{}, err
		}
		f, found, err := g.block(h)
		if err != nil || found {
			return f, err
		}
	}
}

// block reads the rest of a block after its header, and returns its frame if it has one of a known link type.
func (g *nextGen) block(h [blockHeaderLen]byte) (f Frame, found bool, err error) {
	kind, total := g.order.Uint32(h[:]), g.order.Uint32(h[4:])
	switch kind {
	case blockSection:
		return f, false, g.section([4]byte(h[4:]))
	case blockInterface, blockPacket, blockSimple, blockEnhanced:
	default:
		if err := g.plausible(total, 0); err != nil {
			return f, false, err
		}
		return f, false, g.in.skip(int64(total) - blockHeaderLen)
	}
	body, err := g.body(total, 0)
	if err != nil {
		return f, false, err
	}
	switch kind {
	case blockInterface:
		return f, false, g.addInterface(body)
	case blockSimple:
		return g.simple(body)
	default:
		return g.packet(body, kind)
	}
}

func (g *nextGen) addInterface(body []byte) error {
	if len(body) < 8 {
		return fmt.Errorf("%w: an interface block is too short", ErrFormat)
	}
	if len(g.interfaces) == maxInterfaces {
		return fmt.Errorf("%w: more than %d interfaces", ErrFormat, maxInterfaces)
	}
	c := captured{snapLen: g.order.Uint32(body[4:]), perSecond: 1e6}
	c.link, c.ok = known(uint32(g.order.Uint16(body)))
	if !c.ok && g.unknown == nil {
		g.unknown = unknownLink(c.link)
	}
	g.seen = g.seen || c.ok
	for options := body[8:]; len(options) >= 4; {
		code, n := g.order.Uint16(options), int(g.order.Uint16(options[2:]))
		if options = options[4:]; code == optionEnd {
			break
		}
		if padded(n) > len(options) {
			return fmt.Errorf("%w: an option is longer than its block", ErrFormat)
		}
		switch {
		case code == optionResolution && n == 1:
			var ok bool
			if c.perSecond, ok = resolution(options[0]); !ok {
				return fmt.Errorf("%w: timestamps of unknown resolution", ErrFormat)
			}
		case code == optionOffset && n == 8:
			c.offset = int64(g.order.Uint64(options))
		}
		options = options[padded(n):]
	}
	g.interfaces = append(g.interfaces, c)
	return nil
}

// resolution returns the number of time units per second: a power of 2 or of 10.
func resolution(b byte) (uint64, bool) {
	if exponent := b & 0x7f; b&0x80 != 0 {
		return 1 << exponent, exponent < 64
	} else if exponent < 20 {
		n := uint64(1)
		for range exponent {
			n *= 10
		}
		return n, true
	}
	return 0, false
}

// padded returns the length of n bytes in a file, which pads everything to multiples of 4 bytes.
func padded(n int) int { return (n + 3) &^ 3 }

// packet reads an enhanced packet block, or an obsolete packet block.
func (g *nextGen) packet(body []byte, kind uint32) (f Frame, found bool, err error) {
	if len(body) < 20 {
		return f, false, fmt.Errorf("%w: a packet block is too short", ErrFormat)
	}
	number := g.order.Uint32(body)
	if kind == blockPacket {
		number = uint32(g.order.Uint16(body)) // followed by the number of drops
	}
	c, err := g.iface(number)
	if err != nil || !c.ok {
		return f, false, err
	}
	at := uint64(g.order.Uint32(body[4:]))<<32 | uint64(g.order.Uint32(body[8:]))
	data, err := g.data(body[20:], g.order.Uint32(body[12:]))
	if err != nil {
		return f, false, err
	}
	return Frame{Time: c.time(at), Link: c.link, Data: data, Length: int(g.order.Uint32(body[16:]))}, true, nil
}

// simple reads a simple packet block, which has no time and belongs to the first interface.
func (g *nextGen) simple(body []byte) (f Frame, found bool, err error) {
	c, err := g.iface(0)
	if err != nil || !c.ok {
		return f, false, err
	}
	if len(body) < 4 {
		return f, false, fmt.Errorf("%w: a packet block is too short", ErrFormat)
	}
	length := g.order.Uint32(body)
	kept := length
	if c.snapLen > 0 {
		kept = min(kept, c.snapLen)
	}
	data, err := g.data(body[4:], kept)
	return Frame{Link: c.link, Data: data, Length: int(length)}, err == nil, err
}

func (g *nextGen) iface(number uint32) (captured, error) {
	if int64(number) >= int64(len(g.interfaces)) {
		return captured{}, fmt.Errorf("%w: a frame of interface %d, which has no description", ErrFormat, number)
	}
	return g.interfaces[number], nil
}

// data returns the n bytes of a frame before its options.
func (g *nextGen) data(b []byte, n uint32) ([]byte, error) {
	if n > maxFrame || int64(n) > int64(len(b)) {
		return nil, fmt.Errorf("%w: a frame of %d bytes in a block of %d", ErrFormat, n, len(b))
	}
	return b[:n], nil
}

// lastSecond is the last second of the year 9999; RFC 3339 cannot represent later times.
const lastSecond = 253402300799

// time returns the time of a time stamp, or the zero time if it is out of range.
func (c *captured) time(stamp uint64) time.Time {
	seconds, rest := stamp/c.perSecond, stamp%c.perSecond
	if seconds > lastSecond || c.offset > lastSecond || int64(seconds)+c.offset < 0 || int64(seconds)+c.offset > lastSecond-24*60*60 {
		return time.Time{}
	}
	hi, lo := bits.Mul64(rest, uint64(time.Second))
	nanoseconds, _ := bits.Div64(hi, lo, c.perSecond) // rest < perSecond, so it fits
	return time.Unix(int64(seconds)+c.offset, int64(nanoseconds))
}
