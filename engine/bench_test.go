// SPDX-License-Identifier: GPL-3.0-only

package engine_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// scales are the numbers of groups that the benchmarks compare; the cost per group must
// not grow.
var scales = []int{1, 500, 1000, 2000, 4000}

const perLink = 250

// linkOf returns the interface of the nth group and the group's VRID there.
func linkOf(n int) (index int, vrid uint8) { return 1 + n/perLink, uint8(1 + n%perLink) }

// manyGroups returns the configuration of n groups, 250 on each interface.
func manyGroups(n int) engine.Config {
	var cfg engine.Config
	for i := range n {
		index, vrid := linkOf(i)
		addr := netip.AddrFrom4([4]byte{10, byte(index), 1, vrid})
		cfg.Routers = append(cfg.Routers, group(fmt.Sprintf("eth%d", index), vrid, addr.String()))
	}
	return cfg
}

// manyHost returns a host with n groups, started and with its addresses known.
func manyHost(tb tester, n int) *host {
	h := newHost(tb)
	last, _ := linkOf(n - 1)
	for index := 1; index <= last; index++ {
		h.link(ethernet(index, fmt.Sprintf("eth%d", index), fmt.Sprintf("10.%d.0.1/16", index)))
	}
	h.apply(manyGroups(n))
	return h
}

// masters makes a host Master of everything and lets the first announcements pass.
func (h *host) masters() {
	h.run(20 * time.Second)
	for _, r := range h.core.Snapshot(h.now).Routers {
		if r.State != vrrp.Master {
			h.tb.Fatalf("%s is %s", r.Config.Key, r.State)
		}
	}
}

// packets returns an advert from a better router for each of n groups.
func packets(n int) []vrrp.Packet {
	cfg := manyGroups(n)
	list := make([]vrrp.Packet, n)
	for i := range list {
		index, _ := linkOf(i)
		list[i] = advert(&cfg.Routers[i], 200, fmt.Sprintf("10.%d.0.2", index))
	}
	return list
}

func BenchmarkDeliver(b *testing.B) {
	for _, n := range scales {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := manyHost(b, n)
			list := packets(n)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				index, _ := linkOf(i)
				h.now = h.now.Add(time.Second / time.Duration(n))
				h.core.Deliver(h.now, index, vrrp.IPv4, list[i], &h.out)
				h.core.Deadline()
				if i++; i == n {
					i = 0
				}
			}
		})
	}
}

// BenchmarkExpire is the cost of one advert of a Master.
func BenchmarkExpire(b *testing.B) {
	for _, n := range scales {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := manyHost(b, n)
			h.masters()
			b.ReportAllocs()
			sent := 0
			for b.Loop() {
				for sent == 0 {
					h.now = h.core.Deadline()
					h.core.Expire(h.now, &h.out)
					sent = len(h.out.Sends)
					h.out.Reset()
				}
				sent--
			}
		})
	}
}

// BenchmarkApply is the cost of a configuration per group when one of them changes.
func BenchmarkApply(b *testing.B) {
	for _, n := range scales {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := manyHost(b, n)
			h.masters()
			cfgs := [2]engine.Config{manyGroups(n), manyGroups(n)}
			cfgs[1].Routers[n/2].Description = "changed"
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				h.core.Apply(h.now, cfgs[i%2], &h.out)
				h.out.Reset()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/group")
		})
	}
}

// BenchmarkStart is the cost of a whole configuration per group.
func BenchmarkStart(b *testing.B) {
	for _, n := range scales {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				manyHost(b, n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/group")
		})
	}
}

// BenchmarkSnapshot is the cost of a snapshot per group when all of them have changed.
func BenchmarkSnapshot(b *testing.B) {
	for _, n := range scales {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := manyHost(b, n)
			b.ReportAllocs()
			for b.Loop() {
				h.core.ClearStatistics(h.now, nil)
				h.core.Snapshot(h.now)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/group")
		})
	}
}

// BenchmarkLink is the cost of a link that fails and comes back, with 250 groups or less, for each of them. The
// number of groups on other links must not matter.
func BenchmarkLink(b *testing.B) {
	for _, n := range scales {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := manyHost(b, n)
			h.masters()
			l := ethernet(1, "eth1", "10.1.0.1/16")
			for b.Loop() {
				l.Up = false
				h.link(l)
				l.Up = true
				h.link(l)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*min(n, perLink)), "ns/group")
		})
	}
}

// tracked returns the configuration of n groups that depend on one object.
func tracked(n int) engine.Config {
	cfg := manyGroups(n)
	cfg.Tracks = []engine.TrackObject{{Name: "uplink", Kind: engine.TrackFile, File: "/weight", Interval: time.Second}}
	for i := range cfg.Routers {
		cfg.Routers[i].Track = []engine.Tracking{{Object: "uplink"}}
	}
	return cfg
}

// BenchmarkTrack is the cost of a result that changes the priority of all groups, for each of them.
func BenchmarkTrack(b *testing.B) {
	for _, n := range scales {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			cfg := tracked(n)
			h := manyHost(b, n)
			h.apply(cfg)
			h.masters()
			for i := 0; b.Loop(); i++ {
				h.out.Reset()
				h.core.SetTrack(h.now, &cfg.Tracks[0], engine.TrackResult{Up: true, Weight: -1 - i%2}, &h.out)
				if len(h.out.Sends) != n {
					b.Fatalf("%d adverts", len(h.out.Sends))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/group")
		})
	}
}

// BenchmarkSync is the cost per group of a configuration in which every tenth group begins another sync group; and of one in
// which all groups are in one sync group, when a link fails and comes back.
func BenchmarkSync(b *testing.B) {
	for _, n := range scales {
		b.Run(fmt.Sprintf("many/%d", n), func(b *testing.B) {
			cfgs := [2]engine.Config{manyGroups(n), manyGroups(n)}
			for i := range n {
				cfgs[0].Routers[i].SyncGroup = fmt.Sprint("s", i/10)
				cfgs[1].Routers[i].SyncGroup = cfgs[0].Routers[i].SyncGroup
				cfgs[1].Routers[i].Description = "changed"
			}
			h := manyHost(b, n)
			for i := 0; b.Loop(); i++ {
				h.apply(cfgs[i%2])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/group")
		})
		b.Run(fmt.Sprintf("one/%d", n), func(b *testing.B) {
			cfg := manyGroups(n)
			for i := range n {
				cfg.Routers[i].SyncGroup = "all"
			}
			h := manyHost(b, n)
			h.apply(cfg)
			h.masters()
			l := ethernet(1, "eth1", "10.1.0.1/16")
			for b.Loop() {
				l.Up = false
				h.link(l)
				l.Up = true
				h.link(l)
				h.run(5 * time.Second) // all are Master again
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/group")
		})
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	const n = 300
	t.Run("receive in Backup", func(t *testing.T) {
		h := manyHost(t, n)
		list := packets(n)
		i := 0
		one := func() {
			index, _ := linkOf(i)
			h.now = h.now.Add(time.Millisecond)
			h.core.Deliver(h.now, index, vrrp.IPv4, list[i], &h.out)
			h.core.Deadline()
			i = (i + 1) % n
		}
		if avg := testing.AllocsPerRun(3*n, one); avg != 0 {
			t.Errorf("%v allocations for each advert received", avg)
		}
	})
	t.Run("discard", func(t *testing.T) {
		h := manyHost(t, n)
		p := packets(1)[0]
		p.TTL = 254
		one := func() { h.core.Deliver(h.now, 1, vrrp.IPv4, p, &h.out) }
		if avg := testing.AllocsPerRun(n, one); avg != 0 {
			t.Errorf("%v allocations for each packet discarded", avg)
		}
	})
	t.Run("send in Master", func(t *testing.T) {
		h := manyHost(t, n)
		h.masters()
		sent := 0
		round := func() {
			h.out.Reset()
			h.now = h.core.Deadline()
			h.core.Expire(h.now, &h.out)
			sent += len(h.out.Sends)
		}
		if avg := testing.AllocsPerRun(100, round); avg != 0 {
			t.Errorf("%v allocations for each Expire", avg)
		}
		if sent < 100 {
			t.Errorf("%d adverts in 100 rounds", sent)
		}
	})
}
