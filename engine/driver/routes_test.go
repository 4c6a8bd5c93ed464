// SPDX-License-Identifier: GPL-3.0-only

package driver_test

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/driver"
	"vrrpsh/platform"
	"vrrpsh/platform/fake"
)

var (
	near = engine.StaticRoute{Destination: netip.MustParsePrefix("0.0.0.0/0"), NextHop: netip.MustParseAddr("10.0.0.254")}
	far  = engine.StaticRoute{Destination: netip.MustParsePrefix("10.50.0.0/16"), NextHop: netip.MustParseAddr("10.99.0.1")}
)

func (n *node) applyRoutes(routes ...engine.StaticRoute) {
	n.t.Helper()
	err := n.Apply(n.t.Context(), engine.Config{Routers: []engine.VirtualRouter{group(51, 200)}, Routes: routes})
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) wantRoutes(when string, want ...engine.StaticRoute) {
	n.t.Helper()
	got := n.Routes()
	same := len(got) == len(want)
	for i := range want {
		same = same && got[i].Destination == want[i].Destination
	}
	if !same {
		n.t.Errorf("%s: the kernel has %v, want %v", when, got, want)
	}
}

// Routes from the configuration to the kernel: installed by the Master, restored after a flap
// and a deletion, retried until the next hop is reachable, withdrawn by a Backup and at the end.
func TestStaticRoutes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1 := lab.router(t, 1)
		r1.applyRoutes(near, far)
		r1.wantRoutes("before there is a Master")
		sleep(4 * time.Second)
		r1.wantRoutes("as Master", near)
		if s := r1.snapshot().Routes[1]; s.State != engine.RouteFailed || s.Fault == "" {
			t.Errorf("a route with an unreachable next hop is %s (%q)", s.State, s.Fault)
		}
		r1.DelRoute(near.Destination)
		sleep(time.Millisecond)
		r1.wantRoutes("after a deletion", near)
		must(t, r1.AddAddr("eth0", netip.MustParsePrefix("10.99.0.9/24")))
		sleep(time.Millisecond)
		r1.wantRoutes("in reach", near, far)
		must(t, r1.SetUp("eth0", false))
		sleep(time.Millisecond)
		r1.wantRoutes("with the interface down")
		must(t, r1.SetUp("eth0", true))
		sleep(4 * time.Second)
		r1.wantRoutes("up again", near, far)

		r2 := lab.router(t, 2)
		must(t, r2.Apply(t.Context(), engine.Config{Routers: []engine.VirtualRouter{group(51, 250)}}))
		sleep(4 * time.Second)
		r1.wantRoutes("as Backup")
		must(t, r2.stop())
		sleep(4 * time.Second)
		r1.wantRoutes("as Master again", near, far)
		must(t, r1.stop())
		r1.wantRoutes("after the end")
	})
}

func TestRoutesOfAKilledRouterAreRecovered(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1 := lab.router(t, 1)
		must(t, r1.AddRoute(netip.MustParsePrefix("10.7.0.0/16"), near.NextHop, 0))
		r1.applyRoutes(near)
		sleep(4 * time.Second)
		r1.Kill()
		if n := len(r1.Routes()); n != 2 {
			t.Fatalf("%d routes, want the administrator's and the leftover", n)
		}
		boot(t, r1.Router)
		synctest.Wait()
		if got := r1.Routes(); len(got) != 1 || got[0].Destination != netip.MustParsePrefix("10.7.0.0/16") {
			t.Errorf("after the next start: %v", got)
		}
	})
}

// without is a system that has no static routes.
type without struct{ *fake.System }

func (without) SetRoutes(routes []platform.Route) []error {
	errs := make([]error, len(routes))
	for i := range errs {
		errs[i] = platform.ErrUnsupported
	}
	return errs
}

func TestRoutesAreRefusedWhereThereAreNone(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r := lab.AddRouter("r1", netip.MustParsePrefix("10.0.0.1/24"))
		r1 := start(t, r, driver.Options{System: without{r.Boot()}})
		r1.applyRoutes()
		err := r1.Apply(t.Context(), engine.Config{Routers: []engine.VirtualRouter{group(51, 200)}, Routes: []engine.StaticRoute{near}})
		if !errors.Is(err, platform.ErrUnsupported) {
			t.Errorf("error %v, want %v", err, platform.ErrUnsupported)
		}
		if n := len(r1.snapshot().Routes); n != 0 {
			t.Errorf("%d routes are left in the configuration", n)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
