// SPDX-License-Identifier: GPL-3.0-only

package freebsd

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/bpf"

	"vrrpsh/platform"
)

// machine is a simulated FreeBSD kernel behind the interface kernel. It writes the
// messages and buffers that the package reads in the layouts of net/if.h, net/route.h and net/bpf.h.
type machine struct {
	t     *testing.T
	mu    sync.Mutex
	last  int // index
	links []*machineLink
	heard chan []byte // frames received by the peer
	calls int         // calls that changed something
	fail  func(call string, link string) error
	users []*handle
}

type machineLink struct {
	index       int
	name        string
	mac         [6]byte
	up, carrier bool
	kind        uint8
	parent      string
	addrs       []netip.Prefix
}

// handle is one program's access to a machine.
type handle struct {
	*machine
	closed  bool
	woken   bool
	again   chan struct{} // makes wait check again
	devices []*machineDevice
	sockets []*machineSocket
}

var _ kernel = (*handle)(nil)

func newMachine(t *testing.T) *machine { return &machine{t: t, heard: make(chan []byte, 4096)} }

func (m *machine) program() *handle {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := &handle{machine: m, again: make(chan struct{}, 1)}
	m.users = append(m.users, h)
	return h
}

func (m *machine) named(name string) *machineLink {
	for _, l := range m.links {
		if l.name == name {
			return l
		}
	}
	return nil
}

func (m *machine) failure(call, link string) error {
	if m.fail != nil {
		return m.fail(call, link)
	}
	return nil
}

// tell sends a message on all route sockets, after a message of another kind.
func (m *machine) tell(kind byte) {
	for _, h := range m.users {
		for _, s := range h.sockets {
			s.messages <- []byte{4, 0, routeVersion, 1}
			s.messages <- []byte{4, 0, routeVersion, kind}
		}
	}
}

// change applies fn to a link, which must exist.
func (m *machine) change(name string, kind byte, fn func(*machineLink)) {
	m.t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.named(name)
	if l == nil {
		m.t.Fatalf("there is no interface %s", name)
	}
	fn(l)
	if kind != 0 {
		m.tell(kind)
	}
}

func (m *machine) addLink(name string, addrs ...netip.Prefix) *machineLink {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last++
	l := &machineLink{index: m.last, name: name, mac: [6]byte{2, 0, 0, 0, 1, byte(m.last)}, up: true, carrier: true,
		kind: typeEthernet, addrs: slices.Clone(addrs)}
	m.links = append(m.links, l)
	m.tell(messageAnnounce)
	return l
}

func (m *machine) delLink(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.links = slices.DeleteFunc(m.links, func(l *machineLink) bool { return l.name == name })
	m.tell(messageAnnounce)
}

// transmit gives a frame to all devices on all links, as if it came from the segment.
func (m *machine) transmit(frame []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, h := range m.users {
		for _, d := range h.devices {
			if slices.Contains(m.links, d.link) && d.link.up && d.link.carrier {
				d.capture(frame)
			}
		}
		h.signal()
	}
}

func (h *handle) signal() {
	select {
	case h.again <- struct{}{}:
	default:
	}
}

func (h *handle) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.signal()
}

func (h *handle) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.woken = true
	h.signal()
}

func (h *handle) wait(until time.Time) error {
	for {
		h.mu.Lock()
		closed, due := h.closed, h.woken || slices.ContainsFunc(h.devices, func(d *machineDevice) bool { return len(d.store) > 0 })
		h.woken = false
		h.mu.Unlock()
		var late <-chan time.Time
		if !until.IsZero() {
			late = time.After(time.Until(until))
		}
		switch {
		case closed:
			return errClosed
		case due:
			return nil
		}
		select {
		case <-h.again:
		case <-late:
			return nil
		}
	}
}

func (h *handle) forwardsIPv6() bool { return true }

func (h *handle) parent(vlan string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.named(vlan).parent
}

func (h *handle) interfaces() ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.failure("interfaces", ""); err != nil {
		return nil, err
	}
	b := linkMessage(1<<15, "lo0", 24, 0x8|0x1, 0, 16384, nil)
	for _, l := range h.links {
		flags, state := uint32(0x8802), byte(1)
		if l.up {
			flags |= 0x1
		}
		if l.carrier {
			state = 2
		}
		b = append(b, linkMessage(l.index, l.name, l.kind, flags, state, 1500, l.mac[:])...)
		for _, p := range l.addrs {
			b = append(b, addrMessage(l.index, p)...)
		}
	}
	return b, nil
}

func (h *handle) add(link string, index int, addr netip.Addr) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	l := h.named(link)
	switch err := h.failure("add", link); {
	case err != nil:
		return err
	case l == nil:
		return syscall.ENXIO
	case l.index != index:
		h.t.Errorf("%s has index %d, the request says %d", link, l.index, index)
	case slices.ContainsFunc(l.addrs, func(p netip.Prefix) bool { return p.Addr() == addr }):
		return syscall.EEXIST
	}
	l.addrs = append(l.addrs, netip.PrefixFrom(addr, addr.BitLen()))
	h.tell(messageNewAddr)
	return nil
}

func (h *handle) del(link string, _ int, addr netip.Addr) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	l := h.named(link)
	if err := h.failure("del", link); err != nil {
		return err
	}
	if l == nil {
		return syscall.ENXIO
	}
	at := slices.IndexFunc(l.addrs, func(p netip.Prefix) bool { return p.Addr() == addr })
	if at < 0 {
		return syscall.EADDRNOTAVAIL
	}
	l.addrs = slices.Delete(l.addrs, at, at+1)
	h.tell(messageDelAddr)
	return nil
}

func (h *handle) setMAC(link string, mac [6]byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	l := h.named(link)
	if err := h.failure("setMAC", link); err != nil {
		return err
	}
	if l == nil {
		return syscall.ENXIO
	}
	l.mac = mac
	return nil
}

// machineSocket is a route socket.
type machineSocket struct {
	messages chan []byte
	done     chan struct{}
	once     sync.Once
}

func (h *handle) notify() (notifications, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.failure("notify", ""); err != nil {
		return nil, err
	}
	s := &machineSocket{messages: make(chan []byte, 1<<16), done: make(chan struct{})}
	h.sockets = append(h.sockets, s)
	return s, nil
}

func (s *machineSocket) next(patience time.Duration) ([]byte, error) {
	select {
	case m := <-s.messages:
		return m, nil
	default:
	}
	if patience == 0 {
		return nil, nil
	}
	select {
	case m := <-s.messages:
		return m, nil
	case <-time.After(patience):
		return nil, nil
	case <-s.done:
		return nil, os.ErrClosed
	}
}

func (s *machineSocket) close() error {
	s.once.Do(func() { close(s.done) })
	return nil
}

// machineDevice is a BPF device.
type machineDevice struct {
	handle *handle
	link   *machineLink
	vm     *bpf.VM
	store  [][]byte // packets that passed
}

func (h *handle) open(link string, index int, _ platform.Family) (device, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.named(link)
	if l == nil || l.index != index {
		return nil, fmt.Errorf("attach: %w", syscall.ENXIO)
	}
	d := &machineDevice{handle: h, link: l}
	h.devices = append(h.devices, d)
	return d, nil
}

func (d *machineDevice) size() int { return 512 }

func (d *machineDevice) filter(p []bpf.RawInstruction) error {
	program, ok := bpf.Disassemble(p)
	if !ok {
		return syscall.EINVAL
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		return err
	}
	d.handle.mu.Lock()
	defer d.handle.mu.Unlock()
	d.vm = vm
	return nil
}

func (d *machineDevice) capture(frame []byte) {
	if n, err := d.vm.Run(frame); err == nil && n > 0 {
		d.store = append(d.store, slices.Clone(frame))
	}
}

// read fills the buffer with as many captured packets as it holds.
func (d *machineDevice) read(b []byte) (int, error) {
	d.handle.mu.Lock()
	defer d.handle.mu.Unlock()
	switch {
	case len(b) != d.size():
		return 0, syscall.EINVAL
	case !slices.Contains(d.handle.links, d.link):
		return 0, syscall.ENXIO
	case len(d.store) == 0:
		return 0, syscall.EAGAIN
	}
	var out []byte
	for len(d.store) > 0 {
		next := capture(d.store[0], len(d.store[0]))
		if len(out)+len(next) > len(b) {
			break
		}
		out = append(out, next...)
		d.store = d.store[1:]
	}
	return copy(b, out), nil
}

func (d *machineDevice) write(frame []byte) error {
	d.handle.mu.Lock()
	defer d.handle.mu.Unlock()
	switch {
	case !slices.Contains(d.handle.links, d.link):
		return syscall.ENXIO
	case !d.link.up:
		return syscall.ENETDOWN
	}
	d.handle.heard <- slices.Clone(frame)
	return nil
}

func (d *machineDevice) close() error {
	d.handle.mu.Lock()
	defer d.handle.mu.Unlock()
	d.handle.devices = slices.DeleteFunc(d.handle.devices, func(x *machineDevice) bool { return x == d })
	return nil
}

// capture returns a packet in the layout of a BPF device's buffer: time, lengths, header length, and
// padding so that the network header and the next packet are aligned.
func capture(frame []byte, onWire int) []byte {
	const header = 34 // longer than needed, and with the Ethernet header a multiple of 8
	b := make([]byte, header, header+len(frame)+8)
	binary.LittleEndian.PutUint64(b, 1700000000)
	binary.LittleEndian.PutUint32(b[16:], uint32(len(frame)))
	binary.LittleEndian.PutUint32(b[20:], uint32(onWire))
	binary.LittleEndian.PutUint16(b[24:], header)
	b = append(b, frame...)
	for len(b)%8 != 0 {
		b = append(b, 0xee)
	}
	return b
}

// linkMessage is RTM_IFINFO of FreeBSD 14: 16 bytes of header, 152 of struct if_data and a
// struct sockaddr_dl of 54 bytes, padded to 56.
func linkMessage(index int, name string, kind byte, flags uint32, state byte, mtu uint32, mac []byte) []byte {
	b := make([]byte, 16+152+56)
	binary.LittleEndian.PutUint16(b, uint16(len(b)))
	b[2], b[3] = 5, 0x0e
	binary.LittleEndian.PutUint32(b[4:], 0x10)
	binary.LittleEndian.PutUint32(b[8:], flags)
	binary.LittleEndian.PutUint16(b[12:], uint16(index))
	b[16], b[18], b[20] = kind, byte(len(mac)), state
	binary.LittleEndian.PutUint16(b[22:], 152)
	binary.LittleEndian.PutUint32(b[24:], mtu)
	dl := b[16+152:]
	dl[0], dl[1] = 54, 18
	binary.LittleEndian.PutUint16(dl[2:], uint16(index))
	dl[4], dl[5], dl[6] = kind, byte(len(name)), byte(len(mac))
	copy(dl[8:], name)
	copy(dl[8+len(name):], mac)
	return b
}

// addrMessage is RTM_NEWADDR with netmask, interface, address and, for IPv4, broadcast address.
func addrMessage(index int, p netip.Prefix) []byte {
	b := make([]byte, 20)
	b[2], b[3] = 5, 0x0c
	binary.LittleEndian.PutUint16(b[12:], uint16(index))
	slot := func(s []byte) {
		for len(s)%8 != 0 {
			s = append(s, 0)
		}
		b = append(b, s...)
	}
	sock := func(a netip.Addr) []byte {
		if a.Is4() {
			return append(append([]byte{16, 2, 0, 0}, a.AsSlice()...), make([]byte, 8)...)
		}
		raw := a.As16()
		if a.IsLinkLocalUnicast() {
			binary.BigEndian.PutUint16(raw[2:], uint16(index))
		}
		return append(append([]byte{28, 28, 0, 0, 0, 0, 0, 0}, raw[:]...), make([]byte, 4)...)
	}
	mask := sock(p.Addr())
	ones := mask[4:8]
	if p.Addr().Is6() {
		ones = mask[8:24]
	}
	clear(ones)
	for i := range p.Bits() {
		ones[i/8] |= 0x80 >> (i % 8)
	}
	slot(mask)
	slot(append([]byte{54, 18, byte(index), 0, 6, 0, 0, 0}, make([]byte, 46)...))
	slot(sock(p.Addr()))
	present := uint32(1<<2 | 1<<4 | 1<<5)
	if p.Addr().Is4() {
		present |= 1 << 7
		slot(sock(p.Masked().Addr()))
	}
	binary.LittleEndian.PutUint32(b[4:], present)
	binary.LittleEndian.PutUint16(b, uint16(len(b)))
	return b
}
