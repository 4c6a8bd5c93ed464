// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
)

func TestNoAllocationPerAdvert(t *testing.T) {
	t.Run("received", func(t *testing.T) {
		b := newBench(500, 100)
		b.hear()
		allocs := testing.AllocsPerRun(20, func() {
			b.now = b.now.Add(time.Second)
			b.hear()
		})
		if allocs > 0 {
			t.Errorf("%.0f allocations for %d adverts", allocs, b.groups)
		}
		if got := b.core.Snapshot(b.now).Routers[499]; got.State != vrrp.Backup || got.Counters.AdvertsReceived != 22 {
			t.Errorf("%s is %s and received %d adverts, want 22", got.Config.Key, got.State, got.Counters.AdvertsReceived)
		}
	})
	t.Run("sent", func(t *testing.T) {
		b := newBench(500, 250)
		b.run(b.now.Add(20 * time.Second)) // all announcements are over
		before, _ := b.sent()
		allocs := testing.AllocsPerRun(20, func() {
			for end := b.now.Add(time.Second); ; b.turn(b.now) {
				if next := b.core.Deadline(); !next.After(end) {
					b.now = next
				} else {
					b.now = end
					break
				}
			}
		})
		if allocs > 0 {
			t.Errorf("%.0f allocations for %d adverts", allocs, b.groups)
		}
		if after, _ := b.sent(); after-before != 21*b.groups {
			t.Errorf("%d adverts were sent in 21 s, want %d", after-before, 21*b.groups)
		}
	})
}

// All due adverts are sent with one call, also those of several interfaces.
func TestAdvertsAreSentTogether(t *testing.T) {
	b := newBench(1000, 250)
	b.run(b.now.Add(20 * time.Second))
	adverts, calls := b.sent()
	b.run(b.now.Add(10 * time.Second))
	if a, c := b.sent(); a-adverts < 10*1000 || c-calls > 10*50 {
		t.Errorf("%d adverts in %d calls, want 10000 or more in at most 500", a-adverts, c-calls)
	}
	b.run(b.now.Add(30 * time.Second)) // each interface has its moment now
	adverts, calls = b.sent()
	b.run(b.now.Add(10 * time.Second))
	a, c := b.sent()
	if a-adverts != 10*1000 || c-calls != 10*4 {
		t.Errorf("%d adverts in %d calls, want 10000 in 40", a-adverts, c-calls)
	}
}

// All waiting packets are received before a timer fires, on all interfaces, even if more
// junk waits than is read at a time.
func TestPacketsComeBeforeTimers(t *testing.T) {
	b := newBench(1000, 100)
	b.hear()
	junk := platform.Packet{TTL: 254, Payload: b.packets[0][0].Payload}
	b.now = b.now.Add(time.Minute)
	for i, c := range b.conns {
		for range 5000 {
			c.waiting = append(c.waiting, junk)
		}
		c.waiting = append(c.waiting, b.packets[i]...)
	}
	b.turn(b.now)
	for _, r := range b.core.Snapshot(b.now).Routers {
		if r.State != vrrp.Backup {
			t.Fatalf("%s is %s", r.Config.Key, r.State)
		}
	}
}

// heldUp is a System whose caller runs again only long after Wait ended: only another Wait finds packets that arrived
// meanwhile, as with a kernel that reports at the end of Wait which sockets have packets.
type heldUp struct {
	stubSystem
	waits []func()
}

func (s *heldUp) Wait(time.Time) error {
	next := s.waits[0]
	s.waits = s.waits[1:]
	next()
	return nil
}

func TestPacketsOfAStallComeBeforeTimers(t *testing.T) {
	b := newBench(10, 100)
	b.hear()
	ctx, stop := context.WithCancel(t.Context())
	b.loop.driver.system = &heldUp{stubSystem: b.system, waits: []func(){
		func() { b.now = b.now.Add(time.Minute) },
		func() { b.conns[0].waiting = b.packets[0] },
		stop,
	}}
	if err := b.loop.run(ctx); err != nil {
		t.Fatal(err)
	}
	if sent, _ := b.sent(); sent > 0 {
		t.Errorf("%d adverts were sent although there was a Master", sent)
	}
}

// A flood on one interface does not delay the adverts of the others.
func TestFloodDoesNotStarveTimers(t *testing.T) {
	b := newBench(500, 250)
	b.run(b.now.Add(20 * time.Second))
	flood := &endless{packet: platform.Packet{TTL: 254, Payload: b.packets[0][0].Payload}}
	b.system.conns[1] = flood
	before := b.conns[1].sent
	b.now = b.core.Deadline()
	b.turn(b.now)
	if got := b.conns[1].sent - before; got != groupsPerLink {
		t.Errorf("%d adverts were sent on the other interface, want %d", got, groupsPerLink)
	}
}

// endless never runs out of packets.
type endless struct {
	stubConn
	packet platform.Packet
}

func (c *endless) recv(p []platform.Packet) int {
	for i := range p {
		p[i] = c.packet
	}
	return len(p)
}

// A failed advert does not prevent others from being sent, and each failure is counted; a missing interface costs one
// call.
func TestSendFailures(t *testing.T) {
	full := errors.New("no buffer space")
	for _, c := range []struct {
		name            string
		broken          func(n int) bool
		err             error
		failures, calls int
	}{
		{"none", func(n int) bool { return false }, full, 0, 1},
		{"one advert", func(n int) bool { return n == 7 }, full, 1, 2},
		{"the last", func(n int) bool { return n == groupsPerLink-1 }, full, 1, 1},
		{"the first", func(n int) bool { return n < 20 }, full, 20, 21},
		{"each tenth", func(n int) bool { return n%10 == 5 }, full, 25, 26},
		{"all", func(n int) bool { return true }, full, groupsPerLink, groupsPerLink},
		{"no interface", func(n int) bool { return true }, platform.ErrNoLink, groupsPerLink, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(groupsPerLink, 250)
			b.run(b.now.Add(20 * time.Second))
			conn := &broken{is: c.broken, err: c.err}
			before := 0
			for _, r := range b.core.Snapshot(b.now).Routers {
				before += int(r.Counters.AdvertsSent)
			}
			b.system.conns[1] = conn
			b.now = b.core.Deadline()
			b.turn(b.now)
			failures, sent := 0, -before
			for _, r := range b.core.Snapshot(b.now).Routers {
				failures += int(r.Counters.SendErrors)
				sent += int(r.Counters.AdvertsSent)
			}
			if sent != groupsPerLink-c.failures {
				t.Errorf("%d adverts count as sent, %d were not", sent, c.failures)
			}
			if failures != c.failures || conn.calls != c.calls {
				t.Errorf("%d failures in %d calls, want %d in %d", failures, conn.calls, c.failures, c.calls)
			}
			if c.failures < groupsPerLink && conn.sent != groupsPerLink-c.failures {
				t.Errorf("%d were sent", conn.sent)
			}
		})
	}
}

// broken fails to send some frames.
type broken struct {
	stubConn
	is    func(n int) bool // the nth frame
	err   error
	tried int
}

func (c *broken) send(frames []platform.Frame) (int, error) {
	c.calls++
	for i := range frames {
		c.tried++
		if c.is(c.tried - 1) {
			return i, c.err
		}
		c.sent++
	}
	return len(frames), nil
}

// The advert of a new Master is sent before the kernel has work with its addresses.
func TestAdvertsGoBeforeKernelWork(t *testing.T) {
	b := newBench(1, 100)
	conn := &spy{}
	conn.onSend = func() { conn.kernelWork += b.actuator.waiting() }
	b.system.conns[1] = conn
	b.now = b.core.Deadline()
	b.turn(b.now)
	if conn.sent != 1 || conn.kernelWork != 0 || b.actuator.waiting() != 1 {
		t.Errorf("%d adverts sent; kernel work waited for %d then, %d after", conn.sent, conn.kernelWork, b.actuator.waiting())
	}
}

// spy calls a function when something is sent.
type spy struct {
	stubConn
	onSend     func()
	kernelWork int
}

func (c *spy) send(frames []platform.Frame) (int, error) {
	c.onSend()
	return c.stubConn.send(frames)
}

func TestNobodyAnnouncesAsBackup(t *testing.T) {
	b := newBench(groupsPerLink, 100)
	b.now = b.core.Deadline()
	b.turn(b.now)
	b.doKernelWork()
	b.turn(b.now)
	if b.announcer.waiting == 0 {
		t.Fatal("the announcements were not spread")
	}
	b.hear()
	if b.announcer.waiting != 0 {
		t.Errorf("%d announcements of Backups wait", b.announcer.waiting)
	}
}

func TestSnapshotIsQuick(t *testing.T) {
	b := newBench(4000, 100)
	b.hear()
	// The benchmark measures the cost of a snapshot; this test checks that a second one is not built anew.
	first := b.core.Snapshot(b.now)
	allocs := testing.AllocsPerRun(5, func() { b.core.Snapshot(b.now) })
	if len(first.Routers) != 4000 || allocs > 10 {
		t.Errorf("%.0f allocations for a snapshot of %d unchanged groups", allocs, len(first.Routers))
	}
}

func BenchmarkLoop(b *testing.B) {
	for _, groups := range []int{1, 1000, 4000} {
		b.Run(fmt.Sprintf("Backup/groups=%d", groups), func(b *testing.B) {
			s := newBench(groups, 100)
			s.hear()
			b.ReportAllocs()
			for b.Loop() {
				s.now = s.now.Add(time.Second)
				s.hear()
			}
			perAdvert(b, groups)
		})
		b.Run(fmt.Sprintf("Master/groups=%d", groups), func(b *testing.B) {
			s := newBench(groups, 250)
			s.run(s.now.Add(20 * time.Second))
			b.ReportAllocs()
			for b.Loop() {
				end := s.now.Add(time.Second)
				for next := s.core.Deadline(); next.Before(end); next = s.core.Deadline() {
					s.now = next
					s.turn(next)
				}
				s.now = end
			}
			perAdvert(b, groups)
		})
		b.Run(fmt.Sprintf("Failover/groups=%d", groups), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				s := newBench(groups, 100)
				s.hear()
				b.StartTimer()
				s.run(s.now.Add(10 * time.Second))
			}
		})
		b.Run(fmt.Sprintf("Snapshot/groups=%d", groups), func(b *testing.B) {
			s := newBench(groups, 100)
			for b.Loop() {
				b.StopTimer()
				s.now = s.now.Add(time.Second)
				s.hear()
				b.StartTimer()
				s.core.Snapshot(s.now)
			}
		})
	}
}

func perAdvert(b *testing.B, groups int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*groups), "ns/advert")
}

// The kernel may report a macvlan before it is known to be ours.
func TestOwnInterfaceIsForgottenOnceKnown(t *testing.T) {
	b := newBench(1, 1)
	before := len(b.core.Snapshot(b.now).Links)
	macvlan := platform.Link{Index: 99, Name: "standby1", Ethernet: true}
	b.update(b.now, platform.Update{Links: []platform.Link{macvlan}})
	if got := len(b.core.Snapshot(b.now).Links); got != before+1 {
		t.Fatalf("%d interfaces, want %d", got, before+1)
	}
	macvlan.Ours = true
	b.update(b.now, platform.Update{Links: []platform.Link{macvlan}})
	if got := len(b.core.Snapshot(b.now).Links); got != before {
		t.Errorf("%d interfaces, want %d: our own macvlans do not count", got, before)
	}
}
