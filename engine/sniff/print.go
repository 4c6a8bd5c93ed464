// SPDX-License-Identifier: GPL-3.0-only

package sniff

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Printer writes the VRRP packets among frames, one line each.
type Printer struct {
	W    io.Writer
	JSON bool
	UTC  bool // time stamps in UTC, not in local time
}

// Print writes a frame if it is a VRRP packet.
func (p *Printer) Print(f Frame) error {
	packet, ok := Decode(f)
	if !ok {
		return nil
	}
	if packet.Time = packet.Time.Local(); p.UTC {
		packet.Time = packet.Time.UTC()
	}
	line := packet.String()
	if p.JSON {
		b, err := json.Marshal(packet)
		if err != nil {
			return err
		}
		line = string(b)
	}
	_, err := fmt.Fprintln(p.W, line)
	return err
}

// File writes the VRRP packets of a capture file.
func (p *Printer) File(r io.Reader) error {
	reader, err := NewReader(r)
	if err != nil {
		return err
	}
	for {
		switch f, err := reader.Next(); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		default:
			if err := p.Print(f); err != nil {
				return err
			}
		}
	}
}

// Live returns a function for frames captured on an Ethernet. It passes the first write error to failed.
func (p *Printer) Live(failed func(error)) func(at time.Time, b []byte) {
	return func(at time.Time, b []byte) {
		if err := p.Print(Frame{Time: at, Link: Ethernet, Data: b, Length: len(b)}); err != nil {
			failed(err)
		}
	}
}
