// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"net"
	"time"

	"vrrpsh/completions"
	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/printable"
)

// detail writes everything about one virtual router, in lines familiar to network engineers.
func (c *call) detail(now time.Time, r *engine.RouterStatus) {
	conf, p := r.Config, &r.Config.Protocol
	if conf.Description != "" {
		c.printf("  Description is %s\n", completions.Quote(conf.Description))
	}
	c.printf("  State is %s\n", stateName(r))
	if !r.Since.IsZero() {
		c.printf("  State duration %s, since %s\n", span(now.Sub(r.Since)), c.session.stamp(r.Since))
	}
	if r.Cause != vrrp.CauseNone {
		c.printf("  State reason is: %s\n", r.Cause)
	}
	if r.Fault != "" {
		c.printf("  Fault: %s\n", printable.Line(r.Fault))
	}
	if r.SendFault != "" {
		c.printf("  Fault: %s\n", printable.Line(r.SendFault))
	}
	c.addresses(now, r)
	c.carrier(r)
	c.printf("  Version is %s%s\n", p.Version, checksum(r))
	c.printf("  Advertisement interval is %s msec\n", millis(p.Interval))
	c.preemption(now, r)
	if own := priority(r); own != p.Priority {
		c.printf("  Priority is %d (configured %d)\n", own, p.Priority)
	} else {
		c.printf("  Priority is %d\n", own)
	}
	c.tracked(r)
	if p.AuthType != vrrp.AuthNone {
		c.printf("  Authentication is %s\n", p.AuthType)
	}
	c.unicast(now, r)
	c.master(now, r)
	c.counters(r)
	if len(r.History) > 0 {
		c.printf("  Transitions\n")
		for _, t := range r.History {
			c.printf("    %s  %-6s → %-6s  %s\n", c.session.stamp(t.Time), t.From, t.To, transitionCause(&t))
		}
	}
}

func stateName(r *engine.RouterStatus) string {
	switch {
	case r.Config.Shutdown:
		return "INIT (shutdown)"
	case r.State == vrrp.Initialize:
		return "INIT"
	case r.State == vrrp.Backup:
		return "BACKUP"
	default:
		return "MASTER"
	}
}

func (c *call) addresses(now time.Time, r *engine.RouterStatus) {
	label := "Virtual IP address is"
	if len(r.Addresses) > 0 {
		for i, a := range r.Addresses {
			c.printf("  %s %s%s\n", label, a, derived(&r.Config.Addresses[i]))
		}
	} else {
		for i := range r.Config.Addresses {
			a := &r.Config.Addresses[i]
			c.printf("  %s %s%s\n", label, a.Addr, derived(a))
		}
	}
	if r.State == vrrp.Master && !r.Installed {
		c.printf("  Virtual IP addresses are being installed\n")
	}
	if r.Local.Primary.IsValid() {
		owner := ""
		if r.Local.Owner {
			owner = ", owner of the virtual address"
		}
		c.printf("  Primary IP address is %s%s\n", r.Local.Primary, owner)
	}
	if r.Config.Closed {
		what := "ARP and Neighbor Discovery"
		if r.Config.AcceptPing {
			what += " and pings"
		}
		c.printf("  Accept mode is off: only %s are answered\n", what)
	}
	for _, o := range r.Rivals {
		if o.Kind == engine.RivalARP {
			c.printf("  Virtual IP address %s is claimed by another host, %s\n", o.Addr, net.HardwareAddr(o.MAC[:]))
			c.printf("    %s since %s, the last %s ago\n", times(o.Adverts), c.session.stamp(o.Since), now.Sub(o.Heard).Round(time.Millisecond))
			continue
		}
		c.printf("  %s is %s, priority is %d\n", rivalTitle[o.Kind], o.Addr, o.Priority)
		c.printf("    %s since %s, the last %s ago\n", adverts(o.Adverts), c.session.stamp(o.Since), now.Sub(o.Heard).Round(time.Millisecond))
	}
}

// rivalTitle describes what another router claims.
var rivalTitle = map[engine.RivalKind]string{
	engine.RivalMaster:  "Rival Master",
	engine.RivalOwner:   "Another owner of the virtual address",
	engine.RivalAddress: "Another router with this router's address",
}

func times(n uint64) string {
	if n == 1 {
		return "Once"
	}
	return fmt.Sprintf("%d times", n)
}

func adverts(n uint64) string {
	if n == 1 {
		return "1 advert"
	}
	return fmt.Sprintf("%d adverts", n)
}

// derived marks an address that was not configured but derived.
func derived(a *engine.Address) string {
	if a.Derived {
		return " (derived from the virtual MAC)"
	}
	return ""
}

func (c *call) carrier(r *engine.RouterStatus) {
	switch {
	case r.Config.Type == engine.Macvlan || r.Config.VMAC:
		c.printf("  Virtual MAC address is %s\n", net.HardwareAddr(r.VirtualMAC[:]))
	case r.LinkMAC != [6]byte{}:
		c.printf("  MAC address is that of the interface, %s\n", net.HardwareAddr(r.LinkMAC[:]))
	}
	switch {
	case r.Config.Type == engine.Macvlan:
		c.printf("  Interface type is macvlan, %s\n", r.Config.VIFName)
	case r.Config.VMAC:
		c.printf("  Interface type is ether, with the virtual MAC address while Master\n")
	default:
		c.printf("  Interface type is ether\n")
	}
	if r.Config.AdvertMAC == engine.AdvertFromInterface {
		c.printf("  Advertisements come from the MAC address of the interface, %s\n", net.HardwareAddr(r.LinkMAC[:]))
	}
}

func checksum(r *engine.RouterStatus) string {
	p := &r.Config.Protocol
	if p.Version != vrrp.V3 || p.Family != vrrp.IPv4 {
		return ""
	}
	s := fmt.Sprintf(", checksum %s", p.Checksum)
	if r.PeerFormKnown {
		s += fmt.Sprintf(" (the peer's covers the %s)", coverage(r.PeerForm))
	}
	return s
}

func coverage(f vrrp.ChecksumForm) string {
	if f == vrrp.FormPseudoHeader {
		return "message and a pseudo-header"
	}
	return "message only"
}

func (c *call) preemption(now time.Time, r *engine.RouterStatus) {
	p := &r.Config.Protocol
	if !p.Preempt {
		c.printf("  Preemption disabled\n")
		return
	}
	c.printf("  Preemption enabled")
	if p.PreemptDelay > 0 {
		c.printf(", delay %s", p.PreemptDelay)
	}
	if !r.PreemptAt.IsZero() {
		c.printf(", waiting for another %s", max(r.PreemptAt.Sub(now), 0).Round(time.Millisecond))
	}
	c.printf("\n")
}

// unicast writes the peers that exchange adverts with this router by unicast instead of the multicast group.
func (c *call) unicast(now time.Time, r *engine.RouterStatus) {
	if len(r.Peers) == 0 {
		return
	}
	u := &r.Config.Protocol.Unicast
	c.printf("  Unicast")
	if u.Source.IsValid() {
		c.printf(" from %s", u.Source)
	}
	c.printf(" to these peers, heard with a TTL of %d", u.TTLMin)
	if u.TTLMin < vrrp.TTL {
		c.printf(" or more")
	}
	c.printf("\n")
	for i := range r.Peers {
		if p := &r.Peers[i]; p.LastHeard.IsZero() {
			c.printf("    %s has not been heard\n", p.Addr)
		} else {
			c.printf("    %s has priority %d, last heard %s ago, %d adverts\n",
				p.Addr, p.Priority, now.Sub(p.LastHeard).Round(time.Millisecond), p.Adverts)
		}
	}
}

func (c *call) master(now time.Time, r *engine.RouterStatus) {
	switch {
	case r.State == vrrp.Master:
		c.printf("  Master Router is %s (local), priority is %d\n", r.MasterAddr, priority(r))
		if !r.NextAdvertAt.IsZero() {
			c.printf("  Next advertisement in %s msec\n", left0(now, r.NextAdvertAt))
		}
	case r.MasterAddr.IsValid():
		c.printf("  Master Router is %s, priority is %d\n", r.MasterAddr, r.MasterPriority)
		c.printf("  Master Advertisement interval is %s msec, last heard %s ago\n",
			millis(r.MasterAdverInterval), now.Sub(r.LastHeard).Round(time.Millisecond))
	default:
		c.printf("  Master Router is unknown\n")
	}
	if r.MasterDownInterval > 0 {
		c.printf("  Master Down interval is %s", arithmetic(r))
		if !r.MasterDownAt.IsZero() {
			c.printf(", expires in %s msec", left0(now, r.MasterDownAt))
		}
		c.printf("\n")
	}
}

// left0 formats the milliseconds until t, 0 if t has passed.
func left0(now, t time.Time) string { return millis(max(t.Sub(now), 0).Round(time.Millisecond)) }

// arithmetic shows how Master_Down_Interval is calculated: "3609.375 ms = 3 × 1000 + 156 ×
// 1000/256" (RFC 9568 section 6.1; in VRRPv2 the skew is a fraction of a second).
func arithmetic(r *engine.RouterStatus) string {
	unit := r.MasterAdverInterval
	if r.Config.Protocol.Version == vrrp.V2 {
		unit = time.Second
	}
	return fmt.Sprintf("%s ms = 3 × %s + %d × %s/256", millis(r.MasterDownInterval),
		millis(r.MasterAdverInterval), 256-int(priority(r)), millis(unit))
}

func (c *call) counters(r *engine.RouterStatus) {
	n := &r.Counters
	c.printf("  Adverts sent %d, received %d\n", n.AdvertsSent, n.AdvertsReceived)
	if n.PriorityZeroSent+n.PriorityZeroReceived > 0 {
		c.printf("  Priority 0 sent %d, received %d\n", n.PriorityZeroSent, n.PriorityZeroReceived)
	}
	if n.Untold > 0 {
		c.printf("  Transitions summarised %d\n", n.Untold)
	}
	if n.SendErrors > 0 {
		c.printf("  Send errors %d\n", n.SendErrors)
	}
	for reason, v := range n.Dropped {
		if v > 0 {
			c.printf("  Dropped because of %s: %d\n", vrrp.DropReason(reason), v)
		}
	}
	for reason, v := range n.Tolerated {
		if v > 0 {
			c.printf("  Accepted despite %s: %d\n", vrrp.DropReason(reason), v)
		}
	}
}
