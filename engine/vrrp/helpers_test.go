// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"net/netip"
	"testing"
	"time"
)

// epoch is when the tests begin; a time in a test is the time since then.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// The routers of the tests: self is the one under test.
var (
	lower  = netip.MustParseAddr("10.0.0.2")
	self   = netip.MustParseAddr("10.0.0.5")
	higher = netip.MustParseAddr("10.0.0.9")
	vip    = netip.MustParseAddr("10.0.0.1")
)

func at(d time.Duration) time.Time { return epoch.Add(d) }

// base returns the configuration that the tests vary: VRID 51 with priority 100,
// every second, preempting.
func base(version Version, vary ...func(*Config)) Config {
	cfg := Config{
		Version: version, Family: IPv4, VRID: 51, Priority: 100, Interval: time.Second,
		Preempt: true, Addresses: []netip.Addr{vip},
		Announce: AnnounceConfig{Repeat: 1},
	}
	for _, f := range vary {
		f(&cfg)
	}
	return cfg
}

// baseIPv6 is base for VRRPv3 over IPv6.
func baseIPv6() Config {
	return base(V3, func(c *Config) {
		c.Family = IPv6
		c.Addresses = []netip.Addr{netip.MustParseAddr("fe80::1"), netip.MustParseAddr("2001:db8::1")}
	})
}

// packet returns the advert that a peer with this configuration sends.
func packet(cfg *Config, src netip.Addr, priority uint8, form ChecksumForm) Packet {
	dst := Group(cfg.Family)
	return Packet{Src: src, Dst: dst, TTL: TTL, Payload: AppendMessage(nil, cfg, priority, form, src, dst)}
}

// advertOf returns the advert that a peer with this configuration sends, decoded.
func advertOf(t testing.TB, cfg Config, src netip.Addr, priority uint8) *Advertisement {
	t.Helper()
	a := new(Advertisement)
	if drop := Decode(a, packet(&cfg, src, priority, FormPseudoHeader), cfg.Family, cfg.Version); drop != DropNone {
		t.Fatalf("advert dropped: %v", drop)
	}
	return a
}

// step executes one event and returns its actions.
func step(r *Router, now time.Duration, ev Event) []Action {
	return r.Step(at(now), ev, nil)
}

// up returns the event that starts the router under test.
func up() Event { return Event{Kind: EventUp, Local: Local{Primary: self}} }

// upOwner returns the event that starts it as the address owner.
func upOwner() Event { return Event{Kind: EventUp, Local: Local{Primary: self, Owner: true}} }

// backup returns a router that became Backup at the epoch.
func backup(cfg Config) *Router {
	r := New(cfg)
	step(r, 0, up())
	return r
}

// master returns a router that became Master at the epoch, with its addresses installed.
func master(cfg Config) *Router {
	r := New(cfg)
	r.Step(epoch.Add(-time.Hour), up(), nil)
	step(r, 0, Event{Kind: EventTimer})
	step(r, 0, Event{Kind: EventInstalled})
	return r
}

// Actions, as the tests write them.

func send(priority uint8) Action { return Action{Kind: ActionSend, Priority: priority} }

func transition(from, to State, cause Cause) Action {
	return Action{Kind: ActionTransition, From: from, To: to, Cause: cause}
}

var (
	install  = Action{Kind: ActionInstall}
	withdraw = Action{Kind: ActionWithdraw}
	announce = Action{Kind: ActionAnnounce}
)

// becoming returns the actions of a new Master with a priority.
func becoming(priority uint8, from State, cause Cause) []Action {
	return []Action{send(priority), install, transition(from, Master, cause)}
}
