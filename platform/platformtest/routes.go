// SPDX-License-Identifier: GPL-3.0-only

package platformtest

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"vrrpsh/platform"
)

// RouteHarness is the Harness of a system that has static routes.
type RouteHarness interface {
	Harness
	// AddRoute adds a foreign route.
	AddRoute(to netip.Prefix, hop netip.Addr, metric uint32)
	// DelRoute removes the routes to a destination, even those of the System.
	DelRoute(to netip.Prefix)
	// Routes returns all routes through a next hop, with Active set, whether a System made them or not.
	Routes() []platform.Route
}

// RunRoutes runs the scenarios of static routes, each on its own harness.
func RunRoutes(t *testing.T, newHarness func(t *testing.T) RouteHarness) {
	t.Helper()
	for _, s := range routeScenarios {
		t.Run(s.name, func(t *testing.T) { s.run(t, newHarness(t)) })
	}
}

var (
	everywhere = platform.Route{Destination: netip.MustParsePrefix("0.0.0.0/0"), NextHop: peerIP, Active: true}
	tuned      = platform.Route{Destination: netip.MustParsePrefix("10.20.0.0/16"), NextHop: peerIP, Metric: 20, MTU: 1400, Active: true}
	lost       = platform.Route{Destination: netip.MustParsePrefix("10.30.0.0/16"), NextHop: netip.MustParseAddr("10.99.0.1"), Active: true}
)

func off(r platform.Route) platform.Route {
	r.Active = false
	return r
}

// has ends the test unless there are exactly these routes.
func has(t *testing.T, h RouteHarness, when string, want ...platform.Route) {
	t.Helper()
	got := h.Routes()
	same := len(got) == len(want)
	for _, r := range want {
		same = same && slices.Contains(got, r)
	}
	if !same {
		t.Fatalf("%s: routes %v, want %v", when, got, want)
	}
}

func setRoutes(t *testing.T, h RouteHarness, routes ...platform.Route) {
	t.Helper()
	for i, err := range h.System().SetRoutes(routes) {
		if err != nil {
			t.Fatalf("%v: %v", routes[i], err)
		}
	}
}

var routeScenarios = []struct {
	name string
	run  func(*testing.T, RouteHarness)
}{
	{"routes come and go", func(t *testing.T, h RouteHarness) {
		h.AddLink(uplink, primary)
		setRoutes(t, h, everywhere, tuned)
		has(t, h, "both active", everywhere, tuned)
		setRoutes(t, h, everywhere, tuned)
		has(t, h, "the same again", everywhere, tuned)
		setRoutes(t, h, off(everywhere), tuned)
		has(t, h, "one active", tuned)
		moved := tuned
		moved.MTU, moved.NextHop = 1300, netip.MustParseAddr("10.9.0.3")
		setRoutes(t, h, moved)
		has(t, h, "changed", moved)
		setRoutes(t, h)
		has(t, h, "none")
	}},
	{"a next hop that cannot be reached is an error and comes later", func(t *testing.T, h RouteHarness) {
		h.AddLink(uplink, primary)
		errs := h.System().SetRoutes([]platform.Route{lost, everywhere})
		if errs[0] == nil || errs[1] != nil {
			t.Fatalf("errors %v", errs)
		}
		has(t, h, "out of reach", everywhere)
		h.AddAddr(uplink, netip.MustParsePrefix("10.99.0.9/24"))
		setRoutes(t, h, lost, everywhere)
		has(t, h, "in reach", lost, everywhere)
	}},
	{"routes of others stay", func(t *testing.T, h RouteHarness) {
		h.AddLink(uplink, primary)
		theirs := everywhere
		h.AddRoute(theirs.Destination, theirs.NextHop, 0)
		h.AddRoute(tuned.Destination, netip.MustParseAddr("10.9.0.9"), tuned.Metric)
		before := h.Routes()
		errs := h.System().SetRoutes([]platform.Route{everywhere, tuned})
		if errs[0] != nil || !errors.Is(errs[1], platform.ErrConflict) {
			t.Fatalf("errors %v", errs)
		}
		has(t, h, "beside the routes of others", before...)
		setRoutes(t, h)
		has(t, h, "withdrawn", before...)
	}},
	{"close and recovery remove only our routes", func(t *testing.T, h RouteHarness) {
		h.AddLink(uplink, primary)
		h.AddRoute(netip.MustParsePrefix("10.40.0.0/16"), peerIP, 0)
		before := h.Routes()
		setRoutes(t, h, everywhere, tuned)
		h.Crash()
		has(t, h, "after a crash", append(slices.Clone(before), everywhere, tuned)...)
		h.DelRoute(tuned.Destination)
		h.AddRoute(tuned.Destination, peerIP, tuned.Metric) // now it belongs to another program
		before = append(before, slices.DeleteFunc(h.Routes(), func(r platform.Route) bool { return r.Destination != tuned.Destination })...)
		if err := h.System().Recover(); err != nil {
			t.Fatal(err)
		}
		has(t, h, "after recovery", before...)
		setRoutes(t, h, everywhere)
		if err := h.System().Close(); err != nil {
			t.Fatal(err)
		}
		has(t, h, "after close", before...)
		h.Restart()
	}},
	{"a loss of routes is reported", func(t *testing.T, h RouteHarness) {
		h.AddLink(uplink, primary)
		told := make(chan bool, 1000)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- h.System().Watch(ctx, func(u platform.Update) { told <- u.RoutesLost })
		}()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		<-told // the first
		wait := func(what string) {
			t.Helper()
			deadline := time.After(Patience)
			for {
				select {
				case lost := <-told:
					if lost {
						return
					}
				case <-deadline:
					t.Fatalf("%s: not reported", what)
				}
			}
		}
		setRoutes(t, h, tuned)
		h.DelRoute(tuned.Destination)
		wait("deleted")
		setRoutes(t, h, tuned)
		has(t, h, "put back", tuned)
		h.SetUp(uplink, false)
		wait("interface down")
		h.SetUp(uplink, true)
		setRoutes(t, h, tuned)
		has(t, h, "after the flap", tuned)
	}},
}
