// SPDX-License-Identifier: GPL-3.0-only

package sim_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// A twin is a pair of LANs with routers that have an interface on each and a virtual router there,
// all in one sync group.
type twin struct {
	t       *testing.T
	rand    *rand.Rand
	now     time.Time
	started time.Time
	routers []*twinRouter
	wire    []delivery
	cut     [2]bool // the LAN between the routers
	loss    float64
	moves   []string // transitions
}

type twinRouter struct {
	name  string
	core  *engine.Core // nil: crashed
	out   engine.Output
	cfg   engine.Config
	links [2]engine.Link
}

type delivery struct {
	at   time.Time
	to   *twinRouter
	link int
	send engine.Send
}

var twinNames = [2]string{"eth0", "eth1"}

// member is the virtual router of the sync group on a LAN.
func member(lan int, priority uint8, changes ...func(*engine.VirtualRouter)) engine.VirtualRouter {
	vr := group(uint8(lan+1), priority, changes...)
	vr.Interface, vr.SyncGroup = twinNames[lan], "both"
	return vr
}

func newTwin(t *testing.T, seed uint64, configs ...engine.Config) *twin {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	w := &twin{t: t, rand: rand.New(rand.NewPCG(seed, 7)), now: start, started: start}
	for i, cfg := range configs {
		r := &twinRouter{name: fmt.Sprintf("r%d", i+1), cfg: cfg}
		for lan := range r.links {
			// The router with the higher address differs from LAN to LAN.
			last := byte(10 + i)
			if lan == 1 {
				last = byte(20 - i)
			}
			r.links[lan] = engine.Link{
				Index: lan + 1, Name: twinNames[lan], MAC: [6]byte{2, 0, 0, 0, byte(lan), last}, MTU: 1500, Up: true, Ethernet: true,
				Addrs: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(lan), last}), 16)},
			}
		}
		w.routers = append(w.routers, r)
		w.boot(r)
	}
	return w
}

func (w *twin) boot(r *twinRouter) {
	r.core = engine.NewCore(w.now)
	for _, l := range r.links {
		r.core.SetLink(w.now, l, &r.out)
	}
	r.core.Apply(w.now, r.cfg, &r.out)
	w.carryOut(r)
}

func (w *twin) apply(r *twinRouter, routers ...engine.VirtualRouter) {
	r.cfg.Routers = routers
	if r.core != nil {
		r.core.Apply(w.now, r.cfg, &r.out)
		w.carryOut(r)
	}
}

func (w *twin) setLink(r *twinRouter, lan int, up bool) {
	r.links[lan].Up = up
	if r.core != nil {
		r.core.SetLink(w.now, r.links[lan], &r.out)
		w.carryOut(r)
	}
}

// carryOut performs the actions that a Core asks for, and checks that the sync group is whole.
func (w *twin) carryOut(r *twinRouter) {
	for len(r.out.Sends)+len(r.out.Desired)+len(r.out.Events) > 0 {
		w.whole(r)
		out := r.out
		r.out = engine.Output{}
		for _, s := range out.Sends {
			lan := s.Link - 1
			for _, to := range w.routers {
				if to != r && r.links[lan].Up && !w.cut[lan] && (w.loss == 0 || w.rand.Float64() >= w.loss) {
					at := w.now.Add(time.Millisecond + time.Duration(w.rand.IntN(1000))*time.Microsecond)
					w.wire = append(w.wire, delivery{at, to, lan, s})
				}
			}
		}
		for _, e := range out.Events {
			if e.Kind == engine.EventTransition {
				w.moves = append(w.moves, fmt.Sprintf("%s %s %s: %s -> %s (%s)", w.now.Sub(w.started), r.name, e.Key.Interface, e.From, e.To, e.Cause))
			}
		}
		for _, d := range out.Desired {
			r.core.Installed(w.now, d.Key, d.Seq, nil, &r.out)
		}
	}
	w.whole(r)
}

// whole fails the test if some but not all members of a router's sync group are Master.
func (w *twin) whole(r *twinRouter) {
	masters, all := 0, 0
	for _, s := range r.core.Snapshot(w.now).Routers {
		if s.Config.SyncGroup == "" || s.Config.Shutdown || s.Priority == vrrp.PriorityOwner {
			continue
		}
		all++
		if s.State == vrrp.Master {
			masters++
		}
	}
	if masters != 0 && masters != all {
		w.t.Fatalf("%s: %s is Master on %d of %d LANs\n%q", w.now.Sub(w.started), r.name, masters, all, w.moves)
	}
}

// run lets time pass.
func (w *twin) run(d time.Duration) {
	end := w.now.Add(d)
	for {
		at, next := end.Add(1), -1
		for i := range w.wire {
			if w.wire[i].at.Before(at) {
				at, next = w.wire[i].at, i
			}
		}
		var due *twinRouter
		for _, r := range w.routers {
			if r.core == nil {
				continue
			}
			if dl := r.core.Deadline(); !dl.IsZero() && dl.Before(at) {
				at, due = dl, r
			}
		}
		if at.After(end) {
			w.now = end
			return
		}
		if at.After(w.now) {
			w.now = at
		}
		if due != nil {
			due.core.Expire(w.now, &due.out)
			w.carryOut(due)
			continue
		}
		m := w.wire[next]
		w.wire = append(w.wire[:next], w.wire[next+1:]...)
		if m.to.core != nil && m.to.links[m.link].Up {
			m.to.core.Deliver(w.now, m.link+1, vrrp.IPv4, vrrp.Packet{
				Src: m.send.Source, Dst: vrrp.GroupIPv4, TTL: vrrp.TTL, Payload: m.send.Payload,
			}, &m.to.out)
			w.carryOut(m.to)
		}
	}
}

// master returns the name of the single Master of all LANs, or "".
func (w *twin) master() string {
	name := ""
	for _, r := range w.routers {
		if r.core != nil && r.core.Snapshot(w.now).Routers[0].State == vrrp.Master {
			if name != "" {
				return ""
			}
			name = r.name
		}
	}
	return name
}

// quiet checks that nothing changes for some time.
func (w *twin) quiet(what string, d time.Duration) {
	w.t.Helper()
	before := len(w.moves)
	w.run(d)
	if n := len(w.moves) - before; n > 0 {
		w.t.Errorf("%s: %d transitions in %s, want none: %q", what, n, d, w.moves[before:])
	}
}

func pair(x, y uint8, changes ...func(*engine.VirtualRouter)) engine.Config {
	return engine.Config{Routers: []engine.VirtualRouter{member(0, x, changes...), member(1, y, changes...)}}
}

// One link of the Master fails: both groups move to the other router, and come back with it.
func TestSyncGroupMovesAsOne(t *testing.T) {
	w := newTwin(t, 1, pair(200, 200), pair(100, 100))
	w.run(10 * time.Second)
	if w.master() != "r1" {
		t.Fatalf("Master is %q", w.master())
	}
	w.setLink(w.routers[0], 0, false)
	s := w.routers[0].core.Snapshot(w.now).Routers[1]
	if s.State != vrrp.Initialize || s.Cause != vrrp.CauseSyncGroup || s.Sync.Blocker.Interface != "eth0" || s.Sync.Cause != vrrp.CauseLinkDown {
		t.Errorf("the other member is %s because of %s, %+v", s.State, s.Cause, s.Sync)
	}
	w.run(4 * time.Second)
	if w.master() != "r2" {
		t.Errorf("after the link failed the Master is %q: %q", w.master(), w.moves)
	}
	w.setLink(w.routers[0], 0, true)
	w.run(5 * time.Second)
	if w.master() != "r1" {
		t.Errorf("with the link back the Master is %q: %q", w.master(), w.moves)
	}
	w.quiet("afterwards", time.Minute)
}

// One LAN is cut between routers whose links stay up: the Backup must not take over one group, and
// the routers must not fight over the other.
func TestSyncGroupWithOneLANCut(t *testing.T) {
	w := newTwin(t, 2, pair(200, 200), pair(100, 100))
	w.run(10 * time.Second)
	w.cut[0] = true
	w.quiet("one LAN cut", 2*time.Minute)
	s := w.routers[1].core.Snapshot(w.now).Routers[0]
	if s.Willing == vrrp.CauseNone || s.Sync.Blocker.Interface != "eth1" {
		t.Errorf("the Backup does not report what holds it back: %+v", s.Sync)
	}
	w.cut[0] = false
	w.quiet("mended", 2*time.Minute)
}

// Members with different settings: the lowest priority and the longest preempt delay decide.
func TestSyncGroupOfUnequals(t *testing.T) {
	for name, configs := range map[string][2]engine.Config{
		"crossed priorities":   {pair(200, 100), pair(100, 200)},
		"equal priorities":     {pair(100, 100), pair(100, 100)},
		"no preemption":        {pair(200, 200, noPreempt), pair(100, 100, noPreempt)},
		"preemption on one":    {{Routers: []engine.VirtualRouter{member(0, 200), member(1, 200, noPreempt)}}, pair(100, 100)},
		"preempt delay on one": {{Routers: []engine.VirtualRouter{member(0, 200, preemptDelay(20*time.Second)), member(1, 200)}}, pair(100, 100)},
		"only one has a group": {pair(150, 250), {Routers: []engine.VirtualRouter{group(1, 100), alone(1, 200)}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTwin(t, 3, configs[0], configs[1])
			w.run(2 * time.Minute)
			w.quiet("at rest", 5*time.Minute)
			w.routers[0].core = nil
			w.run(10 * time.Second)
			w.boot(w.routers[0])
			w.run(2 * time.Minute)
			w.quiet("after a restart", 5*time.Minute)
		})
	}
}

// Routers that were apart and of equal priority each win on the LAN where their address is the higher one, and lose the other: one of
// them has to wait until the other has won both.
func TestSyncGroupsThatWinOnDifferentLANs(t *testing.T) {
	for seed := range uint64(50) {
		w := newTwin(t, seed, pair(100, 100), pair(100, 100))
		w.cut = [2]bool{true, true}
		w.run(10 * time.Second)
		w.cut = [2]bool{}
		w.run(20 * time.Second)
		if w.master() == "" {
			t.Errorf("no single Master: %q", w.moves)
		}
		w.quiet("afterwards", time.Minute)
	}
}

// alone is a virtual router on a LAN without a sync group.
func alone(lan int, priority uint8) engine.VirtualRouter {
	vr := member(lan, priority)
	vr.SyncGroup = ""
	return vr
}

// A preempt delay of one member delays all members by exactly this time.
func TestSyncGroupWaitsForThePreemptDelay(t *testing.T) {
	patient := engine.Config{Routers: []engine.VirtualRouter{member(0, 200, preemptDelay(20*time.Second)), member(1, 200)}}
	w := newTwin(t, 4, pair(100, 100), patient)
	w.routers[1].core = nil
	w.run(10 * time.Second)
	w.boot(w.routers[1])
	w.run(19 * time.Second)
	if w.master() != "r1" {
		t.Fatalf("before the delay is over the Master is %q: %q", w.master(), w.moves)
	}
	w.run(6 * time.Second)
	if w.master() != "r2" {
		t.Errorf("after the delay the Master is %q: %q", w.master(), w.moves)
	}
}

// A commit puts virtual routers that are Master into a sync group, and changes members in place.
func TestSyncGroupIsConfiguredInPlace(t *testing.T) {
	w := newTwin(t, 5, engine.Config{Routers: []engine.VirtualRouter{alone(0, 200), alone(1, 200)}})
	w.run(10 * time.Second)
	before := len(w.moves)
	r := w.routers[0]
	w.apply(r, member(0, 200), member(1, 200))
	w.apply(r, member(0, 150), member(1, 220))
	for _, s := range r.core.Snapshot(w.now).Routers {
		if s.Priority != 150 {
			t.Errorf("%s advertises %d, want the lowest of the group", s.Config.Key, s.Priority)
		}
	}
	w.apply(r, member(0, 150, shut), member(1, 220))
	if s := r.core.Snapshot(w.now).Routers[1]; s.State != vrrp.Master || s.Priority != 220 {
		t.Errorf("with the other member shut down it is %s with %d", s.State, s.Priority)
	}
	w.apply(r, alone(0, 150), alone(1, 220))
	w.run(10 * time.Second)
	if got := w.moves[before:]; len(got) != 3 { // down, up, Master again
		t.Errorf("transitions: %q", got)
	}
}

// TestSyncedBackupLeavesWithoutPreemption has a member that is ready to take over a LAN, but waits for the other member, leave
// the sync group in the commit that takes preemption away: the Master that it hears goes on.
func TestSyncedBackupLeavesWithoutPreemption(t *testing.T) {
	w := newTwin(t, 22, pair(100, 100), engine.Config{Routers: []engine.VirtualRouter{member(0, 200), member(1, 50)}})
	// Of the second router's members the lowest priority counts, which is made higher than the Master's on one LAN only.
	w.run(10 * time.Second)
	r := w.routers[1]
	w.apply(r, member(0, 200), member(1, 200, noPreempt))
	w.run(10*time.Second + 300*time.Millisecond)
	if s := r.core.Snapshot(w.now).Routers[0]; s.Willing == vrrp.CauseNone {
		t.Fatalf("the member does not wait for the other: %s, %s", s.State, s.Cause)
	}
	before := len(w.moves)
	leave := member(0, 200, noPreempt)
	leave.SyncGroup = ""
	w.apply(r, leave, member(1, 200, noPreempt))
	w.run(time.Minute)
	if got := w.moves[before:]; len(got) > 0 {
		t.Errorf("transitions: %q", got)
	}
}

// Whatever happens to links, LANs and routers, no router is ever Master on one LAN only, and
// at the end there is one permanent Master.
func TestSyncGroupsAtRandom(t *testing.T) {
	seeds := uint64(300)
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { randomTwin(t, seed) })
	}
}

func randomTwin(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 8))
	draw := func() engine.Config {
		var routers []engine.VirtualRouter
		for lan := range twinNames {
			vr := member(lan, uint8(50+50*r.IntN(4)))
			switch r.IntN(4) {
			case 0:
				noPreempt(&vr)
			case 1:
				preemptDelay(time.Duration(r.IntN(5)) * time.Second)(&vr)
			}
			vr.Track = []engine.Tracking{{Object: "decremented", Decrement: uint8(1 + r.IntN(100))}, {Object: "vital"}}[:r.IntN(3)]
			routers = append(routers, vr)
		}
		return engine.Config{Routers: routers, Tracks: objects("decremented", "vital")}
	}
	w := newTwin(t, seed, draw(), draw(), draw())
	for range 40 {
		router := w.routers[r.IntN(len(w.routers))]
		lan := r.IntN(2)
		switch r.IntN(9) {
		case 0:
			router.core, router.out = nil, engine.Output{}
		case 1:
			if router.core == nil {
				w.boot(router)
			}
		case 2, 3:
			w.setLink(router, lan, r.IntN(2) == 0)
		case 4, 5:
			w.cut[lan] = r.IntN(2) == 0
		case 6:
			w.apply(router, draw().Routers...)
		case 7:
			if router.core != nil {
				_ = router.core.Resign(w.now, router.cfg.Routers[lan].Key, &router.out)
				w.carryOut(router)
			}
		case 8:
			if router.core != nil {
				router.core.SetTrack(w.now, &router.cfg.Tracks[lan], engine.TrackResult{Up: r.IntN(2) == 0}, &router.out)
				w.carryOut(router)
			}
		}
		w.loss = []float64{0, 0, 0.2}[r.IntN(3)]
		w.run(time.Duration(r.IntN(8000)) * time.Millisecond)
	}
	w.cut, w.loss = [2]bool{}, 0
	for _, router := range w.routers {
		if router.core == nil {
			w.boot(router)
		}
		for lan := range twinNames {
			w.setLink(router, lan, true)
		}
		for i := range router.cfg.Tracks {
			router.core.SetTrack(w.now, &router.cfg.Tracks[i], engine.TrackResult{Up: true}, &router.out)
			w.carryOut(router)
		}
	}
	w.run(5 * time.Minute)
	if w.master() == "" {
		t.Errorf("no single Master at the end: %q", w.moves)
	}
	w.quiet("in the end", 5*time.Minute)
}

func objects(names ...string) []engine.TrackObject {
	var list []engine.TrackObject
	for _, n := range names {
		list = append(list, engine.TrackObject{Name: n, Kind: engine.TrackFile, File: "/" + n, Interval: time.Second})
	}
	for i := range list {
		list[i].Kind, list[i].Script.Command = engine.TrackScript, []string{"/" + list[i].Name}
	}
	return list
}

// One member receives the command to resign: the others resign with it, in the order of the configuration, and the peer
// becomes Master of all; with preemption they come back.
func TestSyncGroupResignsAsOne(t *testing.T) {
	w := newTwin(t, 11, pair(200, 200), pair(100, 100))
	w.run(10 * time.Second)
	before := len(w.moves)
	r := w.routers[0]
	if err := r.core.Resign(w.now, r.cfg.Routers[1].Key, &r.out); err != nil {
		t.Fatal(err)
	}
	var resigned []int
	for _, s := range r.out.Sends {
		if s.Payload[2] == vrrp.PriorityResign {
			resigned = append(resigned, s.Link)
		}
	}
	w.carryOut(r)
	if len(resigned) != 2 || resigned[0] != 2 || resigned[1] != 1 {
		t.Errorf("priority 0 was sent on the links %v, want the member's and then the other's", resigned)
	}
	for _, s := range r.core.Snapshot(w.now).Routers {
		if last := s.History[len(s.History)-1]; s.State != vrrp.Backup || last.Cause != vrrp.CauseResign && last.Cause != vrrp.CauseSyncGroup {
			t.Errorf("%s is %s because of %s", s.Config.Key, s.State, last.Cause)
		}
	}
	w.run(2 * time.Second)
	if w.master() != "r2" {
		t.Errorf("after it the Master is %q: %q", w.master(), w.moves[before:])
	}
	w.run(time.Minute)
	if w.master() != "r1" {
		t.Errorf("a minute later the Master is %q: %q", w.master(), w.moves[before:])
	}
	w.quiet("afterwards", time.Minute)
}

// The owner of an address cannot give it up: it is ignored in the sync group, and its priority does not count.
func TestAddressOwnerTakesNoPartInASyncGroup(t *testing.T) {
	owned := func(vr *engine.VirtualRouter) {
		if vr.Interface == twinNames[0] {
			virtualAddress("10.0.0.10")(vr)
		}
	}
	w := newTwin(t, 12, pair(150, 200, owned), pair(100, 100, owned))
	w.run(10 * time.Second)
	r := w.routers[0]
	if s := r.core.Snapshot(w.now).Routers; s[0].Priority != vrrp.PriorityOwner || s[1].Priority != 200 {
		t.Errorf("they advertise %d and %d, want 255 and 200", s[0].Priority, s[1].Priority)
	}
	alone := func(s []*engine.RouterStatus) [2]vrrp.State { return [2]vrrp.State{s[0].State, s[1].State} }
	r.links[1].Up = false
	r.core.SetLink(w.now, r.links[1], &r.out)
	if got := alone(r.core.Snapshot(w.now).Routers); got != [2]vrrp.State{vrrp.Master, vrrp.Initialize} {
		t.Errorf("with the other link down: %v", got)
	}
}

// A hundred objects flap, on both members and on both routers: the group stays whole, all members advertise the lowest
// remaining priority of any member, and afterwards there is one permanent Master.
func TestSyncGroupInATrackingStorm(t *testing.T) {
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprint("object", i))
	}
	configs := []engine.Config{pair(200, 220), pair(180, 150)}
	for i := range configs {
		configs[i].Tracks = objects(names...)
		for j, n := range names {
			vr := &configs[i].Routers[j%2]
			// A few have no decrement, the others lower the priority.
			vr.Track = append(vr.Track, engine.Tracking{Object: n, Decrement: uint8(j % 25)})
		}
	}
	w := newTwin(t, 13, configs...)
	w.run(10 * time.Second)
	down := make([][]bool, len(w.routers))
	for i := range down {
		down[i] = make([]bool, len(names))
	}
	set := func(i, object int, up bool) {
		r := w.routers[i]
		down[i][object] = !up
		r.core.SetTrack(w.now, &r.cfg.Tracks[object], engine.TrackResult{Up: up}, &r.out)
		w.carryOut(r) // checks that the group is whole
		least, held := vrrp.PriorityMax, false
		for m, vr := range r.cfg.Routers {
			left := int(vr.Protocol.Priority)
			for object := m; object < len(names); object += 2 {
				if d := object % 25; down[i][object] {
					left, held = left-d, held || d == 0
				}
			}
			least = min(least, max(left, vrrp.PriorityMin))
		}
		for _, s := range r.core.Snapshot(w.now).Routers {
			if int(s.Priority) != least {
				t.Fatalf("%s: %s of %s has priority %d, want the lowest, %d", w.now.Sub(w.started), s.Config.Key, r.name, s.Priority, least)
			}
			if held != (s.State == vrrp.Initialize) {
				t.Fatalf("%s: %s of %s is %s, held back: %t", w.now.Sub(w.started), s.Config.Key, r.name, s.State, held)
			}
		}
	}
	for range 10_000 {
		set(w.rand.IntN(2), w.rand.IntN(len(names)), w.rand.IntN(4) > 0)
		w.run(time.Duration(w.rand.IntN(20)) * time.Millisecond)
	}
	for i := range w.routers {
		for object := range names {
			set(i, object, true)
		}
	}
	w.run(time.Minute)
	if w.master() != "r1" {
		t.Errorf("in the end the Master is %q: %q", w.master(), w.moves[max(0, len(w.moves)-10):])
	}
	w.quiet("in the end", 2*time.Minute)
}

// handOver puts another process in the place of a router.
func (w *twin) handOver(r *twinRouter) {
	h := r.core.Handover()
	r.core = engine.NewCore(w.now)
	for _, l := range r.links {
		r.core.SetLink(w.now, l, &r.out)
	}
	r.core.Restore(w.now, &h, &r.out)
	w.carryOut(r)
}

// A router whose sync group waits, since it has lost Master soon after winning it, goes on waiting when it is replaced.
func TestSyncGroupWaitsAcrossAHandOver(t *testing.T) {
	waits := 0
	for seed := range uint64(50) {
		w := newTwin(t, seed, pair(100, 100), pair(100, 100))
		w.cut = [2]bool{true, true}
		w.run(4*time.Second + time.Duration(seed)*29*time.Millisecond) // their adverts do not have their moments yet
		w.cut = [2]bool{}
		for range 200 {
			w.run(100 * time.Millisecond)
			r := w.routers[seed%2]
			s := r.core.Snapshot(w.now).Routers[0]
			left := s.MasterDownAt.Sub(w.now)
			if s.State != vrrp.Backup || left <= s.MasterDownInterval || w.routers[1-seed%2].core == nil {
				continue
			}
			waits++
			w.routers[1-seed%2].core = nil // nobody else is Master
			w.handOver(r)
			w.run(left - time.Millisecond)
			if w.master() != "" {
				t.Errorf("%s is Master %s before its wait is over: %q", w.master(), left, w.moves)
			}
			break
		}
	}
	if waits == 0 {
		t.Error("no sync group waits")
	}
}
