// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"testing"

	"vrrpsh/platform"
)

// TestPortOf covers the masters that an interface can have. A VRF does not prevent it from
// receiving.
func TestPortOf(t *testing.T) {
	var s System
	s.registry.init(true)
	for kind, want := range map[string]string{"bridge": "upper0", "bond": "upper0", "team": "upper0", "openvswitch": "upper0", "vrf": ""} {
		v := view{system: &s, links: map[int]kernelLink{
			2: {Link: platform.Link{Index: 2, Name: "eth0"}, upper: 3},
			3: {Link: platform.Link{Index: 3, Name: "upper0"}, kind: kind},
		}}
		if got := v.link(2).PortOf; got != want {
			t.Errorf("%s: port of %q, want %q", kind, got, want)
		}
		if got := v.link(3).PortOf; got != "" {
			t.Errorf("%s is itself a port of %q", kind, got)
		}
	}
}
