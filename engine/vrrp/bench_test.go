// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"net/netip"
	"testing"
	"time"
)

// A hotPath is the work of a router for one advert.
type hotPath struct {
	name string
	run  func()
}

// hotPaths returns the hot paths of a Backup that hears its Master, and of a Master.
func hotPaths(tb testing.TB) []hotPath {
	var paths []hotPath
	add := func(name string, cfg Config, self, peer netip.Addr) {
		paths = append(paths,
			hotPath{"Backup/" + name, backupPath(tb, cfg, self, peer)},
			hotPath{"Master/" + name, masterPath(tb, cfg, self)})
	}
	signed := func(kind AuthType) func(*Config) {
		return func(c *Config) { c.AuthType, c.Secret = kind, "thissecretnolongeris" }
	}
	add("VRRPv2", base(V2), self, higher)
	add("VRRPv2 P0", base(V2, signed(AuthP0)), self, higher)
	add("VRRPv2 P1", base(V2, signed(AuthP1)), self, higher)
	add("VRRPv3", base(V3), self, higher)
	add("VRRPv3 IPv6", baseIPv6(), netip.MustParseAddr("fe80::5"), netip.MustParseAddr("fe80::9"))
	return paths
}

// backupPath receives an advert.
func backupPath(tb testing.TB, cfg Config, self, peer netip.Addr) func() {
	r := New(cfg)
	now := epoch
	r.Step(now, Event{Kind: EventUp, Local: Local{Primary: self}}, nil)
	p := packet(&cfg, peer, 200, FormPseudoHeader)
	var (
		a   Advertisement
		out []Action
	)
	return func() {
		now = now.Add(time.Second)
		if Decode(&a, p, cfg.Family, cfg.Version) != DropNone {
			tb.Fatal("not decoded")
		}
		if drop, _ := r.Check(&a); drop != DropNone {
			tb.Fatal(drop)
		}
		out = r.Step(now, Event{Kind: EventAdvert, Advert: &a}, out[:0])
		if len(out) > 0 || r.Deadline().Before(now) {
			tb.Fatal("not a quiet Backup")
		}
	}
}

// masterPath makes the advert that is due.
func masterPath(tb testing.TB, cfg Config, self netip.Addr) func() {
	r := New(cfg)
	r.Step(epoch, Event{Kind: EventUp, Local: Local{Primary: self}}, nil)
	r.Step(r.Deadline(), Event{Kind: EventTimer}, nil)
	r.Step(r.Deadline(), Event{Kind: EventInstalled}, nil)
	var out []Action
	return func() {
		out = r.Step(r.Deadline(), Event{Kind: EventTimer}, out[:0])
		if len(out) != 1 || out[0].Kind != ActionSend {
			tb.Fatal("not a quiet Master")
		}
		if len(r.Message(out[0].Priority)) == 0 {
			tb.Fatal("no message")
		}
	}
}

// TestHotPathAllocates nothing once it is warmed up.
func TestHotPathAllocates(t *testing.T) {
	for _, p := range hotPaths(t) {
		p.run()
		if n := testing.AllocsPerRun(100, p.run); n != 0 {
			t.Errorf("%s: %v allocations per advert", p.name, n)
		}
	}
}

// TestAppendMessageAllocates nothing where there is no key to set up.
func TestAppendMessageAllocates(t *testing.T) {
	buf := make([]byte, 0, 64)
	for _, cfg := range []Config{base(V2), base(V3), baseIPv6()} {
		run := func() { buf = AppendMessage(buf[:0], &cfg, 100, FormPseudoHeader, self, GroupIPv4) }
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%v: %v allocations per message", cfg.Version, n)
		}
	}
}

func BenchmarkHotPath(b *testing.B) {
	for _, p := range hotPaths(b) {
		b.Run(p.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.run()
			}
		})
	}
}
