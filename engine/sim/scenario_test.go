// SPDX-License-Identifier: GPL-3.0-only

package sim_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine"
	"vrrpsh/engine/sim"
	"vrrpsh/engine/vrrp"
)

func TestHandOverByPriority(t *testing.T) {
	for name, kind := range map[string]func(*engine.VirtualRouter){
		"VRRPv3": every(time.Second), "VRRPv2": version2, "IPv6": ipv6, "10ms": every(10 * time.Millisecond),
	} {
		t.Run(name, func(t *testing.T) {
			vr1, vr2 := group(1, 200, kind), group(1, 100, kind)
			interval := vr1.Protocol.Interval
			skew := vrrp.SkewTime(vr2.Protocol.Version, 100, interval)
			l := newLab(t, ethernet, one(vr1), one(vr2))
			l.Run(4 * interval)
			l.expect("start", "r1 Backup: startup", "r2 Backup: startup", "r1 Master: master down timer expired")
			l.within("the start", l.took("r1", 0), 3*interval, 4*interval)

			l.Run(10*time.Second + 123*time.Millisecond)
			began := l.Elapsed()
			l.hosts[0].Stop()
			l.Run(5 * time.Second)
			l.expect("stop", "r1 Init: shutdown", "r2 Master: master resigned")
			l.within("the hand-over", l.took("r2", began), skew, skew+slack)

			began = l.Elapsed()
			l.hosts[0].Start()
			l.Run(5 * time.Second)
			l.expect("start again", "r1 Backup: startup", "r1 Master: preempted lower priority", "r2 Backup: higher priority heard")
			l.within("preemption", l.took("r1", began), 3*interval, 4*interval)
		})
	}
}

func TestCrash(t *testing.T) {
	l := newLab(t, ethernet, one(group(1, 200)), one(group(1, 100)), one(group(1, 50)))
	l.Run(10 * time.Second)
	l.expect("start", "r1 Backup: startup", "r2 Backup: startup", "r3 Backup: startup", "r1 Master: master down timer expired")
	began := l.Elapsed()
	l.hosts[0].Crash()
	l.Run(10 * time.Second)
	l.expect("crash", "r2 Master: master down timer expired")
	down := vrrp.MasterDownInterval(vrrp.V3, 100, time.Second)
	l.within("take-over", l.took("r2", began), down-time.Second, down+slack)
}

func TestLinkOfMasterFails(t *testing.T) {
	l := newLab(t, ethernet, one(group(1, 200)), one(group(1, 100)))
	l.Run(10 * time.Second)
	l.expect("start", "r1 Backup: startup", "r2 Backup: startup", "r1 Master: master down timer expired")
	l.hosts[0].SetLink(false)
	l.Run(10 * time.Second)
	l.expect("down", "r1 Init: interface down", "r2 Master: master down timer expired")
	l.hosts[0].SetLink(true)
	l.Run(10 * time.Second)
	l.expect("up", "r1 Backup: startup", "r1 Master: preempted lower priority", "r2 Backup: higher priority heard")
}

func TestEqualPriorityIsDecidedByAddress(t *testing.T) {
	// All timers expire at the same moment.
	l := newLab(t, sim.Options{Delay: time.Millisecond}, one(group(1, 100)), one(group(1, 100)), one(group(1, 100)))
	l.Run(10 * time.Second)
	if diff := cmp.Diff([]string{"r3"}, l.Masters(group(1, 100).Key)); diff != "" {
		t.Errorf("Masters (-want +got):\n%s", diff)
	}
}

func TestPreemption(t *testing.T) {
	preempted := []string{"r2 Backup: startup", "r2 Master: preempted lower priority", "r1 Backup: higher priority heard"}
	for name, tt := range map[string]struct {
		change   func(*engine.VirtualRouter)
		want     []string
		low, top time.Duration
	}{
		"on":      {preemptDelay(0), preempted, 3 * time.Second, 4 * time.Second},
		"off":     {noPreempt, []string{"r2 Backup: startup"}, 0, 0},
		"delayed": {preemptDelay(20 * time.Second), preempted, 20 * time.Second, 22 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, ethernet, one(group(1, 100, tt.change)))
			l.Run(10 * time.Second)
			l.expect("one", "r1 Backup: startup", "r1 Master: master down timer expired")
			began := l.Elapsed()
			l.Add(group(1, 200, tt.change))
			l.Run(time.Minute)
			l.expect("better", tt.want...)
			if tt.top > 0 {
				l.within("preemption", l.took("r2", began), tt.low, tt.top)
			}
		})
	}
}

func TestPartitionAndHeal(t *testing.T) {
	key := group(1, 100).Key
	l := newLab(t, ethernet, one(group(1, 200)), one(group(1, 150)), one(group(1, 100)), one(group(1, 50)))
	l.Run(10 * time.Second)
	l.Partition(l.hosts[2], l.hosts[3])
	l.Run(10 * time.Second)
	if diff := cmp.Diff([]string{"r1", "r3"}, l.Masters(key)); diff != "" {
		t.Errorf("Masters of the parts (-want +got):\n%s", diff)
	}
	l.seen = len(l.Transitions())
	l.Heal()
	l.Run(1010 * time.Millisecond)
	l.expect("heal", "r3 Backup: higher priority heard")
}

func TestLossOfAThird(t *testing.T) {
	key := group(1, 100).Key
	o := ethernet
	o.Loss = 0.3
	single, total := 0, 0
	for seed := range uint64(5) {
		o.Seed = seed
		l := newLab(t, o, one(group(1, 200)), one(group(1, 150)), one(group(1, 100)))
		l.Run(10 * time.Second)
		for range 3000 {
			l.Run(100 * time.Millisecond)
			masters := l.Masters(key)
			if len(masters) == 0 || masters[0] != "r1" {
				t.Fatalf("seed %d: at %s the Masters are %v", seed, l.Elapsed(), masters)
			}
			if total++; len(masters) == 1 {
				single++
			}
		}
	}
	if part := float64(single) / float64(total); part < 0.9 {
		t.Errorf("only one Master for %.0f %% of the time", 100*part)
	}
}

func TestStalls(t *testing.T) {
	start := []string{"r1 Backup: startup", "r2 Backup: startup", "r1 Master: master down timer expired"}
	t.Run("Backup", func(t *testing.T) {
		// However long the stall, the Backup receives the Master's adverts before it takes over.
		l := newLab(t, ethernet, one(group(1, 200)), one(group(1, 100)))
		l.Run(10 * time.Second)
		l.expect("start", start...)
		for _, d := range []time.Duration{2 * time.Second, 5 * time.Second, time.Minute} {
			l.hosts[1].Stall(d)
			l.Run(d + 10*time.Second)
			l.expect(d.String())
		}
	})
	t.Run("Master, short", func(t *testing.T) {
		l := newLab(t, ethernet, one(group(1, 200)), one(group(1, 100)))
		l.Run(10 * time.Second)
		l.expect("start", start...)
		l.hosts[0].Stall(2400 * time.Millisecond)
		l.Run(10 * time.Second)
		l.expect("stall")
	})
	t.Run("Master, long", func(t *testing.T) {
		l := newLab(t, ethernet, one(group(1, 200)), one(group(1, 100)))
		l.Run(10 * time.Second)
		l.expect("start", start...)
		l.hosts[0].Stall(10 * time.Second)
		l.Run(20 * time.Second)
		l.expect("stall", "r2 Master: master down timer expired", "r2 Backup: higher priority heard")
	})
	t.Run("Master with a better one behind", func(t *testing.T) {
		// It becomes Backup at once, after one last advert, since the better one may not have heard it.
		l := newLab(t, ethernet, one(group(1, 100)), one(group(1, 200, noPreempt)))
		l.hosts[1].Crash()
		l.Run(10 * time.Second)
		l.hosts[1].Start()
		l.Run(10 * time.Second)
		l.expect("start", "r1 Backup: startup", "r2 Backup: startup", "r1 Master: master down timer expired", "r2 Backup: startup")
		l.hosts[0].Stall(10 * time.Second)
		l.Run(9 * time.Second)
		l.expect("stall", "r2 Master: master down timer expired")
		sent := l.hosts[0].Status(group(1, 0).Key).Counters.AdvertsSent
		l.Run(10 * time.Second)
		l.expect("back", "r1 Backup: higher priority heard")
		if n := l.hosts[0].Status(group(1, 0).Key).Counters.AdvertsSent - sent; n != 1 {
			t.Errorf("%d adverts sent after the stall, want the last one only", n)
		}
	})
}

func TestAddressOwner(t *testing.T) {
	owned := virtualAddress("10.0.0.1")
	l := newLab(t, ethernet, one(group(1, 1, owned)), one(group(1, 254, owned)))
	l.Run(10 * time.Second)
	l.expect("start", "r1 Master: address owner", "r2 Backup: startup")
	l.hosts[0].Crash()
	l.Run(10 * time.Second)
	l.expect("crash", "r2 Master: master down timer expired")
	l.hosts[0].Start()
	l.Run(10 * time.Second)
	l.expect("back", "r1 Master: address owner", "r2 Backup: higher priority heard")
}

// Each router owns one of the two addresses. After this misconfiguration, the primary addresses decide the election.
func TestTwoAddressOwners(t *testing.T) {
	both := func(vr *engine.VirtualRouter) {
		virtualAddress("10.0.0.1")(vr)
		second := netip.MustParseAddr("10.0.0.2")
		vr.Addresses = append(vr.Addresses, engine.Address{Addr: second, Bits: -1})
		vr.Protocol.Addresses = append(vr.Protocol.Addresses, second)
	}
	l := newLab(t, ethernet, one(group(1, 1, both)), one(group(1, 1, both)))
	l.Run(10 * time.Second)
	l.expect("start", "r1 Master: address owner", "r2 Master: address owner", "r1 Backup: equal priority, higher address heard")
	if s := l.hosts[0].Status(group(1, 0).Key); s.Priority != vrrp.PriorityOwner || len(s.Rivals) != 1 || s.Rivals[0].Addr.String() != "10.0.0.2" {
		t.Errorf("r1 has priority %d and the rivals %v, want 255 and 10.0.0.2", s.Priority, s.Rivals)
	}
	began := l.Elapsed()
	l.hosts[1].Stop()
	l.Run(time.Second)
	l.expect("the rival stops", "r2 Init: shutdown", "r1 Master: master resigned")
	l.within("the hand-over", l.took("r1", began), 0, vrrp.SkewTime(vrrp.V3, vrrp.PriorityOwner, time.Second)+slack)
	l.hosts[1].Start()
	l.Run(5 * time.Second)
	l.expect("and comes back", "r2 Master: address owner", "r1 Backup: equal priority, higher address heard")
}

func TestResignedMasterComesBack(t *testing.T) {
	l := newLab(t, ethernet, one(group(1, 200)), one(group(1, 100)))
	l.Run(10 * time.Second)
	l.seen = len(l.Transitions())
	l.hosts[0].Resign(group(1, 0).Key)
	l.Run(time.Second)
	l.expect("resign", "r1 Backup: resigned by operator", "r2 Master: master resigned")
	l.Run(10 * time.Second)
	l.expect("later", "r1 Master: preempted lower priority", "r2 Backup: higher priority heard")
}

func TestRefusingKernelLeavesItToTheOther(t *testing.T) {
	key := group(1, 0).Key
	l := newLab(t, ethernet, one(group(1, 200)))
	refusing := ethernet
	refusing.Refuse = 1
	l.Set(refusing)
	l.Run(30 * time.Second)
	if s := l.hosts[0].Status(key); s.State != vrrp.Backup || s.Fault == "" {
		t.Errorf("%s with fault %q", s.State, s.Fault)
	}
	l.Set(ethernet)
	l.Run(2 * time.Minute)
	if s := l.hosts[0].Status(key); s.State != vrrp.Master || s.Fault != "" {
		t.Errorf("%s with fault %q", s.State, s.Fault)
	}
}

// TestRefusedRouterDoesNotPreempt: one outage, and no more, for a router that would be Master but cannot have the addresses.
func TestRefusedRouterDoesNotPreempt(t *testing.T) {
	key := group(1, 0).Key
	for name, change := range map[string]func(*engine.VirtualRouter){
		"at once":       func(*engine.VirtualRouter) {},
		"after a delay": preemptDelay(5 * time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, ethernet, nil, one(group(1, 100)))
			l.Run(10 * time.Second)
			l.seen = len(l.Transitions())
			r1, r2 := l.hosts[0], l.hosts[1]
			r1.Refuse(true)
			r1.Apply(group(1, 200, change))
			l.Run(30 * time.Minute)
			if n := len(l.Transitions()) - l.seen; n != 5 || l.took("r2", 0) > 20*time.Second {
				t.Errorf("%d transitions in half an hour, want those of one attempt", n)
			}

			// Alone it goes on trying, and stops when there is a Master again.
			l.seen = len(l.Transitions())
			r2.Crash()
			l.Run(5 * time.Minute)
			got := len(l.Transitions()) - l.seen
			if got < 8 || got > 20 {
				t.Errorf("%d transitions in five minutes alone", got)
			}
			r2.Start()
			l.Run(5 * time.Minute)
			l.seen = len(l.Transitions())
			l.Run(30 * time.Minute)
			l.expect("in half an hour more")

			// It helped to do something about it.
			r1.Refuse(false)
			l.Run(5 * time.Minute)
			l.expect("nobody has told it")
			r1.SetLink(false)
			r1.SetLink(true)
			l.Run(2 * time.Minute)
			l.expect("the link was down", "r1 Init: interface down", "r1 Backup: startup", "r1 Master: preempted lower priority",
				"r2 Backup: higher priority heard")
			if s := r1.Status(key); s.Fault != "" || s.Refused {
				t.Errorf("fault %q, refused: %t", s.Fault, s.Refused)
			}
		})
	}
}

func TestAddressesRemovedFromOutside(t *testing.T) {
	key := group(1, 0).Key
	l := newLab(t, ethernet, one(group(1, 200)), one(group(1, 100)))
	l.Run(10 * time.Second)
	l.seen = len(l.Transitions())
	l.hosts[0].Lose(key)
	l.Run(10 * time.Second)
	l.expect("once")
	for range 6 {
		l.hosts[0].Lose(key)
		l.Run(time.Second)
	}
	l.expect("again and again", "r1 Backup: addresses removed from outside", "r2 Master: master resigned")
	l.Run(10 * time.Second)
	l.expect("later", "r1 Master: preempted lower priority", "r2 Backup: higher priority heard")
}

func TestHundredRouters(t *testing.T) {
	key := group(1, 0).Key
	var hosts [][]engine.VirtualRouter
	for i := range 100 {
		hosts = append(hosts, one(group(1, uint8(10+2*i))))
	}
	l := newLab(t, ethernet, hosts...)
	l.Run(5 * time.Second)
	for i := 99; i > 95; i-- {
		if diff := cmp.Diff([]string{l.hosts[i].Name}, l.Masters(key)); diff != "" {
			t.Errorf("Masters (-want +got):\n%s", diff)
		}
		l.seen = len(l.Transitions())
		l.hosts[i].Crash()
		l.Run(5 * time.Second)
		// The skew is large enough for one to be first, and for the others to hear it.
		l.expect("crash", l.hosts[i-1].Name+" Master: master down timer expired")
	}
	l.Partition(l.hosts[:50]...)
	l.Run(5 * time.Second)
	if diff := cmp.Diff([]string{"r50", "r96"}, l.Masters(key)); diff != "" {
		t.Errorf("Masters of the parts (-want +got):\n%s", diff)
	}
	l.Heal()
	l.Run(5 * time.Second)
	if diff := cmp.Diff([]string{"r96"}, l.Masters(key)); diff != "" {
		t.Errorf("Masters (-want +got):\n%s", diff)
	}
}

func Test250Groups(t *testing.T) {
	var vrs [3][]engine.VirtualRouter
	for vrid := 1; vrid <= 250; vrid++ {
		for i := range vrs {
			// Each host has the highest priority of a third of the groups.
			vrs[i] = append(vrs[i], group(uint8(vrid), uint8(100+50*((vrid+i)%3))))
		}
	}
	o := ethernet
	o.Work, o.WorkJitter = 20*time.Microsecond, 80*time.Microsecond
	l := newLab(t, o, vrs[0], vrs[1], vrs[2])
	l.Run(5 * time.Second)
	check := func(step string, up ...int) {
		t.Helper()
		for vrid := 1; vrid <= 250; vrid++ {
			best := up[0]
			for _, i := range up {
				if (vrid+i)%3 > (vrid+best)%3 {
					best = i
				}
			}
			want := []string{l.hosts[best].Name}
			if diff := cmp.Diff(want, l.Masters(vrs[0][vrid-1].Key)); diff != "" {
				t.Fatalf("%s: Masters of group %d (-want +got):\n%s", step, vrid, diff)
			}
		}
	}
	check("start", 0, 1, 2)
	l.hosts[1].Crash()
	l.Run(5 * time.Second)
	check("crash", 0, 2)
	l.hosts[1].Start()
	l.Run(5 * time.Second)
	check("back", 0, 1, 2)
	l.hosts[2].Stop()
	l.Run(5 * time.Second)
	check("stop", 0, 1)
}

func TestReconfigurationInPlace(t *testing.T) {
	key := group(1, 0).Key
	l := newLab(t, ethernet, one(group(1, 200), group(2, 100)), one(group(1, 100), group(2, 200)))
	l.Run(10*time.Second + 300*time.Millisecond)
	l.seen = len(l.Transitions())
	for _, tt := range []struct {
		name   string
		change func(*engine.VirtualRouter)
	}{
		{"priority", func(vr *engine.VirtualRouter) { vr.Protocol.Priority = 150 }},
		{"shorter interval", every(300 * time.Millisecond)},
		{"longer interval", every(4 * time.Second)},
		{"preemption", noPreempt},
		{"preempt delay", preemptDelay(time.Minute)},
		{"description", func(vr *engine.VirtualRouter) { vr.Description = "x" }},
		{"announcements", func(vr *engine.VirtualRouter) { vr.Protocol.Announce.Refresh = time.Second }},
		{"checksum", func(vr *engine.VirtualRouter) { vr.Protocol.Checksum = vrrp.ChecksumRFC9568 }},
		{"kernel filter", func(vr *engine.VirtualRouter) { vr.SocketFilter = false }},
		{"another new group", func(*engine.VirtualRouter) {}},
		{"strict receive", func(vr *engine.VirtualRouter) { vr.Protocol.Lenient = false }},
		{"back to the former", func(*engine.VirtualRouter) {}},
	} {
		routers := one(group(1, 200, tt.change), group(2, 100))
		l.hosts[0].Apply(routers...)
		l.Run(20 * time.Second)
		l.expect(tt.name)
	}
	// The priorities are swapped: the other router takes over as soon as it hears of it.
	began := l.Elapsed()
	l.hosts[0].Apply(group(1, 50), group(2, 100))
	l.Run(10 * time.Second)
	l.expect("lower priority", "r2 Master: preempted lower priority", "r1 Backup: higher priority heard")
	l.within("take-over", l.took("r2", began), 2*time.Second, 4*time.Second)
	if diff := cmp.Diff([]string{"r2"}, l.Masters(key)); diff != "" {
		t.Errorf("Masters (-want +got):\n%s", diff)
	}
	l.hosts[1].Apply(group(1, 100, shut), group(2, 200))
	l.Run(10 * time.Second)
	l.expect("shutdown", "r2 Init: shutdown", "r1 Master: master resigned")
}

func TestMixedIntervals(t *testing.T) {
	// Backups learn the Master's interval, whatever their own (RFC 9568 section 6.1).
	slow, fast := group(1, 200, every(5*time.Second)), group(1, 100, every(100*time.Millisecond))
	l := newLab(t, ethernet, one(slow), one(fast), one(group(1, 50)))
	l.Run(time.Minute)
	l.expect("start", "r1 Backup: startup", "r2 Backup: startup", "r3 Backup: startup",
		"r2 Master: master down timer expired", "r1 Master: preempted lower priority", "r2 Backup: higher priority heard")
	began := l.Elapsed()
	l.hosts[0].Crash()
	l.Run(time.Minute)
	l.expect("crash", "r2 Master: master down timer expired")
	down := vrrp.MasterDownInterval(vrrp.V3, 100, 5*time.Second)
	l.within("take-over", l.took("r2", began), down-5*time.Second, down+slack)
	began = l.Elapsed()
	l.hosts[1].Crash()
	l.Run(time.Minute)
	l.expect("crash of the fast", "r3 Master: master down timer expired")
	l.within("take-over", l.took("r3", began), 200*time.Millisecond, 400*time.Millisecond+slack)
}

func TestSameSeedSameStory(t *testing.T) {
	story := func(seed uint64) string {
		o := ethernet
		o.Loss, o.Refuse, o.Seed = 0.3, 0.1, seed
		l := sim.New(o)
		for i := range 4 {
			l.Add(group(1, uint8(100+i)), group(2, uint8(200-i)))
		}
		l.Run(2 * time.Minute)
		return fmt.Sprint(l.Transitions())
	}
	if a, b := story(1), story(1); a != b {
		t.Error("one seed gave two different runs")
	}
	if a, b := story(1), story(2); a == b {
		t.Error("two seeds gave the same run")
	}
}

// TestMuteMaster has a Master that cannot send any more: another one takes over, and it gives way to whoever is heard.
func TestMuteMaster(t *testing.T) {
	for name, kind := range map[string]func(*engine.VirtualRouter){
		"VRRPv3": every(time.Second), "VRRPv2": version2, "IPv6": ipv6, "no preemption": noPreempt,
	} {
		t.Run(name, func(t *testing.T) {
			vr := group(1, 200, kind)
			l := newLab(t, ethernet, one(vr), one(group(1, 100, kind)))
			best, other := l.hosts[0], l.hosts[1]
			back := "r1"
			if !vr.Protocol.Preempt {
				back = "r2"
			}
			for _, step := range []struct {
				name   string
				do     func()
				after  time.Duration
				master string
			}{
				{"start", func() {}, 10 * time.Second, "r1"},
				{"mute", func() { best.SetMute(true) }, 5 * time.Second, "r2"},
				{"a minute later", func() {}, time.Minute, "r2"},
				{"alone", other.Crash, 5 * time.Second, "r1"},
				{"a minute later", func() {}, time.Minute, "r1"},
				{"beside another", other.Start, 5 * time.Second, "r2"},
				{"sends again", func() { best.SetMute(false) }, 6 * time.Second, back},
				{"deaf", func() { best.SetDeaf(true) }, 5 * time.Second, "r2"},
				{"hears again", func() { best.SetDeaf(false) }, 5 * time.Second, back},
			} {
				step.do()
				l.Run(step.after)
				if got := l.Masters(vr.Key); len(got) != 1 || got[0] != step.master {
					t.Errorf("%s: Masters are %v, want %s", step.name, got, step.master)
				}
			}
		})
	}
}
