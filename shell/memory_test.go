// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"vrrpsh/engine/vrrp"
)

// TestMemoryStaysFlat runs two hours of adverts, take-overs, commits, sessions and debugging, after the bounded histories are
// full.
func TestMemoryStaysFlat(t *testing.T) {
	onLAN(t, func(l *lan) {
		r1, r2 := l.router(1, v3+"priority = 200\n"), l.router(2, v3)
		pass(10 * time.Second)
		live := func(rounds int, each time.Duration) {
			for i := range rounds {
				must(l.t, r1.Session, "configure", fmt.Sprintf("interface eth0 vrrp 1 description d%d", i%10), "commit", "end")
				must(l.t, r1.Session, "vrrp resign interface eth0 group 1")
				for _, r := range []*node{r1, r2} {
					s := New(r.env, admin)
					must(l.t, s, "debug vrrp packets", "show vrrp", "show history commits", "show logging")
					packets, _, stop := r.env.Tap.Tap(func(string, vrrp.Family, uint8) bool { return true })
					pass(each / 2)
					stop()
					for range packets {
					}
					if err := s.Close(); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		heap := func() int {
			var m runtime.MemStats
			runtime.GC()
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int(m.HeapAlloc >> 10)
		}
		live(250, 20*time.Second)
		before := heap()
		live(60, 2*time.Minute)
		if after := heap(); after > before+128 {
			t.Errorf("%d kB after two hours, and %d kB before", after, before)
		} else {
			t.Logf("%d kB after two hours, and %d kB before", after, before)
		}
	})
}
