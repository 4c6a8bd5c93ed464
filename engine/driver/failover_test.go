// SPDX-License-Identifier: GPL-3.0-only

package driver_test

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/fake"
	"vrrpsh/platform/frame"
)

// masterDown returns the Master_Down_Interval of a VRRPv3 Backup (RFC 9568 section 6.1).
func masterDown(priority int, interval time.Duration) time.Duration {
	return 3*interval + skew(priority, interval)
}

func skew(priority int, interval time.Duration) time.Duration {
	return time.Duration(256-priority) * interval / 256
}

func TestFailover(t *testing.T) {
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
				r1, r2, r3 := lab.router(t, 1), lab.router(t, 2), lab.router(t, 3)
				r1.apply(group(51, 200, c.edit))
				r2.apply(group(51, 150, c.edit))
				r3.apply(group(51, 100, c.edit))
				sleep(masterDown(200, time.Second))
				lab.wantAnswer(t, "r1")

				r1.Cut("eth0")
				sleep(masterDown(150, time.Second))
				lab.wantAnswer(t, "r2")
				r2.wantState(vrrp.Master)
				r3.wantState(vrrp.Backup)

				r1.Plug("eth0")
				sleep(time.Second)
				lab.wantAnswer(t, "r1")
				r1.wantState(vrrp.Master)
				r2.wantState(vrrp.Backup)

				// A lost carrier is noticed at once, and when it returns the router
				// listens first.
				r1.Unplug("eth0")
				synctest.Wait()
				r1.wantState(vrrp.Initialize)
				sleep(masterDown(150, time.Second))
				lab.wantAnswer(t, "r2")
				r1.Plug("eth0")
				synctest.Wait()
				r1.wantState(vrrp.Backup)
				sleep(masterDown(200, time.Second))
				lab.wantAnswer(t, "r1")
				r2.wantState(vrrp.Backup)
			})
		})
	}
}

func TestNeighboursLearnTheNewMaster(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1, r2 := lab.router(t, 1), lab.router(t, 2)
		r1.apply(group(51, 200))
		r2.apply(group(51, 100))
		sleep(masterDown(200, time.Second))
		lab.wantAnswer(t, "r1")
		before, _ := lab.host.Neighbor(virtual)
		r1.Cut("eth0")
		sleep(masterDown(100, time.Second))
		after, ok := lab.host.Neighbor(virtual) // without having asked
		if own := r2.Links()[0].MAC; !ok || after == before || after != own {
			t.Errorf("the host's neighbor cache has %x, want that of r2, %x", after, own)
		}
	})
}

// A router that did not run for a while processes the adverts received meanwhile before
// its Master_Down_Timer fires.
func TestListensBeforeItAsserts(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1, r2 := lab.router(t, 1), lab.router(t, 2)
		r1.apply(group(51, 200))
		r2.apply(group(51, 100))
		sleep(masterDown(200, time.Second) + 500*time.Millisecond)
		r2.Pause()
		sleep(time.Minute)
		r2.Resume()
		sleep(10 * time.Second)
		s := r2.status()
		if s.State != vrrp.Backup || s.Counters.BecameMaster > 0 {
			t.Errorf("r2 is %s and became Master %d times", s.State, s.Counters.BecameMaster)
		}
		for _, a := range lab.sent() {
			if a.from == "r2" {
				t.Fatalf("r2 sent an advert at %s", a.at)
			}
		}
		res, err := r2.Resources(t.Context())
		if err != nil || res.MaxLate < 50*time.Second {
			t.Errorf("the loop reports a delay of %s (%v)", res.MaxLate, err)
		}
	})
}

// A Backup that did not run while its Master died takes over.
func TestTakesOverAfterAStall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1, r2 := lab.pair(t)
		r2.Pause()
		r1.Cut("eth0")
		sleep(time.Minute)
		r2.Resume()
		sleep(masterDown(100, time.Second))
		lab.wantAnswer(t, "r2")
	})
}

func TestCleanStop(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*engine.VirtualRouter)
	}{
		{"ether", func(*engine.VirtualRouter) {}},
		{"macvlan", macvlan("vrrp0")},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				lab := newLab()
				r1, r2 := lab.router(t, 1), lab.router(t, 2)
				before := r1.Links()
				r1.apply(group(51, 200, c.edit))
				r2.apply(group(51, 100, c.edit))
				sleep(5*time.Second + 300*time.Millisecond)
				lab.wantAnswer(t, "r1")
				lab.forget()

				// The kernel is slow, but the priority 0 advert is sent at once.
				r1.SetFaults(fake.Faults{ApplyTime: 3 * time.Second})
				stopped := time.Now()
				if err := r1.stop(); err != nil {
					t.Errorf("Run: %v", err)
				}
				sent := lab.sent()
				if len(sent) < 2 || sent[0] != (advert{stopped, "r1", 51, vrrp.PriorityResign}) {
					t.Fatalf("adverts after the stop: %v, want first one from r1 with priority 0 at %s", sent, stopped)
				}
				r1.wantUntouched(before)
				took := sent[1].at.Sub(stopped)
				if sent[1].from != "r2" || took > skew(100, time.Second)+time.Millisecond {
					t.Errorf("%s took over after %s", sent[1].from, took)
				}
				sleep(time.Second)
				lab.wantAnswer(t, "r2")
				if _, err := r1.Snapshot(t.Context()); err == nil {
					t.Error("a snapshot of a router that has stopped")
				}
			})
		})
	}
}

// The next start removes what a crashed router program left, and only one router answers
// for the address.
func TestCrash(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1, r2 := lab.router(t, 1), lab.router(t, 2)
		before := r1.Links()
		r1.apply(group(51, 200, macvlan("vrrp0")))
		r2.apply(group(51, 100, macvlan("vrrp0")))
		sleep(5 * time.Second)
		r1.Kill()
		if err := <-r1.done; err == nil {
			t.Error("Run returned nil after the crash")
		}
		if len(r1.Links()) == len(before) {
			t.Fatal("the crash removed the macvlan")
		}
		r1 = boot(t, r1.Router)
		synctest.Wait()
		r1.snapshot()
		r1.wantUntouched(before)
		sleep(masterDown(100, time.Second))
		lab.wantAnswer(t, "r2")
	})
}

func TestAddressOwnerStartsAsMaster(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1 := lab.router(t, 1)
		if err := r1.AddAddr("eth0", netipPrefix("10.0.0.100/24")); err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		r1.apply(group(51, 100))
		synctest.Wait()
		r1.wantState(vrrp.Master)
		if len(lab.sent()) != 1 || lab.sent()[0] != (advert{started, "r1", 51, vrrp.PriorityOwner}) {
			t.Errorf("adverts %v, want one at once with priority 255", lab.sent())
		}
		if s := r1.status(); s.Counters.SendErrors != 0 {
			t.Errorf("%d adverts could not be sent", s.Counters.SendErrors)
		}
		if err := r1.stop(); err != nil {
			t.Error(err)
		}
		if !r1.Has(virtual) {
			t.Error("the interface's own address was removed")
		}
	})
}

// TestOwnerIsAtTheVirtualMAC checks that hosts know the owner's address by the virtual MAC while an owner on a
// macvlan is Master.
func TestOwnerIsAtTheVirtualMAC(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1 := lab.router(t, 1)
		if err := r1.AddAddr("eth0", netipPrefix("10.0.0.100/24")); err != nil {
			t.Fatal(err)
		}
		at := func() [6]byte {
			t.Helper()
			lab.host.Forget(virtual)
			_, mac, ok := lab.host.Ping(virtual)
			if !ok {
				t.Errorf("%s does not answer", virtual)
			}
			return mac
		}
		own := at()
		r1.apply(group(51, 100, macvlan("vrrp51")))
		synctest.Wait()
		if got, want := at(), vrrp.VirtualMAC(vrrp.IPv4, 51); got != want {
			t.Errorf("the address is at %x, want %x", got, want)
		}
		if err := r1.stop(); err != nil {
			t.Error(err)
		}
		if got := at(); got != own {
			t.Errorf("after the end the address is at %x, want %x", got, own)
		}
	})
}

func TestResign(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1, r2 := lab.router(t, 1), lab.router(t, 2)
		key := group(51, 200).Key
		r1.apply(group(51, 200))
		r2.apply(group(51, 100))
		if err := r1.Resign(t.Context(), key); err == nil {
			t.Error("a Backup resigned")
		}
		sleep(5 * time.Second)
		if err := r1.Resign(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		r1.wantState(vrrp.Backup)
		sleep(skew(100, time.Second))
		lab.wantAnswer(t, "r2")
		if err := r1.ClearStatistics(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if c := r1.status().Counters; c != (engine.Counters{Since: time.Now()}) {
			t.Errorf("counters after they were cleared: %+v", c)
		}
	})
}

func TestJunkChangesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1 := lab.router(t, 1)
		r1.apply(group(51, 200))
		sleep(5 * time.Second)
		lab.forget()
		start := time.Now()
		good := group(51, 255)
		message := vrrp.New(good.Protocol).Message(255)
		for n := range 5000 {
			junk := append([]byte(nil), message...)
			junk[6]++ // checksum
			if n%2 == 0 {
				junk = junk[:5]
			}
			b, err := frame.AppendAdvert(nil, platformFrame("10.0.0.9", junk))
			if err != nil {
				t.Fatal(err)
			}
			lab.host.Send(b)
			sleep(time.Millisecond)
		}
		r1.wantState(vrrp.Master)
		var last time.Time
		for _, a := range lab.sent() {
			if a.from != "r1" {
				continue
			}
			if !last.IsZero() && a.at.Sub(last) > time.Second {
				t.Errorf("%s between two adverts", a.at.Sub(last))
			}
			last = a.at
		}
		if last.Sub(start) < 4*time.Second {
			t.Errorf("the last advert was sent %s after the start", last.Sub(start))
		}
	})
}

func TestApplyIsLeftWhenItsContextEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1 := lab.router(t, 1)
		r1.apply(group(51, 200, macvlan("vrrp0")))
		r1.SetFaults(fake.Faults{ApplyTime: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		cfg := engine.Config{Routers: []engine.VirtualRouter{group(51, 200, macvlan("vrrp1"))}}
		if err := r1.Apply(ctx, cfg); err == nil {
			t.Fatal("no error")
		}
		sleep(5 * time.Minute)
		if got := r1.status().Config.VIFName; got != "vrrp0" {
			t.Errorf("running with %s, want vrrp0 as before", got)
		}
	})
}

// The two families of an interface have separate sockets and do not mix.
func TestBothFamilies(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		six := netip.MustParseAddr("fe80::100")
		v6 := func(priority uint8) engine.VirtualRouter {
			return group(51, priority, func(r *engine.VirtualRouter) {
				r.Family, r.Addresses = vrrp.IPv6, []engine.Address{{Addr: six, Bits: 64}}
			})
		}
		r1, r2 := lab.router(t, 1), lab.router(t, 2)
		r1.AddAddr("eth0", netipPrefix("fe80::1/64"))
		r2.AddAddr("eth0", netipPrefix("fe80::2/64"))
		r1.apply(group(51, 200), v6(100))
		r2.apply(group(51, 100), v6(200))
		sleep(5 * time.Second)
		lab.wantAnswer(t, "r1")
		if by, _, ok := lab.host.Ping(six); !ok || by != "r2" {
			t.Errorf("%s is answered by %q, want r2", six, by)
		}
		r1.apply(v6(100))
		r2.Cut("eth0")
		sleep(5 * time.Second)
		if by, _, ok := lab.host.Ping(six); !ok || by != "r1" {
			t.Errorf("%s is answered by %q, want r1", six, by)
		}
		r1.wantSockets(1)
	})
}
