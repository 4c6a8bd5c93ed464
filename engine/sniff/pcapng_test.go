// SPDX-License-Identifier: GPL-3.0-only

package sniff

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// ng builds pcapng files.
type ng struct{ order binary.AppendByteOrder }

func (n ng) block(kind uint32, body ...[]byte) []byte {
	b := slices.Concat(body...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	length := uint32(len(b) + 12)
	head := n.order.AppendUint32(n.order.AppendUint32(nil, kind), length)
	return n.order.AppendUint32(append(head, b...), length)
}

func (n ng) u16(values ...uint16) (b []byte) {
	for _, v := range values {
		b = n.order.AppendUint16(b, v)
	}
	return b
}

func (n ng) u32(values ...uint32) (b []byte) {
	for _, v := range values {
		b = n.order.AppendUint32(b, v)
	}
	return b
}

func (n ng) section() []byte {
	return n.block(blockSection, n.u32(byteOrderMagic), n.u16(1, 0), n.u32(0xffffffff, 0xffffffff))
}

func (n ng) iface(link LinkType, snapLen uint32, options ...[]byte) []byte {
	return n.block(blockInterface, n.u16(uint16(link), 0), n.u32(snapLen), slices.Concat(options...))
}

func (n ng) option(code uint16, value []byte) []byte {
	b := append(n.u16(code, uint16(len(value))), value...)
	return append(b, make([]byte, padded(len(value))-len(value))...)
}

func (n ng) enhanced(iface uint32, stamp uint64, data []byte) []byte {
	length := uint32(len(data))
	return n.block(blockEnhanced, n.u32(iface, uint32(stamp>>32), uint32(stamp), length, length), data)
}

func micros(t time.Time) uint64 { return uint64(t.UnixMicro()) }

func TestNextGenFiles(t *testing.T) {
	s2, s6 := v2(), v6()
	little, big := ng{binary.LittleEndian}, ng{binary.BigEndian}
	const stamp = "2026-03-04T12:00:00.123456Z "
	const four, six = "00:00:5e:00:01:07 10.0.0.1 > 224.0.0.18 VRRPv2", "00:00:5e:00:02:07 fe80::1 > ff02::12 VRRPv3"
	offset := func(n ng, seconds int64) []byte {
		return n.option(optionOffset, n.u32(uint32(uint64(seconds)>>32), uint32(seconds)))
	}
	swapped := func(n ng, seconds int64) []byte {
		return n.option(optionOffset, n.u32(uint32(seconds), uint32(uint64(seconds)>>32)))
	}
	for _, test := range []struct {
		name   string
		blocks [][]byte
		want   []string
	}{
		{"microseconds", [][]byte{little.section(), little.iface(Ethernet, 0), little.enhanced(0, micros(noon), s2.frame())}, []string{stamp + four}},
		{"big endian", [][]byte{big.section(), big.iface(Ethernet, 0), big.enhanced(0, micros(noon), s2.frame())}, []string{stamp + four}},
		{"nanoseconds", [][]byte{
			little.section(), little.iface(Ethernet, 0, little.option(optionResolution, []byte{9}), little.u16(optionEnd, 0)),
			little.enhanced(0, uint64(noon.UnixNano()), s2.frame()),
		}, []string{stamp + four}},
		{"seconds, with an offset", [][]byte{
			big.section(), big.iface(Ethernet, 0, big.option(2, []byte("eth0")), offset(big, noon.Unix()-5), big.option(optionResolution, []byte{0})),
			big.enhanced(0, 5, s2.frame()),
		}, []string{"2026-03-04T12:00:00.000000Z " + four}},
		{"an offset backwards, little endian", [][]byte{
			little.section(), little.iface(Ethernet, 0, swapped(little, -10)), little.enhanced(0, micros(noon)+10e6, s2.frame()),
		}, []string{stamp + four}},
		{"a power of two", [][]byte{
			little.section(), little.iface(Ethernet, 0, little.option(optionResolution, []byte{0x80 | 10})),
			little.enhanced(0, uint64(noon.Unix())<<10|512, s2.frame()),
		}, []string{"2026-03-04T12:00:00.500000Z " + four}},
		{"a time that no frame is of", [][]byte{
			little.section(), little.iface(Ethernet, 0, little.option(optionResolution, []byte{0})), little.enhanced(0, 1<<63, s2.frame()),
		}, []string{"- " + four}},
		{"two interfaces", [][]byte{
			little.section(), little.iface(RawIP, 0), little.iface(Ethernet, 0),
			little.enhanced(1, micros(noon), s2.frame()), little.enhanced(0, micros(noon), s6.packet()),
		}, []string{stamp + four, stamp + "fe80::1 > ff02::12 VRRPv3"}},
		{"an interface that is not understood", [][]byte{
			little.section(), little.iface(105, 0), little.iface(Ethernet, 0),
			little.enhanced(0, micros(noon), s2.frame()), little.enhanced(1, micros(noon), s6.frame()),
		}, []string{stamp + six}},
		{"two sections of different byte order", [][]byte{
			little.section(), little.iface(RawIP, 0), little.enhanced(0, micros(noon), s6.packet()),
			big.section(), big.iface(Ethernet, 0), big.enhanced(0, micros(noon), s2.frame()),
		}, []string{stamp + "fe80::1 > ff02::12 VRRPv3", stamp + four}},
		{"other blocks", [][]byte{
			little.section(), little.block(4, make([]byte, 40)), little.iface(Ethernet, 0), little.block(0x0bad, make([]byte, 100)),
			little.enhanced(0, micros(noon), s2.frame()), little.block(5, make([]byte, 12)),
		}, []string{stamp + four}},
		{"simple", [][]byte{
			little.section(), little.iface(Ethernet, 0), little.block(blockSimple, little.u32(uint32(len(s2.frame()))), s2.frame()),
		}, []string{"- " + four}},
		{"simple, of a snapshot", [][]byte{
			little.section(), little.iface(Ethernet, 52), little.block(blockSimple, little.u32(uint32(len(s2.frame()))), s2.frame()[:52]),
		}, []string{"- " + four}},
		{"obsolete", [][]byte{
			big.section(), big.iface(Ethernet, 0),
			big.block(blockPacket, big.u16(0, 77), big.u32(uint32(micros(noon)>>32), uint32(micros(noon)), uint32(len(s2.frame())), uint32(len(s2.frame()))), s2.frame()),
		}, []string{stamp + four}},
		{"nothing", [][]byte{little.section()}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := slices.Concat(test.blocks...)
			var b strings.Builder
			p := Printer{W: &b, UTC: true}
			if err := p.File(bytes.NewReader(data)); err != nil {
				t.Fatal(err)
			}
			lines := slices.Collect(strings.Lines(b.String()))
			if len(lines) != len(test.want) {
				t.Fatalf("%d lines, want %d: %s", len(lines), len(test.want), b.String())
			}
			for i, want := range test.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("%q, want %q", lines[i], want)
				}
			}
			whole := map[int]bool{}
			end := 0
			for _, block := range test.blocks {
				end += len(block)
				whole[end] = true
			}
			p.W = io.Discard
			for n := range data {
				if err := p.File(bytes.NewReader(data[:n])); !errors.Is(err, ErrFormat) && !whole[n] {
					t.Errorf("cut after %d bytes: %v", n, err)
				}
			}
		})
	}
}

func TestNextGenRefusals(t *testing.T) {
	s2 := v2()
	n := ng{binary.LittleEndian}
	cat := slices.Concat[[]byte]
	changed := func(b []byte, at int, to byte) []byte {
		b = slices.Clone(b)
		b[(at+len(b))%len(b)] = to
		return b
	}
	head := cat(n.section(), n.iface(Ethernet, 0))
	frame := n.enhanced(0, micros(noon), s2.frame())
	for want, data := range map[string][]byte{
		"without byte order":                 changed(n.section(), 8, 0),
		"version 2":                          changed(n.section(), 12, 2),
		"link type 105":                      cat(n.section(), n.iface(105, 0), frame),
		"but 7 at its end":                   cat(head, changed(frame, -4, 7)),
		"a block of 9 bytes":                 cat(head, changed(frame, 4, 9)[:5], make([]byte, 60)),
		"header is too short":                cat(n.block(blockSection, n.u32(byteOrderMagic), n.u16(1, 0)), head),
		"interface 3, which":                 cat(head, n.enhanced(3, 0, s2.frame())),
		"a frame of 250 bytes in a block of": cat(head, changed(frame, 20, 250)),
		"longer than its block":              cat(n.section(), n.iface(Ethernet, 0, n.u16(2, 400))),
		"resolution":                         cat(n.section(), n.iface(Ethernet, 0, n.option(optionResolution, []byte{77}))),
		"a packet block is too short":        cat(head, n.block(blockEnhanced, n.u32(0, 0))),
		"an interface block":                 cat(n.section(), n.block(blockInterface, n.u32(1))),
		"bytes":                              cat(head, n.u32(blockEnhanced, 0x7ffffffc), make([]byte, 64)),
		"more than 4096 interfaces":          cat(n.section(), bytes.Repeat(n.iface(Ethernet, 0), 4097)),
	} {
		p := Printer{W: io.Discard}
		if err := p.File(bytes.NewReader(data)); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// TestFilesOfOthers reads files written by Wireshark's tools: each format has the same packets.
func TestFilesOfOthers(t *testing.T) {
	tools := map[string][]string{
		"editcap": {"-F", "pcapng"}, "tshark": {"-F", "pcapng", "-r"}, "tshark with nanoseconds": {"-F", "nsecpcap", "-r"},
	}
	s2, s6 := v2(), v6()
	dir := t.TempDir()
	original := filepath.Join(dir, "original.pcap")
	data := append(file(binary.LittleEndian, magicNanoseconds, 1, 123456000, s2.frame()),
		file(binary.LittleEndian, magicNanoseconds, 1, 123456000, s6.frame())[fileHeaderLen:]...)
	if err := os.WriteFile(original, data, 0o600); err != nil {
		t.Fatal(err)
	}
	want := read(t, original)
	for name, args := range tools {
		tool, _, _ := strings.Cut(name, " ")
		if _, err := exec.LookPath(tool); err != nil {
			t.Logf("no %s here", tool)
			continue
		}
		path := filepath.Join(dir, name)
		args = append(args, original)
		if tool == "tshark" {
			args = append(args, "-w")
		}
		if out, err := exec.Command(tool, append(args, path)...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
			continue
		}
		if got := read(t, path); got != want {
			t.Errorf("%s:\n%swant\n%s", name, got, want)
		}
	}
}

// read returns the VRRP packets of a file, which must contain some.
func read(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b strings.Builder
	p := Printer{W: &b, UTC: true}
	if err := p.File(f); err != nil {
		t.Fatal(err)
	}
	if strings.Count(b.String(), "\n") != 2 {
		t.Fatalf("%s: %s", path, b.String())
	}
	return b.String()
}
