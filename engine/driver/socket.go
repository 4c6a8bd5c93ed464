// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"errors"
	"maps"
	"slices"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
)

// retryPause is the pause after a failure before sockets are opened again.
const retryPause = time.Second

// complainPause is the minimum time between log messages about one trouble.
const complainPause = 10 * time.Second

// complaint is a trouble that is logged, not too often.
type complaint struct{ quiet time.Time } // not before this time

// due reports whether the trouble is to be logged now.
func (c *complaint) due(now time.Time) bool {
	if now.Before(c.quiet) {
		return false
	}
	c.quiet = now.Add(complainPause)
	return true
}

// socketKey identifies a socket: an interface and an address family.
type socketKey struct {
	link   int
	family vrrp.Family
}

// socket is a Conn that is open or requested.
type socket struct {
	key  socketKey
	conn platform.Conn // nil until it is open
	// broken is set while conn waits for its replacement. trouble is the error of the last attempt to open;
	// empty: there was none. A socket with trouble receives nothing.
	broken  bool
	trouble string

	listening *platform.Listen // nil: not asked for yet
	unset     bool             // the kernel refused it
	complaint complaint
}

// outbox holds the packets that one turn sends, of all interfaces.
type outbox struct {
	frames        []platform.Frame
	adverts       []queued // the adverts of the frames
	errs          []error  // the errors of the frames; empty if there are none
	announcements []platform.Announcement
	lost          int // frames of the advert being queued that have no socket
}

// queued identifies the advert of a frame.
type queued struct {
	key      engine.Key
	priority uint8
	more     bool // the next frame belongs to the same advert
}

// families are the address families of an interface that need sockets.
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

// needsOf returns the address families that configurations need, by interface.
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

// open requests the sockets that an interface needs and does not have. It returns
// the keys of the new sockets.
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

// request asks the actuator to open a socket.
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

// opened takes over a Conn, or the error that says why there is none.
func (l *loop) opened(now time.Time, c platform.Conn, o opening, err error) {
	s := l.sockets[o.key]
	if s == nil || s.conn != nil && !s.broken {
		if c != nil {
			l.actuator.close(c) // no longer needed
		}
		return
	}
	if err == nil {
		if s.conn != nil {
			l.driver.journal.warn("VRRP sockets reopened", "interface", l.links[o.key.link].Name, "family", o.key.family.String())
			l.actuator.close(s.conn)
		}
		s.conn, s.broken, s.trouble = c, false, ""
		l.setListen(s)
	} else {
		gone := errors.Is(err, platform.ErrNoLink)
		if s.trouble == "" && !gone {
			l.driver.journal.warn("cannot open VRRP sockets; trying again",
				"interface", l.links[o.key.link].Name, "family", o.key.family.String(), "error", err)
		}
		// The kernel will report that the interface is gone; until then its virtual routers need not know.
		if !gone || s.conn == nil {
			s.trouble = err.Error()
		}
		l.retryAt = earliest(l.retryAt, now.Add(retryPause))
	}
	l.waiter.socket(o.key, err)
	l.show(now, o.key.link)
}

// reopen retries the sockets that could not be opened, and the filters that could not be set.
func (l *loop) reopen() {
	l.retryAt = time.Time{}
	for _, s := range l.order {
		if s.trouble != "" || s.broken {
			l.request(s)
		} else if s.unset {
			l.setListen(s)
		}
	}
}

// retry is reopen for one interface, at once.
func (l *loop) retry(link int) {
	for _, f := range []vrrp.Family{vrrp.IPv4, vrrp.IPv6} {
		if s := l.sockets[socketKey{link, f}]; s != nil && s.trouble != "" {
			l.request(s)
		}
	}
}

// renew replaces a broken Conn. The old Conn stays until the new one is open: it may still send.
func (l *loop) renew(s *socket) {
	if s != nil && s.conn != nil && !s.broken {
		s.broken = true
		l.request(s)
	}
}

// prune closes the sockets that are no longer needed.
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
		l.waiter.socket(s.key, platform.ErrNoLink) // it will never open
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

// listen limits a socket to the packets that the Core wants to receive. The
// configuration alone decides which sockets are open, so that an interface that comes
// up again does not have to wait for its sockets.
func (l *loop) listen(n *engine.Listen) {
	s := l.sockets[socketKey{n.Link, n.Family}]
	if s == nil {
		return
	}
	s.listening = &platform.Listen{AnyTTL: n.AnyTTL, Urgent: n.Urgent, Patience: n.Patience}
	if n.Filter || len(n.VRIDs) == 0 {
		s.listening.VRIDs = append(make([]uint8, 0, len(n.VRIDs)), n.VRIDs...)
	}
	l.setListen(s)
}

func (l *loop) setListen(s *socket) {
	if s.conn == nil || s.listening == nil {
		return
	}
	err := s.conn.Listen(*s.listening)
	if s.unset = err != nil; s.unset {
		// The filter from before would keep the adverts for new virtual routers away from them.
		l.complain(s, "filter", err)
		l.retryAt = earliest(l.retryAt, l.driver.now().Add(retryPause))
	}
}

// queue queues an advert.
func (l *loop) queue(n *engine.Send) {
	s := l.sockets[socketKey{n.Link, n.Key.Family}]
	if s == nil || s.conn == nil {
		l.resources.SendErrors++
		if l.outbox.lost++; !n.More { // one report of each advert, whatever the number of its peers
			l.reports = append(l.reports, engine.SendReport{Key: n.Key, Priority: n.Priority, Failed: l.outbox.lost, Err: errNoSocket})
			l.outbox.lost = 0
		}
		return
	}
	l.outbox.frames = append(l.outbox.frames, platform.Frame{Link: n.Link, MAC: n.MAC, Peer: n.Peer, Source: n.Source, Payload: n.Payload})
	l.outbox.adverts = append(l.outbox.adverts, queued{n.Key, n.Priority, n.More})
}

var errNoSocket = errors.New("no socket")

// announce queues an announcement. Without a socket, the announcement is lost.
func (l *loop) announce(key socketKey, n platform.Announcement) {
	if s := l.sockets[key]; s != nil && s.conn != nil {
		l.outbox.announcements = append(l.outbox.announcements, n)
	}
}

// send sends the queued packets.
func (l *loop) send() {
	o := &l.outbox
	if len(o.frames) > 0 {
		l.sendFrames(o)
		l.assess(o)
		clear(o.frames) // lets the garbage collector free the messages
		o.frames, o.adverts, o.errs = o.frames[:0], o.adverts[:0], o.errs[:0]
	}
	if len(o.announcements) > 0 {
		l.sendAnnouncements(o)
		o.announcements = o.announcements[:0]
	}
}

// sendFrames sends the frames and records the error of each frame that could not be sent. An error of one frame, such as
// a frame that is too long, must not stop the frames of other virtual routers.
func (l *loop) sendFrames(o *outbox) {
	for next := 0; next < len(o.frames); {
		n, err := l.driver.system.Send(o.frames[next:])
		l.resources.Sent += uint64(n)
		if next += n; next == len(o.frames) {
			return
		}
		if len(o.errs) == 0 {
			o.errs = append(o.errs, make([]error, len(o.frames))...)
		}
		bad := &o.frames[next]
		s := l.sockets[socketKey{bad.Link, vrrp.Family(bad.Family())}]
		l.complain(s, "send", err)
		gone := errors.Is(err, platform.ErrNoLink)
		if gone {
			l.renew(s)
		}
		for {
			o.errs[next] = err
			next++
			if !gone || next == len(o.frames) || o.frames[next].Link != bad.Link {
				break
			}
		}
	}
}

// assess finds the adverts that could not be sent, and those that were sent after such a failure.
func (l *loop) assess(o *outbox) {
	if len(o.errs) == 0 && len(l.failing) == 0 {
		return
	}
	var r engine.SendReport
	for i, a := range o.adverts {
		if len(o.errs) > 0 && o.errs[i] != nil {
			r.Failed++
			r.Err = o.errs[i]
		} else {
			r.Sent = true
		}
		if a.more {
			continue
		}
		r.Key, r.Priority = a.key, a.priority
		if r.Failed > 0 || l.failing[a.key] {
			l.resources.SendErrors += uint64(r.Failed)
			l.reports = append(l.reports, r)
		}
		r = engine.SendReport{}
	}
}

// report tells the Core which adverts were sent and which were not. The Core may then request further adverts, but this
// ends: a virtual router that cannot send gives up Master, and so do the others in its sync group.
func (l *loop) report(now time.Time) {
	list := l.reports
	l.reports = l.spareReports[:0]
	for i := range list {
		r := &list[i]
		if r.Sent {
			delete(l.failing, r.Key)
		} else {
			l.failing[r.Key] = true
		}
		l.core.ReportSend(now, *r, &l.out)
		l.take(now)
	}
	clear(list)
	l.spareReports = list[:0]
}

// forgetFailing forgets the virtual routers that are no longer configured.
func (l *loop) forgetFailing() {
	if len(l.failing) == 0 {
		return
	}
	configured := make(map[engine.Key]bool, len(l.config.Routers))
	for i := range l.config.Routers {
		configured[l.config.Routers[i].Key] = true
	}
	maps.DeleteFunc(l.failing, func(key engine.Key, _ bool) bool { return !configured[key] })
}

// giveUp is the number of failures in a row after which the remaining announcements of an interface are dropped.
const giveUp = 3

func (l *loop) sendAnnouncements(o *outbox) {
	failures, failing := 0, 0
	for next := 0; next < len(o.announcements); {
		n, err := l.driver.system.Announce(o.announcements[next:])
		l.resources.Announced += uint64(n)
		if next += n; next == len(o.announcements) {
			return
		}
		bad := &o.announcements[next]
		if n > 0 || bad.Link != failing {
			failures, failing = 0, bad.Link
		}
		failures++
		s := l.sockets[socketKey{bad.Link, vrrp.Family(bad.Family())}]
		l.complain(s, "announce", err)
		if errors.Is(err, platform.ErrNoLink) {
			l.renew(s)
		}
		for next++; failures == giveUp && next < len(o.announcements) && o.announcements[next].Link == failing; next++ {
		}
	}
}

// complain logs trouble with a socket, not too often.
func (l *loop) complain(s *socket, what string, err error) {
	if s == nil || err == nil || !s.complaint.due(l.driver.now()) {
		return
	}
	l.driver.journal.warn("a VRRP socket failed", "interface", l.links[s.key.link].Name,
		"family", s.key.family.String(), "in", what, "error", err)
}

// ownLink returns an interface for the Core, with the trouble of its sockets: a virtual router that receives nothing
// must not become Master.
func (l *loop) ownLink(link engine.Link) engine.Link {
	for family, deaf := range map[vrrp.Family]*string{vrrp.IPv4: &link.DeafIPv4, vrrp.IPv6: &link.DeafIPv6} {
		if s := l.sockets[socketKey{link.Index, family}]; s != nil {
			*deaf = s.trouble
		}
	}
	return link
}
