// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"slices"
	"testing"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// TestHintIsTold checks that "show vrrp explain" says why an interface is missing, if something is known.
func TestHintIsTold(t *testing.T) {
	r := &engine.RouterStatus{
		Config: &engine.VirtualRouter{Key: engine.Key{Interface: "enp0s1", Family: vrrp.IPv4, VRID: 7}},
		Status: vrrp.Status{State: vrrp.Initialize, Cause: vrrp.CauseNoLink},
	}
	const hint = "enp0s1 is an alternative name of eth0: configure interface eth0"
	env := &Env{Hint: func(iface string, family vrrp.Family) string {
		if iface == "enp0s1" && family == vrrp.IPv4 {
			return hint
		}
		return ""
	}}
	if say := env.explanation(noon, r); !slices.Contains(say, hint+".") {
		t.Errorf("%q", say)
	}
}
