// SPDX-License-Identifier: GPL-3.0-only

package vrrp

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecode decodes any input, encodes accepted adverts and decodes them again.
func FuzzDecode(f *testing.F) {
	for _, m := range messages {
		f.Add(unhex(f, m.want), m.cfg.Family == IPv6)
	}
	f.Fuzz(func(t *testing.T, payload []byte, ipv6 bool) {
		p := Packet{Src: higher, Dst: GroupIPv4, TTL: TTL, Payload: payload}
		family := IPv4
		if ipv6 {
			p.Src, p.Dst, family = netip.MustParseAddr("fe80::9"), GroupIPv6, IPv6
		}
		var a Advertisement
		if Decode(&a, p, family, 0) != DropNone {
			// Most inputs fail the checksum: correct it and try again.
			if len(payload) < headerLen || !refit(p, family) || Decode(&a, p, family, 0) != DropNone {
				return
			}
		}
		if a.AuthType != AuthSimple {
			// The authentication data cannot be computed without the secret, and have no meaning
			// without one.
			a.AuthType, a.AuthData = AuthNone, [8]byte{}
		}
		cfg := Config{
			Version: a.Version, Family: a.Family, VRID: a.VRID, Interval: a.Interval, Addresses: a.Addresses,
			AuthType: a.AuthType,
		}
		if a.AuthType == AuthSimple {
			cfg.Secret = string(a.AuthData[:])
		} else {
			a.AuthData = [8]byte{}
		}
		p.Payload = AppendMessage(nil, &cfg, a.Priority, a.Form, p.Src, p.Dst)
		var b Advertisement
		if drop := Decode(&b, p, family, a.Version); drop != DropNone {
			t.Fatalf("own message dropped: %v", drop)
		}
		a.Checksum, b.Checksum = 0, 0 // the input had reserved bits and authentication data
		a.Missing = 0
		a.Message, b.Message = nil, nil
		if diff := cmp.Diff(a, b, compareAddr); diff != "" {
			t.Errorf("decoded again (-first +again):\n%s", diff)
		}
	})
}

// refit corrects the length and the checksum of a message.
func refit(p Packet, family Family) bool {
	n := messageLen(Version(p.Payload[offVersionType]>>4), family, int(p.Payload[offCount]))
	if n > len(p.Payload) {
		return false
	}
	msg := p.Payload[:n]
	s := sum(0, msg) - sum(0, msg[offChecksum:headerLen])
	if family == IPv6 {
		s += sumPseudoHeader(family, p.Src, p.Dst, n)
	}
	binary.BigEndian.PutUint16(msg[offChecksum:], ^fold(s))
	return true
}

// FuzzRouter takes a router through any sequence of events. It must not panic, must hold
// the addresses exactly while Master, and must always have a next step.
func FuzzRouter(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0x00, 0, 3, 255, 4, 0, 2, 200, 3, 255, 3, 255, 1, 1})
	f.Add([]byte{0xff, 0, 3, 255, 5, 0, 3, 255, 6, 0, 7, 9, 8, 255, 0, 255})
	f.Fuzz(func(t *testing.T, script []byte) {
		version := V3
		if len(script) > 0 && script[0]&1 != 0 {
			version = V2
		}
		w := newWitness(t, base(version, func(c *Config) {
			c.PreemptDelay = sec
			c.Announce = AnnounceConfig{Repeat: 2, Delay: sec, Refresh: 3 * sec}
		}))
		for ; len(script) >= 2; script = script[2:] {
			op, arg := script[0], script[1]
			w.event(op, arg)
		}
	})
}

// A witness follows a router through its actions alone.
type witness struct {
	t         *testing.T
	r         *Router
	cfg       Config
	now       time.Time
	state     State // by its transitions
	addresses bool  // by Install and Withdraw
	confirmed bool  // the kernel has them
}

func newWitness(t *testing.T, cfg Config) *witness {
	return &witness{t: t, r: New(cfg), cfg: cfg, now: epoch}
}

// event derives an event from two bytes.
func (w *witness) event(op, arg byte) {
	ev := Event{Kind: EventKind(op % 12)}
	switch ev.Kind {
	case EventUp:
		ev.Local = Local{Primary: netip.AddrFrom4([4]byte{10, 0, 0, arg % 16}), Owner: arg&0x40 != 0}
		if arg&0x80 != 0 {
			ev.Local.Primary = netip.Addr{}
		}
	case EventDown, EventRefused:
		ev.Cause = Cause(arg)
	case EventAdvert:
		if ev.Advert = w.advert(op, arg); ev.Advert == nil {
			return
		}
	case EventTimer:
		// In time, or late by up to 12 seconds.
		if d := w.r.Deadline(); d.After(w.now) {
			w.now = d
		}
		w.now = w.now.Add(time.Duration(arg) * time.Duration(arg) * 200 * time.Microsecond)
	case EventConfigure:
		w.cfg.Priority = max(1, arg%255)
		w.cfg.Preempt = arg&1 != 0
		w.cfg.PreemptDelay = time.Duration(arg%3) * sec
		w.cfg.Interval = time.Duration(1+arg%4) * sec
		w.cfg.Addresses = []netip.Addr{vip, higher}[:1+arg>>7]
		cfg := w.cfg
		ev.Config = &cfg
	case EventInstalled:
		w.confirmed = w.state == Master
	case EventResign:
	default: // an unknown event
		w.now = w.now.Add(time.Duration(arg) * ms)
	}
	w.step(ev)
}

// advert returns an advert that passed the checks, or nil.
func (w *witness) advert(op, arg byte) *Advertisement {
	peer := w.cfg
	peer.Interval = time.Duration(1+op%3) * sec
	src := netip.AddrFrom4([4]byte{10, 0, 0, op >> 4})
	var a Advertisement
	if drop := Decode(&a, packet(&peer, src, arg, ChecksumForm(op>>7)), IPv4, w.cfg.Version); drop != DropNone {
		w.t.Fatalf("peer's message dropped: %v", drop)
	}
	if drop, _ := w.r.Check(&a); drop != DropNone {
		return nil
	}
	return &a
}

// step executes an event and checks its actions against the rules.
func (w *witness) step(ev Event) {
	t := w.t
	was := w.state
	for _, a := range w.r.Step(w.now, ev, nil) {
		switch a.Kind {
		case ActionSend:
			w.sent(a.Priority)
		case ActionInstall:
			w.addresses, w.confirmed = true, false
		case ActionWithdraw:
			w.addresses, w.confirmed = false, false
		case ActionAnnounce:
			if !w.confirmed {
				t.Errorf("%v: announced before the kernel had the addresses", ev.Kind)
			}
		case ActionTransition:
			if a.From != w.state || a.From == a.To || a.Cause == CauseNone && ev.Kind != EventDown {
				t.Errorf("%v: %v -> %v (%v) in %v", ev.Kind, a.From, a.To, a.Cause, w.state)
			}
			w.state = a.To
		}
	}
	s := w.r.Status()
	if s.State != w.state || s.State != was && !s.Since.Equal(w.now) {
		t.Errorf("%v: state is %v since %v, transitions led to %v at %v", ev.Kind, s.State, s.Since, w.state, w.now)
	}
	if w.addresses != (w.state == Master) || s.Installed != w.confirmed {
		t.Errorf("%v: addresses %t, confirmed %t, %v", ev.Kind, w.addresses, s.Installed, w.state)
	}
	switch d := w.r.Deadline(); {
	case d.IsZero() != (w.state == Initialize):
		t.Errorf("%v: deadline is %v in %v", ev.Kind, d, w.state)
	case ev.Kind == EventTimer && w.state != Initialize && !d.After(w.now):
		t.Errorf("a timer that fired is still due, in %v", w.state)
	}
}

// sent checks the message of an advert as a peer would.
func (w *witness) sent(priority uint8) {
	s := w.r.Status()
	if !s.Local.Primary.IsValid() {
		return // a last advert before the interface lost its address
	}
	var a Advertisement
	p := Packet{Src: s.Local.Primary, Dst: GroupIPv4, TTL: TTL, Payload: bytes.Clone(w.r.Message(priority))}
	if drop := Decode(&a, p, IPv4, w.cfg.Version); drop != DropNone {
		w.t.Errorf("own message dropped: %v", drop)
	}
	if a.Priority != priority || a.Interval != w.cfg.Interval || priority != PriorityResign && priority != s.Priority {
		w.t.Errorf("sent priority %d, interval %v, router has %d, %v", a.Priority, a.Interval, s.Priority, w.cfg.Interval)
	}
}
