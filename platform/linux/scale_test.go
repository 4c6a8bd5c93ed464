// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package linux

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"vrrpsh/platform"
)

// BenchmarkApply runs a thousand routers on four links from start to end, with a Watch like
// that of a running router.
func BenchmarkApply(b *testing.B) {
	for _, macvlan := range []bool{false, true} {
		b.Run(map[bool]string{false: "ether", true: "macvlan"}[macvlan], func(b *testing.B) {
			h := newHarness(b)
			var batch []platform.Attachment
			for l := range 4 {
				name := fmt.Sprintf("up%d", l)
				h.AddLink(name, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(l), 0, 1}), 16))
				index := h.link(name).Attrs().Index
				for v := 1; v <= 250; v++ {
					batch = append(batch, platform.Attachment{
						ID:   platform.ID{Link: name, Family: platform.IPv4, VRID: uint8(v)},
						Link: index, Macvlan: macvlan, Name: fmt.Sprintf("vrrp%d.%d", l, v), MAC: [6]byte{0, 0, 0x5e, 0, 1, byte(v)},
						Addrs: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(l), 1, byte(v)}), 16)},
					})
				}
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan struct{})
			go func() {
				_ = h.system.Watch(ctx, func(u platform.Update) {
					if len(u.Lost) > 0 {
						b.Errorf("lost %v", u.Lost)
					}
				})
				close(done)
			}()
			defer func() { cancel(); <-done }()
			b.ReportAllocs()
			spent := make(map[string]time.Duration)
			apply := func(what string, present, active bool) {
				for i := range batch {
					batch[i].Present, batch[i].Active = present, active
				}
				start := time.Now()
				for i, err := range h.system.Apply(batch) {
					if err != nil {
						b.Fatalf("%s %v: %v", what, batch[i].ID, err)
					}
				}
				spent[what] += time.Since(start)
			}
			for b.Loop() {
				apply("standby", true, false)
				apply("active", true, true)
				apply("repeat", true, true)
				apply("backup", true, false)
				apply("absent", false, false)
			}
			for what, d := range spent {
				b.ReportMetric(float64(d.Milliseconds())/float64(b.N), "ms/"+what)
			}
		})
	}
}

// BenchmarkClosed closes and opens one more address while many are closed, and restores all of them after a removal by
// another program.
func BenchmarkClosed(b *testing.B) {
	for _, n := range []int{10, 1000, 4000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := newHarness(b)
			h.AddLink("up0", netip.MustParsePrefix("10.0.0.1/16"))
			index := h.link("up0").Attrs().Index
			attachment := func(vrid uint8) platform.Attachment {
				return platform.Attachment{
					ID: platform.ID{Link: "up0", Family: platform.IPv4, VRID: vrid}, Link: index,
					Present: true, Active: true, Closed: true,
				}
			}
			var many []platform.Attachment
			for i := range n {
				if i%40 == 0 {
					many = append(many, attachment(uint8(2+i/40)))
				}
				a := &many[len(many)-1]
				a.Addrs = append(a.Addrs, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(1 + i/250), byte(1 + i%250)}), 32))
			}
			one := attachment(1)
			one.Addrs = []netip.Prefix{netip.MustParsePrefix("10.0.0.2/32")}
			apply := func(batch ...platform.Attachment) {
				for _, err := range h.system.Apply(batch) {
					must(b, err)
				}
			}
			start := time.Now()
			apply(many...)
			all := time.Since(start)
			for b.Loop() {
				apply(one)
				one.Active = false
				apply(one)
				one.Active = true
			}
			h.FlushFilter()
			start = time.Now()
			for g := (guard{system: h.system}); g.look(); {
			}
			repair := time.Since(start)
			b.ReportMetric(float64(all.Microseconds())/1000, "ms/all")
			b.ReportMetric(float64(repair.Microseconds())/1000, "ms/repair")
		})
	}
}
