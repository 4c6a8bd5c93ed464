package sniff

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// LinkType says what captured frames begin with, by the numbers of the pcap format.
type LinkType uint32

// The link types that are understood.
const (
	Ethernet LinkType = 1
	RawIP    LinkType = 101 // an IP header
	Cooked   LinkType = 113 // Linux cooked capture v1
	CookedV2 LinkType = 276
	RawIPv4  LinkType = 228
	RawIPv6  LinkType = 229
)

// The magic numbers that capture files begin with.
const (
	magicMicroseconds = 0xa1b2c3d4
	magicNanoseconds  = 0xa1b23c4d
	magicNextGen      = 0x0a0d0d0a // pcapng
)

const (
	fileHeaderLen   = 24
	recordHeaderLen = 16
	// maxFrame is the length of the longest frame that is believed: that of tcpdump's largest snapshot.
	maxFrame = 262144
)

// ErrFormat means that a file is no capture file that can be read.
var ErrFormat = errors.New("not a pcap file")

// Frame is a captured frame.
type Frame struct {
	Time time.Time
	Link LinkType
	// Data is valid until the next frame is read.
	Data []byte
	// Length is that of the frame on the wire; Data may be shorter.
	Length int
}

// Reader reads a capture file.
type Reader struct {
	r     io.Reader
	order binary.ByteOrder
	unit  time.Duration // of the fractions of a second
	link  LinkType
	buf   []byte
}

// NewReader reads the header of a capture file. Its errors are ErrFormat and those of reading.
func NewReader(r io.Reader) (*Reader, error) {
	var h [fileHeaderLen]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, fmt.Errorf("%w: it is too short", ErrFormat)
		}
		return nil, err
	}
	p := &Reader{r: r}
	for _, p.order = range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		switch p.order.Uint32(h[:]) {
		case magicMicroseconds:
			p.unit = time.Microsecond
		case magicNanoseconds:
			p.unit = time.Nanosecond
		case magicNextGen:
			return nil, fmt.Errorf("%w but pcapng; \"editcap -F pcap OLD NEW\" converts it", ErrFormat)
		default:
			continue
		}
		break
	}
	if p.unit == 0 {
		return nil, ErrFormat
	}
	if major := p.order.Uint16(h[4:]); major != 2 {
		return nil, fmt.Errorf("%w of version 2, but %d", ErrFormat, major)
	}
	p.link = LinkType(p.order.Uint32(h[20:]) & 0x0fffffff) // the upper bits tell of checksums
	switch p.link {
	case 12, 14: // as some systems number it
		p.link = RawIP
	case Ethernet, RawIP, Cooked, CookedV2, RawIPv4, RawIPv6:
	default:
		return nil, fmt.Errorf("%w with frames of a type that VRRP is sent in, but %d", ErrFormat, p.link)
	}
	return p, nil
}

// Next returns the next frame, io.EOF behind the last one.
func (p *Reader) Next() (Frame, error) {
	var h [recordHeaderLen]byte
	if _, err := io.ReadFull(p.r, h[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return Frame{}, fmt.Errorf("%w: it ends within a frame", ErrFormat)
		}
		return Frame{}, err
	}
	n := p.order.Uint32(h[8:])
	if n > maxFrame {
		return Frame{}, fmt.Errorf("%w: a frame of %d bytes", ErrFormat, n)
	}
	if int(n) > cap(p.buf) {
		p.buf = make([]byte, n)
	}
	data := p.buf[:n]
	if _, err := io.ReadFull(p.r, data); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return Frame{}, fmt.Errorf("%w: it ends within a frame", ErrFormat)
		}
		return Frame{}, err
	}
	at := time.Unix(int64(p.order.Uint32(h[0:])), int64(p.order.Uint32(h[4:]))*int64(p.unit))
	return Frame{Time: at, Link: p.link, Data: data, Length: int(p.order.Uint32(h[12:]))}, nil
}
