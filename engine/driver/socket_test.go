// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"errors"
	"slices"
	"testing"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// TestNoWaitForSocketsOfAGoneInterface checks that a configuration stops waiting for the sockets of an interface that disappears,
// without an error.
func TestNoWaitForSocketsOfAGoneInterface(t *testing.T) {
	b := newBench(1, 100)
	key := socketKey{link: 77, family: vrrp.IPv4}
	s := &socket{key: key} // requested, not open
	b.loop.sockets[key] = s
	b.loop.order = append(b.loop.order, s)
	b.loop.waiter = newWaiter()
	b.loop.waiter.sockets[key] = true
	b.loop.prune()
	select {
	case <-b.loop.waiter.done:
		if b.loop.waiter.err != nil {
			t.Error(b.loop.waiter.err)
		}
	default:
		t.Error("the configuration waits forever")
	}
}

// TestAdvertsForAMasterMayNotWait checks that the System is told which adverts may wait.
func TestAdvertsForAMasterMayNotWait(t *testing.T) {
	b := newBench(2, 100)
	if l := b.conns[0].listening; len(l.Urgent) > 0 || l.Patience == 0 {
		t.Errorf("as Backups: %+v", l)
	}
	b.run(b.now.Add(20 * time.Second))
	if l := b.conns[0].listening; !slices.Equal(l.Urgent, []uint8{1, 2}) {
		t.Errorf("as Masters: %+v", l)
	}
}

// TestAdvertWithoutASocketFailsOnce checks that an advert to several unicast peers is reported once: three failed ones in a row would
// make the virtual router one that cannot send.
func TestAdvertWithoutASocketFailsOnce(t *testing.T) {
	b := newBench(1, 100)
	for _, more := range []bool{true, true, false} {
		b.loop.queue(&engine.Send{Link: 77, Priority: 100, More: more})
	}
	if r := b.loop.reports; len(r) != 1 || r[0].Failed != 3 || r[0].Sent {
		t.Errorf("reports: %+v", r)
	}
}

// TestRefusedFilter checks that a filter that the kernel refused is set later. With the filter from before, the sockets would
// receive nothing for the new virtual routers, which would become Master beside another one.
func TestRefusedFilter(t *testing.T) {
	b := newBench(1, 100)
	c := b.conns[0]
	want := []uint8{1, 2}
	c.refuse = errors.New("no memory")
	b.listen(&engine.Listen{Link: 1, Family: vrrp.IPv4, VRIDs: want, Filter: true})
	for range 2 {
		if slices.Equal(c.listening.VRIDs, want) {
			t.Fatal("the filter is set already")
		}
		at := b.until()
		if wait := at.Sub(b.now); at.IsZero() || wait > retryPause {
			t.Fatalf("the next attempt is after %s", wait)
		}
		b.now = at
		b.turn(b.now)
		c.refuse = nil
	}
	b.turn(b.now)
	if !slices.Equal(c.listening.VRIDs, want) {
		t.Errorf("the filter is %v, want %v", c.listening.VRIDs, want)
	}
}

// TestAdvertWithoutASocket checks that an advert for which no socket is open counts as not sent.
func TestAdvertWithoutASocket(t *testing.T) {
	b := newBench(1, 100)
	key := b.config.Routers[0].Key
	before := b.core.Snapshot(b.now).Routers[0].Counters.SendErrors
	b.queue(&engine.Send{Key: key, Link: 77, Priority: 100})
	b.flush(b.now)
	if got := b.core.Snapshot(b.now).Routers[0].Counters.SendErrors - before; got != 1 || b.resources.SendErrors != 1 {
		t.Errorf("counted are %d adverts of the virtual router and %d in all, want one", got, b.resources.SendErrors)
	}
}
