// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"slices"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// Interface is the name of the hosts' interface on the LAN.
const Interface = "eth0"

// Host is a router on a LAN.
type Host struct {
	Name string

	lan  *LAN
	link engine.Link
	cfg  engine.Config
	side int // of a partition

	core    *engine.Core // nil: off
	life    int          // number of starts and crashes
	stopped bool         // Stop was called; the kernel may still finish its work
	stalled bool
	refuses bool                // its kernel has no address installed
	mute    bool                // nothing that it sends goes out
	failing map[engine.Key]bool // the last advert could not be sent
	out     engine.Output
	wakeAt  time.Time // when it checks its timers; zero: never

	inbox   []*message // waiting to be read
	answers []answer   // of the kernel, waiting too
	listens map[vrrp.Family]engine.Listen
	kernel  kernel
	state   map[engine.Key]vrrp.State
}

// running reports whether the host runs.
func (h *Host) running() bool { return h.core != nil && !h.stopped }

// Start starts a host that was stopped or has crashed.
func (h *Host) Start() {
	h.lan.checker.disturb(func() {
		h.off()
		h.core = engine.NewCore(h.lan.now)
		h.core.SetLink(h.lan.now, h.link, &h.out)
		h.core.Apply(h.lan.now, h.cfg, &h.out)
		h.turn()
	})
}

// Crash ends a host without priority 0; its addresses disappear with it.
func (h *Host) Crash() {
	h.lan.checker.disturb(h.off)
}

// off resets all state of the run that has ended.
func (h *Host) off() {
	h.life++
	h.core, h.stopped, h.stalled, h.out, h.wakeAt = nil, false, false, engine.Output{}, time.Time{}
	h.inbox, h.answers = nil, nil
	h.listens = make(map[vrrp.Family]engine.Listen)
	h.kernel = kernel{desired: make(map[engine.Key]engine.Desired), installed: make(map[engine.Key]bool)}
	h.state = make(map[engine.Key]vrrp.State)
	h.failing = make(map[engine.Key]bool)
}

// Stop ends a host with a clean shutdown.
func (h *Host) Stop() {
	h.lan.checker.disturb(func() {
		h.do(func(now time.Time) { h.core.Stop(now, &h.out) })
		h.stopped = true
	})
}

// Stall keeps a host from running for some time, as if suspended. Messages are queued, and
// its kernel keeps its addresses.
func (h *Host) Stall(d time.Duration) {
	if h.core == nil || h.stalled {
		return
	}
	h.lan.checker.disturb(func() { h.stalled = true })
	h.wake(h.lan.now.Add(d))
}

// SetLink takes the interface down or up.
func (h *Host) SetLink(up bool) {
	h.lan.checker.disturb(func() {
		h.link.Up = up
		h.do(func(now time.Time) { h.core.SetLink(now, h.link, &h.out) })
	})
}

// Refuse has the kernel refuse all addresses, or none but by chance.
func (h *Host) Refuse(all bool) {
	h.lan.checker.disturb(func() { h.refuses = all })
}

// SetMute keeps everything that the host sends from going out, which its kernel tells it, or ends that.
func (h *Host) SetMute(mute bool) {
	h.lan.checker.disturb(func() { h.mute = mute })
}

// SetDeaf takes the sockets of the host away, so that it hears nothing, and knows it; or gives them back.
func (h *Host) SetDeaf(deaf bool) {
	h.lan.checker.disturb(func() {
		h.link.DeafIPv4, h.link.DeafIPv6 = "", ""
		if deaf {
			h.link.DeafIPv4, h.link.DeafIPv6 = "no sockets", "no sockets"
		}
		h.do(func(now time.Time) { h.core.SetLink(now, h.link, &h.out) })
	})
}

// Apply gives the host another configuration.
func (h *Host) Apply(routers ...engine.VirtualRouter) {
	h.lan.checker.disturb(func() {
		h.cfg = engine.Config{Routers: routers}
		h.do(func(now time.Time) { h.core.Apply(now, h.cfg, &h.out) })
	})
}

// Resign makes the host give up Master once.
func (h *Host) Resign(key engine.Key) {
	h.lan.checker.disturb(func() {
		h.do(func(now time.Time) { _ = h.core.Resign(now, key, &h.out) }) // ignores the error if it is not Master
	})
}

// Lose removes the addresses of a virtual router, like another program would.
func (h *Host) Lose(key engine.Key) {
	h.lan.checker.disturb(func() {
		if h.kernel.installed[key] {
			h.kernel.installed[key] = false
			h.do(func(now time.Time) { h.core.Lost(now, key, &h.out) })
		}
	})
}

// Status returns the status of a virtual router; nil if the host is off or
// does not have it.
func (h *Host) Status(key engine.Key) *engine.RouterStatus {
	if h.core == nil {
		return nil
	}
	for _, r := range h.core.Snapshot(h.lan.now).Routers {
		if r.Config.Key == key {
			return r
		}
	}
	return nil
}

// do makes a call from outside to the Core.
func (h *Host) do(call func(now time.Time)) {
	if h.core == nil {
		return
	}
	call(h.lan.now)
	if !h.stalled {
		h.turn()
	}
}

// receive handles a message at the host's interface.
func (h *Host) receive(m *message) {
	if h.core == nil || !h.link.Up || h.side != m.from.side {
		return
	}
	family := m.send.Key.Family
	l := h.listens[family]
	if len(l.VRIDs) == 0 || l.Filter && !slices.Contains(l.VRIDs, m.send.Key.VRID) {
		return
	}
	h.inbox = append(h.inbox, m)
	if !h.stalled {
		h.turn()
	}
}

// turn is one turn of the host's loop: first all received messages, then the timers.
func (h *Host) turn() {
	if h.stalled {
		h.lan.checker.disturb(func() {
			h.stalled = false
			h.turn()
		})
		return
	}
	now := h.lan.now
	for _, m := range h.inbox {
		family := m.send.Key.Family
		h.core.Deliver(now, h.link.Index, family, vrrp.Packet{
			Src: m.send.Source, Dst: vrrp.Group(family), TTL: vrrp.TTL, Payload: m.send.Payload,
		}, &h.out)
	}
	for _, a := range h.answers {
		h.core.Installed(now, a.key, a.seq, a.err, &h.out)
	}
	h.inbox, h.answers = h.inbox[:0], h.answers[:0]
	if at := h.core.Deadline(); !at.IsZero() && !at.After(now) {
		h.core.Expire(now, &h.out)
	}
	h.carryOut()
	at := h.core.Deadline()
	if at.IsZero() {
		h.wakeAt = time.Time{}
	} else if late := h.wakeAt.Sub(at); late < 0 || late > h.lan.o.Late {
		h.wake(at.Add(h.lan.upTo(h.lan.o.Late)))
	}
}

// wake sets the time of the next turn, unless something happens before.
func (h *Host) wake(at time.Time) {
	h.wakeAt = at
	h.lan.queue.push(event{at: at, host: h, life: h.life})
}

// carryOut performs the actions that the Core asks for.
func (h *Host) carryOut() {
	for _, l := range h.out.Listens {
		h.listens[l.Family] = l
	}
	// What cannot be sent may have the Core ask for more.
	for i := 0; i < len(h.out.Sends); i++ {
		s := h.out.Sends[i]
		if !h.link.Up {
			continue
		}
		if !h.mute {
			h.lan.send(h, s)
		}
		if h.mute || h.failing[s.Key] {
			r := engine.SendReport{Key: s.Key, Priority: s.Priority, Sent: !h.mute}
			if h.mute {
				r.Failed, r.Err = 1, errUnsent
			}
			h.failing[s.Key] = h.mute
			h.core.ReportSend(h.lan.now, r, &h.out)
		}
	}
	for _, d := range h.out.Desired {
		h.desire(d)
	}
	for _, e := range h.out.Events {
		if e.Kind != engine.EventTransition {
			continue
		}
		h.state[e.Key] = e.To
		h.lan.log = append(h.lan.log, Transition{h.lan.Elapsed(), h.Name, e.Key, e.From, e.To, e.Cause})
		h.lan.checker.moved(h, e)
	}
	h.out.Reset()
}
