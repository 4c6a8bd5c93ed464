// SPDX-License-Identifier: GPL-3.0-only

package fake_test

import (
	"net/netip"
	"testing"

	"vrrpsh/platform"
	"vrrpsh/platform/platformtest"
)

func TestRouteScenarios(t *testing.T) {
	platformtest.RunRoutes(t, func(t *testing.T) platformtest.RouteHarness { return newHarness(t) })
}

func (h *harness) AddRoute(to netip.Prefix, hop netip.Addr, metric uint32) {
	h.must(h.router.AddRoute(to, hop, metric))
}
func (h *harness) DelRoute(to netip.Prefix) { h.router.DelRoute(to) }
func (h *harness) Routes() []platform.Route { return h.router.Routes() }
