// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/ipv4"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

var (
	uplink6  = netip.MustParsePrefix("fe80::1/64")
	peer6    = netip.MustParseAddr("fe80::2")
	primary4 = netip.MustParsePrefix("10.9.0.1/24")
	peer4    = netip.MustParseAddr("10.9.0.2")
)

func openConn(t testing.TB, h *harness, family platform.Family) platform.Conn {
	t.Helper()
	c, err := h.system.Open(h.link("up0").Attrs().Index, family, netip.Addr{})
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func advert(t testing.TB, source netip.Addr, vrid uint8) []byte {
	t.Helper()
	b, err := frame.AppendAdvert(nil, &platform.Frame{MAC: frame.MAC{2, 0, 0, 0, 0, 9}, Source: source,
		Payload: []byte{0x31, vrid, 100, 1, 0, 100, 0, 0}})
	must(t, err)
	return b
}

// receiveOne waits for a packet.
func receiveOne(t testing.TB, s *System, c platform.Conn) platform.Packet {
	t.Helper()
	var p [1]platform.Packet
	for end := time.Now().Add(5 * time.Second); ; {
		n, err := s.Recv(p[:])
		must(t, err)
		if n > 0 {
			if at := c.(*conn); p[0].Link != at.index || p[0].Family() != at.family {
				t.Fatalf("received %+v, want a packet of %s and IPv%d", p[0], at.name, at.family)
			}
			return p[0]
		}
		if time.Now().After(end) {
			t.Fatal("nothing was received")
		}
		must(t, s.Wait(end))
	}
}

func TestIPv6(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0")
	h.AddAddr("up0", uplink6)
	c := openConn(t, h, platform.IPv6)
	openConn(t, h, platform.IPv4)

	must(t, c.Listen(platform.Listen{VRIDs: []uint8{7, 200}}))
	for _, v := range []uint8{6, 200} {
		h.station.Send(advert(t, peer6, v))
	}
	low := advert(t, peer6, 7)
	low[14+7] = 254 // hop limit
	h.station.Send(low)
	h.station.Send(advert(t, peer6, 7))
	for _, want := range []struct{ vrid, limit uint8 }{{200, 255}, {7, 254}, {7, 255}} {
		p := receiveOne(t, h.system, c)
		if p.Src != peer6 || p.Dst != frame.GroupIPv6 || p.TTL != want.limit || len(p.Payload) != 8 || p.Payload[1] != want.vrid {
			t.Errorf("received %+v, want VRID %d from %v to %v with hop limit %d", p, want.vrid, peer6, frame.GroupIPv6, want.limit)
		}
	}
	must(t, c.Listen(platform.Listen{}))
	h.station.Send(low)
	if p := receiveOne(t, h.system, c); p.TTL != 254 {
		t.Errorf("hop limit %d, want 254", p.TTL)
	}

	vip := netip.MustParsePrefix("2001:db8::fe/64")
	linkLocal := netip.MustParsePrefix("fe80::fe/64")
	mac := frame.MAC{0, 0, 0x5e, 0, 2, 7}
	a := platform.Attachment{ID: platform.ID{Link: "up0", Family: platform.IPv6, VRID: 7}, Link: h.link("up0").Attrs().Index,
		Macvlan: true, Name: "standby7", MAC: mac, Addrs: []netip.Prefix{linkLocal, vip}, Present: true}
	must(t, h.system.Apply([]platform.Attachment{a})[0])
	for range 2 {
		a.Active = true
		must(t, h.system.Apply([]platform.Attachment{a})[0])
		l := h.Kernel().Links["standby7"]
		if d := cmp.Diff([]netip.Prefix{vip, linkLocal}, l.Addrs, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" || !l.Up {
			t.Fatalf("active macvlan %+v (-want +got):\n%s", l, d)
		}
		if n, err := h.system.Announce([]platform.Announcement{{Link: c.(*conn).index, MAC: mac, Addr: vip.Addr(), Router: true}}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		for {
			raw, ok := h.station.Receive(5 * time.Second)
			if !ok {
				t.Fatal("no Neighbor Advertisement was heard")
			}
			p, err := frame.Parse(raw)
			must(t, err)
			if p.Kind == frame.NeighborAdvertisement && p.TargetIP == vip.Addr() {
				if p.SenderMAC != mac || p.Src != mac || !p.Router || !p.Override {
					t.Errorf("heard %+v", p)
				}
				break
			}
		}
		a.Active = false
		must(t, h.system.Apply([]platform.Attachment{a})[0])
		if l := h.Kernel().Links["standby7"]; l.Up || len(l.Addrs) > 0 {
			t.Errorf("standby macvlan %+v", l)
		}
	}
}

// TestWrongTTL floods a socket with packets that came through a router: the first ones are received, to be
// counted.
func TestWrongTTL(t *testing.T) {
	for _, tt := range []struct {
		family platform.Family
		source netip.Addr
	}{{platform.IPv4, peer4}, {platform.IPv6, peer6}} {
		h := newHarness(t)
		h.AddLink("up0", primary4)
		h.AddAddr("up0", uplink6)
		c := openConn(t, h, tt.family)
		must(t, c.Listen(platform.Listen{VRIDs: []uint8{7}}))
		good, bad := advert(t, tt.source, 7), advert(t, tt.source, 7)
		if bad[14+7] = 254; tt.family == platform.IPv4 {
			bad[14+7], bad[14+8] = good[14+7], 254
			bad[24], bad[25] = 0, 0
			binary.BigEndian.PutUint16(bad[24:], headerSum(bad[14:34]))
		}
		// flood sends many bad packets and a good one, and returns how many were received before the good one.
		flood := func() int {
			for range 4 * ttlBurst {
				h.station.Send(bad)
			}
			h.station.Send(good)
			for n := 0; ; n++ {
				if p := receiveOne(t, h.system, c); p.TTL == 255 {
					return n
				}
			}
		}
		if n := flood(); n < ttlBurst {
			t.Errorf("%d: %d of %d were received, want at least %d", tt.family, n, 4*ttlBurst, ttlBurst)
		}
		// The filter is strict now, also when it is set again.
		must(t, c.Listen(platform.Listen{VRIDs: []uint8{7, 8}}))
		if n := flood(); n != 0 {
			t.Errorf("%d: %d packets of a continuing flood were received", tt.family, n)
		}
		h.rejoin(tt.family)
		h.station.Send(good)
		receiveOne(t, h.system, c)
		h.station.Send(bad)
		if p := receiveOne(t, h.system, c); p.TTL != 254 {
			t.Errorf("%d: TTL %d after the flood, want 254", tt.family, p.TTL)
		}
	}
}

// TestAuthenticationHeader covers messages that sockets of the VRRP protocol do not receive.
func TestAuthenticationHeader(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	c := openConn(t, h, platform.IPv4)
	openConn(t, h, platform.IPv6)
	must(t, c.Listen(platform.Listen{VRIDs: []uint8{7}}))
	inAH := func(vrid, next uint8) []byte {
		f := advert(t, peer4, vrid)
		body := append([]byte{next, 4, 0, 0, 1, 2, 3, 4, 0, 0, 0, 9, 23: 0}, f[34:]...)
		f = append(f[:34], body...)
		f[14+9], f[14+3] = frame.ProtocolAH, byte(20+len(body))
		f[24], f[25] = 0, 0
		binary.BigEndian.PutUint16(f[24:], headerSum(f[14:34]))
		return f
	}
	for range 3 {
		h.station.Send(inAH(8, frame.Protocol))
		h.station.Send(inAH(7, 50))
	}
	h.station.Send(inAH(7, frame.Protocol))
	h.station.Send(advert(t, peer4, 7))
	for range 2 {
		p := receiveOne(t, h.system, c)
		if p.Src != peer4 || p.Dst != frame.GroupIPv4 || p.TTL != 255 || len(p.Payload) != 8 || p.Payload[1] != 7 {
			t.Errorf("received %+v", p)
		}
		if !p.AH {
			continue
		}
		// The socket is closed with the last Conn, and opened again with the next one.
		must(t, c.Close())
		c = openConn(t, h, platform.IPv4)
		h.station.Send(inAH(9, frame.Protocol))
		if p := receiveOne(t, h.system, c); !p.AH || p.Payload[1] != 9 {
			t.Errorf("received %+v on another socket", p)
		}
		return
	}
	t.Error("no message in an Authentication Header was received")
}

// headerSum returns the checksum of an IPv4 header in which it is zero.
func headerSum(b []byte) uint16 {
	var s uint32
	for i := 0; i < len(b); i += 2 {
		s += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return ^uint16(s)
}

func TestHotPathAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	h := newHarness(t)
	h.AddLink("up0", primary4)
	c := openConn(t, h, platform.IPv4)
	must(t, c.Listen(platform.Listen{VRIDs: []uint8{1, 2}}))
	in := advert(t, peer4, 1)
	packets := make([]platform.Packet, 64)
	frames := make([]platform.Frame, 200)
	for i := range frames {
		frames[i] = platform.Frame{Link: c.(*conn).index, MAC: frame.MAC{0, 0, 0x5e, 0, 1, 1}, Source: primary4.Addr(), Payload: in[34:]}
	}
	announcements := []platform.Announcement{{Link: frames[0].Link, MAC: frames[0].MAC, Addr: peer4}}
	cycle := func() {
		for range 3 {
			h.station.Send(in)
		}
		for got := 0; got < 3; {
			must(t, h.system.Wait(time.Now().Add(time.Second)))
			n, err := h.system.Recv(packets)
			must(t, err)
			got += n
		}
		_, err := h.system.Send(frames)
		must(t, err)
		_, err = h.system.Announce(announcements)
		must(t, err)
		h.system.Wake()
	}
	cycle()
	// The test's own station makes three allocations, one for the address of each send.
	if n := testing.AllocsPerRun(100, cycle); n > 3 {
		t.Errorf("%v allocations in a cycle, want none beyond the 3 of the peer", n)
	}
}

// TestWaitThatKeepsItsThread checks that a wait ends in time and by a signal, also if its goroutine may not change its thread.
func TestWaitThatKeepsItsThread(t *testing.T) {
	for _, keeps := range []bool{false, true} {
		var w waiter
		must(t, w.open())
		defer w.close()
		w.keeps.Store(keeps)
		wait := func(until time.Time) {
			_, err := w.wait(time.Now(), until)
			must(t, err)
		}
		for range 100 {
			at := time.Now().Add(1500 * time.Microsecond)
			wait(at)
			if now := time.Now(); now.Before(at) {
				t.Fatalf("returned %v early", at.Sub(now))
			}
		}
		w.signal()
		wait(time.Time{})
		w.rest = time.Now().Add(time.Hour)
		go w.signal()
		wait(time.Time{})
	}
}

func TestClosed(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	c := openConn(t, h, platform.IPv4)
	waited := make(chan error)
	go func() {
		for {
			if err := h.system.Wait(time.Time{}); err != nil {
				waited <- err
				return
			}
		}
	}()
	must(t, h.system.Close())
	if err := <-waited; err == nil {
		t.Error("a wait outlived its system")
	}
	h.system.Wake()
	must(t, c.Close())
	must(t, c.Close())
	if err := c.Listen(platform.Listen{}); err == nil {
		t.Error("a closed conn listens")
	}
	if _, err := h.system.Open(1, platform.IPv4, netip.Addr{}); err == nil {
		t.Error("a closed system opens")
	}
	if _, err := h.system.Links(); err == nil {
		t.Error("a closed system has links")
	}
}

func TestReceivesOptionsAndJunk(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	c := openConn(t, h, platform.IPv4)
	// A header with the Router Alert option (RFC 2113).
	plain := advert(t, peer4, 5)
	b := append(append(append([]byte{}, plain[:34]...), 0x94, 4, 0, 0), plain[34:]...)
	b[14] = 0x46
	binary.BigEndian.PutUint16(b[16:], uint16(len(b)-14))
	b[24], b[25] = 0, 0
	binary.BigEndian.PutUint16(b[24:], headerSum(b[14:38]))
	h.station.Send(b)
	if p := receiveOne(t, h.system, c); p.TTL != 255 || len(p.Payload) != 8 || p.Payload[1] != 5 {
		t.Errorf("received %+v behind options", p)
	}
	empty, err := frame.AppendAdvert(nil, &platform.Frame{MAC: frame.MAC{2, 0, 0, 0, 0, 9}, Source: peer4})
	must(t, err)
	h.station.Send(empty)
	if p := receiveOne(t, h.system, c); len(p.Payload) != 0 || p.Src != peer4 {
		t.Errorf("received %+v of an empty message", p)
	}
}

func BenchmarkSend(b *testing.B) {
	h := newHarness(b)
	h.AddLink("up0", primary4)
	c := openConn(b, h, platform.IPv4)
	frames := make([]platform.Frame, 250)
	payload := advert(b, peer4, 1)[34:]
	for i := range frames {
		frames[i] = platform.Frame{Link: c.(*conn).index, MAC: frame.MAC{0, 0, 0x5e, 0, 1, byte(i)}, Source: primary4.Addr(), Payload: payload}
	}
	b.ReportAllocs()
	for b.Loop() {
		if n, err := h.system.Send(frames); err != nil {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(frames)), "ns/frame")
}

func BenchmarkReceive(b *testing.B) {
	h := newHarness(b)
	h.AddLink("up0", primary4)
	c := openConn(b, h, platform.IPv4)
	must(b, c.Listen(platform.Listen{VRIDs: []uint8{1}}))
	in := advert(b, peer4, 1)
	packets := make([]platform.Packet, 32)
	b.ReportAllocs()
	var spent time.Duration
	for b.Loop() {
		for range packets {
			h.station.Send(in)
		}
		for got := 0; got < len(packets); {
			must(b, h.system.Wait(time.Now()))
			start := time.Now()
			n, err := h.system.Recv(packets)
			spent += time.Since(start)
			must(b, err)
			got += n
		}
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N*len(packets)), "ns/packet")
}

// BenchmarkReceiveLibrary is BenchmarkReceive with golang.org/x/net/ipv4, for comparison: it allocates the source of each packet
// and the control messages, and its socket wakes the runtime's poller for every packet.
func BenchmarkReceiveLibrary(b *testing.B) {
	h := newHarness(b)
	h.AddLink("up0", primary4)
	openConn(b, h, platform.IPv4) // for the membership
	var fd int
	must(b, inside(h.router, func() (err error) {
		fd, err = openReceiver(platform.IPv4, "", 0, leastBuffer)
		return err
	}))
	accept, err := (&rule{vrids: vridSet{1 << 1}}).program(platform.IPv4)
	must(b, err)
	must(b, setFilter(fd, accept))
	f := os.NewFile(uintptr(fd), "raw")
	c, err := net.FilePacketConn(f)
	must(b, err)
	must(b, f.Close())
	defer func() { _ = c.Close() }()
	p := ipv4.NewPacketConn(c)
	in := advert(b, peer4, 1)
	messages := make([]ipv4.Message, 32)
	for i := range messages {
		messages[i].Buffers, messages[i].OOB = [][]byte{make([]byte, roomIPv4)}, make([]byte, roomControl)
	}
	b.ReportAllocs()
	var spent time.Duration
	for b.Loop() {
		for range messages {
			h.station.Send(in)
		}
		for got := 0; got < len(messages); {
			start := time.Now()
			n, err := p.ReadBatch(messages, 0)
			for i := range messages[:n] {
				var control ipv4.ControlMessage
				must(b, control.Parse(messages[i].OOB[:messages[i].NN]))
			}
			spent += time.Since(start)
			must(b, err)
			got += n
		}
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N*len(messages)), "ns/packet")
}
