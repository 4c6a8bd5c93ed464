// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package uml

import (
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

// TestLinks runs virtual routers on VLANs and bonds, beside keepalived: one link of a bond fails and nobody takes over, both
// fail and the Backup takes over, and the Master dies.
func TestLinks(t *testing.T) {
	g := lab.Group{VRID: vrid, Version: 3, Interval: 300 * time.Millisecond}
	macvlan, macvlan6 := g, g
	macvlan.Macvlan = true
	macvlan6.Macvlan, macvlan6.IPv6 = true, true
	for _, tt := range []struct {
		wiring     wiring
		group      lab.Group
		kind       string
		keepalived bool
	}{
		{wiring{vlan: true}, g, "ether", true},
		{wiring{vlan: true}, macvlan6, "macvlan IPv6", false},
		{wiring{bond: true}, g, "ether", false},
		{wiring{bond: true}, macvlan, "macvlan", true},
		{wiring{vlan: true, bond: true}, macvlan, "macvlan", true},
		{wiring{vlan: true, bond: true}, macvlan6, "macvlan IPv6", true},
	} {
		peer := "vrrpsh"
		if tt.keepalived {
			peer = "keepalived"
		}
		t.Run(tt.wiring.String()+" "+tt.kind+" "+peer, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, tt.wiring, tt.group, tt.keepalived)
			p.waitMaster(p.r1, patience)
			down := tt.group.MasterDown(100)
			if tt.wiring.bond {
				oneLinkFails(p)
				bothLinksFail(p, down)
			}
			p.swing("Master killed", down+slack, func() { p.r1.Kill() })
			p.swing("Master stopped", tt.group.SkewTime(100)+slack, func() { p.r1.Stop() })
		})
	}
}

// oneLinkFails takes one link of the Master's bond after the other away, and gives it back: it stays Master. What
// the bond needs to notice, and the switches to learn where the virtual MAC address is, is one interval.
func oneLinkFails(p *pair) {
	p.t.Helper()
	unchanged := steady(p.t, p.r1)
	for _, port := range []string{"r1", p.lab.Routers[0].SecondPort()} {
		since := time.Now()
		p.lab.CutPort(port)
		lab.Until(p.t, patience, "the bond has changed over", func() error {
			if text := p.lab.Routers[0].Run("cat", "/proc/net/bonding/"+bondName(p.w)); strings.Contains(text, "Active Slave: None") ||
				!strings.Contains(text, "MII Status: down") {
				return errNotYet
			}
			return nil
		})
		p.ping.WaitAnswer(time.Now(), patience)
		if late := p.late("link "+port+" fails", since, 2*miimon+p.g.Interval+slack); late != "" {
			p.t.Error(late)
		}
		p.waitMaster(p.r1, patience)
		p.lab.JoinPort(port)
		lab.Until(p.t, patience, "the bond has both of its links again", func() error {
			if text := p.lab.Routers[0].Run("cat", "/proc/net/bonding/"+bondName(p.w)); strings.Contains(text, "MII Status: down") {
				return errNotYet
			}
			return nil
		})
	}
	unchanged("one link of the bond fails")
}

// bothLinksFail cuts the Master's bond off.
func bothLinksFail(p *pair, down time.Duration) {
	p.t.Helper()
	second := p.lab.Routers[0].SecondPort()
	since := time.Now()
	p.lab.CutPort("r1")
	p.lab.CutPort(second)
	p.waitMaster(p.r2, patience)
	p.r1.WaitState("Init", patience)
	p.ping.WaitAnswer(time.Now(), patience)
	if late := p.late("the bond fails", since, down+2*miimon+slack); late != "" {
		p.t.Error(late)
	}
	p.lab.JoinPort(second)
	p.waitMaster(p.r1, patience)
	p.lab.JoinPort("r1")
	p.r1.WaitState("Master", patience)
}

// TestMembers makes the interface of a Master a member of a bond and of a team: it gives up and says where to run.
func TestMembers(t *testing.T) {
	for _, kind := range []string{"bond", "team"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			g := lab.Group{VRID: vrid, Version: 3, Interval: 300 * time.Millisecond}
			p := newPair(t, wiring{}, g, false)
			n := p.lab.Routers[0]
			n.IP("link add upper type " + kind)
			n.IP("link set eth0 down", "link set eth0 master upper", "link set eth0 up")
			p.r1.WaitState("Init", patience)
			p.waitMaster(p.r2, patience)
			want := "eth0 is a port of upper: run on upper"
			lab.Until(t, patience, "the fault is shown", func() error {
				if !strings.Contains(p.r1.Show("show", "vrrp"), want) {
					return errNotYet
				}
				return nil
			})
			n.IP("link set eth0 nomaster", "link set eth0 up", "addr replace "+n.Addr+"/24 dev eth0")
			p.waitMaster(p.r1, patience)
		})
	}
}
