// SPDX-License-Identifier: GPL-3.0-only

package engine_test

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"vrrpsh/engine"
)

var (
	uplinkRoute = engine.StaticRoute{
		Destination: netip.MustParsePrefix("0.0.0.0/0"), NextHop: netip.MustParseAddr("10.0.0.254"),
	}
	boundRoute = engine.StaticRoute{
		Destination: netip.MustParsePrefix("10.20.0.0/16"), NextHop: netip.MustParseAddr("10.0.0.253"), Metric: 5,
		Bound: group("eth0", 2, "10.0.0.101").Key,
	}
	errFar = errors.New("network is unreachable")
)

func routed(cfg engine.Config, routes ...engine.StaticRoute) engine.Config {
	cfg.Routes = routes
	return cfg
}

// route simulates the kernel for routes: it refuses those in refused.
func (h *host) route(refused ...engine.StaticRoute) (asked bool) {
	h.tb.Helper()
	n := len(h.out.Routes)
	if n == 0 {
		return false
	}
	want := h.out.Routes[n-1]
	errs := make([]error, len(want.Routes))
	for i, r := range want.Routes {
		if r.Active && slices.Contains(refused, r.StaticRoute) {
			errs[i] = errFar
		}
	}
	h.out = engine.Output{}
	h.core.RoutesInstalled(h.now, want.Seq, errs, &h.out)
	h.answer(0)
	return true
}

// wantRoutes compares the states of all routes.
func (h *host) wantRoutes(when string, want ...engine.RouteState) {
	h.tb.Helper()
	var got []engine.RouteState
	for _, r := range h.core.Snapshot(h.now).Routes {
		got = append(got, r.State)
	}
	if !slices.Equal(got, want) {
		h.tb.Errorf("%s: routes are %v, want %v", when, got, want)
	}
}

const (
	withdrawn = engine.RouteWithdrawn
	pending   = engine.RoutePending
	installed = engine.RouteInstalled
	failed    = engine.RouteFailed
)

// A route is installed while any virtual router is Master, a bound route while its virtual router is.
func TestRoutesFollowTheMaster(t *testing.T) {
	h := newHost(t)
	g1, g2 := group("eth0", 1, "10.0.0.100"), group("eth0", 2, "10.0.0.101")
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	h.apply(routed(config(g1, g2), uplinkRoute, boundRoute))
	h.route()
	h.wantRoutes("as Backups", withdrawn, withdrawn)
	// Another router is Master of group 2.
	keep := func(d time.Duration) {
		for range int(d / (500 * time.Millisecond)) {
			h.run(500 * time.Millisecond)
			out := h.out.Routes
			h.deliver(1, g2.Family, advert(&g2, 200, "10.0.0.2"))
			h.out.Routes = append(out, h.out.Routes...)
			h.route()
		}
	}
	keep(5 * time.Second)
	h.wantRoutes("with one Master", installed, withdrawn)
	h.run(5 * time.Second)
	h.wantRoutes("with both, not answered", installed, pending)
	h.route()
	h.wantRoutes("with both", installed, installed)
	keep(time.Second)
	h.wantRoutes("with one again", installed, withdrawn)
	down := ethernet(1, "eth0", "10.0.0.1/24")
	down.Up = false
	h.link(down)
	h.route()
	h.wantRoutes("with none", withdrawn, withdrawn)
	if got := h.texts(engine.EventRoute); len(got) != 4 {
		t.Errorf("events %q, want each route installed and withdrawn once", got)
	}
}

// A refused route causes one warning. It is retried at growing intervals, and at once when an interface
// changes.
func TestRefusedRouteIsTriedAgain(t *testing.T) {
	h := newHost(t)
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	h.apply(routed(config(group("eth0", 1, "10.0.0.100")), uplinkRoute))
	h.route()
	h.run(4 * time.Second)
	var at []time.Duration
	start := h.now
	for range 9 {
		if !h.route(uplinkRoute) {
			t.Fatalf("not retried after %v", h.now.Sub(start))
		}
		h.wantRoutes("refused", failed)
		at = append(at, h.now.Sub(start))
		for asked := false; !asked; asked = len(h.out.Routes) > 0 {
			before := h.now
			h.run(time.Second)
			if h.now.Sub(before) != time.Second || h.now.Sub(start) > time.Hour {
				t.Fatal("it is not retried")
			}
		}
	}
	var gaps []time.Duration
	for i := 1; i < len(at); i++ {
		gaps = append(gaps, (at[i] - at[i-1]).Round(time.Second))
	}
	s := time.Second
	if want := []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 60 * s, 60 * s}; !slices.Equal(gaps, want) {
		t.Errorf("retried after %v, want %v", gaps, want)
	}
	h.route(uplinkRoute)
	if faults := h.texts(engine.EventFault); len(faults) != 1 || !strings.Contains(faults[0], "0.0.0.0/0 via 10.0.0.254: "+errFar.Error()) {
		t.Errorf("warnings %q, want one", faults)
	}
	h.link(ethernet(2, "eth1", "10.1.0.1/24"))
	if !h.route() {
		t.Error("a new interface does not cause a retry")
	}
	h.wantRoutes("accepted", installed)
	h.run(2 * time.Minute)
	if h.route() {
		t.Error("an installed route is retried")
	}
}

// A removed route is restored, but not indefinitely.
func TestLostRouteIsPutBack(t *testing.T) {
	h := newHost(t)
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	h.apply(routed(config(group("eth0", 1, "10.0.0.100")), uplinkRoute))
	h.route()
	lose := func() bool {
		h.out = engine.Output{}
		h.core.RoutesLost(h.now, &h.out)
		h.answer(0)
		return h.route()
	}
	if lose() {
		t.Error("a Backup restores routes")
	}
	h.run(4 * time.Second)
	h.route()
	for i := range 5 {
		if !lose() {
			t.Errorf("loss %d: not restored", i+1)
		}
	}
	if lose() {
		t.Error("restored without a limit")
	}
	h.wantRoutes("given up for a while", failed)
	h.run(11 * time.Second)
	if !h.route() {
		t.Error("not restored later")
	}
	h.wantRoutes("later", installed)
}

// A new configuration changes only the routes that differ; a stop and a removal withdraw routes.
func TestRoutesInANewConfiguration(t *testing.T) {
	h := newHost(t)
	g := group("eth0", 1, "10.0.0.100")
	h.link(ethernet(1, "eth0", "10.0.0.1/24"))
	h.apply(routed(config(g), uplinkRoute))
	h.route()
	h.run(4 * time.Second)
	h.route()
	h.apply(routed(config(g), uplinkRoute))
	if len(h.out.Routes) > 0 {
		t.Error("the same configuration requests routes")
	}
	second := uplinkRoute
	second.Metric = 10
	h.apply(routed(config(g), second, uplinkRoute))
	h.wantRoutes("one more", pending, installed)
	h.route()
	h.apply(routed(config(g)))
	if n := len(h.out.Routes); n == 0 || len(h.out.Routes[n-1].Routes) != 0 {
		t.Error("routes removed from the configuration stay")
	}
	h.apply(routed(config(g), uplinkRoute))
	h.route()
	h.wantRoutes("back", installed)
	h.apply(routed(config(), uplinkRoute))
	h.route()
	h.wantRoutes("without a virtual router", withdrawn)
	h.apply(routed(config(g), uplinkRoute))
	h.run(4 * time.Second)
	h.route()
	h.out = engine.Output{}
	h.core.Stop(h.now, &h.out)
	h.route()
	h.wantRoutes("stopped", withdrawn)
}
