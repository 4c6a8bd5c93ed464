// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Limits of what is drawn.
const (
	maxLANs     = 3
	maxSegments = 5
)

// feature is something that a scenario may have: each one draws which it does.
type feature string

// The features, all but the last few of them faults.
const (
	fLoss      feature = "loss"
	fDuplicate feature = "duplicate"
	fCorrupt   feature = "corrupt"
	fJitter    feature = "jitter"
	fCut       feature = "cut"
	fStall     feature = "stall"
	fLate      feature = "late"
	fClock     feature = "clock"
	fDrift     feature = "drift"
	fSlow      feature = "slow kernel"
	fKernel    feature = "failing kernel"
	fSend      feature = "failing sends"
	fNews      feature = "late news"
	fOverrun   feature = "lost news"
	fLink      feature = "links down"
	fDelete    feature = "links gone"
	fMAC       feature = "mac"
	fMTU       feature = "mtu"
	fAddr      feature = "addresses"
	fLose      feature = "removed from outside"
	fDisk      feature = "failing disk"
	fSlowDisk  feature = "slow disk"
	fKill      feature = "kill"
	fPower     feature = "power"
	fStop      feature = "stop"
	fRestart   feature = "hitless restart"
	fJunk      feature = "junk"

	fCommit  feature = "commits"
	fConfirm feature = "commit confirmed"
	fSession feature = "sessions"
	fResign  feature = "resign"
	fTrack   feature = "tracks"
	fSync    feature = "sync groups"
	fIPv6    feature = "IPv6"
	fV2      feature = "VRRPv2"
	fAuth    feature = "authentication"
	fUnicast feature = "unicast"
	fOwner   feature = "owner"
	fMacvlan feature = "macvlan"
	fRoutes  feature = "routes"
	fFast    feature = "fast"
	fRogue   feature = "rogues"
	fParts   feature = "failing parts"
	fEdit    feature = "edits by hand"
)

var features = []feature{
	fLoss, fDuplicate, fCorrupt, fJitter, fCut, fStall, fLate, fClock, fDrift, fSlow, fKernel, fSend, fNews, fOverrun, fLink, fDelete,
	fMAC, fMTU, fAddr, fLose, fDisk, fSlowDisk, fKill, fPower, fStop, fRestart, fJunk,
	fCommit, fConfirm, fSession, fResign, fTrack, fSync, fIPv6, fV2, fAuth, fUnicast, fOwner, fMacvlan, fRoutes, fFast,
}

// drawer makes a Scenario out of a seed.
type drawer struct {
	*rand.Rand
	has      map[feature]bool
	scenario *Scenario
	settings []setting // of the machines, as they will be after the steps so far
	at       time.Duration
	more     *rand.Rand // for drawMore
}

// Draw returns the Scenario of a seed.
func Draw(seed uint64) *Scenario {
	d := &drawer{Rand: rand.New(rand.NewPCG(seed, 1)), has: make(map[feature]bool), more: rand.New(rand.NewPCG(seed, 3))}
	for _, f := range features {
		d.has[f] = d.IntN(4) == 0
	}
	// The network's and the configuration's are on more often: most of the rest depends on them.
	for _, f := range []feature{fCommit, fMacvlan, fTrack, fSync} {
		d.has[f] = d.IntN(2) == 0
	}
	machines := 2 + d.IntN(2)*d.IntN(3)
	d.scenario = &Scenario{Seed: seed, LANs: 1 + d.IntN(maxLANs)}
	if d.has[fSync] {
		d.scenario.LANs = max(d.scenario.LANs, 2)
	}
	d.settings = make([]setting, machines)
	d.drawSettings()
	d.drawRates()
	for i := range d.settings {
		d.scenario.Machines = append(d.scenario.Machines, Machine{Config: d.settings[i].toml(), Off: d.chance(0.1)})
	}
	d.drawSteps()
	d.drawMore()
	for i := range d.settings {
		d.scenario.Machines[i].Final = d.settings[i].toml()
	}
	return d.scenario
}

// drawMore draws what came to the simulator later, from numbers of its own: the rest of what a seed draws stays the same.
func (d *drawer) drawMore() {
	d.Rand = d.more
	if d.has[fRogue] = d.chance(0.4); d.has[fRogue] {
		d.drawRogues()
	}
	if d.has[fParts] = d.has[fCommit] && d.chance(0.3); d.has[fParts] {
		d.drawParts()
	}
	if d.has[fEdit] = d.has[fCommit] && d.chance(0.3); d.has[fEdit] {
		d.drawEdits()
	}
	d.drawPairs()
	slices.SortStableFunc(d.scenario.Steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
}

func (d *drawer) chance(p float64) bool { return d.Float64() < p }

func pick[T any](d *drawer, list ...T) T { return list[d.IntN(len(list))] }

// upTo returns a duration, a short one as often as a long one.
func (d *drawer) upTo(low, high time.Duration) time.Duration {
	for d.chance(0.5) && high > 2*low {
		high /= 4
	}
	return low + time.Duration(d.Int64N(int64(max(high-low, 0))+1))
}

// drawSettings draws what is configured at the start.
func (d *drawer) drawSettings() {
	var segments []segment
	for range 1 + d.IntN(maxSegments) {
		segments = append(segments, d.segment(segments))
	}
	for i := range d.settings {
		s := &d.settings[i]
		s.machine, s.machines = i, len(d.settings)
		if d.has[fTrack] {
			s.tracks = []tracked{{"wan", "interface", wanName}, {"check", "script", "/bin/check"}, {"weight", "file", "/weight"}}
		}
		for _, g := range segments {
			if d.chance(0.9) {
				s.members = append(s.members, d.member(i, g))
			}
		}
		if d.has[fRoutes] {
			d.routes(s)
		}
		s.arrange()
	}
}

// drawPairs draws steps that are worth more together: a call that fails once in a while, what is lost with the news of it, and a hitless
// restart while something fails.
func (d *drawer) drawPairs() {
	add := func(after time.Duration, s Step) {
		was := d.at
		d.at += after
		d.add(s)
		d.at = was
	}
	kinds := pick(d, "", "once", "lost", "restart", "refusal", "passing", "mute", "repairs", "confirm")
	for range 3 {
		on := d.IntN(len(d.settings))
		d.at = time.Duration(d.Int64N(int64(d.scenario.Chaos)))
		m := d.anyMember(on)
		if m == nil {
			return
		}
		long := Duration(d.upTo(10*time.Second, 60*time.Second))
		restart := Step{Do: OpRestart, On: on, For: Duration(d.upTo(5*time.Millisecond, 300*time.Millisecond))}
		switch kinds {
		case "once":
			add(0, Step{Do: OpCall, On: on, Name: pick(d, "send", "send", "remove", "down", "delete", "unroute"), N: 1 + d.Int64N(6)})
		case "lost":
			add(0, Step{Do: OpLose, On: on, Name: pick(d, m.vips...)})
			add(0, Step{Do: OpOverrun, On: on})
		case "restart":
			add(0, restart)
		case "refusal":
			add(0, Step{Do: OpCall, On: on, Name: pick(d, "add", "up"), N: 1, Text: "EINVAL", For: long})
			add(d.upTo(time.Second, time.Duration(long)), restart)
		case "confirm": // a second one, which is refused, and a crash
			commit := func(after time.Duration, priority int) {
				s := d.settings[on]
				s.members = slices.Clone(s.members)
				s.members[0].priority = priority
				add(after, Step{Do: OpCommit, On: on, Text: s.toml(), For: Duration(2 * time.Minute)})
			}
			commit(0, 120)
			add(5*time.Second, Step{Do: OpDisk, On: on, Name: partHost, N: 1, Text: "EIO"})
			commit(5*time.Second, 130)
			add(8*time.Second, Step{Do: OpKill, On: on, For: Duration(500 * time.Millisecond)})
		case "passing":
			add(0, Step{Do: OpCall, On: on, Name: pick(d, "add", "up"), N: 1})
		case "repairs":
			for range 8 {
				add(0, Step{Do: OpLose, On: on, Name: m.vips[0]})
				d.at += d.upTo(100*time.Millisecond, time.Second)
			}
			add(-3*time.Second/2, restart)
		case "mute":
			add(0, Step{Do: OpCall, On: on, Name: "send", N: 1, For: long})
			add(d.upTo(time.Second, time.Duration(long)), restart)
		}
	}
}

// segment draws a virtual router that is none of the others.
func (d *drawer) segment(others []segment) segment {
	g := segment{lan: d.IntN(d.scenario.LANs), vrid: 1 + d.IntN(6), version: 3, v6: d.has[fIPv6] && d.chance(0.5)}
	for slices.ContainsFunc(others, func(o segment) bool { return o.lan == g.lan && o.vrid == g.vrid && o.v6 == g.v6 }) {
		g.vrid++
	}
	g.vips = virtualAddresses(g.lan, g.vrid, g.v6, 1+d.IntN(2))
	if g.v6 && d.more.IntN(8) == 0 {
		g.vips = virtualAddresses(g.lan, g.vrid, true, 40)
	}
	if d.has[fOwner] && !g.v6 && d.chance(0.4) && !slices.ContainsFunc(others, func(o segment) bool { return o.vips[0] == ownAddress(g.lan, 0) }) {
		g.vips = []string{ownAddress(g.lan, 0)}
	}
	g.interval = d.interval(3)
	if !g.v6 && d.has[fV2] && d.chance(0.6) {
		g.version, g.interval = 2, d.interval(2)
		if d.has[fAuth] && d.chance(0.6) {
			g.auth, g.secret = pick(d, "rfc2338-simple", "p0-t8-sha256", "p1-t8-shake256"), pick(d, "tone", "two")
		}
		if g.auth == "" && d.more.IntN(3) == 0 {
			g.auth, g.secret = "rfc2338-simple", "tone"
		}
	} else if !g.v6 {
		g.checksum = pick(d, "", "", "rfc5798", "rfc9568")
	}
	g.strict = d.chance(0.2)
	g.unicast = d.has[fUnicast] && !g.v6 && g.vips[0] != ownAddress(g.lan, 0) && d.chance(0.5)
	if d.has[fSync] && d.chance(0.7) {
		g.sync = pick(d, "s", "s", "t")
	}
	return g
}

func (d *drawer) interval(version int) string {
	if version == 2 {
		return pick(d, "", "1s", "2s")
	}
	if d.has[fFast] {
		return pick(d, "20ms", "50ms", "100ms", "200ms")
	}
	return pick(d, "", "", "300ms", "500ms", "1s", "2s")
}

// member draws what a machine makes of a segment.
func (d *drawer) member(machine int, g segment) member {
	m := member{segment: g, priority: pick(d, 1, 50, 100, 100, 150, 200, 200, 254)}
	if (g.version == 2 || !d.has[fFast]) && d.more.IntN(6) == 0 {
		m.interval = []string{"1s", "2s", "3s"}[d.more.IntN(3)]
	}
	m.preempt = d.chance(0.6)
	if m.preempt && d.chance(0.3) {
		m.delay = pick(d, "100ms", "1s", "5s")
	}
	m.macvlan = d.has[fMacvlan] && d.chance(0.5)
	if !m.macvlan {
		m.vmac = d.chance(0.15)
		m.ioctl = !g.v6 && d.chance(0.1)
	}
	m.closed, m.ping = d.chance(0.1), d.chance(0.5)
	m.noFilter = d.chance(0.2)
	m.shutdown = d.chance(0.05)
	m.repeat = pick(d, 0, 0, 1, 2)
	m.refresh = pick(d, "", "", "", "3s")
	if d.has[fTrack] {
		m.tracks = d.trackings(machine)
	}
	return m
}

func (d *drawer) trackings(machine int) (list []tracking) {
	for _, t := range d.settings[machine].tracks {
		if d.chance(0.3) {
			n := 0
			if t.kind != "file" {
				n = pick(d, 0, 10, 60, 110, 253)
			}
			list = append(list, tracking{t.name, n})
		}
	}
	return list
}

func (d *drawer) routes(s *setting) {
	s.routes = nil
	for n := range d.IntN(3) {
		r := static{to: fmt.Sprintf("172.16.%d.0/24", n), via: fmt.Sprintf("10.0.0.%d", 240+n)}
		if len(s.members) > 0 && d.chance(0.5) {
			g := s.members[d.IntN(len(s.members))].segment
			r.bound = &g
		}
		s.routes = append(s.routes, r)
	}
}

// arrange makes a setting valid where one member is in the way of another: of the virtual MAC of an interface, and
// of a sync group's only member on an interface and family. Routes are bound to what there is.
func (s *setting) arrange() {
	macs, synced := map[int]bool{}, map[string]bool{}
	for i := range s.members {
		// Two Masters that have the virtual MAC on their interfaces, as after a split, cannot send to each other alone.
		if s.members[i].unicast {
			macs[s.members[i].lan] = true
		}
	}
	for i := range s.members {
		m := &s.members[i]
		if m.vmac && !m.macvlan {
			m.vmac = !macs[m.lan]
			macs[m.lan] = true
		}
		// The adverts of unicast peers to an address that is at the virtual MAC arrive on the macvlan, where nobody hears them.
		m.macvlan = m.macvlan && !(macs[m.lan] && m.vips[0] == ownAddress(m.lan, 0))
		m.vmac = m.vmac && !m.macvlan
		m.ioctl = m.ioctl && !m.macvlan && !m.v6
		if m.sync != "" {
			at := fmt.Sprint(m.sync, m.lan, m.v6)
			if synced[at] {
				m.sync = ""
			}
			synced[at] = true
		}
		m.tracks = slices.DeleteFunc(slices.Clone(m.tracks), func(t tracking) bool {
			return !slices.ContainsFunc(s.tracks, func(o tracked) bool { return o.name == t.object })
		})
	}
	s.routes = slices.DeleteFunc(slices.Clone(s.routes), func(r static) bool {
		return r.bound != nil && !slices.ContainsFunc(s.members, func(m member) bool { return m.same(r.bound) })
	})
}

// same tells whether two segments are of one virtual router. The group and the interface are what a route is bound to.
func (g *segment) same(o *segment) bool { return g.lan == o.lan && g.vrid == o.vrid && g.v6 == o.v6 }

func (d *drawer) drawRates() {
	r := &d.scenario.Rates
	r.Delay = Duration(pick(d, 50*time.Microsecond, 200*time.Microsecond, 2*time.Millisecond))
	r.KernelTime = Duration(pick(d, 100*time.Microsecond, time.Millisecond, 5*time.Millisecond))
	r.Late = Duration(pick(d, 100*time.Microsecond, time.Millisecond))
	r.News = Duration(pick(d, time.Millisecond, 5*time.Millisecond))
	if d.has[fLoss] {
		r.Loss = pick(d, 0.01, 0.1, 0.3)
	}
	if d.has[fDuplicate] {
		r.Duplicate = pick(d, 0.01, 0.2)
	}
	if d.has[fCorrupt] {
		r.Corrupt = pick(d, 0.01, 0.1)
	}
	if d.has[fJitter] {
		r.Jitter = Duration(pick(d, time.Millisecond, 10*time.Millisecond, 30*time.Millisecond))
	}
	if d.has[fLate] {
		r.Late = Duration(pick(d, 5*time.Millisecond, 20*time.Millisecond))
	}
	if d.has[fNews] {
		r.News = Duration(pick(d, 100*time.Millisecond, time.Second))
	}
	if d.has[fSlow] {
		r.KernelTime = Duration(pick(d, 50*time.Millisecond, 300*time.Millisecond, 2*time.Second))
	}
	if d.has[fKernel] && d.chance(0.5) {
		r.Kernel, r.Done = pick(d, 0.01, 0.05, 0.2), pick(d, 0, 0.3)
	}
	if d.has[fDisk] && d.chance(0.3) {
		r.Disk = pick(d, 0.005, 0.05)
	}
	if d.has[fSlowDisk] {
		r.DiskTime = Duration(pick(d, time.Millisecond, 50*time.Millisecond))
	}
}

// add adds a step.
func (d *drawer) add(s Step) {
	s.At = Duration(d.at)
	d.scenario.Steps = append(d.scenario.Steps, s)
}

// soon is a short time after now, for a step that belongs to another.
func (d *drawer) soon() time.Duration { return d.upTo(0, 3*time.Second) }

func (d *drawer) drawSteps() {
	kinds := d.kinds()
	end, pace := d.upTo(20*time.Second, 200*time.Second), pick(d, 8*time.Second, 4*time.Second, time.Second)
	for d.at = d.upTo(time.Second, 8*time.Second); d.at < end; {
		if len(kinds) > 0 {
			kinds[d.IntN(len(kinds))](d.IntN(len(d.settings)))
		}
		d.at += d.upTo(0, pace)
	}
	slices.SortStableFunc(d.scenario.Steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
	d.scenario.Chaos = Duration(end)
}

// kinds are the steps that the features of the scenario bring.
func (d *drawer) kinds() []func(on int) {
	var kinds []func(int)
	add := func(f feature, weight int, do func(on int)) {
		if d.has[f] {
			for range weight {
				kinds = append(kinds, do)
			}
		}
	}
	iface := func() string { return lanName(d.IntN(d.scenario.LANs)) }
	add(fCommit, 8, d.commit)
	add(fConfirm, 2, func(on int) {
		d.commitWith(on, Step{Do: OpCommit, For: Duration(pick(d, 2*time.Second, 10*time.Second, 2*time.Minute))})
		if d.chance(0.5) {
			was := d.at
			d.at += d.soon()
			d.add(Step{Do: OpConfirm, On: on})
			d.at = was
		}
	})
	add(fSession, 2, d.session)
	add(fResign, 1, func(on int) { d.add(Step{Do: OpResign, On: on, N: int64(1 + d.IntN(6))}) })
	add(fResign, 1, func(on int) { d.add(Step{Do: OpClear, On: on}) })
	add(fTrack, 2, func(on int) {
		s := Step{Do: OpTrack, On: on, Name: "check", N: int64(d.IntN(2))}
		switch d.IntN(3) {
		case 0:
			s.Name, s.N = "weight", int64(1000+d.IntN(200)-100)
		case 1:
			s = Step{Do: pick(d, OpUnplug, OpPlug), On: on, Name: wanName}
		}
		d.add(s)
	})
	add(fCut, 1, func(on int) {
		s := Step{Do: OpCut, On: on, N: -1, Name: iface(), For: Duration(d.IntN(2))}
		if d.chance(0.5) {
			s.N = int64(d.IntN(len(d.settings)))
		}
		d.add(s)
	})
	add(fCut, 1, func(on int) { d.add(Step{Do: OpMend, On: on}) })
	add(fStall, 1, func(on int) {
		d.add(Step{Do: OpStall, On: on, For: Duration(d.upTo(50*time.Millisecond, 20*time.Second))})
	})
	add(fClock, 1, func(on int) {
		by := pick(d, time.Second, time.Minute, 5*time.Hour, 30*365*24*time.Hour)
		d.add(Step{Do: OpStep, On: on, For: Duration(pick(d, by, -by))})
	})
	add(fDrift, 1, func(on int) { d.add(Step{Do: OpDrift, On: on, N: int64(d.IntN(2001) - 1000)}) })
	add(fOverrun, 1, func(on int) { d.add(Step{Do: OpOverrun, On: on}) })
	add(fLink, 1, func(on int) { d.add(Step{Do: pick(d, OpUnplug, OpDown), On: on, Name: iface()}) })
	add(fLink, 2, func(on int) { d.add(Step{Do: pick(d, OpPlug, OpUp), On: on, Name: iface()}) })
	add(fDelete, 1, func(on int) {
		s := Step{Do: OpDelete, On: on, Name: iface(), For: Duration(d.upTo(10*time.Millisecond, 10*time.Second)), N: int64(d.IntN(2))}
		d.add(s)
	})
	add(fMAC, 1, func(on int) { d.add(Step{Do: OpMAC, On: on, Name: iface()}) })
	add(fMTU, 1, func(on int) {
		d.add(Step{Do: OpMTU, On: on, Name: iface(), N: pick[int64](d, 68, 576, 1200, 1280, 1500, 9000)})
	})
	add(fAddr, 1, func(on int) {
		s := Step{Do: OpAddr, On: on, Name: iface(), N: int64(d.IntN(2))}
		lan := lanOf(s.Name)
		s.Text = pick(d, addressOf(lan, on).String()+"/24", linkLocalOf(lan, on).String()+"/64", fmt.Sprintf("10.%d.0.%d/24", lan, 200+on))
		d.add(s)
	})
	add(fLose, 1, d.lose)
	add(fLose, 1, func(on int) { d.add(Step{Do: OpUnroute, On: on, Name: fmt.Sprintf("172.16.%d.0/24", d.IntN(2))}) })
	add(fKernel, 2, d.failCall)
	add(fSend, 1, func(on int) {
		d.add(Step{Do: OpCall, On: on, Name: "send", N: 1, For: Duration(d.upTo(time.Second, 20*time.Second))})
	})
	add(fDisk, 2, d.failDisk)
	down := func() Duration {
		if d.chance(0.1) {
			return 0
		}
		return Duration(d.upTo(100*time.Millisecond, 10*time.Second))
	}
	stepped := func() int64 {
		if d.has[fClock] {
			return pick[int64](d, 0, 5, -5, -3600, 3600, -365*24*3600)
		}
		return 0
	}
	add(fKill, 1, func(on int) { d.add(Step{Do: OpKill, On: on, For: down(), N: stepped()}) })
	add(fPower, 1, func(on int) { d.add(Step{Do: OpPower, On: on, For: down(), N: stepped()}) })
	crash := func(name string) func(int) {
		return func(on int) {
			d.add(Step{Do: OpCrashAt, On: on, N: int64(1 + d.IntN(12)), Name: name, For: Duration(d.upTo(100*time.Millisecond, 5*time.Second))})
		}
	}
	add(fKill, 1, crash(""))
	add(fPower, 1, crash("power"))
	add(fStop, 1, func(on int) { d.add(Step{Do: OpStop, On: on}) })
	add(fStop, 2, func(on int) { d.add(Step{Do: OpStart, On: on}) })
	add(fRestart, 1, func(on int) {
		d.add(Step{Do: OpRestart, On: on, For: Duration(d.upTo(5*time.Millisecond, 300*time.Millisecond)), N: stepped()})
	})
	add(fJunk, 1, func(on int) { d.add(Step{Do: OpJunk, On: on, Name: iface(), N: int64(d.IntN(8))}) })
	if len(d.settings[0].members) > 0 {
		kinds = append(kinds, func(on int) {
			if m := d.anyMember(on); m != nil {
				d.add(Step{Do: OpPing, On: on, Name: addrOnly(m.vips[0])})
			}
		})
	}
	return kinds
}

func (d *drawer) anyMember(on int) *member {
	if list := d.settings[on].members; len(list) > 0 {
		return &list[d.IntN(len(list))]
	}
	return nil
}

// lose removes an address or a macvlan from outside, several times in a row at times.
func (d *drawer) lose(on int) {
	m := d.anyMember(on)
	if m == nil {
		return
	}
	s := Step{Do: OpLose, On: on, Name: pick(d, m.vips...)}
	if m.macvlan && d.chance(0.3) {
		s.Name = fmt.Sprintf("standby%d", m.vrid)
	}
	was := d.at
	for range pick(d, 1, 1, 2, 7) {
		d.add(s)
		d.at += d.upTo(time.Millisecond, time.Second)
	}
	d.at = was
}

func (d *drawer) failCall(on int) {
	calls := []string{"create", "find", "mark", "up", "down", "delete", "add", "remove", "mac", "follow", "open", "filter", "route", "unroute", "receive", "announce", "links"}
	s := Step{Do: OpCall, On: on, Name: pick(d, calls...), N: pick[int64](d, 1, 1, 1, 2, 3), Text: pick(d, "", "", "EINVAL")}
	if d.chance(0.2) {
		s.Name += "!"
	}
	if d.chance(0.3) {
		s.For = Duration(d.upTo(100*time.Millisecond, 30*time.Second))
	}
	d.add(s)
}

func (d *drawer) failDisk(on int) {
	s := Step{Do: OpDisk, On: on, Name: string(pick(d, diskOps...)), N: pick[int64](d, 1, 1, 2, 3), Text: pick(d, "EIO", "ENOSPC", "EROFS")}
	if s.Text != "EIO" {
		s.Name = "change"
	}
	if d.chance(0.6) {
		s.For = Duration(d.upTo(100*time.Millisecond, 20*time.Second))
	}
	d.add(s)
}
