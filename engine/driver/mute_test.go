// SPDX-License-Identifier: GPL-3.0-only

package driver_test

import (
	"context"
	"net/netip"
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
)

// TestMute covers a Master that cannot send: alone it stays Master, with a fault, and it gives way to another router of
// any priority. It takes over again when it can send, without an earlier attempt that others could notice.
func TestMute(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1 := lab.router(t, 1)
		r1.apply(group(51, 200))
		sleep(5 * time.Second)
		r1.SetFaults(unsendable())
		sent := r1.status().Counters.AdvertsSent
		sleep(time.Minute)
		r1.wantState(vrrp.Master)
		lab.wantAnswer(t, "r1")
		s := r1.status()
		if want := "cannot send: " + errRefused.Error(); s.SendFault != want || s.Counters.AdvertsSent != sent || s.Counters.SendErrors < 59 || s.Counters.SendErrors > 61 {
			t.Errorf("alone r1 has the fault %q, want %q; %d adverts sent, %d before; %d errors, want about 60",
				s.SendFault, want, s.Counters.AdvertsSent, sent, s.Counters.SendErrors)
		}

		r2 := lab.router(t, 2)
		r2.apply(group(51, 100))
		sleep(4 * time.Second)
		r2.wantState(vrrp.Master)
		if s := r1.status(); s.State != vrrp.Backup || s.Cause != vrrp.CauseMute || s.MasterAddr != netip.MustParseAddr("10.0.0.2") {
			t.Fatalf("beside r2, r1 is %s (%s) under Master %s", s.State, s.Cause, s.MasterAddr)
		}
		lab.wantAnswer(t, "r2")
		transitions := len(r1.status().History)
		sleep(5 * time.Minute)
		if s := r1.status(); len(s.History) != transitions || s.SendFault == "" {
			t.Errorf("in five minutes r1 had %d transitions; its fault is %q", len(s.History)-transitions, s.SendFault)
		}
		if r1.Has(virtual) {
			t.Error("r1 has the address")
		}

		r1.SetFaults(fake.Faults{})
		sleep(6 * time.Second)
		r1.wantState(vrrp.Master)
		r2.wantState(vrrp.Backup)
		lab.wantAnswer(t, "r1")
		if s := r1.status(); s.SendFault != "" {
			t.Errorf("the fault stays: %q", s.SendFault)
		}
	})
}

// TestMutePreemption has a Backup that would preempt but cannot send its first advert: the addresses never move.
func TestMutePreemption(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r2 := lab.router(t, 2)
		r2.apply(group(51, 100))
		sleep(5 * time.Second)
		r1 := lab.router(t, 1)
		r1.SetFaults(unsendable())
		r1.apply(group(51, 200))
		for range 600 {
			sleep(100 * time.Millisecond)
			r2.wantState(vrrp.Master)
			lab.wantAnswer(t, "r2")
			if r1.Has(virtual) {
				t.Fatal("r1 has the address")
			}
		}
		if s := r1.status(); s.State != vrrp.Backup || s.Counters.BecameMaster != 1 {
			t.Errorf("r1 is %s and became Master %d times", s.State, s.Counters.BecameMaster)
		}
		// A mute Master is better than none.
		r2.Cut("eth0")
		sleep(5 * time.Second)
		r1.wantState(vrrp.Master)
		lab.wantAnswer(t, "r1")
		if err := r2.Plug("eth0"); err != nil {
			t.Fatal(err)
		}
		sleep(2 * time.Second)
		r1.wantState(vrrp.Backup)
		lab.wantAnswer(t, "r2")
	})
}

// TestMuteGroups covers several virtual routers of which some cannot send, also in a sync group.
func TestMuteGroups(t *testing.T) {
	synced := func(r *engine.VirtualRouter) { r.SyncGroup = "s" }
	alone := func(*engine.VirtualRouter) {}
	const b, m = vrrp.Backup, vrrp.Master
	for _, tt := range []struct {
		name string
		sync func(*engine.VirtualRouter)
		mute []uint8
		want [3]vrrp.State
	}{
		{"one", alone, []uint8{52}, [3]vrrp.State{m, b, m}},
		{"all", alone, nil, [3]vrrp.State{b, b, b}},
		// The other router's member waits for the member that follows it: there is no other Master.
		{"one of a sync group", synced, []uint8{52}, [3]vrrp.State{m, m, m}},
		{"a sync group", synced, []uint8{51, 52}, [3]vrrp.State{b, b, m}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				lab := newLab()
				r1, r2 := lab.router(t, 1), lab.router(t, 2)
				for r, priority := range map[*node]uint8{r1: 200, r2: 100} {
					r.apply(group(51, priority, tt.sync), group(52, priority, address("10.0.0.101"), tt.sync), group(53, priority, address("10.0.0.102")))
				}
				sleep(5 * time.Second)
				want := func(when string, want [3]vrrp.State) {
					t.Helper()
					for i, state := range want {
						one, two := r1.snapshot().Routers[i], r2.snapshot().Routers[i]
						if one.State != state || two.State == state {
							t.Errorf("%s: of group %d r1 is %s (%s) and r2 %s (%s), want r1 to be %s", when, one.Config.VRID,
								one.State, one.Cause, two.State, two.Cause, state)
						}
					}
				}
				r1.SetFaults(unsendable(tt.mute...))
				sleep(10 * time.Second)
				want("mute", tt.want)
				sleep(time.Minute)
				want("a minute later", tt.want)
				for _, r := range r1.snapshot().Routers {
					is := len(tt.mute) == 0 || slices.Contains(tt.mute, r.Config.VRID)
					if (r.SendFault != "") != is {
						t.Errorf("group %d has the fault %q", r.Config.VRID, r.SendFault)
					}
				}
				r1.SetFaults(fake.Faults{})
				sleep(10 * time.Second)
				want("when it can send", [3]vrrp.State{m, m, m})
			})
		})
	}
}

// TestUnreachablePeers covers unicast peers of which one or all cannot be reached.
func TestUnreachablePeers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1 := lab.router(t, 1)
		peers := []netip.Addr{netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3")}
		lost := map[netip.Addr]bool{peers[0]: true}
		r1.SetFaults(fake.Faults{Send: func(_ string, f platform.Frame) error {
			if lost[f.Peer] {
				return errRefused
			}
			return nil
		}})
		lab.router(t, 2)
		lab.router(t, 3)
		r1.apply(group(51, 200, func(r *engine.VirtualRouter) { r.Protocol.Unicast = vrrp.UnicastConfig{Peers: peers, TTLMin: 255} }))
		sleep(10 * time.Second)
		if s := r1.status(); s.SendFault != "" || s.Counters.AdvertsSent != 7 || s.Counters.SendErrors != 7 {
			t.Errorf("fault %q, %d adverts sent, %d errors", s.SendFault, s.Counters.AdvertsSent, s.Counters.SendErrors)
		}
		r1.SetFaults(unsendable())
		sleep(4500 * time.Millisecond)
		if s := r1.status(); s.SendFault == "" || s.Counters.AdvertsSent != 7 || s.Counters.SendErrors != 17 {
			t.Errorf("fault %q, %d adverts sent, %d errors", s.SendFault, s.Counters.AdvertsSent, s.Counters.SendErrors)
		}
	})
}

// TestMuteGoesOn hands a mute Backup over to another process, which does not preempt until it can send.
func TestMuteGoesOn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1, _ := lab.pair(t)
		r1.SetFaults(unsendable())
		sleep(5 * time.Second)
		r1.wantState(vrrp.Backup)
		r1 = r1.restart(0)
		sleep(time.Minute)
		if s := r1.status(); s.State != vrrp.Backup || s.Cause != vrrp.CauseMute || !strings.HasPrefix(s.SendFault, "cannot send: ") {
			t.Errorf("r1 is %s (%s) with the fault %q", s.State, s.Cause, s.SendFault)
		}
		r1.SetFaults(fake.Faults{})
		sleep(6 * time.Second)
		r1.wantState(vrrp.Master)

		// It can send again when the other process begins.
		r1.SetFaults(unsendable())
		sleep(5 * time.Second)
		r1.wantState(vrrp.Backup)
		r1 = r1.restart(0, func(doc []byte) []byte {
			r1.SetFaults(fake.Faults{})
			return doc
		})
		sleep(6 * time.Second)
		r1.wantState(vrrp.Master)
	})
}

// TestMuteAfterRestart restarts a Master that has preempted. The first advert of the process after it is not the first of the
// Master: if the kernel refuses it, that is no reason to give up.
func TestMuteAfterRestart(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r2 := lab.router(t, 2)
		r2.apply(group(51, 100))
		sleep(5 * time.Second)
		r1 := lab.router(t, 1)
		r1.apply(group(51, 200))
		sleep(10 * time.Second)
		if s := r1.status(); s.State != vrrp.Master || s.Cause != vrrp.CausePreempt {
			t.Fatalf("r1 is %s (%s)", s.State, s.Cause)
		}
		r1 = r1.restart(0, func(doc []byte) []byte {
			r1.SetFaults(unsendable())
			return doc
		})
		sleep(time.Second)
		r1.SetFaults(fake.Faults{})
		sleep(5 * time.Second)
		r1.wantState(vrrp.Master)
		if s := r1.status(); s.Counters.BecameMaster != 1 || s.Counters.SendErrors == 0 {
			t.Errorf("r1 became Master %d times, %d adverts were not sent", s.Counters.BecameMaster, s.Counters.SendErrors)
		}
	})
}

// TestForgottenMembership makes a Backup deaf: it receives again before its Master_Down_Timer fires.
func TestForgottenMembership(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1, r2 := lab.pair(t)
		for range 3 {
			if err := r2.ForgetMembership("eth0", platform.IPv4); err != nil {
				t.Fatal(err)
			}
			sleep(10 * time.Second)
			if s := r2.status(); s.State != vrrp.Backup || s.Counters.BecameMaster > 0 || s.Fault != "" {
				t.Fatalf("r2 is %s, became Master %d times, fault %q", s.State, s.Counters.BecameMaster, s.Fault)
			}
		}
		r2.wantSockets(1)

		// Without the membership a Backup does not take part in the election, and a Master resigns.
		r1.SetFaults(fake.Faults{Open: func(string, platform.Family) error { return errRefused }})
		lab.forget()
		if err := r1.ForgetMembership("eth0", platform.IPv4); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := r1.status(); s.State != vrrp.Initialize || s.Cause != vrrp.CauseDeaf {
			t.Errorf("r1 is %s (%s)", s.State, s.Cause)
		}
		if got := lab.sent(); len(got) != 1 || got[0].priority != vrrp.PriorityResign {
			t.Errorf("sent %v, want priority 0", got)
		}
		sleep(5 * time.Second)
		lab.wantAnswer(t, "r2")
		r1.SetFaults(fake.Faults{})
		sleep(10 * time.Second)
		r1.wantState(vrrp.Master)
		lab.wantAnswer(t, "r1")
	})
}

// TestMovedInterface takes the interface of a Master, and of a Backup, away and back while the router does not run:
// the sockets that were open before no longer work.
func TestMovedInterface(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1, r2 := lab.pair(t)
		for _, r := range []*node{r1, r2} {
			r.Pause()
			if err := r.Move("eth0"); err != nil {
				t.Fatal(err)
			}
			sleep(100 * time.Millisecond)
			r.Resume()
			lab.forget()
			sleep(5 * time.Second)
			r1.wantState(vrrp.Master)
			r2.wantState(vrrp.Backup)
			if n := len(lab.sent()); n < 5 {
				t.Errorf("after the absence of %s %d adverts were sent", r.Name(), n)
			}
			if s := r2.status(); s.Counters.BecameMaster > 0 {
				t.Errorf("r2 became Master %d times", s.Counters.BecameMaster)
			}
		}
	})
}

// TestBrokenWithoutNotice is TestMovedInterface without a notification: only failed sends show it.
func TestBrokenWithoutNotice(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r := lab.AddRouter("r1", netip.MustParsePrefix("10.0.0.1/24"))
		r1 := start(t, r, driver.Options{System: silent{r.Boot()}})
		r1.apply(group(51, 200))
		sleep(5 * time.Second)
		if err := r1.Move("eth0"); err != nil {
			t.Fatal(err)
		}
		lab.forget()
		sleep(5 * time.Second)
		r1.wantState(vrrp.Master)
		if n := len(lab.sent()); n < 3 {
			t.Errorf("%d adverts were sent", n)
		}
	})
}

// silent does not report broken sockets.
type silent struct{ *fake.System }

func (s silent) Watch(ctx context.Context, fn func(platform.Update)) error {
	return s.System.Watch(ctx, func(u platform.Update) {
		u.Broken = nil
		fn(u)
	})
}
