// SPDX-License-Identifier: GPL-3.0-only

package platformtest

import (
	"net/netip"
	"slices"
	"testing"

	"vrrpsh/platform"
)

var watchScenarios = []scenario{
	{"links are reported with their own addresses only", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		b.apply(b.ether(1, vip), b.macvlan(2, vip2))
		w := b.startWatch()
		links, err := b.System().Links()
		if err != nil {
			t.Fatal(err)
		}
		told := make(map[string]platform.Link)
		for _, l := range links {
			told[l.Name] = l
		}
		l := told[uplink]
		k := b.Kernel().Links[uplink]
		if l.Index != k.Index || l.MAC != k.MAC || !l.Up || !l.Ethernet || l.Ours || l.Parent != 0 || l.MTU == 0 || !slices.Equal(ipv4(l), ipv4Of(primary)) {
			t.Errorf("reported %+v for %+v with address %v", l, k, primary)
		}
		m := told["standby2"]
		if !m.Ours || m.Parent != l.Index || m.MAC != virtualMAC(2) || len(ipv4(m)) != 0 {
			t.Errorf("reported %+v for our macvlan on %d", m, l.Index)
		}
		w.until("the same by Watch", func() bool {
			a, ok := w.named(uplink)
			c, ok2 := w.named("standby2")
			return ok && ok2 && slices.Equal(ipv4(a), ipv4Of(primary)) && c.Ours && len(ipv4(c)) == 0
		})
	}},
	{"our own changes are neither addresses nor losses", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		w := b.startWatch()
		a, m := b.ether(1, vip, other), b.macvlan(2, vip2)
		for range 20 {
			b.apply(a, m)
			b.apply(standby(a), standby(m))
			b.apply(a, m)
			b.apply(absent(a), absent(m))
		}
		// A foreign address, reported after our own changes.
		foreign := prefixOf(peerIP.Next())
		b.AddAddr(uplink, foreign)
		w.until("a foreign address", func() bool {
			l, _ := w.named(uplink)
			if slices.ContainsFunc(ipv4(l), func(p netip.Prefix) bool { return p == vip || p == other || p == vip2 }) {
				t.Fatalf("reported our own address: %+v", l)
			}
			return slices.Contains(ipv4(l), foreign)
		})
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.lost) > 0 {
			t.Errorf("reported as lost %v, want nothing", w.lost)
		}
	}},
	{"a link goes down and up, by administration and by cable", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		w := b.startWatch()
		up := func(want bool) func() bool {
			return func() bool {
				l, ok := w.named(uplink)
				return ok && l.Up == want
			}
		}
		w.until("up", up(true))
		for range 3 {
			b.SetUp(uplink, false)
			w.until("down", up(false))
			b.SetUp(uplink, true)
			w.until("up again", up(true))
			b.SetCarrier(uplink, false)
			w.until("cable pulled", up(false))
			b.SetCarrier(uplink, true)
			w.until("cable plugged", up(true))
		}
	}},
	{"a link appears, is renamed and vanishes", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		w := b.startWatch()
		b.AddLink("up1", other)
		var index int
		w.until("a new link", func() bool {
			l, ok := w.named("up1")
			index = l.Index
			return ok && l.Up && slices.Contains(ipv4(l), other)
		})
		b.SetUp("up1", false)
		b.RenameLink("up1", "up2")
		w.until("the new name", func() bool {
			l, ok := w.named("up2")
			return ok && l.Index == index
		})
		b.SetMAC("up2", peerMAC)
		w.until("the new MAC", func() bool {
			l, ok := w.named("up2")
			return ok && l.MAC == peerMAC
		})
		b.DelLink("up2")
		w.until("the end", func() bool {
			_, ok := w.named("up2")
			return !ok && slices.Contains(w.gone, index)
		})
	}},
	{"a link becomes a port of a bridge, and none again", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		w := b.startWatch()
		port := func(of string) func() bool {
			return func() bool {
				l, ok := w.named(uplink)
				return ok && l.PortOf == of
			}
		}
		w.until("no port", port(""))
		for range 2 {
			b.SetPort(uplink, "bridge0")
			w.until("a port", port("bridge0"))
			b.RenameLink("bridge0", "bridge1")
			w.until("the bridge's new name", port("bridge1"))
			b.SetPort(uplink, "")
			w.until("none again", port(""))
			b.DelLink("bridge1")
		}
		b.SetPort(uplink, "bridge0")
		w.until("a port of another", port("bridge0"))
		b.DelLink("bridge0")
		w.until("none without the bridge", port(""))
	}},
	{"a macvlan of another program is reported as one", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		w := b.startWatch()
		b.AddMacvlan("container0", uplink)
		w.until("a macvlan", func() bool {
			l, ok := w.named("container0")
			up, _ := w.named(uplink)
			return ok && l.Macvlan && !l.Ours && !up.Macvlan
		})
	}},
	{"addresses of others come and go", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		w := b.startWatch()
		b.AddAddr(uplink, other)
		w.until("a second address", func() bool {
			l, _ := w.named(uplink)
			return slices.Equal(ipv4(l), ipv4Of(primary, other))
		})
		b.DelAddr(uplink, other)
		w.until("its end", func() bool {
			l, _ := w.named(uplink)
			return slices.Equal(ipv4(l), ipv4Of(primary))
		})
	}},
	{"state removed by another program is reported as lost", func(t *testing.T, h Harness) {
		b := newBench(t, h)
		w := b.startWatch()
		e, m, quiet := b.ether(1, vip), b.macvlan(2, vip2), b.macvlan(3, other)
		b.apply(e, m, standby(quiet))
		lost := func(what string, id platform.ID) {
			t.Helper()
			w.until(what+" lost", func() bool { return slices.Contains(w.lost, id) })
			w.mu.Lock()
			if slices.ContainsFunc(w.lost, func(x platform.ID) bool { return x != id }) {
				t.Errorf("%s: reported as lost %v, want only %v", what, w.lost, id)
			}
			w.mu.Unlock()
			b.apply(e, m, standby(quiet))
			w.mu.Lock()
			w.lost = nil
			w.mu.Unlock()
		}
		b.DelAddr(uplink, vip)
		lost("address of an ether router", e.ID)
		b.DelAddr(m.Name, vip2)
		lost("address of a macvlan", m.ID)
		b.DelLink(m.Name)
		lost("macvlan", m.ID)
		b.SetUp(m.Name, false)
		lost("macvlan that is up", m.ID)
		b.DelLink(quiet.Name)
		lost("macvlan of a standby router", quiet.ID)
	}},
}

// ipv4 returns the IPv4 addresses of a link; the kernel may add link-local IPv6 ones.
func ipv4(l platform.Link) []netip.Prefix {
	return ipv4Of(l.Addrs...)
}

func ipv4Of(all ...netip.Prefix) []netip.Prefix {
	return slices.DeleteFunc(slices.Clone(all), func(p netip.Prefix) bool { return !p.Addr().Is4() })
}
