// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/printable"
)

// explain writes sentences about why a virtual router is in its state and what would change the state.
func (c *call) explain(now time.Time, r *engine.RouterStatus) {
	for _, s := range c.session.env.explanation(now, r) {
		c.say(2, "%s", s)
	}
}

// obstacles calls Obstacles if it is set.
func (e *Env) obstacles(routers ...engine.VirtualRouter) []string {
	if e.Obstacles == nil {
		return nil
	}
	return e.Obstacles(routers)
}

// explained is the explanation of one virtual router in JSON.
type explained struct {
	Interface string   `json:"interface"`
	Family    string   `json:"family"`
	Group     uint8    `json:"group"`
	State     string   `json:"state"`
	Sentences []string `json:"sentences"`
}

func (e *Env) explanations(s *engine.Snapshot, match func(*engine.RouterStatus) bool) []explained {
	list := make([]explained, 0)
	for _, r := range s.Routers {
		if match(r) {
			list = append(list, explained{
				Interface: r.Config.Interface, Family: strings.ToLower(r.Config.Family.String()), Group: r.Config.VRID,
				State: r.State.String(), Sentences: e.explanation(s.Time, r),
			})
		}
	}
	return list
}

func (e *Env) explanation(now time.Time, r *engine.RouterStatus) []string {
	var say []string
	switch {
	case r.Config.Shutdown:
		say = []string{"Shut down: \"no shutdown\" starts it."}
	case r.State == vrrp.Initialize:
		say = []string{explainInit(now, r)}
		if e.Hint != nil && (r.Cause == vrrp.CauseNoLink || r.Cause == vrrp.CauseNoAddress) {
			if hint := e.Hint(r.Config.Interface, r.Config.Family); hint != "" {
				say = append(say, hint+".")
			}
		}
	case r.State == vrrp.Backup:
		say = explainBackup(now, r)
	default:
		say = explainMaster(now, r)
	}
	say = append(say, explainPriority(r)...)
	if r.State != vrrp.Initialize {
		say = append(say, explainRivals(now, r)...)
		say = append(say, explainChecksum(r)...)
		say = append(say, explainDrops(now, r)...)
	}
	if r.Fault != "" && r.Cause != vrrp.CauseUnsuitable && r.Cause != vrrp.CauseDeaf { // these causes already mention the fault
		say = append(say, "The kernel refused: "+printable.Line(r.Fault)+".")
	}
	if r.SendFault != "" {
		say = append(say, "Its last advert failed: "+printable.Line(r.SendFault)+".")
	}
	if r.State == vrrp.Master && e.NotForwarding != nil {
		if setting := e.NotForwarding(r.Config.Interface, r.Config.Family); setting != "" {
			say = append(say, fmt.Sprintf("This host does not forward %s packets from %s (%s is 0): it is not a gateway for the hosts there.",
				r.Config.Family, r.Config.Interface, setting))
		}
	}
	for _, text := range e.obstacles(*r.Config) {
		say = append(say, "A setting of this host is in the way: "+text+".")
	}
	return say
}

func explainInit(now time.Time, r *engine.RouterStatus) string {
	iface := r.Config.Interface
	since := ""
	if !r.Since.IsZero() {
		since = fmt.Sprintf(" for %s", span(now.Sub(r.Since)))
	}
	switch r.Cause {
	case vrrp.CauseNoLink:
		return fmt.Sprintf("Out of the election%s: interface %s does not exist.", since, iface)
	case vrrp.CauseLinkDown:
		return fmt.Sprintf("Out of the election%s: interface %s is down.", since, iface)
	case vrrp.CauseNoAddress:
		if source := r.Config.Protocol.Unicast.Source; source.IsValid() {
			return fmt.Sprintf("Out of the election%s: %s does not have the address %s to send adverts from.", since, iface, source)
		}
		return fmt.Sprintf("Out of the election%s: %s has no %s address to send adverts from.", since, iface, r.Config.Family)
	case vrrp.CauseUnsuitable:
		return fmt.Sprintf("Cannot run on %s: %s.", iface, printable.Line(r.Fault))
	case vrrp.CauseDeaf:
		return fmt.Sprintf("Out of the election%s because it would hear no other router: %s.", since, printable.Line(r.Fault))
	case vrrp.CauseTracking:
		return fmt.Sprintf("Out of the election%s because of a tracked object.", since)
	case vrrp.CauseSyncGroup:
		if r.Sync != nil && r.Sync.Blocker != (engine.Key{}) {
			return fmt.Sprintf("Out of the election%s because its sync group %s is%s.", since, printable.Line(r.Sync.Name), strings.TrimPrefix(heldBack(r.Sync), ","))
		}
		fallthrough
	default:
		return fmt.Sprintf("Out of the election: %s.", r.Cause)
	}
}

func explainBackup(now time.Time, r *engine.RouterStatus) []string {
	p := &r.Config.Protocol
	own := priority(r)
	if r.Willing != vrrp.CauseNone && r.Sync != nil {
		return []string{fmt.Sprintf("It would be Master, but its sync group %s is%s.", printable.Line(r.Sync.Name), strings.TrimPrefix(heldBack(r.Sync), ","))}
	}
	wait := left0(now, r.MasterDownAt)
	if !r.MasterAddr.IsValid() {
		return []string{
			fmt.Sprintf("Backup, no Master heard: becomes Master in %s ms, when the Master Down interval (%s) ends.", wait, arithmetic(r)),
		}
	}
	var say []string
	switch {
	case r.MasterPriority == vrrp.PriorityResign:
		say = append(say, fmt.Sprintf("The Master %s has resigned: this router becomes Master in %s ms, after the Skew Time, unless another router is faster.", r.MasterAddr, wait))
		return say
	case r.MasterPriority > own:
		say = append(say,
			fmt.Sprintf("Backup: the Master %s has the higher priority, %d against %d.", r.MasterAddr, r.MasterPriority, own),
			fmt.Sprintf("A priority above %d with preemption, or the end of that Master's adverts, would make it Master.", r.MasterPriority))
	case r.MasterPriority == own:
		say = append(say, fmt.Sprintf("Backup: the Master %s has the same priority, %d, and was Master first%s.", r.MasterAddr, own, higher(r)))
	case !p.Preempt:
		say = append(say,
			fmt.Sprintf("Backup although the Master %s has a lower priority, %d against %d: preemption is off.", r.MasterAddr, r.MasterPriority, own),
			"\"preempt\" would let this router take over.")
	case r.Refused:
		say = append(say,
			fmt.Sprintf("Backup although the Master %s has a lower priority, %d against %d: the kernel refused the addresses.", r.MasterAddr, r.MasterPriority, own),
			fmt.Sprintf("It tries again when it hears no Master, after %s was down, and after a change of its configuration.", r.Config.Interface))
	case r.Mute:
		say = append(say, fmt.Sprintf("Backup although the Master %s has a lower priority, %d against %d, because adverts cannot be sent: "+
			"that Master would not hear this router and would stay Master. The next attempt to send is in %s ms.", r.MasterAddr, r.MasterPriority, own, left0(now, r.ProbeAt)))
	case !r.PreemptAt.IsZero():
		say = append(say, fmt.Sprintf("Takes over from the Master %s in %s ms, when the preempt delay of %s ends.",
			r.MasterAddr, left0(now, r.PreemptAt), p.PreemptDelay))
	default:
		say = append(say, fmt.Sprintf("About to take over from the Master %s: its priority is %d, this router's is %d, and preemption is on.", r.MasterAddr, r.MasterPriority, own))
	}
	if !r.MasterDownAt.IsZero() {
		say = append(say, fmt.Sprintf("The last advert was heard %s ms ago. Without another one, this router becomes Master in %s ms (%s).",
			millis(now.Sub(r.LastHeard).Round(time.Millisecond)), wait, arithmetic(r)))
	}
	return say
}

// higher tells whether this router's or the peer's address would win if both routers were Master.
func higher(r *engine.RouterStatus) string {
	if r.Local.Primary.IsValid() && r.Local.Primary.Compare(r.MasterAddr) < 0 {
		return ", and its address is higher"
	}
	return ""
}

func explainMaster(now time.Time, r *engine.RouterStatus) []string {
	say := []string{fmt.Sprintf("Master for %s: %s.", span(now.Sub(r.Since)), r.Cause)}
	if r.Local.Owner {
		return append(say, "This router owns the virtual address, so its priority is 255 and no other router can take over.")
	}
	say = append(say, fmt.Sprintf("A router that sends adverts with a priority above %d, or with %d from an address above %s, would take over.",
		priority(r), priority(r), text0(r.Local.Primary)))
	if r.Mute {
		say = append(say, "No other router hears this one, because its adverts cannot be sent: it gives up Master as soon as it hears another router, whatever that router's priority.")
	}
	if !r.Installed {
		say = append(say, "The kernel has not confirmed its addresses yet.")
	}
	if r.Cause == vrrp.CauseMasterDown && r.Counters.AdvertsReceived == 0 && len(r.Rivals)+len(r.Dropped) == 0 {
		say = append(say, fmt.Sprintf("It has heard no other router for %s. If there is one, a firewall on either router may drop VRRP (IP protocol 112).",
			span(now.Sub(r.Counters.Since))))
	}
	return say
}

func text0(a netip.Addr) string {
	if !a.IsValid() {
		return "its own"
	}
	return a.String()
}

// explainChecksum reports a peer whose checksum differs from the configured form.
func explainChecksum(r *engine.RouterStatus) []string {
	p := &r.Config.Protocol
	mode, form := p.Checksum, vrrp.FormMessage
	if mode == vrrp.ChecksumRFC5798 {
		form = vrrp.FormPseudoHeader
	}
	if p.Version != vrrp.V3 || p.Family != vrrp.IPv4 || mode == vrrp.ChecksumAuto || !r.PeerFormKnown || r.PeerForm == form {
		return nil
	}
	return []string{fmt.Sprintf("Checksums differ: the last advert heard, from %s, has one that covers the %s, and this router's (\"checksum %s\") covers the %s."+
		" This router accepts both, but a peer may not: \"checksum auto\" uses the peer's form.",
		text0(r.MasterAddr), coverage(r.PeerForm), mode, coverage(form))}
}

// explainRivals reports other routers that claim what only one router may have.
func explainRivals(now time.Time, r *engine.RouterStatus) []string {
	var say []string
	for _, o := range r.Rivals {
		what := ""
		switch o.Kind {
		case engine.RivalOwner:
			what = fmt.Sprintf("%s advertises that it owns a virtual address, and so does this router. Of two owners the one with the "+
				"higher primary address is Master; this router's is %s. One of them should not have the virtual address on its interface",
				o.Addr, text0(r.Local.Primary))
		case engine.RivalARP:
			say = append(say, fmt.Sprintf("Another host, %s, also claims the virtual address %s, by ARP or Neighbor Discovery: other hosts may send it "+
				"traffic for this router. This router answers with announcements (%s in %s, the last %s ms ago).",
				net.HardwareAddr(o.MAC[:]), o.Addr, strings.ToLower(times(o.Adverts)), span(now.Sub(o.Since)), millis(now.Sub(o.Heard).Round(time.Millisecond))))
			continue
		case engine.RivalAddress:
			what = fmt.Sprintf("Adverts with priority %d come from %s, this router's own address: either another router has it too, and both may be "+
				"Master, or a loop brings this router's adverts back. Such adverts are discarded", o.Priority, o.Addr)
		default:
			what = fmt.Sprintf("%s also claims to be Master, with priority %d", o.Addr, o.Priority)
			if r.State == vrrp.Master {
				what += unheard(r, &o)
			} else {
				what += ": the rivals do not hear each other, and hosts may reach either"
			}
		}
		say = append(say, fmt.Sprintf("%s (%s in %s, the last %s ms ago).", what, adverts(o.Adverts), span(now.Sub(o.Since)),
			millis(now.Sub(o.Heard).Round(time.Millisecond))))
	}
	return say
}

// unheard explains why a rival that has lost the election may remain Master beside this router.
func unheard(r *engine.RouterStatus, o *engine.Rival) string {
	why := fmt.Sprintf(", and stays Master although this router's %d is higher", priority(r))
	if o.Priority >= priority(r) {
		why = ", and stays Master although this router's address is higher"
	}
	why += ": it does not hear this router, or its secret, version or unicast peers differ"
	if r.AdvertMAC == r.VirtualMAC {
		why += fmt.Sprintf(". This router's adverts come from the virtual MAC address %s, and a router with that address on one of its own interfaces does not hear "+
			"them, such as keepalived with use_vmac and vmac_xmit_base: \"advert-mac interface\" sends them from the MAC address of %s",
			net.HardwareAddr(r.VirtualMAC[:]), r.Config.Interface)
	}
	return why
}

// explainDrops reports discarded packets that point to a wrong configuration on some router.
func explainDrops(now time.Time, r *engine.RouterStatus) []string {
	var say []string
	for _, d := range r.Dropped {
		hint, n := dropHints[d.Reason], r.Counters.Dropped[d.Reason]
		if d.Reason == vrrp.DropAuthType {
			hint = fmt.Sprintf(hint, d.Auth)
		}
		if hint == "" || n == 0 {
			continue
		}
		were := "was"
		if n != 1 {
			were = "were"
		}
		say = append(say, fmt.Sprintf("%s %s discarded because of %s, the last %s ms ago from %s: %s.",
			adverts(n), were, d.Reason, millis(now.Sub(d.Time).Round(time.Millisecond)), d.Source, hint))
	}
	return say
}

// dropHints gives the likely mistake for each drop reason. It is empty for reasons that reveal nothing about the
// peers.
var dropHints = [vrrp.NumDropReasons]string{
	vrrp.DropPeer:        "it is not among the unicast peers, or sends to the multicast group",
	vrrp.DropAH:          "it sends VRRP in an IPsec Authentication Header (protocol 51, \"auth_type AH\" of keepalived), which vrrpsh does not support, and both may become Master",
	vrrp.DropCARP:        "CARP uses the virtual MAC of the group with the same number: one of them needs another number",
	vrrp.DropLength:      "such packets were damaged in transit, are malformed, or come from a router that counts addresses that it does not send: \"rfc3768\" accepts the latter",
	vrrp.DropNoAddresses: "it has no address to advertise: \"rfc3768\" accepts that",
	vrrp.DropTTL:         "such packets were forwarded by another router, or forged",
	vrrp.DropVersion:     "it uses the other protocol version",
	vrrp.DropChecksum:    "such packets were damaged in transit, or are malformed",
	vrrp.DropOwn:         "something sends this router's packets back, or uses its address",
	vrrp.DropAuthType:    "its authentication type is %s, and both may become Master",
	vrrp.DropAuth:        "its secret differs, and both may become Master",
	vrrp.DropInterval:    "its advertisement interval differs, or is 0",
	vrrp.DropAddressList: "its virtual addresses differ",
}
