// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/journal"
)

// debugger turns packets or events into notices for one session.
type debugger struct {
	// selections are the arguments of the debug commands. The slice is replaced, never modified.
	selections atomic.Pointer[[]debugSelection]
	stop       func()
}

// debugSelection is the argument of one debug command and a line of "show debugging".
type debugSelection struct {
	What      string `json:"what"` // "packets" or "events"
	Interface string `json:"interface,omitempty"`
	Group     uint8  `json:"group,omitempty"`
}

// String returns the selection in command syntax.
func (d debugSelection) String() string {
	s := "vrrp " + d.What
	if d.Interface != "" {
		s += " interface " + d.Interface
	}
	if d.Group != 0 {
		s += " group " + strconv.Itoa(int(d.Group))
	}
	return s
}

func (d *debugger) match(iface string, vrid uint8) bool {
	for _, s := range *d.selections.Load() {
		if (s.Interface == "" || s.Interface == iface) && (s.Group == 0 || s.Group == vrid) {
			return true
		}
	}
	return false
}

// debugsEvent tells whether the session debugs events like e.
func (s *Session) debugsEvent(e *journal.Event) bool {
	s.mu.Lock()
	d := s.debugs["events"]
	s.mu.Unlock()
	return d != nil && d.match(e.Interface, e.Group)
}

// add adds a selection.
func (d *debugger) add(s debugSelection) {
	if old := d.selections.Load(); old == nil {
		d.selections.Store(&[]debugSelection{s})
	} else if !slices.Contains(*old, s) {
		list := append(slices.Clone(*old), s)
		d.selections.Store(&list)
	}
}

// debug starts displaying packets or events, or extends the selection.
func debug(c *call) error {
	s := c.session
	selected := debugSelection{What: "events", Interface: c.step.Value("interface")}
	if c.step.Has("packets") {
		selected.What = "packets"
	}
	if v := c.step.Value("group"); v != "" {
		n, err := strconv.ParseUint(v, 10, 8)
		if err != nil {
			return c.step.Misplaced("group", "not a group number")
		}
		selected.Group = uint8(n)
	}
	s.mu.Lock()
	d := s.debugs[selected.What]
	s.mu.Unlock()
	if d == nil {
		d = &debugger{}
		d.add(selected)
		if err := s.startDebugging(selected.What, d); err != nil {
			return err
		}
	}
	d.add(selected)
	if !s.monitors() {
		c.printf("Debugging of %s is on; \"terminal monitor\" shows it\n", selected)
	} else {
		c.printf("Debugging of %s is on\n", selected)
	}
	return nil
}

func (s *Session) startDebugging(what string, d *debugger) error {
	switch {
	case what == "events":
		events, stop := s.env.View.Subscribe()
		d.stop = stop
		s.watching.Go(func() { s.debugEvents(d, events) })
	case s.env.Tap == nil:
		return failed("Packets cannot be debugged here")
	default:
		packets, missed, stop := s.env.Tap.Tap(func(iface string, _ vrrp.Family, vrid uint8) bool { return d.match(iface, vrid) })
		d.stop = stop
		s.watching.Go(func() { s.debugPackets(packets, missed) })
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.debugs == nil {
		s.debugs = make(map[string]*debugger)
	}
	s.debugs[what] = d
	return nil
}

// stopDebugging stops the debugging of packets or events; "" stops both.
func (s *Session) stopDebugging(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, d := range s.debugs {
		if what == "" || what == name {
			d.stop()
			delete(s.debugs, name)
		}
	}
}

func undebug(c *call) error {
	what := ""
	for _, w := range []string{"packets", "events"} {
		if c.step.Has(w) {
			what = w
		}
	}
	c.session.stopDebugging(what)
	return nil
}

func (s *Session) debugEvents(d *debugger, events <-chan engine.Event) {
	for {
		select {
		case <-s.ctx.Done():
			return
		case e, ok := <-events:
			if !ok {
				return
			}
			if d.match(e.Key.Interface, e.Key.VRID) && s.monitors() {
				s.notify(s.eventLine(&e))
			}
		}
	}
}

func (s *Session) debugPackets(packets <-chan engine.TappedPacket, missed func() uint64) {
	var advert vrrp.Advertisement
	for {
		select {
		case <-s.ctx.Done():
			return
		case p, ok := <-packets:
			if !ok {
				return
			}
			if n := missed(); n > 0 && s.monitors() {
				s.notify(fmt.Sprintf("%s %d packets are not shown: there are too many", s.stamp(p.Time), n))
			}
			if s.monitors() {
				s.notify(s.packetLine(&advert, &p))
			}
		}
	}
}

// eventLine formats an event as a line.
func (s *Session) eventLine(e *engine.Event) string {
	line := s.stamp(e.Time)
	switch {
	case e.Key.VRID != 0:
		line += " " + e.Key.String() + ":"
	case e.Key.Interface != "":
		line += " " + e.Key.Interface + ":"
	}
	if e.Kind == engine.EventFlaps {
		return fmt.Sprintf("%s %s → %s in %d transitions", line, e.From, e.To, e.Untold)
	}
	if e.Kind == engine.EventTransition {
		line = fmt.Sprintf("%s %s → %s: %s", line, e.From, e.To, e.Cause)
		if e.Text != "" {
			line += " (" + e.Text + ")"
		}
		return line
	}
	return line + " " + e.Text
}

// packetLine formats a packet as a line, without its authentication data.
func (s *Session) packetLine(a *vrrp.Advertisement, p *engine.TappedPacket) string {
	did := "received from"
	if p.Sent {
		did = "sent from"
	}
	line := fmt.Sprintf("%s %s %s %s:", s.stamp(p.Time), p.Interface, did, p.Packet.Src)
	reason := vrrp.Decode(a, p.Packet, p.Family, 0)
	if reason != vrrp.DropNone {
		line += fmt.Sprintf(" %d bytes, TTL %d", len(p.Packet.Payload), p.Packet.TTL)
		if vrid, ok := vrrp.PeekVRID(p.Packet.Payload); ok {
			line += fmt.Sprintf(", group %d", vrid)
		}
	} else {
		line += fmt.Sprintf(" %s group %d, priority %d, interval %s ms", a.Version, a.VRID, a.Priority, millis(a.Interval))
		if a.Version == vrrp.V2 && a.AuthType != vrrp.AuthNone {
			line += ", authentication " + a.AuthType.String()
		}
		addresses := make([]string, len(a.Addresses))
		for i, addr := range a.Addresses {
			addresses[i] = addr.String()
		}
		line += ", " + strings.Join(addresses, " ")
	}
	if p.Drop != vrrp.DropNone {
		line += "; discarded: " + p.Drop.String()
	}
	return line
}

// debugged lists the debug selections of the session.
func debugged(c *call) []debugSelection {
	s := c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]debugSelection, 0)
	for _, what := range []string{"packets", "events"} {
		if d := s.debugs[what]; d != nil {
			list = append(list, *d.selections.Load()...)
		}
	}
	return list
}

func showDebugging(c *call) error {
	list := debugged(c)
	for _, d := range list {
		c.printf("Debugging of %s is on\n", d)
	}
	if len(list) == 0 {
		c.advise("Nothing is debugged")
	}
	return nil
}
