// SPDX-License-Identifier: GPL-3.0-only

package sniff

import (
	"encoding/binary"
	"fmt"
	"time"
)

// The magic numbers at the start of files in the classic format.
const (
	magicMicroseconds = 0xa1b2c3d4
	magicNanoseconds  = 0xa1b23c4d
)

const (
	fileHeaderLen   = 24
	recordHeaderLen = 16
)

// classic reads the pcap format: a header, and then frames of one link type.
type classic struct {
	in    *input
	order binary.ByteOrder
	unit  time.Duration // unit of the fractions of a second
	link  LinkType
}

// newClassic reads what follows the magic number in the header.
func newClassic(in *input, magic [4]byte) (*classic, error) {
	c := &classic{in: in}
	for _, c.order = range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch c.order.Uint32(magic[:]) {
		case magicMicroseconds:
			c.unit = time.Microsecond
		case magicNanoseconds:
			c.unit = time.Nanosecond
		default:
			continue
		}
		break
	}
	if c.unit == 0 {
		return nil, ErrFormat
	}
	h, err := in.take(fileHeaderLen - len(magic))
	if err != nil {
		return nil, err
	}
	if major := c.order.Uint16(h); major != 2 {
		return nil, fmt.Errorf("%w: pcap of version %d, not 2", ErrFormat, major)
	}
	var ok bool
	if c.link, ok = known(c.order.Uint32(h[16:]) & 0x0fffffff); !ok { // the upper bits are about frame checksums
		return nil, unknownLink(c.link)
	}
	return c, nil
}

func unknownLink(l LinkType) error {
	return fmt.Errorf("%w: frames of link type %d are not supported", ErrFormat, l)
}

func (c *classic) next() (Frame, error) {
	var h [recordHeaderLen]byte
	if err := c.in.fill(h[:]); err != nil {
		return Frame{}, err
	}
	n := c.order.Uint32(h[8:])
	if n > maxFrame {
		return Frame{}, fmt.Errorf("%w: a frame of %d bytes", ErrFormat, n)
	}
	data, err := c.in.take(int(n))
	if err != nil {
		return Frame{}, err
	}
	at := time.Unix(int64(c.order.Uint32(h[0:])), int64(c.order.Uint32(h[4:]))*int64(c.unit))
	return Frame{Time: at, Link: c.link, Data: data, Length: int(c.order.Uint32(h[12:]))}, nil
}
