// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
)

// stubSystem is a kernel that does nothing, at no cost, but receive and send with its conns.
type stubSystem struct {
	conns map[int]stubLink // by interface
	calls *int             // of Send
}

type stubLink interface {
	platform.Conn
	recv(p []platform.Packet) int
	send(frames []platform.Frame) (int, error)
	announce(list []platform.Announcement) (int, error)
}

func (s stubSystem) Recv(p []platform.Packet) (int, error) {
	for link := 1; link <= len(s.conns); link++ {
		if n := s.conns[link].recv(p); n > 0 {
			for i := range p[:n] {
				p[i].Link = link
			}
			return n, nil
		}
	}
	return 0, nil
}

func (s stubSystem) Send(frames []platform.Frame) (int, error) {
	*s.calls++
	return byLink(frames, func(f *platform.Frame) int { return f.Link }, func(link int, list []platform.Frame) (int, error) {
		return s.conns[link].send(list)
	})
}

func (s stubSystem) Announce(list []platform.Announcement) (int, error) {
	return byLink(list, func(a *platform.Announcement) int { return a.Link }, func(link int, list []platform.Announcement) (int, error) {
		return s.conns[link].announce(list)
	})
}

// byLink calls fn with the items of one interface after the other.
func byLink[T any](list []T, linkOf func(*T) int, fn func(link int, list []T) (int, error)) (int, error) {
	done := 0
	for done < len(list) {
		link, end := linkOf(&list[done]), done+1
		for end < len(list) && linkOf(&list[end]) == link {
			end++
		}
		n, err := fn(link, list[done:end])
		if done += n; err != nil {
			return done, err
		}
	}
	return done, nil
}

func (stubSystem) Recover() error                                           { return nil }
func (stubSystem) Links() ([]platform.Link, error)                          { return nil, nil }
func (stubSystem) Watch(ctx context.Context, _ func(platform.Update)) error { <-ctx.Done(); return nil }
func (stubSystem) Open(int, platform.Family, netip.Addr) (platform.Conn, error) {
	return &stubConn{}, nil
}
func (stubSystem) Wait(time.Time) error                      { return nil }
func (stubSystem) Wake()                                     {}
func (stubSystem) Apply(batch []platform.Attachment) []error { return make([]error, len(batch)) }
func (stubSystem) Close() error                              { return nil }
func (stubSystem) Leave() ([]byte, error)                    { return nil, nil }
func (stubSystem) Adopt([]byte) error                        { return nil }
func (stubSystem) SetRoutes(r []platform.Route) []error      { return make([]error, len(r)) }

// stubConn hands out the packets that a test puts into it, and counts what is sent.
type stubConn struct {
	waiting   []platform.Packet
	sent      int
	calls     int
	announced []platform.Announcement
	listening platform.Listen
	refuse    error // of Listen
}

func (c *stubConn) recv(p []platform.Packet) int {
	n := copy(p, c.waiting)
	c.waiting = c.waiting[n:]
	return n
}

func (c *stubConn) send(frames []platform.Frame) (int, error) {
	c.calls++
	c.sent += len(frames)
	return len(frames), nil
}

func (c *stubConn) announce(list []platform.Announcement) (int, error) {
	c.announced = append(c.announced, list...)
	return len(list), nil
}

func (c *stubConn) Listen(l platform.Listen) error {
	if c.refuse == nil {
		c.listening = l
	}
	return c.refuse
}

func (c *stubConn) Close() error { return nil }

// bench is a loop without goroutines, with groups over links of 250.
type bench struct {
	*loop
	system  stubSystem
	now     time.Time
	conns   []*stubConn
	packets [][]platform.Packet // an advert of a Master with priority 200 for every group, by link
	groups  int
}

const groupsPerLink = 250

func newBench(groups int, priority uint8) *bench {
	b := &bench{now: time.Unix(1_000_000_000, 0), groups: groups}
	b.system = stubSystem{conns: make(map[int]stubLink), calls: new(int)}
	b.loop = newLoop(New(Options{System: b.system, Now: func() time.Time { return b.now }}))
	var cfg engine.Config
	for i := range groups {
		link, vrid := i/groupsPerLink, uint8(1+i%groupsPerLink)
		if vrid == 1 {
			b.packets = append(b.packets, nil)
		}
		addr := netip.AddrFrom4([4]byte{10, byte(link), 1, vrid})
		r := engine.VirtualRouter{
			Key:       engine.Key{Interface: fmt.Sprintf("eth%d", link), Family: vrrp.IPv4, VRID: vrid},
			Addresses: []engine.Address{{Addr: addr, Bits: 16}},
			Protocol: vrrp.Config{
				Version: vrrp.V3, Family: vrrp.IPv4, VRID: vrid, Priority: priority, Interval: time.Second,
				Preempt: true, Addresses: []netip.Addr{addr}, Announce: vrrp.AnnounceConfig{Repeat: 5},
			},
		}
		cfg.Routers = append(cfg.Routers, r)
		r.Protocol.Checksum = vrrp.ChecksumRFC9568
		b.packets[link] = append(b.packets[link], platform.Packet{
			Src: netip.AddrFrom4([4]byte{10, byte(link), 0, 2}), Dst: netip.MustParseAddr("224.0.0.18"), TTL: 255,
			Payload: vrrp.New(r.Protocol).Message(200),
		})
	}
	for link := range b.packets {
		b.update(b.now, platform.Update{Links: []platform.Link{{
			Index: link + 1, Name: fmt.Sprintf("eth%d", link), MTU: 1500, Up: true, Ethernet: true,
			Addrs: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(link), 0, 1}), 16)},
		}}})
	}
	b.waiter = newWaiter()
	b.prepare(cfg)
	for link := range b.packets {
		c := &stubConn{}
		b.conns = append(b.conns, c)
		b.system.conns[link+1] = c
		b.opened(b.now, c, opening{key: socketKey{link + 1, vrrp.IPv4}}, nil)
	}
	b.adopt(b.now, cfg)
	b.doKernelWork()
	return b
}

// doKernelWork does the actuator's work.
func (b *bench) doKernelWork() {
	b.flush(b.now)
	for {
		w, _, _ := b.actuator.next()
		if w.empty() {
			return
		}
		var list []outcome
		for _, d := range w.batch {
			list = append(list, outcome{desired: d})
		}
		b.reached(b.now, list)
		b.flush(b.now)
	}
}

// hear delivers an advert of its Master to every group.
func (b *bench) hear() {
	for i, c := range b.conns {
		c.waiting = b.packets[i]
	}
	b.turn(b.now)
}

// run advances from timer to timer until a time.
func (b *bench) run(until time.Time) {
	for b.step(until) {
	}
	b.now = until
}

// step runs one turn at the next timer; it returns false if no timer is due until then.
func (b *bench) step(until time.Time) bool {
	next := earliest(b.core.Deadline(), b.announcer.deadline())
	if next.IsZero() || next.After(until) {
		return false
	}
	if next.After(b.now) {
		b.now = next
	}
	b.turn(b.now)
	b.doKernelWork()
	return true
}

func (b *bench) sent() (adverts, calls int) {
	for _, c := range b.conns {
		adverts += c.sent
	}
	return adverts, *b.system.calls
}
