// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package lab

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
)

// pcapMagic is the magic number of a capture file with nanoseconds, pcapEthernet its link type.
const (
	pcapMagic    = 0xa1b23c4d
	pcapEthernet = 1
)

// writePcap writes frames as a capture file.
func writePcap(path string, frames []Frame) error {
	var b bytes.Buffer
	put := func(v ...uint32) {
		for _, x := range v {
			_ = binary.Write(&b, binary.LittleEndian, x)
		}
	}
	put(pcapMagic, 4<<16|2, 0, 0, 65535, pcapEthernet)
	for _, f := range frames {
		n := uint32(len(f.Data))
		put(uint32(f.Time.Unix()), uint32(f.Time.Nanosecond()), n, n)
		b.Write(f.Data)
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// Complaints returns one line for each frame with an expert warning or error of tshark, which also validates
// the checksums of IP and VRRP.
func (l *Lab) Complaints(name string, frames []Frame) []string {
	l.tb.Helper()
	path := filepath.Join(l.Dir, name+".pcap")
	if err := writePcap(path, frames); err != nil {
		l.tb.Fatal(err)
	}
	out, err := run("tshark", "-n", "-r", path, "-o", "ip.check_checksum:TRUE",
		"-Y", `_ws.expert.severity >= "Warning" || _ws.malformed`,
		"-T", "fields", "-e", "frame.number", "-e", "_ws.col.Info", "-e", "_ws.expert.message")
	if err != nil {
		l.tb.Fatal(err)
	}
	return strings.FieldsFunc(out, func(r rune) bool { return r == '\n' })
}
