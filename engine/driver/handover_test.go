// SPDX-License-Identifier: GPL-3.0-only

package driver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/driver"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
	"vrrpsh/platform/fake"
	"vrrpsh/platform/program"
)

// restart replaces the program on a router like the process: the hand-over is written as a
// document and read again after a while.
func (n *node) restart(gap time.Duration, edits ...func(doc []byte) []byte) *node {
	n.t.Helper()
	doc := n.handOver()
	for _, edit := range edits {
		doc = edit(doc)
	}
	sleep(gap)
	return n.restartWith(nil, doc)
}

// handOver ends the program on a router and returns the hand-over.
func (n *node) handOver() []byte {
	n.t.Helper()
	h, err := n.HandOver(n.t.Context())
	if err != nil {
		n.t.Fatalf("%s: HandOver: %v", n.Name(), err)
	}
	if err := <-n.done; err != nil {
		n.t.Fatalf("%s: Run: %v", n.Name(), err)
	}
	doc, err := json.Marshal(h)
	if err != nil {
		n.t.Fatal(err)
	}
	return doc
}

// restartWith starts a program that continues from a document.
func (n *node) restartWith(run func(context.Context, program.Program) (string, error), doc []byte) *node {
	n.t.Helper()
	h, err := driver.ReadHandover(doc, nil)
	if err != nil {
		n.t.Logf("%s: %v", n.Name(), err)
		h = nil
	}
	successor := start(n.t, n.Router, driver.Options{System: n.Boot(), Handover: h, Run: run})
	synctest.Wait()
	return successor
}

func TestHandOver(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*engine.VirtualRouter)
	}{
		{"ether", func(*engine.VirtualRouter) {}},
		{"macvlan", macvlan("vrrp0")},
		{"ether with the virtual MAC", func(r *engine.VirtualRouter) { r.VMAC = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				lab := newLab()
				r1, r2 := lab.router(t, 1), lab.router(t, 2)
				untouched := r1.Links()
				r1.apply(group(51, 200, c.edit))
				r2.apply(group(51, 100, c.edit))
				sleep(10 * time.Second)
				lab.wantAnswer(t, "r1")
				before, kernel := r1.status(), r1.Links()
				events, stop := r2.Subscribe()
				defer stop()
				lab.forget()

				// Restart the Master several times, at different points of its interval.
				for i := range 7 {
					r1 = r1.restart(400 * time.Millisecond)
					lab.wantAnswer(t, "r1")
					sleep(time.Second + time.Duration(i)*130*time.Millisecond)
				}
				after := r1.status()
				if after.State != vrrp.Master || !after.Since.Equal(before.Since) || after.Counters.BecameMaster != 1 {
					t.Errorf("r1 is %s since %s and became Master %d times, want Master since %s and once",
						after.State, after.Since, after.Counters.BecameMaster, before.Since)
				}
				if after.Counters.AdvertsSent <= before.Counters.AdvertsSent || len(after.History) != len(before.History) {
					t.Errorf("after the restarts %d adverts were sent and %d transitions are known, before %d and %d",
						after.Counters.AdvertsSent, len(after.History), before.Counters.AdvertsSent, len(before.History))
				}
				want := [vrrp.NumCauses]uint64{vrrp.CauseStartup: 1, vrrp.CauseMasterDown: 1}
				if before.Counters.Transitions != want {
					t.Errorf("transitions by cause are %v, want %v", before.Counters.Transitions, want)
				}
				if after.Counters.Transitions != before.Counters.Transitions || !after.Counters.Since.Equal(before.Counters.Since) {
					t.Errorf("after the restarts %v transitions since %s, before %v since %s",
						after.Counters.Transitions, after.Counters.Since, before.Counters.Transitions, before.Counters.Since)
				}
				last := time.Time{}
				for _, a := range lab.sent() {
					if a.from != "r1" || a.priority != 200 {
						t.Errorf("%s sent an advert with priority %d", a.from, a.priority)
					}
					if gap := a.at.Sub(last); !last.IsZero() && gap > 1500*time.Millisecond {
						t.Errorf("no advert for %s", gap)
					}
					last = a.at
				}

				// Restart the Backup: an advert missed while no program listened is no reason to take over.
				for range 7 {
					r2 = r2.restart(900 * time.Millisecond)
					sleep(1370 * time.Millisecond)
				}
				if s := r2.status(); s.State != vrrp.Backup || s.Counters.BecameMaster > 0 || s.MasterPriority != 200 {
					t.Errorf("r2 is %s, became Master %d times and knows a Master of priority %d", s.State, s.Counters.BecameMaster, s.MasterPriority)
				}
				for e := range events { // ends with the first r2
					if e.Kind == engine.EventTransition {
						t.Errorf("r2: %s to %s (%s)", e.From, e.To, e.Cause)
					}
				}
				if now := r1.Links(); !slices.EqualFunc(now, kernel, func(a, b fake.Link) bool { return a.Index == b.Index && slices.Equal(a.Addrs, b.Addrs) }) {
					t.Errorf("the kernel of r1 has\n%+v\nbefore\n%+v", now, kernel)
				}

				// The inherited state is restored at the end, and a Backup takes over.
				if err := r1.stop(); err != nil {
					t.Error(err)
				}
				r1.wantUntouched(untouched)
				sleep(time.Second)
				lab.wantAnswer(t, "r2")
			})
		})
	}
}

// If the Master dies while no program listens, the Backup takes over, but not before it has
// listened for a whole Master_Down_Interval.
func TestBackupTakesOverAfterARestart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1, r2 := lab.pair(t)
		r1.Cut("eth0")
		r2 = r2.restart(10 * time.Second)
		sleep(3*time.Second + skew(100, time.Second) - time.Millisecond)
		r2.wantState(vrrp.Backup)
		sleep(time.Millisecond)
		r2.wantState(vrrp.Master)
		lab.wantAnswer(t, "r2")
	})
}

// The clock may be set before, during and after the restart: every wait lasts as long as without that, and no longer.
func TestClockSetDuringARestart(t *testing.T) {
	for _, step := range []time.Duration{-time.Hour, -20 * time.Second, 0, 20 * time.Second, time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				lab := newLab()
				r1, r2 := lab.router(t, 1), lab.router(t, 2)
				r1.apply(group(51, 100))
				sleep(10 * time.Second)
				r2.apply(group(51, 200, func(r *engine.VirtualRouter) { r.Protocol.PreemptDelay = time.Minute }))
				sleep(20 * time.Second) // of the delay
				r2 = r2.restart(2*time.Second, setClock(step))
				sleep(38*time.Second - 100*time.Millisecond)
				r2.wantState(vrrp.Backup)
				sleep(1200 * time.Millisecond) // the delay has begun with the first advert
				r2.wantState(vrrp.Master)

				// After a refusal it retries after one, two, four seconds …
				refused := true
				r2.SetFaults(fake.Faults{Apply: func(a platform.Attachment) error {
					if a.Active && refused {
						return errRefused
					}
					return nil
				}})
				r1.Cut("eth0")
				if err := r2.Resign(t.Context(), r2.status().Config.Key); err != nil {
					t.Fatal(err)
				}
				sleep(20 * time.Second)
				before := r2.status()
				if before.Fault == "" || before.State != vrrp.Backup {
					t.Fatalf("%+v", before)
				}
				refused = false
				r2 = r2.restart(0, setClock(step))
				took := time.Now()
				for r2.status().State != vrrp.Master && time.Since(took) < 2*time.Minute {
					sleep(100 * time.Millisecond)
				}
				if waited := time.Since(took); waited > 17*time.Second {
					t.Errorf("it took over after %s", waited)
				}
			})
		})
	}
}

// setClock changes a hand-over as if the clock had been set by step since then: its times are those of the old clock.
func setClock(step time.Duration) func([]byte) []byte {
	times := regexp.MustCompile(`"[12][09]\d\d-\d\d-\d\dT[^"]*"`)
	return func(doc []byte) []byte {
		set := times.ReplaceAllFunc(doc, func(b []byte) []byte {
			var at time.Time
			if err := json.Unmarshal(b, &at); err != nil {
				panic(err)
			}
			text, err := json.Marshal(at.Add(-step))
			if err != nil {
				panic(err)
			}
			return text
		})
		if step != 0 && bytes.Equal(set, doc) {
			panic("the hand-over has no times that could be set")
		}
		return set
	}
}

// A virtual router that cannot continue changes its state at the restart, and a later
// configuration is an ordinary commit.
func TestWhatHasChangedDuringARestart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1 := lab.router(t, 1)
		r1.AddLink(lab.LAN, "eth1", netip.MustParsePrefix("10.1.0.1/24"))
		g51, g52 := group(51, 200), group(52, 200, on("eth1"), address("10.1.0.100"), macvlan("vrrp1"))
		r1.apply(g51, g52)
		sleep(5 * time.Second)
		r1 = r1.restart(0, func(doc []byte) []byte {
			r1.Unplug("eth1")
			return doc
		})
		list := r1.snapshot().Routers
		if list[0].State != vrrp.Master || list[1].State != vrrp.Initialize || list[1].Cause != vrrp.CauseLinkDown {
			t.Errorf("group 51 is %s, group 52 %s (%s)", list[0].State, list[1].State, list[1].Cause)
		}
		lab.forget()
		r1.apply(g52)
		synctest.Wait()
		if sent := lab.sent(); len(sent) != 1 || sent[0].vrid != 51 || sent[0].priority != 0 {
			t.Errorf("sent for the removed group: %+v", sent)
		}
		if r1.Has(virtual) {
			t.Error("the address of a removed group is left")
		}
	})
}

// A process that cannot read the hand-over starts anew, and leaves nothing behind.
func TestHandOverThatIsNotUnderstood(t *testing.T) {
	for name, edit := range map[string]func([]byte) []byte{
		"of a later version": func(b []byte) []byte {
			return []byte(strings.Replace(string(b), `"Version":1`, `"Version":99`, 1))
		},
		"cut off": func(b []byte) []byte { return b[:len(b)/2] },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				lab := newLab()
				r1 := lab.router(t, 1)
				before := r1.Links()
				r1.apply(group(51, 200, macvlan("vrrp0")))
				sleep(5 * time.Second)
				r1 = r1.restart(0, edit)
				r1.wantUntouched(before)
				if list := r1.snapshot().Routers; len(list) > 0 {
					t.Errorf("it has %d virtual routers", len(list))
				}
			})
		})
	}
}

// Pending kernel work, such as that of a new Master, is finished before the program ends, and does not delay adverts.
func TestHandOverWithKernelWork(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1, r2 := lab.router(t, 1), lab.router(t, 2)
		const every = 100 * time.Millisecond
		var groups, weaker []engine.VirtualRouter
		for vrid := uint8(51); vrid < 251; vrid++ { // more than one batch
			edits := []func(*engine.VirtualRouter){interval(every), macvlan("vrrp" + itoa(vrid)), address("10.0.0." + itoa(vrid))}
			groups = append(groups, group(vrid, 200, edits...))
			weaker = append(weaker, group(vrid, 100, edits...))
		}
		r1.apply(groups...)
		r2.apply(weaker...)
		r1.SetFaults(fake.Faults{ApplyTime: 7 * time.Second})
		sleep(masterDown(200, every) + time.Millisecond)
		r1.wantState(vrrp.Master)
		lab.forget()
		r1 = r1.restart(100 * time.Millisecond)
		sleep(30 * time.Second)
		last := make(map[uint8]time.Time)
		for _, a := range lab.sent() {
			if at, ok := last[a.vrid]; ok && a.at.Sub(at) > 3*every {
				t.Fatalf("group %d: nothing was sent for %s", a.vrid, a.at.Sub(at))
			}
			last[a.vrid] = a.at
			if a.from != "r1" {
				t.Fatalf("group %d: %s is Master", a.vrid, a.from)
			}
		}
		if len(last) != len(groups) {
			t.Errorf("adverts of %d groups", len(last))
		}
		for _, s := range r1.snapshot().Routers {
			if s.State != vrrp.Master || !s.Installed {
				t.Errorf("%s is %s, installed %t", s.Config.Key, s.State, s.Installed)
			}
		}
	})
}

func TestHandOverOfAStoppedRouter(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r1 := newLab().router(t, 1)
		r1.apply(group(51, 200))
		if err := r1.stop(); err != nil {
			t.Fatal(err)
		}
		if _, err := r1.HandOver(context.Background()); !errors.Is(err, driver.ErrStopped) {
			t.Errorf("error %v", err)
		}
	})
}

// Adverts to unicast peers reach them, and only theirs are heard.
func TestUnicastPeers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1, r2, r3 := lab.router(t, 1), lab.router(t, 2), lab.router(t, 3)
		with := func(peer string) func(*engine.VirtualRouter) {
			return func(r *engine.VirtualRouter) {
				r.Protocol.Unicast = vrrp.UnicastConfig{Peers: []netip.Addr{netip.MustParseAddr(peer)}, TTLMin: 255}
			}
		}
		r1.apply(group(51, 200, with("10.0.0.2")))
		r2.apply(group(51, 100, with("10.0.0.1")))
		r3.apply(group(51, 254, address("10.0.0.101"))) // by multicast, which is not tested here
		sleep(10 * time.Second)
		r1.wantState(vrrp.Master)
		r2.wantState(vrrp.Backup)
		s := r2.status()
		if s.MasterAddr != netip.MustParseAddr("10.0.0.1") || s.Counters.Dropped[vrrp.DropPeer] == 0 || s.Counters.AdvertsReceived == 0 {
			t.Errorf("r2 follows %s, has accepted %d adverts and discarded %d of others", s.MasterAddr, s.Counters.AdvertsReceived, s.Counters.Dropped[vrrp.DropPeer])
		}
		heard := s.Peers[0]
		if len(s.Peers) != 1 || heard.Addr != s.MasterAddr || heard.Priority != 200 || heard.Adverts != s.Counters.AdvertsReceived || time.Since(heard.LastHeard) > time.Second {
			t.Errorf("r2 has the peers %+v", s.Peers)
		}
		if never := r1.status().Peers; len(never) != 1 || !never[0].LastHeard.IsZero() || never[0].Adverts != 0 {
			t.Errorf("r1 has heard its silent peers: %+v", never)
		}
		if s := r3.status(); s.Peers != nil {
			t.Errorf("r3 should have no peers, has %+v", s.Peers)
		}
		r2 = r2.restart(500 * time.Millisecond)
		if after := r2.status().Peers[0]; after.Adverts < heard.Adverts || after.Priority != 200 || after.LastHeard.Before(heard.LastHeard) {
			t.Errorf("after a restart r2 has the peer %+v, before %+v", after, heard)
		}
		sleep(10 * time.Second)
		r2.wantState(vrrp.Backup)

		// With a second peer, the data of the first one are kept, except cleared counters.
		r2.apply(group(51, 100, func(r *engine.VirtualRouter) {
			with("10.0.0.1")(r)
			r.Protocol.Unicast.Peers = append([]netip.Addr{netip.MustParseAddr("10.0.0.7")}, r.Protocol.Unicast.Peers...)
		}))
		if p := r2.status().Peers; len(p) != 2 || !p[0].LastHeard.IsZero() || p[1].Adverts < heard.Adverts+10 {
			t.Errorf("with a second peer r2 has %+v", p)
		}
		if err := r2.ClearStatistics(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if p := r2.status().Peers; p[1].Adverts != 0 || p[1].Priority != 200 {
			t.Errorf("after clearing counters r2 has %+v", p)
		}
		r1.Cut("eth0")
		sleep(masterDown(100, time.Second))
		r2.wantState(vrrp.Master)
	})
}
