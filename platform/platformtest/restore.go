// SPDX-License-Identifier: GPL-3.0-only

package platformtest

import (
	"net/netip"
	"slices"
	"testing"

	"vrrpsh/platform"
)

// occupy makes every kind of change that a System can make, beside objects of others.
func (b *bench) occupy() (before Kernel) {
	b.t.Helper()
	b.AddLink("up1", netip.MustParsePrefix("10.8.0.1/24"))
	b.AddMacvlan("theirs", uplink)
	b.AddAddr(uplink, other)
	before = b.Kernel()
	b.occupyAgain()
	return before
}

func (b *bench) occupyAgain() {
	b.t.Helper()
	set := b.ether(4, vip)
	set.ID.Link, set.Link, set.SetMAC = "up1", b.index("up1"), true
	b.apply(b.ether(1, vip, other), b.macvlan(2, vip2), standby(b.macvlan(3, vip2)), set)
}

var restoreScenarios = []scenario{
	{"close leaves the kernel as it was found", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		before := b.occupy()
		if d := diff(before, b.Kernel()); d == "" {
			t.Error("nothing was changed at all")
		}
		if err := b.System().Close(); err != nil {
			t.Fatal(err)
		}
		b.sameKernel("after close", before, b.Kernel())
		for _, err := range b.System().Apply([]platform.Attachment{b.ether(1, vip)}) {
			if err == nil {
				t.Error("apply after close succeeded")
			}
		}
		b.sameKernel("after apply on a closed system", before, b.Kernel())
		b.Restart()
		if err := b.System().Recover(); err != nil {
			t.Fatal(err)
		}
		b.sameKernel("after a new start", before, b.Kernel())
	}},
	{"a new run removes what a crashed one left, and nothing else", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		before := b.occupy()
		// Meanwhile another program makes changes, too.
		b.Crash()
		b.AddMacvlan("theirs2", uplink)
		b.AddAddr(uplink, prefixOf(peerIP))
		if err := b.System().Recover(); err != nil {
			t.Fatal(err)
		}
		theirs := b.Kernel().Links["theirs2"]
		b.expect("after recovery", before, func(m map[string]Link) {
			m["theirs2"] = theirs
			with(prefixOf(peerIP))(m)
		})
		if d := diff(before.Settings, b.Kernel().Settings); d != "" {
			t.Errorf("settings (-want +got):\n%s", d)
		}
		if err := b.System().Recover(); err != nil {
			t.Errorf("recovery without anything to recover: %v", err)
		}
		b.apply(b.ether(1, vip), b.macvlan(2, vip2))
	}},
	{"recovery copes with what has changed since the crash", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		b.AddLink("up1")
		e, m := b.ether(1, vip), b.macvlan(2, vip2)
		e.ID.Link, e.Link = "up1", b.index("up1")
		b.apply(e, m, b.macvlan(3, other), b.ether(4, vip))
		b.Crash()
		b.DelLink("up1")
		b.DelLink(m.Name)
		b.DelAddr(uplink, vip)
		b.AddAddr(uplink, vip) // now it belongs to another program
		if err := b.System().Recover(); err != nil {
			t.Fatal(err)
		}
		k := b.Kernel()
		if len(k.Links) != 1 {
			t.Errorf("interfaces %+v, want the uplink only", k.Links)
		}
		if d := diff([]any{primary, vip}, []any{k.Links[uplink].Addrs[0], k.Links[uplink].Addrs[1]}); d != "" {
			t.Errorf("addresses (-want +got):\n%s", d)
		}
	}},
	{"settings stay as long as one router needs them", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		before := b.Kernel()
		b.apply(standby(b.macvlan(1, vip)), standby(b.macvlan(2, vip2)))
		with2 := b.Kernel().Settings
		b.apply(absent(b.macvlan(1)))
		if d := diff(with2, b.Kernel().Settings); d != "" {
			t.Errorf("settings with one router less (-want +got):\n%s", d)
		}
		b.apply(absent(b.macvlan(2)))
		b.sameKernel("without routers", before, b.Kernel())
	}},
	{"a new run adopts the state left by the previous one", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		before := b.occupy()
		occupied := b.Kernel()
		left, err := b.System().Leave()
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range b.System().Apply([]platform.Attachment{b.ether(1, vip)}) {
			if err == nil {
				t.Error("apply after leaving succeeded")
			}
		}
		b.Restart()
		b.sameKernel("between the runs", occupied, b.Kernel())
		if err := b.System().Adopt(left); err != nil {
			t.Fatal(err)
		}
		b.sameKernel("adopted", occupied, b.Kernel())
		b.occupyAgain()
		b.sameKernel("applied again", occupied, b.Kernel())
		if err := b.System().Close(); err != nil {
			t.Fatal(err)
		}
		b.sameKernel("after close", before, b.Kernel())
	}},
	{"adoption copes with what has changed meanwhile", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		before := b.Kernel()
		e, m := b.ether(1, vip), b.macvlan(2, vip2)
		b.apply(e, m)
		left, err := b.System().Leave()
		if err != nil {
			t.Fatal(err)
		}
		b.DelLink(m.Name)
		b.DelAddr(uplink, vip)
		b.Restart()
		if err := b.System().Adopt(left); err != nil {
			t.Fatal(err)
		}
		b.apply(e, m)
		k := b.Kernel()
		if !slices.Contains(k.Links[uplink].Addrs, vip) || !slices.Contains(k.Links[m.Name].Addrs, vip2) {
			t.Errorf("interfaces %+v", k.Links)
		}
		b.apply(absent(e), absent(m))
		b.sameKernel("when all is removed", before, b.Kernel())
	}},
	{"a crash after Leave is recovered like any crash", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		before := b.occupy()
		left, err := b.System().Leave()
		if err != nil {
			t.Fatal(err)
		}
		b.Restart()
		if err := b.System().Adopt(left[:len(left)/2]); err == nil {
			t.Error("Adopt accepted a truncated result of Leave")
		}
		if err := b.System().Recover(); err != nil {
			t.Fatal(err)
		}
		b.sameKernel("recovered", before, b.Kernel())
	}},
	{"two crashes in a row", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		before := b.Kernel()
		b.apply(b.macvlan(1, vip), b.ether(2, vip2))
		b.Crash()
		if err := b.System().Recover(); err != nil {
			t.Fatal(err)
		}
		b.apply(b.macvlan(1, vip2), b.ether(2, vip))
		b.Crash()
		if err := b.System().Recover(); err != nil {
			t.Fatal(err)
		}
		b.sameKernel("after both", before, b.Kernel())
	}},
}
