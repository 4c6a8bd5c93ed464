// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/platformtest"
)

// harness is a namespace with the System and another with a bridge and the peer.
type harness struct {
	t        testing.TB
	router   netns.NsHandle
	lan      netns.NsHandle
	r, l     *netlink.Handle
	system   *System
	stateDir string
	unmarked bool              // the System believes that the kernel keeps no marks
	ports    map[string]string // port on the bridge by link name
	made     []string
	// asked are the prefixes of attachments. The kernel has their addresses as host addresses.
	asked   map[netip.Addr]netip.Prefix
	pings   byte
	station *station
}

var _ platformtest.Harness = (*harness)(nil)

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make network namespaces")
	}
}

func newNamespace(t testing.TB) (netns.NsHandle, *netlink.Handle) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	home, err := netns.Get()
	must(t, err)
	defer func() { _ = home.Close() }()
	ns, err := netns.New()
	must(t, err)
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if back := netns.Set(home); back != nil {
		panic(back) // the thread must not continue in another namespace
	}
	must(t, err)
	t.Cleanup(func() { h.Close(); _ = ns.Close() })
	return ns, h
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newHarness(t testing.TB) *harness {
	needRoot(t)
	h := &harness{t: t, stateDir: t.TempDir(), ports: make(map[string]string), asked: make(map[netip.Addr]netip.Prefix)}
	h.router, h.r = newNamespace(t)
	h.lan, h.l = newNamespace(t)
	must(t, inside(h.lan, func() error {
		return os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0)
	}))
	lo, err := h.r.LinkByName("lo")
	must(t, err)
	must(t, h.r.LinkSetUp(lo))
	bridge := &netlink.Bridge{LinkAttrs: attrs("br0"), MulticastSnooping: new(bool)}
	must(t, h.l.LinkAdd(bridge))
	must(t, h.l.LinkSetUp(bridge))
	must(t, h.l.LinkAdd(&netlink.Veth{LinkAttrs: attrs("peer"), PeerName: "peerport"}))
	port, err := h.l.LinkByName("peerport")
	must(t, err)
	must(t, h.l.LinkSetMaster(port, bridge))
	must(t, h.l.LinkSetUp(port))
	peer, err := h.l.LinkByName("peer")
	must(t, err)
	must(t, h.l.LinkSetUp(peer))
	h.station = newStation(t, h.lan, peer.Attrs().Index)
	h.Restart()
	t.Cleanup(func() { must(t, h.system.Close()) })
	return h
}

func attrs(name string) netlink.LinkAttrs {
	a := netlink.NewLinkAttrs()
	a.Name = name
	return a
}

func inside(ns netns.NsHandle, fn func() error) error { return namespace{int(ns)}.do(fn) }

func (h *harness) System() platform.System { return h.system }

func (h *harness) Restart() {
	h.t.Helper()
	s, err := New(Options{StateDir: h.stateDir, Namespace: int(h.router)})
	must(h.t, err)
	if h.unmarked {
		s.registry.marks = false
	}
	h.system = s
}

// noteAsked records the prefixes of an attachment.
func (h *harness) noteAsked() {
	for _, e := range h.system.registry.all() {
		for _, p := range e.asked {
			h.asked[p.Addr()] = p
		}
	}
}

func (h *harness) Crash() {
	h.t.Helper()
	h.noteAsked()
	h.system.release()
	h.Restart()
}

func (h *harness) AddLink(name string, addrs ...netip.Prefix) {
	h.t.Helper()
	port := fmt.Sprintf("port%d", len(h.made))
	h.made = append(h.made, name)
	h.ports[name] = port
	veth := &netlink.Veth{LinkAttrs: attrs(port), PeerName: name, PeerNamespace: netlink.NsFd(h.router)}
	must(h.t, h.l.LinkAdd(veth))
	bridge, err := h.l.LinkByName("br0")
	must(h.t, err)
	p, err := h.l.LinkByName(port)
	must(h.t, err)
	must(h.t, h.l.LinkSetMaster(p, bridge))
	must(h.t, h.l.LinkSetUp(p))
	must(h.t, h.r.LinkSetUp(h.link(name)))
	for _, a := range addrs {
		h.AddAddr(name, a)
	}
	h.probe(name)
}

// probe waits until the peer receives frames from a link: carrier and bridge need some time to come up.
func (h *harness) probe(name string) {
	h.t.Helper()
	frame := make([]byte, 60)
	copy(frame, "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x88\xb5"+name)
	var fd int
	must(h.t, inside(h.router, func() (err error) {
		fd, err = openSender()
		if err == nil {
			err = unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: h.link(name).Attrs().Index})
		}
		return err
	}))
	defer func() { _ = unix.Close(fd) }()
	var early [][]byte
	for end := time.Now().Add(platformtest.Patience); time.Now().Before(end); {
		_, _ = unix.Write(fd, frame)
		got, ok := h.station.Receive(time.Millisecond)
		switch {
		case ok && bytes.Equal(got, frame):
			h.station.early = append(h.station.early, early...)
			return
		case ok:
			early = append(early, got)
		}
	}
	h.t.Fatalf("the peer cannot hear %s", name)
}

func (h *harness) link(name string) netlink.Link {
	h.t.Helper()
	l, err := h.r.LinkByName(name)
	must(h.t, err)
	return l
}

func (h *harness) AddMacvlan(name, parent string) {
	h.t.Helper()
	a := attrs(name)
	a.ParentIndex = h.link(parent).Attrs().Index
	a.HardwareAddr = make(net.HardwareAddr, 6)
	_, _ = rand.Read(a.HardwareAddr)
	a.HardwareAddr[0] = 0x02
	must(h.t, h.r.LinkAdd(&netlink.Macvlan{LinkAttrs: a, Mode: netlink.MACVLAN_MODE_BRIDGE}))
	must(h.t, h.r.LinkSetUp(h.link(name)))
}

func (h *harness) SetPort(name, bridge string) {
	h.t.Helper()
	if bridge == "" {
		must(h.t, h.r.LinkSetNoMaster(h.link(name)))
		return
	}
	must(h.t, h.r.LinkAdd(&netlink.Bridge{LinkAttrs: attrs(bridge)}))
	must(h.t, h.r.LinkSetMaster(h.link(name), h.link(bridge)))
}

func (h *harness) DelLink(name string) {
	h.t.Helper()
	must(h.t, h.r.LinkDel(h.link(name)))
}

func (h *harness) RenameLink(from, to string) {
	h.t.Helper()
	must(h.t, h.r.LinkSetName(h.link(from), to))
	if i := slices.Index(h.made, from); i >= 0 {
		h.made[i] = to
		h.ports[to] = h.ports[from]
	}
}

func (h *harness) SetUp(name string, up bool) {
	h.t.Helper()
	if up {
		must(h.t, h.r.LinkSetUp(h.link(name)))
		return
	}
	must(h.t, h.r.LinkSetDown(h.link(name)))
}

func (h *harness) SetCarrier(name string, up bool) {
	h.t.Helper()
	port, err := h.l.LinkByName(h.ports[name])
	must(h.t, err)
	if up {
		must(h.t, h.l.LinkSetUp(port))
		return
	}
	must(h.t, h.l.LinkSetDown(port))
}

func (h *harness) SetMAC(name string, mac [6]byte) {
	h.t.Helper()
	must(h.t, h.r.LinkSetHardwareAddr(h.link(name), mac[:]))
}

func ipnet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func (h *harness) AddAddr(name string, a netip.Prefix) {
	h.t.Helper()
	must(h.t, h.r.AddrAdd(h.link(name), &netlink.Addr{IPNet: ipnet(a)}))
}

func (h *harness) DelAddr(name string, a netip.Prefix) {
	h.t.Helper()
	err := h.r.AddrDel(h.link(name), &netlink.Addr{IPNet: ipnet(a)})
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		err = h.r.AddrDel(h.link(name), &netlink.Addr{IPNet: ipnet(host(a))})
	}
	must(h.t, err)
}

func prefix(n *net.IPNet) netip.Prefix {
	a, _ := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(a.Unmap(), bits)
}

func (h *harness) FlushFilter() {
	h.t.Helper()
	c, err := nftables.New(nftables.WithNetNSFd(int(h.router)))
	must(h.t, err)
	c.FlushRuleset()
	must(h.t, c.Flush())
}

func (h *harness) Ping(addr netip.Addr, mac [6]byte) bool {
	h.t.Helper()
	from, fromMAC := netip.MustParseAddr("10.9.0.2"), [6]byte{0x02, 0, 0, 0, 0, 0x77}
	must(h.t, h.r.NeighSet(&netlink.Neigh{
		LinkIndex: h.link(h.made[0]).Attrs().Index, IP: from.AsSlice(), HardwareAddr: fromMAC[:], State: netlink.NUD_PERMANENT,
	}))
	// An echo request. The reply has the same identification; the checksum of the IP header comes last.
	h.pings++
	f := slices.Concat(mac[:], fromMAC[:], []byte{0x08, 0x00, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, unix.IPPROTO_ICMP, 0, 0},
		from.AsSlice(), addr.AsSlice(), []byte{8, 0, 0, 0, 0, 0, 0, h.pings})
	sum := func(b []byte) {
		var s uint32
		for i := 0; i+1 < len(b); i += 2 {
			s += uint32(b[i])<<8 | uint32(b[i+1])
		}
		s = s>>16 + s&0xffff
		s = ^(s>>16 + s)
		at := 2 // of ICMP
		if b[0] == 0x45 {
			at = 10
		}
		b[at], b[at+1] = byte(s>>8), byte(s)
	}
	sum(f[14:34])
	sum(f[34:])
	h.station.Send(f)
	for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end); {
		b, ok := h.station.Receive(time.Until(end))
		if ok && len(b) >= 42 && b[12] == 0x08 && b[13] == 0 && b[23] == unix.IPPROTO_ICMP && b[34] == 0 && b[41] == h.pings {
			return true
		}
	}
	return false
}

func (h *harness) Kernel() platformtest.Kernel {
	h.t.Helper()
	k := platformtest.Kernel{Links: make(map[string]platformtest.Link), Settings: make(map[string]string)}
	h.noteAsked()
	links, err := h.r.LinkList()
	must(h.t, err)
	names := make(map[int]string)
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	for _, l := range links {
		a := l.Attrs()
		if a.Name == "lo" {
			continue
		}
		out := platformtest.Link{Index: a.Index, Up: a.RawFlags&unix.IFF_UP != 0}
		copy(out.MAC[:], a.HardwareAddr)
		if l.Type() == "macvlan" {
			out.Parent = names[a.ParentIndex]
		}
		addrs, err := h.r.AddrList(l, netlink.FAMILY_ALL)
		must(h.t, err)
		for _, x := range addrs {
			if x.IP.IsLinkLocalUnicast() && x.Flags&unix.IFA_F_DEPRECATED == 0 && x.IP.To4() == nil {
				continue
			}
			p := prefix(x.IPNet)
			if asked, ok := h.asked[p.Addr()]; ok && p.IsSingleIP() {
				p = asked
			}
			out.Addrs = append(out.Addrs, p)
		}
		routes, err := h.r.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{LinkIndex: a.Index, Table: unix.RT_TABLE_MAIN},
			netlink.RT_FILTER_OIF|netlink.RT_FILTER_TABLE)
		must(h.t, err)
		for _, x := range routes {
			out.Routes = append(out.Routes, prefix(x.Dst))
		}
		k.Links[a.Name] = out
	}
	must(h.t, inside(h.router, func() error {
		for _, name := range h.made {
			dir := filepath.Join("/proc/sys/net/ipv4/conf", name)
			files, err := os.ReadDir(dir)
			if os.IsNotExist(err) {
				continue
			}
			if err != nil {
				return err
			}
			for _, f := range files {
				b, err := os.ReadFile(filepath.Join(dir, f.Name()))
				if err != nil {
					return err
				}
				k.Settings[name+"."+f.Name()] = strings.TrimSpace(string(b))
			}
		}
		return nil
	}))
	return k
}

func (h *harness) Peer() platformtest.Peer { return h.station }

// station is a packet socket on an interface.
type station struct {
	t     testing.TB
	fd    int
	index int
	buf   [65536]byte
	early [][]byte // received while the harness looked for something else
}

func newStation(t testing.TB, ns netns.NsHandle, index int) *station {
	t.Helper()
	s := &station{t: t, index: index}
	must(t, inside(ns, func() (err error) {
		const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8
		if s.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, all); err != nil {
			return err
		}
		if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20); err != nil {
			return err
		}
		return unix.Bind(s.fd, &unix.SockaddrLinklayer{Ifindex: index, Protocol: all})
	}))
	t.Cleanup(func() { _ = unix.Close(s.fd) })
	return s
}

func (s *station) Send(frame []byte) {
	s.t.Helper()
	must(s.t, unix.Sendto(s.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: s.index}))
}

func (s *station) Receive(timeout time.Duration) ([]byte, bool) {
	s.t.Helper()
	if len(s.early) > 0 {
		frame := s.early[0]
		s.early = s.early[1:]
		return frame, true
	}
	for end := time.Now().Add(timeout); ; {
		tv := unix.NsecToTimeval(int64(max(time.Until(end), time.Microsecond)))
		must(s.t, unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv))
		n, from, err := unix.Recvfrom(s.fd, s.buf[:], 0)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return nil, false
		}
		must(s.t, err)
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		return slices.Clone(s.buf[:n]), true
	}
}
