// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"vrrpsh/engine/vrrp"
)

// SendReport is the result of sending one advert; with unicast peers, of all its Sends.
type SendReport struct {
	Key      Key
	Priority uint8
	Sent     bool  // to at least one receiver
	Failed   int   // number of failed Sends
	Err      error // of the last failed Send
}

// ReportSend reports the result of an advert. The caller must report each advert with a failed Send, and the first
// advert after it without one. The Core takes unreported adverts as sent.
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
		g.unsent = strings.TrimPrefix(r.Err.Error(), "send on "+g.cfg.Interface+": ") // the interface is known
		g.counters.AdvertsSent -= min(g.counters.AdvertsSent, 1)
		if r.Priority == vrrp.PriorityResign {
			g.counters.PriorityZeroSent -= min(g.counters.PriorityZeroSent, 1)
		}
		c.step(now, g, vrrp.Event{Kind: vrrp.EventUnsent}, out)
	}
	c.requestKernelStateIfAsked(g, out)
	c.alignAndListen(now, out)
}

// noteMute reports when a virtual router cannot send, and when it can send again.
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

// sendFault says why no adverts go out; empty if they do.
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
