// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// recount makes a VRRPv2 IPv4 frame declare more addresses than it contains, like the earlier daemon.
func recount(frame []byte, count byte) []byte {
	const message = 14 + 20
	more := uint16(count - frame[message+3])
	frame[message+3] = count
	sum := frame[message+6:]
	s := uint32(^binary.BigEndian.Uint16(sum)) + uint32(more)
	binary.BigEndian.PutUint16(sum, ^uint16(s>>16+s))
	return frame
}

// TestForeignMessages delivers messages of other implementations to a router with all defaults, including the socket filter.
func TestForeignMessages(t *testing.T) {
	parallel(t)
	l := lab.New(t, 1)
	n := l.Routers[0]
	g := lab.Group{VRID: 51, Version: 2, Interval: time.Second}
	base := lab.Forged{
		MAC: net.HardwareAddr{2, 0, 0, 0, 0, 9}, Src: netip.MustParseAddr("192.0.2.9"), VIP: netip.MustParseAddr(lab.VIP),
		Version: 2, VRID: 51, Priority: 200, Interval: time.Second,
	}
	forwarded := base
	forwarded.TTL = 64
	carp := base.Frame()
	copy(carp[34:], []byte{0x21, 51, 0, 7, 0, 1, 0, 0})
	carp = append(carp[:34+8], make([]byte, 28)...)
	carp[14+3] = 20 + 36
	carp[24], carp[25] = 0, 0
	var s uint32
	for i := 14; i < 34; i += 2 {
		s += uint32(binary.BigEndian.Uint16(carp[i:]))
	}
	binary.BigEndian.PutUint16(carp[24:], ^uint16(s>>16+s))
	for _, tt := range []struct {
		name    string
		strict  bool
		frame   []byte
		state   string
		shows   string
		explain string
	}{
		{"the earlier daemon", false, recount(base.Frame(), 2), "Backup", "Accepted despite length: ", "the Master 192.0.2.9 has the higher priority, 200 against "},
		{"the earlier daemon, strictly", true, recount(base.Frame(), 2), "Master", "Dropped because of length: ", "\"rfc3768\" accepts the latter"},
		{"a wrong TTL", false, forwarded.Frame(), "Master", "Dropped because of ttl: ", "such packets were forwarded by another router, or forged"},
		{"CARP", false, carp, "Master", "Dropped because of carp: ", "CARP uses the virtual MAC of the group with the same number"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := g
			if tt.strict {
				g.Extra = "rfc3768 = false\n"
			}
			v := l.Vrrpsh(bin, n, g)
			v.Start()
			v.WaitReady()
			// The frames arrive like adverts.
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for {
					l.Deliver(n, tt.frame)
					select {
					case <-stop:
						return
					case <-time.After(300 * time.Millisecond):
					}
				}
			}()
			defer func() { close(stop); <-stopped; v.Stop() }()
			waitShow(t, v, "show vrrp", tt.shows)
			v.WaitState(tt.state, patience)
			lab.Until(t, patience, "explain says "+tt.explain, func() error {
				if out := strings.Join(strings.Fields(v.Show("show", "vrrp", "explain")), " "); !says(out, tt.explain) {
					return fmt.Errorf("output\n%s", out)
				}
				return nil
			})
		})
	}
}

// keepalivedWith runs a keepalived with the given configuration for group 51 on eth0.
func keepalivedWith(l *lab.Lab, n *lab.Namespace, version int, lines string) {
	conf := l.File(n.Role+"-keepalived.conf", fmt.Sprintf("global_defs {\n vrrp_version %d\n router_id %s\n}\n"+
		"vrrp_instance v51 {\n state BACKUP\n interface eth0\n virtual_router_id 51\n priority 200\n advert_int 1\n%s\n}\n", version, n.Role, lines))
	pid := func(kind string) string { return l.Dir + "/" + n.Role + "-" + kind + ".pid" }
	l.Start(n, "keepalived", "keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file", conf, "--pid", pid("keepalived"), "--vrrp_pid", pid("vrrp"))
}

// TestPeerWithAH runs beside a keepalived that sends VRRP in IPsec Authentication Headers: both are Master, and the reason is
// shown.
func TestPeerWithAH(t *testing.T) {
	parallel(t)
	l := lab.New(t, 2)
	keepalivedWith(l, l.Routers[1], 2, " authentication {\n  auth_type AH\n  auth_pass geheim\n }\n virtual_ipaddress {\n  "+lab.VIP+"/24\n }")
	v := l.Vrrpsh(bin, l.Routers[0], lab.Group{VRID: 51, Version: 2, Interval: time.Second})
	v.Start()
	waitReadyShow := func(command, want string) {
		t.Helper()
		lab.Until(t, patience, command+" says "+want, func() error {
			if out := strings.Join(strings.Fields(v.Show(strings.Fields(command)...)), " "); !says(out, want) {
				return fmt.Errorf("output\n%s", out)
			}
			return nil
		})
	}
	v.WaitReady()
	waitReadyShow("show vrrp", "Dropped because of ah: ")
	waitReadyShow("show vrrp explain", "from 192.0.2.2: it sends VRRP in an IPsec Authentication Header (protocol 51, \"auth_type AH\" of keepalived), which vrrpsh does not support, and both may become Master.")
	sniffer := l.Start(l.Routers[0], "sniffer", bin, "-m0", "-i", "eth0")
	lab.Until(t, patience, "the sniffer names it", func() error {
		if out := sniffer.Log(); !strings.Contains(out, "192.0.2.2 > 224.0.0.18 AH VRRPv2 group 51 priority 200") {
			return fmt.Errorf("output\n%s", out)
		}
		return nil
	})
}

// TestPeerWithoutAddresses runs beside a keepalived with only excluded addresses, which keepalived supports only with VRRPv2.
func TestPeerWithoutAddresses(t *testing.T) {
	parallel(t)
	l := lab.New(t, 2)
	keepalivedWith(l, l.Routers[1], 2, " virtual_ipaddress_excluded {\n  "+lab.VIP+"/24\n }")
	wire := l.Capture()
	wire.WaitMaster("r2", time.Now(), patience)
	v := l.Vrrpsh(bin, l.Routers[0], lab.Group{VRID: 51, Version: 2, Interval: time.Second})
	v.Start()
	v.WaitReady()
	waitShow(t, v, "show vrrp", "Accepted despite address-list: ")
	waitShow(t, v, "show vrrp", "Master Router is 192.0.2.2, priority is 200")
	v.Script("configure", "interface eth0 vrrp 51 no rfc3768", "commit", "end")
	waitShow(t, v, "show vrrp", "Dropped because of no-addresses: ")
	v.WaitState("Master", patience)
}
