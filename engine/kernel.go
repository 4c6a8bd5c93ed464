// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"vrrpsh/engine/vrrp"
)

// Kernel state removed by another program is restored at most repairLimit times in repairWindow.
const (
	repairLimit  = 5
	repairWindow = 10 * time.Second
)

// repairs holds the times of the last repairs, the oldest at next.
type repairs struct {
	at   [repairLimit]time.Time
	next int
}

// allow reports whether another repair is allowed, and records it.
func (r *repairs) allow(now time.Time) bool {
	if oldest := r.at[r.next]; !oldest.IsZero() && now.Sub(oldest) < repairWindow {
		return false
	}
	r.note(now)
	return true
}

func (r *repairs) note(at time.Time) {
	r.at[r.next] = at
	r.next = (r.next + 1) % repairLimit
}

// made returns the times of the last repairs, oldest first.
func (r *repairs) made() []time.Time {
	var made []time.Time
	for i := range r.at {
		if at := r.at[(r.next+i)%repairLimit]; !at.IsZero() {
			made = append(made, at)
		}
	}
	return made
}

// requestKernelState asks for the kernel state that a virtual router must have, if that has changed
// or the state machine needs an answer.
func (c *Core) requestKernelState(g *group, out *Output) {
	want := c.wanted(g)
	if !g.kernelStateAsked && sameDesired(&want, &g.desired) {
		return
	}
	g.kernelStateAsked = false
	c.seq++
	want.Seq = c.seq
	g.desired, g.pending, g.lostMore = want, true, false
	out.Desired = append(out.Desired, want)
}

// requestKernelStateIfAsked is requestKernelState for a group that has changed nothing but its state since the last
// request. It skips the comparison if there was no transition, as with nearly all adverts.
func (c *Core) requestKernelStateIfAsked(g *group, out *Output) {
	if g.kernelStateAsked {
		c.requestKernelState(g, out)
	}
}

// wanted returns the kernel state that a virtual router must have, without Seq.
func (c *Core) wanted(g *group) Desired {
	d := Desired{
		Key:     g.cfg.Key,
		Link:    g.desired.Link,
		Type:    g.cfg.Type,
		VIFName: g.cfg.VIFName,
		MAC:     g.vmac,
		VMAC:    g.cfg.VMAC,
		IOCTL:   g.cfg.IOCTL,
		Addrs:   g.prefixes,
	}
	if l := g.port.link; l != nil {
		d.Link = l.Index
		d.Present = g.unsuitable() == "" && !g.removed && !g.cfg.Shutdown && !c.stopped
	}
	d.Active = d.Present && g.active
	d.Closed, d.AcceptPing = g.cfg.Closed, g.cfg.AcceptPing
	if g.local.Owner {
		d.Addrs = g.foreignAddrs()
		if g.cfg.Type == Macvlan {
			d.Owned = g.ownedAddrs()
		}
	}
	return d
}

// foreignAddrs returns the virtual addresses that the interface does not own. Owned
// addresses are already installed, and stay when this router is not Master.
func (g *group) foreignAddrs() []netip.Prefix {
	l := g.port.link
	owned := func(p netip.Prefix) bool { return l != nil && l.owns(p.Addr()) }
	if !slices.ContainsFunc(g.prefixes, owned) {
		return g.prefixes
	}
	return slices.DeleteFunc(slices.Clone(g.prefixes), owned)
}

// ownedAddrs returns the virtual addresses that the interface owns.
func (g *group) ownedAddrs() []netip.Addr {
	var list []netip.Addr
	for _, p := range g.prefixes {
		if l := g.port.link; l != nil && l.owns(p.Addr()) {
			list = append(list, p.Addr())
		}
	}
	return list
}

// sameDesired compares all fields but Seq. If neither is Present, the other fields do not matter.
func sameDesired(a, b *Desired) bool {
	if !a.Present && !b.Present {
		return true
	}
	return a.Link == b.Link && a.Type == b.Type && a.VIFName == b.VIFName && a.MAC == b.MAC &&
		a.VMAC == b.VMAC && a.IOCTL == b.IOCTL && a.Present == b.Present && a.Active == b.Active &&
		a.Closed == b.Closed && a.AcceptPing == b.AcceptPing &&
		slices.Equal(a.Addrs, b.Addrs) && slices.Equal(a.Owned, b.Owned)
}

// transient reports whether a request failed because the kernel lacked a resource that it may have at the next one, or the interface:
// one that comes back before its removal is reported is never reported as gone.
func transient(err error) bool {
	for _, e := range []error{syscall.ENOBUFS, syscall.ENOMEM, syscall.EAGAIN, syscall.EINTR, syscall.ENODEV} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Installed reports whether the kernel has the state of a Desired (err nil) or not. The Core
// ignores answers to any but the newest Desired of a virtual router.
func (c *Core) Installed(now time.Time, key Key, seq uint64, err error, out *Output) {
	g, ok := c.groups[key]
	if !ok {
		c.removedFrom(now, key, err, out)
		return
	}
	if seq != g.desired.Seq {
		return
	}
	g.pending = false
	active := g.desired.Active
	switch {
	case err != nil:
		c.fail(now, g, err.Error(), active, out)
		passing := transient(err)
		if g.desired.Present && (active || !passing) {
			c.step(now, g, vrrp.Event{Kind: vrrp.EventRefused}, out)
			if passing {
				c.step(now, g, vrrp.Event{Kind: vrrp.EventRetry}, out)
			}
		}
	case active:
		g.recover()
		c.step(now, g, vrrp.Event{Kind: vrrp.EventInstalled}, out)
	case !g.faultActive && g.fault != "":
		g.recover()
		c.step(now, g, vrrp.Event{Kind: vrrp.EventRetry}, out)
	}
	c.requestKernelState(g, out)
	if g.lostMore {
		g.lostMore = false
		c.Lost(now, key, out)
	}
	c.alignAndListen(now, out)
}

// removedFrom reports that the kernel still has state of a virtual router that is no longer configured, or no longer
// has it. The same error is reported only once.
func (c *Core) removedFrom(now time.Time, key Key, err error, out *Output) {
	switch was, left := c.leftovers[key]; {
	case err == nil && left:
		delete(c.leftovers, key)
		c.event(now, EventFault, key, "finally removed from the kernel", out)
	case err != nil && was != err.Error():
		if c.leftovers == nil {
			c.leftovers = make(map[Key]string)
		}
		c.leftovers[key] = err.Error()
		c.event(now, EventFault, key, "still in the kernel, trying again: "+err.Error(), out)
	}
}

// Lost reports that another program removed an installed address or the macvlan of a virtual
// router. The Core restores it at most five times in ten seconds. After that the other program
// evidently insists, and a Master leaves the addresses to another router for a while.
func (c *Core) Lost(now time.Time, key Key, out *Output) {
	g, ok := c.groups[key]
	if !ok || !g.desired.Present || !g.desired.Active && g.cfg.Type == Ether {
		return // there was nothing to lose
	}
	c.retry(now, g, out) // it may be why the kernel has refused something
	if g.pending {
		// One removal may arrive as several reports, and the pending answer may date from before it.
		g.lostMore = true
		return
	}
	if g.repairs.allow(now) {
		c.event(now, EventFault, key, "removed from outside, putting it back: "+g.carried(), out)
		g.kernelStateAsked = true
	} else {
		text := fmt.Sprintf("removed from outside more than %d times in %s: %s", repairLimit, repairWindow, g.carried())
		c.fail(now, g, text, g.desired.Active, out)
		c.step(now, g, vrrp.Event{Kind: vrrp.EventRefused, Cause: vrrp.CauseAddressLost}, out)
	}
	c.requestKernelState(g, out)
	c.alignAndListen(now, out)
}

// carried names the addresses or the macvlan that a group has in the kernel.
func (g *group) carried() string {
	if g.desired.Active {
		return fmt.Sprint(g.desired.Addrs)
	}
	return g.cfg.VIFName
}

// retry repeats a request that the kernel refused, because a possible reason for the refusal has changed.
// requestKernelState must follow.
func (c *Core) retry(now time.Time, g *group, out *Output) {
	if g.troubled() {
		g.kernelStateAsked = g.kernelStateAsked || g.desired.Present && !g.faultActive
		c.step(now, g, vrrp.Event{Kind: vrrp.EventRetry}, out)
	}
}

func (g *group) troubled() bool { return g.fault != "" || g.router.Refused() }

// freed repeats requests that the kernel may have refused because of an interface that is now gone or changed.
func (c *Core) freed(now time.Time, was *Link, out *Output) {
	for _, g := range c.order {
		if g.troubled() && (g.cfg.VIFName == was.Name || g.vmac == was.MAC || g.cfg.Interface == was.Name) {
			c.retry(now, g, out)
			c.requestKernelState(g, out)
		}
	}
}

// fail records a fault and reports it, but the same fault only once.
func (c *Core) fail(now time.Time, g *group, text string, active bool, out *Output) {
	g.faultActive = active
	if g.fault == text {
		return
	}
	g.fault, g.status = text, nil
	c.event(now, EventFault, g.cfg.Key, text, out)
}

// recover forgets the fault.
func (g *group) recover() {
	g.fault, g.faultActive, g.status = "", false, nil
}
