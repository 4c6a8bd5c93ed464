// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"fmt"
	"net/netip"
	"time"

	"vrrpsh/engine/vrrp"
)

// Deliver handles one received packet. It returns the reason if the packet was discarded. It does not keep p.Payload.
func (c *Core) Deliver(now time.Time, index int, family vrrp.Family, p vrrp.Packet, out *Output) vrrp.DropReason {
	l := c.links[index]
	if l == nil || l.port == nil {
		return vrrp.DropVRID // received before the socket was closed
	}
	s := l.port.segments[familyIndex(family)]
	vrid, ok := vrrp.PeekVRID(p.Payload)
	if s == nil || !ok || s.byVRID[vrid] == nil {
		return c.countForeignPacket(now, l, s, family, p, out)
	}
	g := s.byVRID[vrid]
	g.status = nil
	if !g.ready {
		g.counters.Dropped[vrrp.DropVRID]++ // shut down: as if it were not configured
		return vrrp.DropVRID
	}
	if reason := g.router.Admit(&p); reason != vrrp.DropNone {
		c.drop(now, g, reason, p.Src, out)
		return reason
	}
	if reason := vrrp.Decode(&c.advert, p, family, g.cfg.Protocol.Version); reason != vrrp.DropNone {
		c.drop(now, g, reason, p.Src, out)
		return reason
	}
	reason, tolerated := g.router.Check(&c.advert)
	if reason != vrrp.DropNone {
		c.drop(now, g, reason, p.Src, out)
		switch {
		case c.advert.Priority == vrrp.PriorityResign:
		case reason == vrrp.DropOwn:
			c.claim(now, g, RivalAddress, out)
		case reason == vrrp.DropOwner:
			c.claim(now, g, RivalMaster, out)
		}
		return reason
	}
	if tolerated.Length {
		c.tolerate(now, g, vrrp.DropLength, out)
	}
	if tolerated.Interval {
		c.tolerate(now, g, vrrp.DropInterval, out)
	}
	if tolerated.AddressList {
		c.tolerate(now, g, vrrp.DropAddressList, out)
	}
	g.counters.AdvertsReceived++
	if c.advert.Priority == vrrp.PriorityResign {
		g.counters.PriorityZeroReceived++
	}
	g.heard(now, &c.advert)
	if g.local.Owner && c.advert.Priority == vrrp.PriorityOwner {
		c.claim(now, g, RivalOwner, out)
	}
	was, before := g.state, g.peer
	g.peer, g.peerPriority = c.advert.Source, c.advert.Priority
	c.step(now, g, vrrp.Event{Kind: vrrp.EventAdvert, Advert: &c.advert}, out)
	switch {
	case c.advert.Priority == vrrp.PriorityResign:
		c.noteClaimantGone(now, g)
	case g.state != was || g.local.Owner: // the sender is the Master now, or its claim is already recorded
	case g.state == vrrp.Master:
		c.claim(now, g, RivalMaster, out)
	default:
		c.overheard(now, g, before, out)
	}
	c.requestKernelStateIfAsked(g, out)
	c.alignAndListen(now, out)
	return vrrp.DropNone
}

// countForeignPacket counts a packet for none of our virtual routers, and reports each
// foreign virtual router once.
func (c *Core) countForeignPacket(now time.Time, l *link, s *segment, family vrrp.Family, p vrrp.Packet, out *Output) vrrp.DropReason {
	c.linkStatus = nil
	if reason := vrrp.Decode(&c.advert, p, family, 0); reason != vrrp.DropNone {
		l.malformed[reason]++
		return reason
	}
	l.unknownVRID++
	if s == nil || s.foreign[c.advert.VRID] {
		return vrrp.DropVRID
	}
	s.foreign[c.advert.VRID] = true
	text := fmt.Sprintf("%s advertises %s group %d, which is not configured here", p.Src, family, c.advert.VRID)
	c.event(now, EventLink, Key{Interface: l.Name}, text, out)
	return vrrp.DropVRID
}

// drop counts a discarded packet, and reports each reason once.
func (c *Core) drop(now time.Time, g *group, reason vrrp.DropReason, src netip.Addr, out *Output) {
	g.counters.Dropped[reason]++
	d := DroppedAdvert{Time: now, Source: src, Reason: reason}
	what := dropText[reason]
	if reason == vrrp.DropInterval && g.cfg.Protocol.Version == vrrp.V3 {
		what = "their advertisement interval is 0" // version 3 accepts every other one
	}
	if reason == vrrp.DropAuthType {
		d.Auth = c.advert.AuthType
		what += ", " + d.Auth.String()
	}
	g.dropped = noteDrop(g.dropped, d)
	if g.reported&(1<<reason) != 0 {
		return
	}
	g.reported |= 1 << reason
	text := fmt.Sprintf("discarding adverts from %s: %s", src, what)
	c.event(now, EventFault, g.cfg.Key, text, out)
}

// noteDrop keeps the last discarded advert of each reason.
func noteDrop(list []DroppedAdvert, d DroppedAdvert) []DroppedAdvert {
	for i := range list {
		if list[i].Reason == d.Reason {
			list[i] = d
			return list
		}
	}
	return append(list, d)
}

// tolerate counts a mismatch in the current advert, which is accepted anyway, and reports each kind once.
func (c *Core) tolerate(now time.Time, g *group, reason vrrp.DropReason, out *Output) {
	g.counters.Tolerated[reason]++
	if g.tolerated&(1<<reason) != 0 {
		return
	}
	g.tolerated |= 1 << reason
	what := dropText[reason]
	switch hold := len(c.advert.Addresses); {
	case reason == vrrp.DropLength:
		what = fmt.Sprintf("they declare %d addresses but contain %d", hold+c.advert.Missing, hold)
	case reason == vrrp.DropAddressList && hold == 0:
		what = dropText[vrrp.DropNoAddresses]
	}
	c.event(now, EventFault, g.cfg.Key, fmt.Sprintf("accepting mismatched adverts from %s: %s", c.advert.Source, what), out)
}

// dropText says for people what is wrong with a discarded packet.
var dropText = [vrrp.NumDropReasons]string{
	vrrp.DropTTL:         "they were forwarded by a router, or sent with a wrong TTL",
	vrrp.DropAH:          "they are in an IPsec Authentication Header, which this router does not support",
	vrrp.DropCARP:        "they are CARP, not VRRP, with the same virtual MAC address: give CARP another number",
	vrrp.DropLength:      "they are too short or too long",
	vrrp.DropVersion:     "another version of VRRP",
	vrrp.DropType:        "unknown message type",
	vrrp.DropChecksum:    "wrong checksum",
	vrrp.DropVRID:        "another virtual router",
	vrrp.DropOwn:         "their source is this router's own address: there is a loop, or another host uses the address",
	vrrp.DropPeer:        "they are not unicast from a configured peer",
	vrrp.DropOwner:       "this router owns the virtual address",
	vrrp.DropAuthType:    "another authentication type",
	vrrp.DropAuth:        "the authentication is wrong",
	vrrp.DropInterval:    "another advertisement interval",
	vrrp.DropNoAddresses: "they have no addresses",
	vrrp.DropAddressList: "other virtual addresses",
}
