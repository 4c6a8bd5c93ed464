// SPDX-License-Identifier: GPL-3.0-only

package sim_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine"
	"vrrpsh/engine/sim"
	"vrrpsh/engine/vrrp"
)

// group returns a VRRPv3 virtual router with preemption and an interval of one second.
func group(vrid, priority uint8, changes ...func(*engine.VirtualRouter)) engine.VirtualRouter {
	addr := netip.AddrFrom4([4]byte{10, 0, 255, vrid})
	vr := engine.VirtualRouter{
		Key:          engine.Key{Interface: sim.Interface, Family: vrrp.IPv4, VRID: vrid},
		Addresses:    []engine.Address{{Addr: addr, Bits: -1}},
		SocketFilter: true,
		Protocol: vrrp.Config{
			Version: vrrp.V3, Family: vrrp.IPv4, VRID: vrid, Priority: priority, Interval: time.Second,
			Preempt: true, Lenient: true, Addresses: []netip.Addr{addr},
			Announce: vrrp.AnnounceConfig{Repeat: 5, Delay: 5 * time.Second},
		},
	}
	for _, change := range changes {
		change(&vr)
	}
	return vr
}

func noPreempt(vr *engine.VirtualRouter) { vr.Protocol.Preempt = false }
func shut(vr *engine.VirtualRouter)      { vr.Shutdown = true }

func preemptDelay(d time.Duration) func(*engine.VirtualRouter) {
	return func(vr *engine.VirtualRouter) { vr.Protocol.PreemptDelay = d }
}

func every(d time.Duration) func(*engine.VirtualRouter) {
	return func(vr *engine.VirtualRouter) { vr.Protocol.Interval = d }
}

func version2(vr *engine.VirtualRouter) {
	vr.Protocol.Version, vr.Protocol.AuthType, vr.Protocol.Secret = vrrp.V2, vrrp.AuthP0, "secret"
}

func ipv6(vr *engine.VirtualRouter) {
	addr := netip.MustParseAddr(fmt.Sprintf("fe80::ff:%x", vr.VRID))
	vr.Family, vr.Protocol.Family = vrrp.IPv6, vrrp.IPv6
	vr.Addresses, vr.Protocol.Addresses = []engine.Address{{Addr: addr, Bits: -1}}, []netip.Addr{addr}
}

// virtualAddress changes the virtual address, for example to that of a host.
func virtualAddress(s string) func(*engine.VirtualRouter) {
	return func(vr *engine.VirtualRouter) {
		addr := netip.MustParseAddr(s)
		vr.Addresses, vr.Protocol.Addresses = []engine.Address{{Addr: addr, Bits: -1}}, []netip.Addr{addr}
	}
}

// ethernet is a LAN without losses, with slow kernels.
var ethernet = sim.Options{
	Delay: 200 * time.Microsecond, Jitter: 300 * time.Microsecond,
	Work: 100 * time.Microsecond, WorkJitter: 2 * time.Millisecond, Late: 500 * time.Microsecond,
}

const slack = 3 * time.Millisecond // for delays and lateness

// lab is a LAN with the checks of the tests.
type lab struct {
	t *testing.T
	*sim.LAN
	hosts []*sim.Host
	seen  int
}

func newLab(t *testing.T, o sim.Options, hosts ...[]engine.VirtualRouter) *lab {
	l := &lab{t: t, LAN: sim.New(o)}
	for _, h := range hosts {
		l.hosts = append(l.hosts, l.Add(h...))
	}
	t.Cleanup(l.verify)
	return l
}

func one(vrs ...engine.VirtualRouter) []engine.VirtualRouter { return vrs }

// verify fails the test if there were violations.
func (l *lab) verify() {
	l.t.Helper()
	for _, v := range l.Violations() {
		l.t.Error(v)
	}
	if l.t.Failed() {
		for i, tr := range l.Transitions() {
			if i == 60 {
				break
			}
			l.t.Log(tr)
		}
	}
}

// expect compares the transitions since the last call, without times.
func (l *lab) expect(step string, want ...string) {
	l.t.Helper()
	var got []string
	for _, tr := range l.Transitions()[l.seen:] {
		got = append(got, fmt.Sprintf("%s %s: %s", tr.Host, tr.To, tr.Cause))
	}
	l.seen = len(l.Transitions())
	if diff := cmp.Diff(want, got); diff != "" {
		l.t.Errorf("%s (-want +got):\n%s", step, diff)
	}
}

// took returns the time from begin until a host last became Master.
func (l *lab) took(host string, begin time.Duration) time.Duration {
	l.t.Helper()
	for _, tr := range slices.Backward(l.Transitions()) {
		if tr.Host == host && tr.To == vrrp.Master {
			return tr.At - begin
		}
	}
	l.t.Fatalf("%s did not become Master", host)
	return 0
}

func (l *lab) within(what string, got, low, high time.Duration) {
	l.t.Helper()
	if got < low || got > high {
		l.t.Errorf("%s took %s, want %s to %s", what, got, low, high)
	}
}
