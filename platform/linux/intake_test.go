// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/platformtest"
)

// rejoin lets the isolated interfaces join the others again, as after a long calm.
func (h *harness) rejoin(family platform.Family) {
	h.t.Helper()
	must(h.t, h.system.Wait(time.Now()))
	in := h.system.intake(family)
	in.mu.Lock()
	for _, o := range in.isolations.list {
		o.count, o.calmSince = 0, time.Now().Add(-time.Hour)
	}
	in.isolations.since = time.Time{}
	in.mu.Unlock()
	must(h.t, h.system.Wait(time.Now()))
}

// isolated returns the isolated interfaces.
func (h *harness) isolated(family platform.Family) []uint32 {
	in := h.system.intake(family)
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.isolations.links()
}

// open opens a Conn of any interface.
func (h *harness) open(name string, family platform.Family, l platform.Listen) (c platform.Conn, link int) {
	h.t.Helper()
	link = h.link(name).Attrs().Index
	c, err := h.system.Open(link, family, netip.Addr{})
	must(h.t, err)
	h.t.Cleanup(func() { _ = c.Close() })
	must(h.t, c.Listen(l))
	return c, link
}

// next returns the next packet.
func (h *harness) next() platform.Packet {
	h.t.Helper()
	p := make([]platform.Packet, 1)
	for end := time.Now().Add(platformtest.Patience); time.Now().Before(end); {
		n, err := h.system.Recv(p)
		must(h.t, err)
		if n > 0 {
			p[0].Payload = slices.Clone(p[0].Payload)
			return p[0]
		}
		must(h.t, h.system.Wait(end))
	}
	h.t.Fatal("no packet came")
	return platform.Packet{}
}

// TestManyInterfaces has more interfaces than a socket may have memberships, also where that is fewer than usual.
func TestManyInterfaces(t *testing.T) {
	for _, limit := range []int{perSocket, 3} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			h := newHarness(t)
			must(t, inside(h.router, func() error {
				return os.WriteFile("/proc/sys/net/ipv4/igmp_max_memberships", []byte(fmt.Sprint(limit)), 0)
			}))
			const links = 2*perSocket + 3
			var conns []platform.Conn
			var peers []*net.Interface
			want := make(map[int]int)
			for i := range links {
				name, peer := fmt.Sprintf("up%d", i), fmt.Sprintf("peer%d", i)
				must(t, h.r.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: peer}))
				must(t, h.r.LinkSetUp(h.link(name)))
				must(t, h.r.LinkSetUp(h.link(peer)))
				peers = append(peers, &net.Interface{Index: h.link(peer).Attrs().Index})
				for _, family := range []platform.Family{platform.IPv4, platform.IPv6} {
					c, link := h.open(name, family, platform.Listen{VRIDs: []uint8{7}})
					want[link]++
					conns = append(conns, c)
				}
			}
			var out int
			must(t, inside(h.router, func() (err error) { out, err = openSender(); return err }))
			defer func() { _ = unix.Close(out) }()
			hear := func() map[int]int {
				for _, p := range peers {
					for _, source := range []netip.Addr{peer4, peer6} {
						must(t, unix.Sendto(out, advert(t, source, 7), 0, &unix.SockaddrLinklayer{Ifindex: p.Index}))
					}
				}
				got := make(map[int]int)
				for range want {
					got[h.next().Link]++
					got[h.next().Link]++
				}
				return got
			}
			if got := hear(); !maps.Equal(got, want) {
				t.Errorf("received by interface: %v, want two on each of %d", got, len(want))
			}
			// The memberships that end make room for others.
			for _, c := range conns[:20] {
				delete(want, c.(*conn).index)
				must(t, c.Close())
			}
			for i := range 10 {
				_, link := h.open(fmt.Sprintf("up%d", i), platform.IPv4, platform.Listen{VRIDs: []uint8{7}})
				h.open(fmt.Sprintf("up%d", i), platform.IPv6, platform.Listen{VRIDs: []uint8{7}})
				want[link] = 2
			}
			if got := hear(); !maps.Equal(got, want) {
				t.Errorf("received by interface: %v, want two on each of %d", got, len(want))
			}
		})
	}
}

// TestPatience checks what ends Wait at once and what may wait.
func TestPatience(t *testing.T) {
	all := []uint8{7, 8, 9}
	for _, tt := range []struct {
		family platform.Family
		source netip.Addr
		vrids  []uint8
	}{{platform.IPv4, peer4, all}, {platform.IPv6, peer6, all}, {platform.IPv4, peer4, nil}} {
		t.Run(fmt.Sprint(tt.family, tt.vrids), func(t *testing.T) {
			h := newHarness(t)
			h.AddLink("up0", primary4)
			h.AddLink("up1")
			const patience = time.Hour
			h.open("up0", tt.family, platform.Listen{VRIDs: tt.vrids, Urgent: []uint8{8}, Patience: patience})
			_, master := h.open("up1", tt.family, platform.Listen{VRIDs: []uint8{9}}) // all of it is urgent
			send := func(vrid, priority uint8) {
				b := advert(t, tt.source, vrid)
				b[len(b)-6] = priority
				h.station.Send(b)
			}
			// The first packet begins the rest.
			settled := func() bool {
				in := h.system.intake(tt.family)
				in.mu.Lock()
				defer in.mu.Unlock()
				return in.patience == patience
			}
			for !settled() {
				must(t, h.system.Wait(time.Now().Add(time.Millisecond)))
			}
			send(7, 100)
			h.next()
			if tt.vrids != nil {
				// Nobody wants these.
				for _, priority := range []uint8{0, 100} {
					send(99, priority)
				}
				until := time.Now().Add(20 * time.Millisecond)
				must(t, h.system.Wait(until))
				if now := time.Now(); now.Before(until) {
					t.Errorf("an unknown VRID ended Wait %s early", until.Sub(now))
				}
			}
			// read waits until the packets of a list have come; each Wait ends at an urgent one.
			for _, last := range []struct{ vrid, priority uint8 }{{8, 100}, {7, 0}, {9, 100}} {
				send(7, 100)
				until := time.Now().Add(20 * time.Millisecond)
				must(t, h.system.Wait(until))
				if now := time.Now(); now.Before(until) {
					t.Errorf("a patient packet ended Wait %s early", until.Sub(now))
				}
				send(last.vrid, last.priority)
				late := time.Now().Add(platformtest.Patience)
				must(t, h.system.Wait(late))
				if !time.Now().Before(late) {
					t.Errorf("VRID %d with priority %d did not end Wait", last.vrid, last.priority)
				}
				var got []uint8
				p := make([]platform.Packet, 8)
				for end := time.Now().Add(platformtest.Patience); len(got) < 2 && time.Now().Before(end); {
					n, err := h.system.Recv(p)
					must(t, err)
					for _, q := range p[:n] {
						if q.Link != master {
							got = append(got, q.Payload[1])
						}
					}
				}
				if !slices.Equal(got, []uint8{7, last.vrid}) {
					t.Errorf("received %v, want 7 and %d in this order", got, last.vrid)
				}
			}
		})
	}
}

// TestFloodIsIsolated floods one interface: the others receive everything, and so does the flooded one afterwards. No packet
// overtakes another when the interface gets its own socket, or loses it.
func TestFloodIsIsolated(t *testing.T) {
	for _, tt := range []struct {
		family platform.Family
		source netip.Addr
	}{{platform.IPv4, peer4}, {platform.IPv6, peer6}} {
		t.Run(fmt.Sprint(tt.family), func(t *testing.T) {
			h := newHarness(t)
			h.AddLink("up0", primary4)
			h.AddLink("up1")
			_, flooded := h.open("up0", tt.family, platform.Listen{VRIDs: []uint8{7}})
			_, calm := h.open("up1", tt.family, platform.Listen{VRIDs: []uint8{8}})
			// Packets are numbered by their priority, in turns.
			number := 0
			send := func() {
				b := advert(t, tt.source, 7)
				b[len(b)-6] = byte(1 + number%200)
				copy(b, h.link("up0").Attrs().HardwareAddr) // to this interface only
				number++
				h.station.Send(b)
			}
			last := -1
			receive := func(n int) {
				t.Helper()
				for range n {
					p := h.next()
					if p.Link != flooded {
						t.Fatalf("received %+v", p)
					}
					at := int(p.Payload[2]) - 1
					// The same packets may come twice, but again in their order; none is left out.
					if last >= 0 && at != (last+1)%200 && at != last {
						t.Fatalf("packet %d came after %d", at, last)
					}
					last = at
				}
			}
			elsewhere := func() {
				t.Helper()
				h.station.Send(advert(t, tt.source, 8))
				if p := h.next(); p.Link != calm {
					t.Errorf("received %+v", p)
				}
			}
			for range floodLimit + floodPerRouter + 100 {
				send()
			}
			read := 0
			for len(h.isolated(tt.family)) == 0 {
				receive(1)
				if read++; read == number {
					t.Fatal("the flood is not noticed")
				}
			}
			for range 10 {
				send() // these come to the new socket, while others wait at the main one
			}
			receive(number - read)
			if got := h.isolated(tt.family); !slices.Equal(got, []uint32{uint32(flooded)}) {
				t.Fatalf("isolated are %v, want %d", got, flooded)
			}
			for range 100 {
				send()
			}
			receive(100)
			elsewhere()
			for range 10 {
				send() // these wait when the interface joins the others again
			}
			h.rejoin(tt.family)
			if got := h.isolated(tt.family); len(got) > 0 {
				t.Fatalf("still isolated: %v", got)
			}
			for range 10 {
				send()
			}
			receive(20)
			elsewhere()
		})
	}
}

// TestStrangersAreExcluded floods an interface that is not ours, where another program wants VRRP packets.
func TestStrangersAreExcluded(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	h.AddLink("up1")
	stranger := h.link("up1").Attrs().Index
	other := memberships{family: platform.IPv4}
	_, err := other.join(h.system, "up1", stranger)
	must(t, err)
	defer other.release()
	_, ours := h.open("up0", platform.IPv4, platform.Listen{VRIDs: []uint8{8}})
	p := make([]platform.Packet, 1)
	for n := 0; len(h.isolated(platform.IPv4)) == 0; n++ {
		if n > 100*floodLimit {
			t.Fatal("the flood is not noticed")
		}
		b := advert(t, peer4, 8)
		copy(b, h.link("up1").Attrs().HardwareAddr) // to this interface only
		h.station.Send(b)
		if n, err := h.system.Recv(p); n > 0 && p[0].Link != ours || err != nil {
			t.Fatalf("received %+v, %v", p[:n], err)
		}
		must(t, h.system.Wait(time.Now()))
	}
	if got := h.isolated(platform.IPv4); !slices.Equal(got, []uint32{uint32(stranger)}) {
		t.Errorf("excluded are %v, want %d", got, stranger)
	}
	h.station.Send(advert(t, peer4, 8))
	if p := h.next(); p.Link != ours {
		t.Errorf("received %+v", p)
	}
}

// TestLostPacketsAreCounted fills the buffer.
func TestLostPacketsAreCounted(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", primary4)
	h.open("up0", platform.IPv4, platform.Listen{VRIDs: []uint8{7}})
	must(t, unix.SetsockoptInt(h.system.intake(platform.IPv4).main, unix.SOL_SOCKET, unix.SO_RCVBUF, 1))
	for range 50 {
		h.station.Send(advert(t, peer4, 7))
	}
	for h.system.Lost() == 0 {
		h.next() // fails if none comes
		h.station.Send(advert(t, peer4, 7))
	}
	if lost := h.system.Lost(); lost > 51 {
		t.Errorf("%d packets were lost", lost)
	}
}
