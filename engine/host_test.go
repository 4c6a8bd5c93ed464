// SPDX-License-Identifier: GPL-3.0-only

package engine_test

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// tester is the part of testing.T that a host needs; rapid has it too.
type tester interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// A host runs a Core in virtual time and simulates the kernel.
type host struct {
	tb   tester
	core *engine.Core
	now  time.Time
	out  engine.Output // of the last call and of the answers to it

	refuse bool // the kernel refuses addresses
	silent bool // the kernel does not answer
	events []engine.Event
}

func newHost(tb tester) *host {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	return &host{tb: tb, core: engine.NewCore(now), now: now}
}

// ethernet returns an interface that is up.
func ethernet(index int, name string, addrs ...string) engine.Link {
	l := engine.Link{Index: index, Name: name, MAC: [6]byte{2, 0, 0, 0, 0, byte(index)}, MTU: 1500, Up: true, Ethernet: true}
	for _, a := range addrs {
		l.Addrs = append(l.Addrs, netip.MustParsePrefix(a))
	}
	return l
}

// group returns a VRRPv3 virtual router with preemption; vips with a length keep it.
func group(name string, vrid uint8, vips ...string) engine.VirtualRouter {
	vr := engine.VirtualRouter{
		Key:          engine.Key{Interface: name, VRID: vrid},
		SocketFilter: true,
		Protocol: vrrp.Config{
			Version: vrrp.V3, VRID: vrid, Priority: 100, Interval: time.Second,
			Preempt: true, Lenient: true,
			Announce: vrrp.AnnounceConfig{Repeat: 2, Delay: 5 * time.Second},
		},
	}
	setAddresses(&vr, vips...)
	return vr
}

func setAddresses(vr *engine.VirtualRouter, vips ...string) {
	vr.Addresses, vr.Protocol.Addresses = nil, nil
	for _, vip := range vips {
		a := engine.Address{Bits: -1}
		if p, err := netip.ParsePrefix(vip); err == nil {
			a = engine.Address{Addr: p.Addr(), Bits: p.Bits()}
		} else {
			a.Addr = netip.MustParseAddr(vip)
		}
		vr.Addresses = append(vr.Addresses, a)
		vr.Protocol.Addresses = append(vr.Protocol.Addresses, a.Addr)
		vr.Family = vrrp.FamilyOf(a.Addr)
		vr.Protocol.Family = vr.Family
	}
}

// with returns a changed copy of a virtual router.
func with(vr engine.VirtualRouter, changes ...func(*engine.VirtualRouter)) engine.VirtualRouter {
	for _, change := range changes {
		change(&vr)
	}
	return vr
}

func config(vrs ...engine.VirtualRouter) engine.Config { return engine.Config{Routers: vrs} }

// advert returns the advert of a peer of a virtual router.
func advert(vr *engine.VirtualRouter, priority uint8, src string) vrrp.Packet {
	from, to := netip.MustParseAddr(src), vrrp.Group(vr.Family)
	return vrrp.Packet{
		Src: from, Dst: to, TTL: vrrp.TTL,
		Payload: vrrp.AppendMessage(nil, &vr.Protocol, priority, vrrp.FormPseudoHeader, from, to),
	}
}

// The calls below start a new Output and simulate the kernel.

func (h *host) apply(cfg engine.Config) {
	h.out = engine.Output{}
	h.core.Apply(h.now, cfg, &h.out)
	h.answer(0)
}

func (h *host) link(l engine.Link) {
	h.out = engine.Output{}
	h.core.SetLink(h.now, l, &h.out)
	h.answer(0)
}

func (h *host) unlink(index int) {
	h.out = engine.Output{}
	h.core.RemoveLink(h.now, index, &h.out)
	h.answer(0)
}

func (h *host) deliver(index int, family vrrp.Family, p vrrp.Packet) {
	h.out = engine.Output{}
	h.core.Deliver(h.now, index, family, p, &h.out)
	h.answer(0)
}

func (h *host) lose(key engine.Key) {
	h.out = engine.Output{}
	h.core.Lost(h.now, key, &h.out)
	h.answer(0)
}

// run lets time pass.
func (h *host) run(d time.Duration) {
	end := h.now.Add(d)
	h.out = engine.Output{}
	for at := h.core.Deadline(); !at.IsZero() && !at.After(end); at = h.core.Deadline() {
		if at.After(h.now) {
			h.now = at
		}
		n := len(h.out.Desired)
		h.core.Expire(h.now, &h.out)
		if at := h.core.Deadline(); !at.IsZero() && !at.After(h.now) {
			h.tb.Fatalf("the deadline is still %s ago", h.now.Sub(at))
		}
		h.answer(n)
	}
	h.now = end
}

var errRefused = errors.New("operation not permitted")

// answer answers every Desired from the nth on.
func (h *host) answer(n int) {
	for ; n < len(h.out.Desired) && !h.silent; n++ {
		d := h.out.Desired[n]
		var err error
		if h.refuse && d.Active {
			err = errRefused
		}
		h.core.Installed(h.now, d.Key, d.Seq, err, &h.out)
	}
	for _, e := range h.out.Events {
		if len(h.events) == 0 || e.Seq > h.events[len(h.events)-1].Seq {
			h.events = append(h.events, e)
		}
	}
}

// The functions below return the current state.

func (h *host) status(key engine.Key) *engine.RouterStatus {
	h.tb.Helper()
	for _, r := range h.core.Snapshot(h.now).Routers {
		if r.Config.Key == key {
			return r
		}
	}
	h.tb.Fatalf("%s is not there", key)
	return nil
}

func (h *host) wantState(key engine.Key, state vrrp.State, cause vrrp.Cause) {
	h.tb.Helper()
	if s := h.status(key); s.State != state || s.Cause != cause {
		h.tb.Errorf("%s is %s (%s), want %s (%s)", key, s.State, s.Cause, state, cause)
	}
}

// newest returns the last Desired of a key in the last Output.
func (h *host) newest(key engine.Key) *engine.Desired {
	for _, d := range slices.Backward(h.out.Desired) {
		if d.Key == key {
			return &d
		}
	}
	return nil
}

// priorities returns the priorities of the adverts in the last Output.
func (h *host) priorities() []uint8 {
	var list []uint8
	for _, s := range h.out.Sends {
		list = append(list, s.Payload[2])
	}
	return list
}

// texts returns the texts of the events of one kind, from the first call on.
func (h *host) texts(kind engine.EventKind) []string {
	var list []string
	for _, e := range h.events {
		if e.Kind == kind {
			list = append(list, e.Text)
		}
	}
	return list
}
