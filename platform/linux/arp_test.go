// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/frame"
)

var (
	vip4       = netip.MustParsePrefix("10.9.0.254/24")
	vmac       = frame.MAC{0, 0, 0x5e, 0, 1, 51}
	stationMAC = frame.MAC{2, 0, 0, 0, 0, 9}
)

// arpRequest asks for an address from the station.
func arpRequest(target netip.Addr) []byte {
	b := append([]byte{}, frame.Broadcast[:]...)
	b = append(b, stationMAC[:]...)
	b = append(b, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1)
	b = append(b, stationMAC[:]...)
	b = append(b, peer4.AsSlice()...)
	b = append(b, 0, 0, 0, 0, 0, 0)
	return append(b, target.AsSlice()...)
}

// datagram is a UDP datagram to port 9 at an address, in a frame to any MAC.
func datagram(to frame.MAC, addr netip.Addr, text string) []byte {
	b, _ := frame.AppendAdvert(nil, &platform.Frame{MAC: stationMAC, Source: peer4, Payload: append([]byte{0, 9, 0, 9, 0, byte(8 + len(text)), 0, 0}, text...)})
	copy(b, to[:])
	b[14+9] = unix.IPPROTO_UDP
	copy(b[14+16:], addr.AsSlice())
	b[24], b[25] = 0, 0
	var s uint32
	for i := 14; i < 34; i += 2 {
		s += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	s = s>>16 + s&0xffff
	binary.BigEndian.PutUint16(b[24:], ^uint16(s+s>>16))
	return b
}

// answers sends a request for each address in turn and returns the answers in order, up to
// the answer for the last address.
func answers(t *testing.T, h *harness, targets ...netip.Addr) []string {
	t.Helper()
	for _, a := range targets {
		h.station.Send(arpRequest(a))
	}
	var got []string
	for {
		raw, ok := h.station.Receive(5 * time.Second)
		if !ok {
			t.Fatalf("no answer for %v, only %v", targets[len(targets)-1], got)
		}
		p, err := frame.Parse(raw)
		must(t, err)
		if p.Kind != frame.ARP || p.Operation != 2 {
			continue
		}
		if p.Src != p.SenderMAC {
			t.Errorf("an answer with the address %x comes from %x", p.SenderMAC, p.Src)
		}
		got = append(got, answer1(p.SenderIP, p.SenderMAC))
		if p.SenderIP == targets[len(targets)-1] {
			return got
		}
	}
}

func answer1(a netip.Addr, mac frame.MAC) string { return fmt.Sprintf("%v is at %x", a, mac) }

func setSysctls(t *testing.T, h *harness, values map[string]string) {
	t.Helper()
	must(t, inside(h.router, func() error {
		for name, v := range values {
			if err := os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(v), 0); err != nil {
				return err
			}
		}
		return nil
	}))
}

// TestVirtualAddressIsAtTheVirtualMAC checks ARP from the LAN, with the kernel settings of
// distributions and with difficult ones.
func TestVirtualAddressIsAtTheVirtualMAC(t *testing.T) {
	for name, settings := range map[string]map[string]string{
		"defaults":      {"ip_forward": "1"},
		"strict routes": {"ip_forward": "1", "conf/all/rp_filter": "1", "conf/default/rp_filter": "1"},
		"odd defaults": {"ip_forward": "1", "conf/default/rp_filter": "1", "conf/default/arp_filter": "1",
			"conf/default/proxy_arp": "1", "conf/default/arp_ignore": "2"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.AddLink("up0", primary4)
			setSysctls(t, h, settings)
			if name != "defaults" {
				setSysctls(t, h, map[string]string{"conf/up0/rp_filter": "1"})
			}
			own := h.Kernel().Links["up0"].MAC
			primaryAt, vipAt := answer1(primary4.Addr(), own), answer1(vip4.Addr(), vmac)
			a := platform.Attachment{ID: platform.ID{Link: "up0", Family: platform.IPv4, VRID: 51}, Link: h.link("up0").Attrs().Index,
				Macvlan: true, Name: "standby51", MAC: vmac, Addrs: []netip.Prefix{vip4}, Present: true}
			other := netip.MustParseAddr("10.9.0.99") // a host on the LAN that does not answer
			var port *net.UDPConn
			must(t, inside(h.router, func() (err error) {
				port, err = net.ListenUDP("udp4", &net.UDPAddr{Port: 9})
				return err
			}))
			defer func() { _ = port.Close() }()
			must(t, port.SetReadDeadline(time.Now().Add(20*time.Second)))
			next := func() string {
				t.Helper()
				var b [64]byte
				n, _, err := port.ReadFrom(b[:])
				must(t, err)
				return string(b[:n])
			}

			for range 2 {
				a.Active = false
				must(t, h.system.Apply([]platform.Attachment{a})[0])
				if d := cmp.Diff([]string{primaryAt}, answers(t, h, vip4.Addr(), other, primary4.Addr())); d != "" {
					t.Errorf("answers of a Backup (-want +got):\n%s", d)
				}
				h.station.Send(datagram(vmac, primary4.Addr(), "to the virtual MAC"))
				h.station.Send(datagram(own, primary4.Addr(), "to the own MAC"))
				if got := next(); got != "to the own MAC" {
					t.Errorf("a Backup receives packets sent %s", got)
				}

				a.Active = true
				must(t, h.system.Apply([]platform.Attachment{a})[0])
				if d := cmp.Diff([]string{primaryAt, vipAt}, answers(t, h, primary4.Addr(), other, vip4.Addr())); d != "" {
					t.Errorf("answers of a Master (-want +got):\n%s", d)
				}
				h.station.Send(datagram(vmac, vip4.Addr(), "to the virtual address"))
				if got := next(); got != "to the virtual address" {
					t.Errorf("a Master receives packets sent %s", got)
				}
			}

			// A packet from the virtual address makes the router ask for a host's MAC.
			must(t, inside(h.router, func() error {
				c, err := net.DialUDP("udp4", &net.UDPAddr{IP: vip4.Addr().AsSlice()}, &net.UDPAddr{IP: other.AsSlice(), Port: 9})
				if err != nil {
					return err
				}
				defer func() { _ = c.Close() }()
				_, err = c.Write([]byte("x"))
				return err
			}))
			for {
				raw, ok := h.station.Receive(5 * time.Second)
				if !ok {
					t.Fatal("the router did not ask")
				}
				p, err := frame.Parse(raw)
				must(t, err)
				if p.Kind != frame.ARP || p.TargetIP != other {
					continue
				}
				if p.SenderIP != primary4.Addr() || p.SenderMAC != own {
					t.Errorf("the router asks as %s", answer1(p.SenderIP, p.SenderMAC))
				}
				break
			}
		})
	}
}
