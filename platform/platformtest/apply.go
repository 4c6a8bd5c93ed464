// SPDX-License-Identifier: GPL-3.0-only

package platformtest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"vrrpsh/platform"
)

var applyScenarios = []scenario{
	{"an ether router's address is there while it is active", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		before := b.Kernel()
		a := b.ether(1, vip, vip2)
		b.apply(standby(a))
		b.expect("standby", before, with())
		b.apply(a)
		b.expect("active", before, with(vip, vip2))
		b.apply(standby(a))
		b.expect("standby again", before, with())
		b.apply(a)
		b.apply(absent(a))
		b.sameKernel("absent", before, b.Kernel())
	}},
	{"closed addresses accept nothing, or pings only", testClosed},
	{"a macvlan is down unless active", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		before := b.Kernel()
		a := b.macvlan(1, vip, vip2)
		child := Link{MAC: virtualMAC(1), Parent: uplink}
		b.apply(standby(a))
		b.expect("standby", before, func(m map[string]Link) { m[a.Name] = child })
		up := child
		up.Up, up.Addrs = true, a.Addrs
		b.apply(a)
		b.expect("active", before, func(m map[string]Link) { m[a.Name] = up })
		b.apply(standby(a))
		b.expect("standby again", before, func(m map[string]Link) { m[a.Name] = child })
		b.apply(absent(a))
		b.sameKernel("absent", before, b.Kernel())
		b.apply(a)
		b.expect("active at once", before, func(m map[string]Link) { m[a.Name] = up })
		b.apply(absent(a))
		b.sameKernel("absent again", before, b.Kernel())
	}},
	{"applying the same again changes nothing", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		e, m := b.ether(1, vip), b.macvlan(2, vip2)
		for _, batch := range [][]platform.Attachment{
			{standby(e), standby(m)}, {e, m}, {standby(e), standby(m)}, {absent(e), absent(m)},
		} {
			b.apply(batch...)
			once := b.Kernel()
			b.apply(batch...)
			b.apply(batch...)
			b.sameKernel("after repetition", once, b.Kernel())
		}
	}},
	{"the later of two attachments of a router in a batch counts", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		before := b.Kernel()
		a := b.ether(1, vip)
		b.apply(a, standby(a))
		b.expect("standby last", before, with())
		b.apply(standby(a), a)
		b.expect("active last", before, with(vip))
	}},
	{"addresses change while active", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		before := b.Kernel()
		b.apply(b.ether(1, vip))
		b.apply(b.ether(1, vip2))
		b.expect("ether", before, with(vip2))
		b.apply(absent(b.ether(1)))
		b.apply(b.macvlan(1, vip))
		b.apply(b.macvlan(1, vip2, other))
		b.expect("macvlan", before, func(m map[string]Link) {
			m["standby1"] = Link{MAC: virtualMAC(1), Parent: uplink, Up: true, Addrs: b.macvlan(1, vip2, other).Addrs}
		})
	}},
	{"the type, the name and the VRID change", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		before := b.Kernel()
		b.apply(b.ether(1, vip))
		b.apply(b.macvlan(1, vip))
		child := Link{MAC: virtualMAC(1), Parent: uplink, Up: true, Addrs: b.macvlan(1, vip).Addrs}
		b.expect("macvlan in place of ether", before, func(m map[string]Link) { m["standby1"] = child })
		named := b.macvlan(1, vip)
		named.Name = "gateway"
		b.apply(named)
		b.expect("another name", before, func(m map[string]Link) { m["gateway"] = child })
		b.apply(absent(named), b.macvlan(2, vip))
		child.MAC = virtualMAC(2)
		b.expect("another VRID", before, func(m map[string]Link) { m["standby2"] = child })
		b.apply(absent(b.macvlan(2)), b.ether(2, vip))
		b.expect("ether in place of macvlan", before, with(vip))
	}},
	{"the interface's own address stays", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		b.AddAddr(uplink, other)
		before := b.Kernel()
		for _, own := range []platform.Attachment{b.ether(1, other), b.ether(2, primary, vip)} {
			b.apply(own)
			b.apply(own)
			b.apply(standby(own))
			b.expect("standby", before, with())
			b.apply(own)
			b.apply(absent(own))
			b.sameKernel("absent", before, b.Kernel())
		}
	}},
	{"the interface itself gets the virtual MAC", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		before := b.Kernel()
		a := b.ether(1, vip)
		a.SetMAC = true
		b.apply(standby(a))
		b.expect("standby", before, with())
		b.apply(a)
		b.apply(a)
		b.expect("active", before, func(m map[string]Link) {
			with(vip)(m)
			l := m[uplink]
			l.MAC = virtualMAC(1)
			m[uplink] = l
		})
		b.apply(standby(a))
		b.expect("standby again", before, with())
	}},
	{"a foreign interface of the macvlan's name is a conflict", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		b.AddMacvlan("standby1", uplink)
		before := b.Kernel()
		fine := b.ether(2, vip2)
		errs := b.System().Apply([]platform.Attachment{b.macvlan(1, vip), fine})
		if !errors.Is(errs[0], platform.ErrConflict) {
			t.Errorf("error %v, want a conflict", errs[0])
		}
		if errs[1] != nil {
			t.Errorf("the other router: %v", errs[1])
		}
		b.expect("after the conflict", before, with(vip2))
		b.apply(absent(b.macvlan(1)), absent(fine))
		b.sameKernel("absent", before, b.Kernel())
	}},
	{"an interface that does not exist", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		b.AddLink("up1")
		e, m := b.ether(1, vip), b.macvlan(2, vip2)
		for _, a := range []*platform.Attachment{&e, &m} {
			a.Link, a.ID.Link = b.index("up1"), "up1"
		}
		b.apply(e, m)
		b.DelLink("up1")
		for i, err := range b.System().Apply([]platform.Attachment{e, m}) {
			if !errors.Is(err, platform.ErrNoLink) {
				t.Errorf("active %d: error %v, want no such interface", i, err)
			}
		}
		b.apply(standby(e), standby(m))
		b.apply(absent(e), absent(m))
		if _, err := b.System().Open(e.Link, platform.IPv4, source); !errors.Is(err, platform.ErrNoLink) {
			t.Errorf("open: error %v, want no such interface", err)
		}
		// Another interface gets the same name.
		b.AddLink("up1")
		before := b.Kernel()
		e.Link, m.Link = b.index("up1"), b.index("up1")
		b.apply(e, m)
		if got := b.Kernel().Links["up1"].Addrs; !slices.Contains(got, vip) {
			t.Errorf("addresses %v, want %v among them", got, vip)
		}
		if l, ok := b.Kernel().Links[m.Name]; !ok || !l.Up {
			t.Errorf("macvlan %+v, want it up", l)
		}
		b.apply(absent(e), absent(m))
		b.sameKernel("absent", before, b.Kernel())
	}},
	{"lost state is restored", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		e, m := b.ether(1, vip), b.macvlan(2, vip2)
		b.apply(e, m)
		want := b.Kernel()
		b.DelAddr(uplink, vip)
		b.DelAddr(m.Name, vip2)
		b.apply(e, m)
		b.sameKernel("addresses", want, b.Kernel())
		b.SetUp(m.Name, false)
		b.apply(m)
		b.sameKernel("up", want, b.Kernel())
		b.DelLink(m.Name)
		b.apply(m)
		b.expect("macvlan", want, func(links map[string]Link) {
			l := links[m.Name]
			l.Index = 0
			links[m.Name] = l
		})
		b.DelLink(m.Name)
		b.apply(standby(m))
		if l, ok := b.Kernel().Links[m.Name]; !ok || l.Up {
			t.Errorf("macvlan of a standby router %+v, want it there and down", l)
		}
	}},
	{"many routers in one batch", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		before := b.Kernel()
		var batch, off, gone []platform.Attachment
		addr := vip.Addr()
		for vrid := uint8(1); vrid <= 100; vrid++ {
			addr = addr.Prev()
			a := b.ether(vrid, prefixOf(addr))
			if vrid%2 == 0 {
				a = b.macvlan(vrid, prefixOf(addr))
			}
			batch, off, gone = append(batch, a), append(off, standby(a)), append(gone, absent(a))
		}
		b.apply(batch...)
		k := b.Kernel()
		if n := len(k.Links[uplink].Addrs) - len(before.Links[uplink].Addrs); n != 50 {
			t.Errorf("%d addresses on the interface, want 50", n)
		}
		if n := len(k.Links) - len(before.Links); n != 50 {
			t.Errorf("%d macvlans, want 50", n)
		}
		b.apply(off...)
		for name, l := range b.Kernel().Links {
			if l.Parent != "" && (l.Up || len(l.Addrs) > 0) {
				t.Errorf("macvlan %s of a standby router: %+v", name, l)
			}
		}
		b.apply(gone...)
		b.sameKernel("absent", before, b.Kernel())
	}},
}

// testClosed checks that addresses can be closed to everything except address resolution and optionally pings, and that
// no rule is left behind: later a host may have the address itself.
func testClosed(t *testing.T, h Harness) {
	b := newBench(t, h)
	b.AddLink("up1") // an unrelated interface
	open := b.macvlan(7, vip)
	ping := func(what string, want bool) {
		t.Helper()
		if got := b.Ping(vip.Addr(), virtualMAC(7)); got != want {
			t.Errorf("%s: an echo request is answered: %t", what, got)
		}
	}
	shut := func(a platform.Attachment, ping bool) platform.Attachment {
		a.Closed, a.Ping = true, ping
		return a
	}
	ping("before", false)
	b.apply(shut(open, false))
	ping("closed", false)
	b.apply(shut(open, true))
	ping("closed except for pings", true)
	b.apply(shut(open, false))
	ping("closed again", false)
	b.apply(open)
	ping("open", true)
	b.apply(shut(open, false))
	ping("closed once more", false)
	b.startWatch()
	for range 2 {
		b.FlushFilter()
		for late := time.After(Patience); b.Ping(vip.Addr(), virtualMAC(7)); {
			select {
			case <-time.After(time.Millisecond):
			case <-late:
				t.Fatal("after a flush of the packet filter the address stays open")
			}
		}
	}
	b.apply(standby(shut(open, false)))

	own := func(what string) {
		t.Helper()
		b.AddAddr(uplink, vip)
		if !b.Ping(vip.Addr(), b.Kernel().Links[uplink].MAC) {
			t.Errorf("%s the address is still closed, although the host itself has it now", what)
		}
		b.DelAddr(uplink, vip)
	}
	own("in standby")
	b.apply(shut(open, false))
	b.Crash()
	if err := b.System().Recover(); err != nil {
		t.Fatal(err)
	}
	own("after recovery")
	b.apply(shut(open, false))
	if err := b.System().Close(); err != nil {
		t.Fatal(err)
	}
	own("after the end")
	b.Restart()
}
