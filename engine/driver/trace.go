// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"context"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/journal"
)

// tracing says which packets are logged. It is read once for a batch, so that logging costs little when it is off.
type tracing struct {
	discarded bool // journal.High
	all       bool // journal.Extensive
}

func (j *records) tracing() tracing {
	ctx := context.Background()
	if !j.logger.Enabled(ctx, journal.High) {
		return tracing{}
	}
	return tracing{discarded: true, all: j.logger.Enabled(ctx, journal.Extensive)}
}

// received logs a packet that the Core has judged.
func (l *loop) received(t tracing, link int, family vrrp.Family, p *vrrp.Packet, drop vrrp.DropReason) {
	if drop == vrrp.DropNone && !t.all {
		return
	}
	args := []any{"interface", l.links[link].Name, "family", family.String(), "source", p.Src}
	if drop != vrrp.DropNone {
		if vrid, ok := vrrp.PeekVRID(p.Payload); ok {
			args = append(args, "group", vrid)
		}
		l.driver.journal.add(record{journal.High, "packet discarded", append(args, "reason", drop.String())})
		return
	}
	if vrrp.Decode(&l.traced, *p, family, 0) == vrrp.DropNone {
		l.driver.journal.add(record{journal.Extensive, "advert received", append(args, advertArgs(&l.traced)...)})
	}
}

// sending logs an advert that is about to be sent.
func (l *loop) sending(n *engine.Send) {
	p := vrrp.Packet{Src: n.Source, Dst: vrrp.Group(n.Key.Family), TTL: vrrp.TTL, Payload: n.Payload}
	if n.Peer.IsValid() {
		p.Dst = n.Peer
	}
	if vrrp.Decode(&l.traced, p, n.Key.Family, 0) == vrrp.DropNone {
		args := []any{"interface", n.Key.Interface, "family", n.Key.Family.String(), "source", n.Source}
		l.driver.journal.add(record{journal.Extensive, "advert sent", append(args, advertArgs(&l.traced)...)})
	}
}

// advertArgs are the attributes of an advert. They share nothing with it.
func advertArgs(a *vrrp.Advertisement) []any {
	return []any{"group", a.VRID, "version", uint8(a.Version), "priority", a.Priority, "interval", a.Interval}
}
