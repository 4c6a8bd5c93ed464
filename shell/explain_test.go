package shell

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

func TestExplain(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*engine.RouterStatus)
		want   string
	}{
		{"higher priority", func(*engine.RouterStatus) {}, "Master 10.0.0.3 with priority 250 is higher than its own 150"},
		{"no advert heard", func(r *engine.RouterStatus) {
			r.MasterAddr, r.MasterDownAt = netip.Addr{}, noon.Add(1200*time.Millisecond)
		}, "has heard no Master: it becomes Master in 1200 ms"},
		{"preemption off", func(r *engine.RouterStatus) {
			c := *r.Config
			c.Protocol.Preempt = false
			r.Config, r.MasterPriority = &c, 10
		}, "because preemption is off"},
		{"preempt delay", func(r *engine.RouterStatus) {
			r.MasterPriority, r.PreemptAt = 10, noon.Add(4*time.Second)
		}, "in 4000 ms, when the preempt delay"},
		{"same priority", func(r *engine.RouterStatus) { r.MasterPriority = 150 }, "the same priority"},
		{"resigned", func(r *engine.RouterStatus) { r.MasterPriority = 0 }, "has resigned"},
		{"shutdown", func(r *engine.RouterStatus) {
			c := *r.Config
			c.Shutdown = true
			r.Config = &c
		}, "no shutdown"},
		{"interface down", func(r *engine.RouterStatus) {
			r.State, r.Cause = vrrp.Initialize, vrrp.CauseLinkDown
		}, "interface eth0, which is down"},
		{"interface missing", func(r *engine.RouterStatus) {
			r.State, r.Cause = vrrp.Initialize, vrrp.CauseNoLink
		}, "does not exist"},
		{"no address", func(r *engine.RouterStatus) {
			r.State, r.Cause = vrrp.Initialize, vrrp.CauseNoAddress
		}, "waits for an IPv4 address on eth0"},
		{"wrong secret", func(r *engine.RouterStatus) { r.Counters.Dropped[vrrp.DropAuth] = 3 }, "a peer has another secret"},
		{"owner", func(r *engine.RouterStatus) {
			r.State, r.Local.Owner = vrrp.Master, true
		}, "owns the virtual address"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env, r := newEnv(t, sampleFile)
			r.change = func(s *engine.RouterStatus) {
				if s.Config.VRID == 1 {
					tc.change(s)
				}
			}
			out := must(t, newSession(t, env, admin), "show vrrp explain group 1")
			if !strings.Contains(out, tc.want) {
				t.Errorf("%q is missing in:\n%s", tc.want, out)
			}
		})
	}
}
