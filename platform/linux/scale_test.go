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

// BenchmarkApply brings a thousand routers on four links through their lives, with a Watch that
// sees all of it, as in a running router.
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
