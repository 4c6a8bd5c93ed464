// SPDX-License-Identifier: GPL-3.0-only

package sniff

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// LinkType is the type of a captured frame's first header, with the numbers of the pcap formats.
type LinkType uint32

// The known link types.
const (
	Ethernet LinkType = 1
	RawIP    LinkType = 101 // an IP header
	Cooked   LinkType = 113 // Linux cooked capture v1
	CookedV2 LinkType = 276
	RawIPv4  LinkType = 228
	RawIPv6  LinkType = 229
)

// known returns the link type for a number in a file, and whether it is known.
func known(number uint32) (LinkType, bool) {
	switch l := LinkType(number); l {
	case 12, 14: // the numbers of some systems
		return RawIP, true
	case Ethernet, RawIP, Cooked, CookedV2, RawIPv4, RawIPv6:
		return l, true
	default:
		return l, false
	}
}

// maxFrame is the longest accepted frame: tcpdump's largest snapshot length.
const maxFrame = 262144

// ErrFormat means that a file is not a readable capture file.
var ErrFormat = errors.New("not a capture file in pcap or pcapng format")

// Frame is a captured frame.
type Frame struct {
	Time time.Time // zero if the file has none
	Link LinkType
	// Data is valid until the next frame is read.
	Data []byte
	// Length is the length of the frame on the wire; Data may be shorter.
	Length int
}

// Reader reads a capture file.
type Reader struct {
	format interface{ next() (Frame, error) }
}

// NewReader reads the start of a capture file in either format. Its errors are ErrFormat and those of reading.
func NewReader(r io.Reader) (*Reader, error) {
	in := &input{r: r}
	var magic [4]byte
	if err := in.fill(magic[:]); err != nil {
		if errors.Is(err, io.EOF) {
			err = in.cut()
		}
		return nil, err
	}
	if binary.BigEndian.Uint32(magic[:]) == blockSection {
		f, err := newNextGen(in)
		return &Reader{f}, err
	}
	f, err := newClassic(in, magic)
	return &Reader{f}, err
}

// Next returns the next frame, or io.EOF after the last one.
func (r *Reader) Next() (Frame, error) { return r.format.next() }

// input is a file that is read in pieces whose lengths are in the file.
type input struct {
	r   io.Reader
	buf []byte
}

// fill reads all of b; it returns io.EOF if the file ends before the first byte.
func (in *input) fill(b []byte) error {
	_, err := io.ReadFull(in.r, b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return in.cut()
	}
	return err
}

// take reads n bytes; a shorter file is an error. They are valid until the next call.
func (in *input) take(n int) ([]byte, error) {
	if n > cap(in.buf) {
		in.buf = make([]byte, n)
	}
	b := in.buf[:n]
	err := in.fill(b)
	if errors.Is(err, io.EOF) && n > 0 {
		err = in.cut()
	}
	return b, err
}

// skip skips n bytes; a shorter file is an error.
func (in *input) skip(n int64) error {
	_, err := io.CopyN(io.Discard, in.r, n)
	if errors.Is(err, io.EOF) {
		return in.cut()
	}
	return err
}

func (in *input) cut() error { return fmt.Errorf("%w: the file is truncated", ErrFormat) }
