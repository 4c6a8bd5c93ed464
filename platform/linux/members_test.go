// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
	"vrrpsh/platform/platformtest"
)

const igmpSample = `Idx	Device    : Count Querier	Group    Users Timer	Reporter
1	lo        :     1      V3
				010000E0     1 0:00000000		0
2	eth0      :     3      V3
				120000E0     2 0:00000000		0
				010000E0     1 0:00000000		0
17	eth0.900  :     1      V3
				010000E0     1 0:00000000		0
18	a name    :     2      V3
				120000E0     1 0:00000000		0
`

const igmp6Sample = `1    lo              ff020000000000000000000000000001     1 0000000C 0
2    eth0            ff020000000000000000000000000012     1 00000004 0
2    eth0            ff020000000000000000000000000001     1 0000000C 0
17   eth0.900        ff010000000000000000000000000012     1 00000008 0
23   eth1            ff020000000000000000000000000012     2 00000004 0
`

func TestMemberships(t *testing.T) {
	four, err := parseIGMP([]byte(igmpSample))
	must(t, err)
	if want := map[int]bool{2: true, 18: true}; !maps.Equal(four, want) {
		t.Errorf("IPv4: %v, want %v", four, want)
	}
	six, err := parseIGMP6([]byte(igmp6Sample))
	must(t, err)
	if want := map[int]bool{2: true, 23: true}; !maps.Equal(six, want) {
		t.Errorf("IPv6: %v, want %v", six, want)
	}
}

// TestBrokenSockets makes the kernel forget what sockets need, while a watch is held up like that of a stopped router; each
// broken socket is reported once, and a new one works.
func TestBrokenSockets(t *testing.T) {
	away := func(h *harness, up netlink.Link) { // to another namespace and back
		index := up.Attrs().Index
		empty, handle := newNamespace(h.t)
		must(h.t, h.r.LinkSetNsFd(up, int(empty)))
		there, err := handle.LinkByName("up0")
		must(h.t, err)
		must(h.t, handle.LinkSetNsFd(there, int(h.router)))
		if now := h.link("up0").Attrs().Index; now != index {
			h.t.Errorf("the interface came back with index %d, it had %d", now, index)
		}
		must(t, h.r.LinkSetUp(h.link("up0")))
		h.AddAddr("up0", primary4)
	}
	mtu := func(h *harness, up netlink.Link) {
		must(t, h.r.LinkSetMTU(up, 1200))
		must(t, h.r.LinkSetMTU(up, 1500))
	}
	for _, tt := range []struct {
		name   string
		harm   func(*harness, netlink.Link)
		broken []platform.Family
	}{
		{"MTU", mtu, []platform.Family{platform.IPv6}},
		{"namespace", away, []platform.Family{platform.IPv4, platform.IPv6}},
		{"down and up", func(h *harness, up netlink.Link) {
			must(t, h.r.LinkSetDown(up))
			must(t, h.r.LinkSetUp(up))
		}, nil},
		{"all addresses", func(h *harness, _ netlink.Link) {
			h.DelAddr("up0", primary4)
			h.AddAddr("up0", primary4)
		}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHarness(t)
			h.AddLink("up0", primary4)
			h.AddAddr("up0", uplink6)
			four, six := openConn(t, h, platform.IPv4), openConn(t, h, platform.IPv6)
			conns := map[platform.Family]platform.Conn{platform.IPv4: four, platform.IPv6: six}

			ctx, cancel := context.WithCancel(t.Context())
			told, hold, held, done := make(chan platform.Socket, 100), make(chan struct{}), make(chan struct{}), make(chan error, 1)
			calls := 0
			go func() {
				done <- h.system.Watch(ctx, func(u platform.Update) {
					for _, s := range u.Broken {
						told <- s
					}
					if calls++; calls == 1 {
						close(held)
						<-hold
					}
				})
			}()
			release := sync.OnceFunc(func() { close(hold) })
			defer func() { release(); cancel(); must(t, <-done) }()
			<-held
			tt.harm(h, h.link("up0"))
			release()
			index := h.link("up0").Attrs().Index
			var got []platform.Family
			for late := time.After(platformtest.Patience); len(got) < len(tt.broken); {
				select {
				case s := <-told:
					if s.Link != index {
						t.Errorf("reported interface %d", s.Link)
					}
					got = append(got, s.Family)
				case <-late:
					t.Fatalf("reported as broken: %v, want %v", got, tt.broken)
				}
			}
			if slices.Sort(got); !slices.Equal(got, tt.broken) {
				t.Errorf("reported as broken: %v, want %v", got, tt.broken)
			}
			h.probe("up0")
			for _, family := range tt.broken {
				old := conns[family]
				conns[family] = openConn(t, h, family)
				must(t, old.Close())
			}
			// Another check reports nothing twice, and no fault of the other sockets.
			if again := h.system.brokenSockets(func(int) bool { return true }); len(again) > 0 {
				t.Errorf("reported again: %v", again)
			}
			for family, source := range map[platform.Family]netip.Addr{platform.IPv4: peer4, platform.IPv6: peer6} {
				h.station.Send(advert(t, source, 7))
				if p := receiveOne(t, h.system, conns[family]); p.Src != source {
					t.Errorf("received %+v", p)
				}
				n, err := h.system.Send([]platform.Frame{{Link: index, MAC: frame.MAC{2, 0, 0, 0, 0, 1}, Source: source, Payload: []byte{0x31, 7}}})
				if n != 1 || err != nil {
					t.Errorf("IPv%d: sent %d, %v", family, n, err)
				}
			}
		})
	}
}
