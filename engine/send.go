// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"vrrpsh/engine/vrrp"
)

// SendReport says what became of an advert that a Send asked for; with unicast peers, of all Sends of it.
type SendReport struct {
	Key      Key
	Priority uint8
	Sent     bool  // to one peer at least
	Failed   int   // Sends that failed
	Err      error // of the last of these
}

// ReportSend tells what became of an advert: it must be called for each of which a Send has failed, and for the
// next one after that of which none has. Adverts that are not reported were sent.
func (c *Core) ReportSend(now time.Time, r SendReport, out *Output) {
	g, ok := c.groups[r.Key]
	if !ok {
		return
	}
	g.status = nil
	g.counters.SendErrors += uint64(r.Failed)
	if r.Sent {
		c.step(now, g, vrrp.Event{Kind: vrrp.EventSent}, out)
	} else {
		g.unsent = strings.TrimPrefix(r.Err.Error(), "send on "+g.cfg.Interface+": ") // which goes without saying
		g.counters.AdvertsSent -= min(g.counters.AdvertsSent, 1)
		if r.Priority == vrrp.PriorityResign {
			g.counters.PriorityZeroSent -= min(g.counters.PriorityZeroSent, 1)
		}
		c.step(now, g, vrrp.Event{Kind: vrrp.EventUnsent}, out)
	}
	c.requestKernelStateIfAsked(g, out)
	c.alignAndListen(now, out)
}

// noteMute tells when a virtual router cannot send, and when it can again.
func (c *Core) noteMute(now time.Time, g *group, out *Output) {
	mute := g.router.Mute()
	if mute == g.mute {
		return
	}
	g.mute = mute
	switch {
	case mute:
		c.event(now, EventFault, g.cfg.Key, g.sendFault(), out)
	case g.ready:
		c.event(now, EventFault, g.cfg.Key, "adverts can be sent again", out)
	}
}

// sendFault says why no advert goes out; empty if they do.
func (g *group) sendFault() string {
	if !g.router.Mute() {
		return ""
	}
	text := "cannot send: " + cmp.Or(g.unsent, "no advert went out before the restart")
	if l, n := g.port.link, g.advertLen(); l != nil && n > l.MTU {
		text += fmt.Sprintf(" (an advert has %d bytes, the MTU of %s is %d)", n, l.Name, l.MTU)
	}
	return text
}

// advertLen returns the length of an advert with its IP header.
func (g *group) advertLen() int {
	const ipv4Header, ipv6Header = 20, 40
	n := len(g.router.Message(g.cfg.Protocol.Priority))
	if g.cfg.Family == vrrp.IPv6 {
		return ipv6Header + n
	}
	return ipv4Header + n
}
