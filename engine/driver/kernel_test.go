// SPDX-License-Identifier: GPL-3.0-only

package driver_test

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/driver"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform"
	"vrrpsh/platform/fake"
	"vrrpsh/platform/frame"
)

// While the kernel takes seconds for everything, adverts are sent when they are due.
func TestSlowKernelDelaysNoAdvert(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1 := lab.router(t, 1)
		r1.apply(group(51, 200, interval(100*time.Millisecond)))
		sleep(time.Second)
		r1.wantState(vrrp.Master)
		lab.forget()

		r1.SetFaults(fake.Faults{ApplyTime: 7 * time.Second})
		groups := []engine.VirtualRouter{group(51, 200, interval(100*time.Millisecond))}
		for vrid := uint8(60); vrid < 90; vrid++ {
			groups = append(groups, group(vrid, 100, macvlan("vrrp"+string('a'+rune(vrid-60))), address("10.0.0."+itoa(vrid))))
		}
		started := time.Now()
		r1.apply(groups...)
		if took := time.Since(started); took != 7*time.Second {
			t.Errorf("Apply returned after %s, want the kernel's 7 s", took)
		}
		sleep(15 * time.Second)
		last := started
		for _, a := range lab.sent() {
			if a.vrid != 51 {
				continue
			}
			if gap := a.at.Sub(last); gap > 100*time.Millisecond {
				t.Errorf("%s between two adverts", gap)
			}
			last = a.at
		}
		if time.Since(last) > 100*time.Millisecond {
			t.Errorf("no advert since %s", time.Since(last))
		}
		for _, s := range r1.snapshot().Routers {
			if s.State != vrrp.Master || !s.Installed {
				t.Errorf("%s is %s, installed %t", s.Config.Key, s.State, s.Installed)
			}
		}
	})
}

func TestRefusedChangeLeavesEverythingAsItWas(t *testing.T) {
	for _, c := range []struct {
		name  string
		setUp func(r *fake.Router)
		edit  func(*engine.VirtualRouter)
		want  error
	}{
		{
			name:  "an interface with the macvlan's name",
			setUp: func(r *fake.Router) { r.AddLink(nil, "vrrp1") },
			edit:  macvlan("vrrp1"),
			want:  platform.ErrConflict,
		},
		{
			name: "a kernel that refuses",
			setUp: func(r *fake.Router) {
				r.SetFaults(fake.Faults{Apply: func(a platform.Attachment) error {
					if a.Name == "vrrp1" && a.Present {
						return errRefused
					}
					return nil
				}})
			},
			edit: macvlan("vrrp1"),
			want: errRefused,
		},
		{
			name: "no sockets",
			setUp: func(r *fake.Router) {
				r.AddLink(nil, "eth1")
				r.SetFaults(fake.Faults{Open: func(link string, _ platform.Family) error {
					if link == "eth1" {
						return errRefused
					}
					return nil
				}})
			},
			edit: on("eth1"),
			want: errRefused,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				lab := newLab()
				r1, r2 := lab.router(t, 1), lab.router(t, 2)
				old := group(51, 200, macvlan("vrrp0"))
				r1.apply(old)
				r2.apply(group(51, 100, macvlan("vrrp0")))
				c.setUp(r1.Router)
				sleep(5 * time.Second)
				before := r1.Links()

				changed := old
				changed.Description = "changed"
				cfg := engine.Config{Routers: []engine.VirtualRouter{changed, group(52, 100, c.edit, address("10.0.0.52"))}}
				if err := r1.Apply(t.Context(), cfg); !errors.Is(err, c.want) {
					t.Errorf("Apply: %v, want %v", err, c.want)
				}
				synctest.Wait()
				r1.wantUntouched(before)
				s := r1.snapshot()
				if len(s.Routers) != 1 || s.Routers[0].Config.Description != "" || s.Routers[0].State != vrrp.Master {
					t.Errorf("after the refused change: %+v", s.Routers)
				}
				if n := s.Routers[0].Counters.BecameMaster; n != 1 {
					t.Errorf("group 51 became Master %d times", n)
				}
				sleep(10 * time.Second)
				lab.wantAnswer(t, "r1")
			})
		})
	}
}

// Addresses that a commit takes away are not announced any more, however long the kernel takes to remove them.
func TestRemovedAddressesAreNotAnnounced(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		var mu sync.Mutex
		told := make(map[netip.Addr]time.Time)
		lab.Tap(func(f fake.Frame) {
			if f.Packet.Kind != frame.Advert {
				mu.Lock()
				defer mu.Unlock()
				told[f.Packet.TargetIP] = time.Now()
			}
		})
		var list []engine.Address
		for i := range 100 { // more than are announced at once
			list = append(list, engine.Address{Addr: netip.AddrFrom4([4]byte{10, 0, 0, byte(100 + i)}), Bits: 24})
		}
		r1 := lab.router(t, 1)
		r1.apply(group(51, 200, func(r *engine.VirtualRouter) { r.Addresses = list }))
		for r1.status().State != vrrp.Master || !r1.status().Installed {
			sleep(time.Millisecond)
		}
		r1.SetFaults(fake.Faults{ApplyTime: time.Second})
		began := time.Now()
		r1.apply(group(51, 200))
		mu.Lock()
		defer mu.Unlock()
		for _, a := range list {
			if at := told[a.Addr]; a.Addr != virtual && at.After(began) {
				t.Fatalf("%s is announced %s after it was taken away", a.Addr, at.Sub(began))
			}
		}
	})
}

// A commit that gives the macvlan's name of a Master to a Backup is done, although Backups come first in the kernel.
func TestMacvlanNameChangesHands(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r1 := newLab().router(t, 1)
		owner, backup := group(51, 200, address("10.0.0.1")), group(52, 100, address("10.0.0.52"))
		r1.apply(group(51, 200, address("10.0.0.1"), macvlan("vrrp0")), backup)
		sleep(time.Second)
		r1.apply(owner, group(52, 100, address("10.0.0.52"), macvlan("vrrp0")))
		mac := vrrp.VirtualMAC(vrrp.IPv4, 52)
		if !slices.ContainsFunc(r1.Links(), func(k fake.Link) bool { return k.Name == "vrrp0" && k.MAC == mac }) {
			t.Errorf("group 52 has no macvlan: %+v", r1.Links())
		}
	})
}

var errRefused = errors.New("refused for the test")

// A router that cannot receive must not become Master; once it can, it takes part in the election.
func TestDeafRouterStaysInInitialize(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1, r2 := lab.router(t, 1), lab.router(t, 2)
		r1.apply(group(51, 200))
		r2.apply(group(51, 100, on("eth1")))
		r2.SetFaults(fake.Faults{Open: func(string, platform.Family) error { return errRefused }})
		sleep(5 * time.Second)
		if got := r2.status(); got.State != vrrp.Initialize || got.Cause != vrrp.CauseNoLink {
			t.Errorf("without its interface r2 is %s (%s)", got.State, got.Cause)
		}
		r2.AddLink(lab.LAN, "eth1", netip.MustParsePrefix("10.0.0.22/24"))
		sleep(time.Minute)
		if got := r2.status(); got.State != vrrp.Initialize || got.Counters.BecameMaster > 0 || got.Cause != vrrp.CauseDeaf ||
			got.Fault != "cannot receive adverts: "+errRefused.Error() {
			t.Errorf("deaf r2 is %s (%s, %q) and became Master %d times", got.State, got.Cause, got.Fault, got.Counters.BecameMaster)
		}
		r2.SetFaults(fake.Faults{})
		sleep(2 * time.Second)
		r2.wantState(vrrp.Backup)
		r1.Cut("eth0")
		sleep(5 * time.Second)
		lab.wantAnswer(t, "r2")
	})
}

func TestLinkFlap(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1 := lab.router(t, 1)
		before := r1.Links()
		r1.apply(group(51, 200, macvlan("vrrp0")))
		for range 20 {
			sleep(5 * time.Second)
			r1.wantState(vrrp.Master)
			r1.SetUp("eth0", false)
			synctest.Wait()
			if got := r1.status(); got.State != vrrp.Initialize || got.Cause != vrrp.CauseLinkDown {
				t.Fatalf("with the interface down %s (%s)", got.State, got.Cause)
			}
			if r1.Has(virtual) {
				t.Fatal("the virtual address stays on a router whose interface is down")
			}
			r1.SetUp("eth0", true)
			synctest.Wait()
			r1.wantState(vrrp.Backup)
		}
		r1.wantSockets(1)
		if err := r1.stop(); err != nil {
			t.Error(err)
		}
		r1.wantUntouched(before)
	})
}

func TestInterfaceComesGoesAndIsRenamed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1 := lab.router(t, 1)
		r1.apply(group(51, 200, on("lan0"), macvlan("vrrp0")))
		synctest.Wait()
		if got := r1.status(); got.Cause != vrrp.CauseNoLink {
			t.Fatalf("without its interface: %s", got.Cause)
		}
		for range 3 {
			r1.AddLink(lab.LAN, "lan0", netip.MustParsePrefix("10.0.0.11/24"))
			sleep(5 * time.Second)
			lab.wantAnswer(t, "r1")
			if err := r1.Rename("lan0", "old"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if got := r1.status(); got.Cause != vrrp.CauseNoLink || r1.Has(virtual) {
				t.Fatalf("after its interface was renamed: %s, has the address: %t", got.Cause, r1.Has(virtual))
			}
			if err := r1.Rename("old", "lan0"); err != nil {
				t.Fatal(err)
			}
			sleep(5 * time.Second)
			lab.wantAnswer(t, "r1")
			if err := r1.DeleteLink("lan0"); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if got := r1.status(); got.State != vrrp.Initialize || got.Cause != vrrp.CauseNoLink {
				t.Fatalf("after its interface was deleted: %s (%s)", got.State, got.Cause)
			}
		}
		r1.wantSockets(0)
	})
}

func TestRemovalFromOutsideIsRepaired(t *testing.T) {
	for _, c := range []struct {
		name   string
		edit   func(*engine.VirtualRouter)
		remove func(r *fake.Router) error
	}{
		{"address", func(*engine.VirtualRouter) {}, func(r *fake.Router) error {
			return r.DelAddr("eth0", netip.MustParsePrefix("10.0.0.100/24"))
		}},
		{"address of a macvlan", macvlan("vrrp0"), func(r *fake.Router) error {
			return r.DelAddr("vrrp0", netip.MustParsePrefix("10.0.0.100/24"))
		}},
		{"macvlan", macvlan("vrrp0"), func(r *fake.Router) error { return r.DeleteLink("vrrp0") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				lab := newLab()
				r1, r2 := lab.router(t, 1), lab.router(t, 2)
				r1.apply(group(51, 200, c.edit))
				r2.apply(group(51, 100, c.edit))
				sleep(5 * time.Second)
				for range 3 {
					if err := c.remove(r1.Router); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
					lab.wantAnswer(t, "r1")
					r1.wantState(vrrp.Master)
					sleep(5 * time.Second)
				}
				// Another program keeps removing the address: the other router takes over.
				for n := 0; r1.Has(virtual); n++ {
					if n > 6 {
						t.Fatal("r1 keeps restoring the address")
					}
					if err := c.remove(r1.Router); err != nil {
						t.Fatal(err)
					}
					sleep(100 * time.Millisecond)
				}
				if s := r1.status(); s.State != vrrp.Backup || s.Fault == "" {
					t.Errorf("r1 is %s with the fault %q", s.State, s.Fault)
				}
				sleep(skew(100, time.Second))
				lab.wantAnswer(t, "r2")
			})
		})
	}
}

func TestUnsentAdvertsAreCounted(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1 := lab.router(t, 1)
		r1.apply(group(51, 200), group(52, 200, address("10.0.0.101")), group(53, 200, address("10.0.0.102")))
		sleep(60 * time.Second) // the adverts have their common moment
		lab.forget()
		r1.SetFaults(unsendable(52))
		sleep(10 * time.Second)
		for i, want := range []uint64{0, 10, 0} {
			if got := r1.snapshot().Routers[i].Counters.SendErrors; got != want {
				t.Errorf("group %d: %d send errors, want %d", 51+i, got, want)
			}
		}
		sent := make(map[uint8]int)
		for _, a := range lab.sent() {
			sent[a.vrid]++
		}
		if sent[51] != 10 || sent[52] != 0 || sent[53] != 10 {
			t.Errorf("adverts sent: %v", sent)
		}
	})
}

// Removed groups resign, and their sockets are closed with the last group.
func TestRemovedGroupsHandOver(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1, r2 := lab.router(t, 1), lab.router(t, 2)
		before := r1.Links()
		r1.apply(group(51, 200))
		r2.apply(group(51, 100))
		sleep(5 * time.Second)
		lab.forget()
		r1.apply()
		synctest.Wait()
		if len(lab.sent()) != 1 || lab.sent()[0].priority != vrrp.PriorityResign {
			t.Errorf("adverts %v, want one with priority 0", lab.sent())
		}
		r1.wantUntouched(before)
		r1.wantSockets(0)
		sleep(time.Second)
		lab.wantAnswer(t, "r2")
	})
}

func TestTroubleIsLogged(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		log := &logBuffer{}
		r1 := bootLogged(t, lab.AddRouter("r1", netip.MustParsePrefix("10.0.0.1/24")), log)
		r1.apply(group(51, 200))
		sleep(4 * time.Second)
		r1.SetFaults(unsendable())
		sleep(30 * time.Second)
		if err := r1.stop(); err != nil {
			t.Fatal(err)
		}
		got := log.String()
		for _, want := range []string{"became Master", "group=51", "refused for the test"} {
			if !strings.Contains(got, want) {
				t.Errorf("the log lacks %q:\n%s", want, got)
			}
		}
		if n := strings.Count(got, "refused for the test"); n > 4 {
			t.Errorf("the same fault was logged %d times in 30 s", n)
		}
	})
}

// If the interface appears while the kernel is busy, the router starts when it can receive and
// send.
func TestWaitsForItsSockets(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1 := lab.router(t, 1)
		r1.apply(group(51, 100, on("eth1")), group(52, 200, address("10.0.0.52")))
		r1.SetFaults(fake.Faults{ApplyTime: 3 * time.Second})
		sleep(masterDown(200, time.Second)) // the kernel is busy from now on
		busy := time.Now()
		r1.AddLink(lab.LAN, "eth1", netip.PrefixFrom(virtual, 24)) // an address owner
		sleep(10 * time.Second)
		s := r1.status()
		if s.State != vrrp.Master || s.Counters.SendErrors > 0 {
			t.Errorf("%s with %d send errors", s.State, s.Counters.SendErrors)
		}
		for _, a := range lab.sent() {
			if a.vrid == 51 {
				if took := a.at.Sub(busy); took != 3*time.Second {
					t.Errorf("the first advert came after %s, want 3 s", took)
				}
				break
			}
		}
	})
}

func TestSocketFilter(t *testing.T) {
	for _, filter := range []bool{true, false} {
		inBubble(t, func(t *testing.T) {
			lab := newLab()
			r1, r2 := lab.router(t, 1), lab.router(t, 2)
			r1.apply(group(51, 100, func(r *engine.VirtualRouter) { r.SocketFilter = filter }))
			r2.apply(group(77, 100, address("10.0.0.77")))
			sleep(10 * time.Second)
			if got := r1.snapshot().Links[0].UnknownVRID; (got == 0) != filter {
				t.Errorf("with filter %t %d adverts of another group were received", filter, got)
			}
			// The sockets that replace broken ones have the filter, too.
			if err := r1.ForgetMembership("eth0", platform.IPv4); err != nil {
				t.Fatal(err)
			}
			sleep(10 * time.Second)
			if got := r1.snapshot().Links[0].UnknownVRID; (got == 0) != filter {
				t.Errorf("with filter %t and new sockets %d adverts of another group were received", filter, got)
			}
		})
	}
}

// The router's own macvlans are not interfaces on which it runs virtual routers.
func TestOwnMacvlansAreNotShown(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r1 := newLab().router(t, 1)
		r1.apply(group(51, 100, macvlan("vrrp0")))
		sleep(5 * time.Second)
		for _, l := range r1.snapshot().Links {
			if l.Name != "eth0" {
				t.Errorf("interface %s is shown", l.Name)
			}
		}
	})
}

// Changes during a failure to watch the interfaces are noticed later.
func TestWatchFails(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r := lab.AddRouter("r1", netip.MustParsePrefix("10.0.0.1/24"))
		r.AddLink(lab.LAN, "eth1", netip.MustParsePrefix("10.0.0.11/24"))
		r1 := start(t, r, driver.Options{System: &flaky{System: r.Boot()}})
		r1.apply(group(51, 200), group(52, 200, on("eth1"), address("10.0.0.52")))
		if err := r.DeleteLink("eth1"); err != nil {
			t.Fatal(err)
		}
		sleep(5 * time.Second)
		s := r1.snapshot()
		if s.Routers[0].State != vrrp.Master || s.Routers[1].Cause != vrrp.CauseNoLink {
			t.Errorf("group 51 is %s, group 52 %s (%s)", s.Routers[0].State, s.Routers[1].State, s.Routers[1].Cause)
		}
	})
}

// flaky is a System whose first Watch fails.
type flaky struct {
	*fake.System
	failed bool
}

func (f *flaky) Watch(ctx context.Context, fn func(platform.Update)) error {
	if !f.failed {
		f.failed = true
		return errRefused
	}
	return f.System.Watch(ctx, fn)
}

// TestRenamedInterfaceNeedsNoSockets checks that a router closes the sockets of an interface that has another name now.
func TestRenamedInterfaceNeedsNoSockets(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		r1 := newLab().router(t, 1)
		r1.apply(group(51, 200))
		sleep(5 * time.Second)
		r1.wantSockets(1)
		if err := r1.Rename("eth0", "old"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r1.wantSockets(0)
		if err := r1.Rename("old", "eth0"); err != nil {
			t.Fatal(err)
		}
		sleep(5 * time.Second)
		r1.wantSockets(1)
		r1.wantState(vrrp.Master)
	})
}

// TestApplyWaitsForItsOwnAnswer checks that a change is not taken as done when the kernel answers a request from before it.
func TestApplyWaitsForItsOwnAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		lab := newLab()
		r1 := lab.router(t, 1)
		r1.apply(group(51, 200))
		other := netip.MustParseAddr("10.0.0.102")
		r1.SetFaults(fake.Faults{ApplyTime: 5 * time.Second, Apply: func(a platform.Attachment) error {
			if slices.ContainsFunc(a.Addrs, func(p netip.Prefix) bool { return p.Addr() == other }) {
				return errRefused
			}
			return nil
		}})
		sleep(masterDown(200, time.Second) + time.Second) // the kernel works on the first addresses
		r1.wantState(vrrp.Master)
		err := r1.Apply(t.Context(), engine.Config{Routers: []engine.VirtualRouter{group(51, 200, address("10.0.0.102"))}})
		if !errors.Is(err, errRefused) {
			t.Errorf("Apply: %v, want %v", err, errRefused)
		}
		sleep(30 * time.Second)
		if !r1.Has(virtual) || r1.Has(other) {
			t.Errorf("the router has the old address: %t, the new one: %t", r1.Has(virtual), r1.Has(other))
		}
	})
}
