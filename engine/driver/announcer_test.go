// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"net/netip"
	"testing"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
)

// After a failover of 4,000 groups, the first announcement of each group is sent within a
// second, without bursts.
func TestAnnouncementsOfManyGroups(t *testing.T) {
	b := newBench(4000, 100)
	b.hear()
	var master time.Time
	end := b.now.Add(10 * time.Second)
	sent, total, first := 0, 0, make(map[netip.Addr]time.Time)
	for b.now.Before(end) && b.step(end) {
		sent = 0
		for _, c := range b.conns {
			for _, a := range c.announced {
				if first[a.Addr].IsZero() {
					first[a.Addr] = b.now
				}
			}
			sent += len(c.announced)
			c.announced = c.announced[:0]
		}
		total += sent
		if master.IsZero() && sent > 0 {
			master = b.now
		}
		if sent > 500 {
			t.Fatalf("%d announcements at once", sent)
		}
	}
	if len(first) != 4000 || total != 5*4000 {
		t.Errorf("%d announcements of %d addresses, want 5 of each of 4000", total, len(first))
	}
	for addr, at := range first {
		if took := at.Sub(master); took > time.Second {
			t.Fatalf("%s was announced after %s", addr, took)
		}
	}
}

func announceFor(vrid uint8, addrs int) *engine.Announce {
	n := &engine.Announce{Key: engine.Key{Interface: "eth0", Family: vrrp.IPv4, VRID: vrid}, Link: 2}
	for i := range addrs {
		n.Addrs = append(n.Addrs, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, vrid, 0, byte(i)}), 24))
	}
	return n
}

// collect returns the announcements sent in a period, as pairs of VRID and last byte of the
// address.
func collect(a *announcer, from time.Time, d time.Duration) (got [][2]byte) {
	for now := from; !now.After(from.Add(d)); now = now.Add(announceTick) {
		a.pace(now, func(_ socketKey, n platform.Announcement) {
			b := n.Addr.As4()
			got = append(got, [2]byte{b[1], b[3]})
		})
	}
	return got
}

func TestAnnouncementsAreFair(t *testing.T) {
	a := newAnnouncer()
	now := time.Unix(1000, 0)
	a.add(announceFor(1, 100))
	a.add(announceFor(2, 1))
	a.add(announceFor(2, 1)) // a second round
	a.add(announceFor(3, 2))
	got := collect(&a, now, 0)
	want := [][2]byte{{1, 0}, {2, 0}, {3, 0}, {1, 1}, {2, 0}, {3, 1}, {1, 2}}
	if len(got) != announceBurst {
		t.Fatalf("%d announcements at once, want %d", len(got), announceBurst)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("announced %v, want %v first", got, want)
		}
	}
	got = append(got, collect(&a, now.Add(announceTick), time.Second)...)
	if len(got) != 104 || a.waiting != 0 || !a.deadline().IsZero() {
		t.Errorf("%d announcements, %d are left", len(got), a.waiting)
	}
}

func TestAnnouncementsEndWithTheMaster(t *testing.T) {
	a := newAnnouncer()
	now := time.Unix(1000, 0)
	a.add(announceFor(1, 50))
	a.add(announceFor(1, 50))
	a.add(announceFor(2, 50))
	before := collect(&a, now, 0)
	a.drop(announceFor(1, 50).Key)
	after := collect(&a, now.Add(announceTick), time.Second)
	for _, n := range after {
		if n[0] == 1 {
			t.Fatal("announced by a router that is no longer Master")
		}
	}
	if len(before)+len(after) != announceBurst+50-announceBurst/2 || a.waiting != 0 {
		t.Errorf("%d and %d announcements, %d are left", len(before), len(after), a.waiting)
	}
	// Master again.
	a.add(announceFor(1, 2))
	if got := collect(&a, now.Add(2*time.Second), time.Second); len(got) != 2 {
		t.Errorf("announced %v, want both addresses once", got)
	}
}
