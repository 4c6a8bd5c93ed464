package driver

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
)

// retryPause is how long after a failure sockets are opened again.
const retryPause = time.Second

// complainPause is the least time between complaints about one socket.
const complainPause = 10 * time.Second

// socketKey names the sockets of an interface.
type socketKey struct {
	link   int
	family vrrp.Family
}

// socket is a Conn, or one that shall be, with what is to be sent on it.
type socket struct {
	key  socketKey
	conn platform.Conn // nil until it is open
	// failed is set from the first failure to open until it succeeds.
	failed bool

	frames        []platform.Frame
	keys          []engine.Key // whose the frames are
	announcements []platform.Announcement
	filter        []uint8
	filtered      bool
	quiet         time.Time // until when its troubles are not logged
}

// families are those of an interface that are to be heard.
type families struct{ ipv4, ipv6 bool }

func (f families) list() []vrrp.Family {
	var list []vrrp.Family
	if f.ipv4 {
		list = append(list, vrrp.IPv4)
	}
	if f.ipv6 {
		list = append(list, vrrp.IPv6)
	}
	return list
}

// needsOf returns what configurations want heard.
func needsOf(configs ...engine.Config) map[string]families {
	needs := make(map[string]families)
	for _, cfg := range configs {
		for i := range cfg.Routers {
			r := &cfg.Routers[i]
			if r.Shutdown {
				continue
			}
			f := needs[r.Interface]
			f.ipv4 = f.ipv4 || r.Family == vrrp.IPv4
			f.ipv6 = f.ipv6 || r.Family == vrrp.IPv6
			needs[r.Interface] = f
		}
	}
	return needs
}

// open has the sockets opened that an interface needs and does not have. It returns
// those that are new.
func (l *loop) open(link *engine.Link) []socketKey {
	if !link.Ethernet {
		return nil
	}
	var opening []socketKey
	for _, f := range l.needs[link.Name].list() {
		key := socketKey{link.Index, f}
		if l.sockets[key] == nil {
			s := &socket{key: key}
			l.sockets[key] = s
			l.order = append(l.order, s)
			l.request(s)
			opening = append(opening, key)
		}
	}
	return opening
}

// request has the actuator open a socket.
func (l *loop) request(s *socket) {
	o := opening{key: s.key}
	for _, p := range l.links[s.key.link].Addrs {
		if vrrp.FamilyOf(p.Addr()) == s.key.family && (s.key.family == vrrp.IPv4 || p.Addr().IsLinkLocalUnicast()) {
			o.source = p.Addr()
			break
		}
	}
	l.actuator.open(o)
}

// opened takes a Conn over, or the reason why there is none.
func (l *loop) opened(now time.Time, c platform.Conn, o opening, err error) {
	s := l.sockets[o.key]
	if s == nil || s.conn != nil {
		if c != nil {
			l.actuator.close(c) // nobody needs it any more
		}
		return
	}
	if err == nil {
		s.conn, s.failed = c, false
		if s.filter != nil {
			l.setFilter(s)
		}
	} else {
		if !s.failed && !errors.Is(err, platform.ErrNoLink) {
			l.driver.journal.warn("VRRP sockets could not be opened; trying again",
				"interface", l.links[o.key.link].Name, "family", o.key.family.String(), "error", err)
		}
		s.failed = true
		l.retryAt = earliest(l.retryAt, now.Add(retryPause))
	}
	l.waiter.socket(o.key, err)
	l.show(now, o.key.link)
}

// reopen tries again what could not be opened.
func (l *loop) reopen() {
	l.retryAt = time.Time{}
	for _, s := range l.order {
		if s.failed {
			l.request(s)
		}
	}
}

// prune closes the sockets that nothing needs any more.
func (l *loop) prune() {
	l.order = slices.DeleteFunc(l.order, func(s *socket) bool {
		link := l.links[s.key.link]
		if slices.Contains(l.needs[link.Name].list(), s.key.family) {
			return false
		}
		if s.conn != nil {
			l.actuator.close(s.conn)
		}
		delete(l.sockets, s.key)
		return true
	})
}

// closeSockets closes all sockets at the end, when the actuator has ended.
func (l *loop) closeSockets() {
	for _, s := range l.order {
		if s.conn != nil {
			_ = s.conn.Close() // the System, closed next, reports what matters
		}
	}
}

// listen limits what a socket receives to what the Core wants to hear. Which sockets are
// open follows from the configuration alone, so that an interface that comes up again
// does not have to wait for them.
func (l *loop) listen(n *engine.Listen) {
	s := l.sockets[socketKey{n.Link, n.Family}]
	if s == nil {
		return
	}
	s.filtered = n.Filter || len(n.VRIDs) == 0
	s.filter = append(make([]uint8, 0, len(n.VRIDs)), n.VRIDs...)
	l.setFilter(s)
}

func (l *loop) setFilter(s *socket) {
	if s.conn == nil {
		return
	}
	filter := s.filter
	if !s.filtered {
		filter = nil
	}
	if err := s.conn.SetFilter(filter); err != nil {
		l.complain(s, "filter", err)
	}
}

// queue queues an advert. Without a socket it counts as a failure.
func (l *loop) queue(n *engine.Send) {
	s := l.sockets[socketKey{n.Link, n.Key.Family}]
	if s == nil || s.conn == nil {
		l.unsent(n.Key)
		return
	}
	s.frames = append(s.frames, platform.Frame{MAC: n.MAC, Peer: n.Peer, Source: n.Source, Payload: n.Payload})
	s.keys = append(s.keys, n.Key)
}

func (l *loop) unsent(key engine.Key) {
	l.core.SendFailed(key)
	l.resources.SendErrors++
}

// announce queues an announcement, or loses it without a socket.
func (l *loop) announce(key socketKey, n platform.Announcement) {
	if s := l.sockets[key]; s != nil && s.conn != nil {
		s.announcements = append(s.announcements, n)
	}
}

// giveUp is after how many failures in a row the rest is not tried.
const giveUp = 3

// send sends what was queued on a socket.
func (l *loop) send(s *socket) {
	if len(s.frames) > 0 {
		l.sendFrames(s)
		clear(s.frames) // lets the messages go
		s.frames, s.keys = s.frames[:0], s.keys[:0]
	}
	if len(s.announcements) > 0 {
		l.sendAnnouncements(s)
		s.announcements = s.announcements[:0]
	}
}

func (l *loop) sendFrames(s *socket) {
	failures := 0
	for next := 0; next < len(s.frames); {
		n, err := s.conn.Send(s.frames[next:])
		l.resources.Sent += uint64(n)
		if next += n; next == len(s.frames) {
			return
		}
		if n > 0 {
			failures = 0
		}
		failures++
		l.complain(s, "send", err)
		l.unsent(s.keys[next])
		next++
		for ; failures == giveUp && next < len(s.frames); next++ {
			l.unsent(s.keys[next])
		}
	}
}

func (l *loop) sendAnnouncements(s *socket) {
	failures := 0
	for next := 0; next < len(s.announcements) && failures < giveUp; {
		n, err := s.conn.Announce(s.announcements[next:])
		l.resources.Announced += uint64(n)
		if next += n; next == len(s.announcements) {
			return
		}
		if n > 0 {
			failures = 0
		}
		failures++
		l.complain(s, "announce", err)
		next++
	}
}

// complain logs trouble with a socket, not too often.
func (l *loop) complain(s *socket, what string, err error) {
	now := l.driver.now()
	if now.Before(s.quiet) || err == nil {
		return
	}
	s.quiet = now.Add(complainPause)
	l.driver.journal.warn("a VRRP socket has trouble", "interface", l.links[s.key.link].Name,
		"family", s.key.family.String(), "in", what, "error", err)
}

// ownLink returns an interface in the Core's terms, without the addresses of families that
// cannot be heard: a virtual router that is deaf must not become Master.
func (l *loop) ownLink(link engine.Link) engine.Link {
	link.Addrs = slices.DeleteFunc(slices.Clone(link.Addrs), func(p netip.Prefix) bool {
		s := l.sockets[socketKey{link.Index, vrrp.FamilyOf(p.Addr())}]
		return s != nil && s.failed
	})
	return link
}
