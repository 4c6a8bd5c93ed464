// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"vrrpsh/platform"
	"vrrpsh/platform/platformtest"
)

func TestRouteScenarios(t *testing.T) {
	platformtest.RunRoutes(t, func(t *testing.T) platformtest.RouteHarness { return newHarness(t) })
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func (h *harness) AddRoute(to netip.Prefix, hop netip.Addr, metric uint32) {
	h.t.Helper()
	must(h.t, h.r.RouteAdd(&netlink.Route{Dst: ipNet(to), Gw: hop.AsSlice(), Priority: int(metric), Protocol: unix.RTPROT_STATIC}))
}

func (h *harness) DelRoute(to netip.Prefix) {
	h.t.Helper()
	must(h.t, h.r.RouteDel(&netlink.Route{Dst: ipNet(to)}))
}

func (h *harness) Routes() []platform.Route {
	h.t.Helper()
	all, err := h.r.RouteList(nil, netlink.FAMILY_V4)
	must(h.t, err)
	var list []platform.Route
	for _, r := range all {
		via, ok := netip.AddrFromSlice(r.Gw)
		if !ok {
			continue
		}
		to := netip.MustParsePrefix("0.0.0.0/0")
		if r.Dst != nil {
			to = netip.MustParsePrefix(r.Dst.String())
		}
		list = append(list, platform.Route{
			Destination: to, NextHop: via.Unmap(), Metric: uint32(r.Priority), MTU: uint32(r.MTU), Active: true,
		})
	}
	return list
}

// TestRoutesAreMarked checks that routes carry the documented protocol number.
func TestRoutesAreMarked(t *testing.T) {
	h := newHarness(t)
	h.AddLink("up0", netip.MustParsePrefix("10.9.0.1/24"))
	errs := h.system.SetRoutes([]platform.Route{{
		Destination: netip.MustParsePrefix("10.20.0.0/16"), NextHop: netip.MustParseAddr("10.9.0.2"), Active: true,
	}})
	must(t, errs[0])
	all, err := h.r.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Protocol: 112}, netlink.RT_FILTER_PROTOCOL)
	must(t, err)
	if len(all) != 1 {
		t.Errorf("%d routes of protocol 112, want 1: %v", len(all), all)
	}
}
