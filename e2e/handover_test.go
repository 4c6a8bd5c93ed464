// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

const (
	vrid = 51
	// wireSlack is how much later than the protocol's timers a take-over may be on the wire.
	wireSlack = 50 * time.Millisecond
	// pingSlack is how much longer than the protocol's timers the host's pings may be unanswered.
	pingSlack = 100 * time.Millisecond
	// patience bounds each wait without its own bound.
	patience = 15 * time.Second
)

// pairing is our router on r1 and its peer on r2, with the host pinging the virtual address.
type pairing struct {
	t     *testing.T
	lab   *lab.Lab
	wire  *lab.Capture
	ping  *lab.Pinger
	group lab.Group
	ours  *lab.Vrrpsh
	peer  lab.Router
	// slack is how much later than the protocol's timers the peer may become Master.
	slack time.Duration
	// begun is the start of the time since which the segment is undivided.
	begun time.Time
	// cut is true while our link is cut.
	cut bool
}

// start brings both routers up, ours as Master.
func (p *pairing) start() {
	p.t.Helper()
	p.begun = time.Now()
	p.ours.SetPriority(200)
	p.peer.SetPriority(100)
	p.peer.Start()
	p.ours.Start()
	first := p.wire.WaitMaster("r1", p.begun, patience)
	p.ping = p.lab.Ping(p.target())
	p.ping.WaitAnswer(first.Time, patience)
	p.settled("r1")
}

// settled waits until only one router has sent the last two adverts on the wire, and checks that our router agrees.
func (p *pairing) settled(master string) {
	p.t.Helper()
	for range 2 {
		p.wire.WaitMaster(master, time.Now(), patience)
	}
	if !p.ours.Running() {
		return
	}
	want, holds := "Backup", ""
	switch {
	case p.cut:
		want = "Init"
	case master == "r1":
		want, holds = "Master", p.vif()
	}
	p.ours.WaitState(want, time.Second)
	if got := p.ours.Node().Holds(p.group.VIP()); got != holds {
		p.t.Errorf("%s is Master; our address is on %q, want %q", master, got, holds)
	}
}

// target is the address that the host pings: the virtual address, or in IPv6 an address that it reaches only through the
// virtual address.
func (p *pairing) target() string {
	if p.group.IPv6 {
		return lab.Far
	}
	return lab.VIP
}

// vif is the interface that carries our virtual address.
func (p *pairing) vif() string {
	if p.group.Macvlan {
		return "standby51"
	}
	return "eth0"
}

// attempts is how often a change of Master is tried before a delay is a failure. A busy machine is late sometimes, a
// faulty router is late every time. Other failures count at once.
const attempts = 3

// change moves the virtual address to another Master and back.
type change struct {
	what string
	do   func()
	to   string // the port of the new Master
	// limit is how long the pings may be unanswered.
	limit time.Duration
	// skew is the new Master's Skew_Time if the old one resigns, else 0.
	skew time.Duration

	back string
	undo func()
	// backLimit is how long the pings may be unanswered on the way back.
	backLimit time.Duration
}

// swing makes a change and undoes it.
func (p *pairing) swing(c change) {
	p.t.Helper()
	from := "r1"
	if c.to == "r1" {
		from = "r2"
	}
	for attempt := 1; ; attempt++ {
		late := p.pass(c.what, c.do, from, c.to, c.limit, c.skew)
		late = append(late, p.pass(c.back, c.undo, c.to, from, c.backLimit, 0)...)
		p.oneMaster()
		if len(late) == 0 {
			return
		}
		if attempt == attempts {
			p.t.Errorf("late in each of %d attempts; the last: %s", attempts, strings.Join(late, "; "))
			return
		}
		p.t.Logf("late, trying again: %s", strings.Join(late, "; "))
	}
}

// pass performs an action after which another router must become Master, and returns the delays.
func (p *pairing) pass(what string, do func(), from, to string, limit, skew time.Duration) (late []string) {
	p.t.Helper()
	start := time.Now()
	do()
	first := p.wire.WaitMaster(to, start, patience)
	p.ping.WaitAnswer(first.Time.Add(wireSlack), patience)
	p.settled(to)
	out := p.ping.Longest(start)
	p.t.Logf("%-26s Master after %8v, pings out for %8v (limit %v)", what,
		first.Time.Sub(start).Round(100*time.Microsecond), out.Length().Round(100*time.Microsecond), limit)
	if to == "r2" {
		limit += p.slack
	}
	if out.Length() > limit {
		late = append(late, fmt.Sprintf("%s: pings out for %v from %s, want at most %v", what, out.Length(),
			out.From.Format("15:04:05.000000"), limit))
	}
	if skew > 0 {
		bye := p.wire.WaitResign(from, start, time.Second)
		took := first.Time.Sub(bye.Time)
		p.t.Logf("%-26s successor %v after priority 0 (Skew_Time %v)", what, took.Round(100*time.Microsecond), skew)
		want := skew + wireSlack
		if to == "r2" {
			want += p.slack
		}
		if took > want {
			late = append(late, fmt.Sprintf("%s: %v from priority 0 to the successor's advert, want at most %v", what, took, want))
		}
	}
	return late
}

// oneMaster checks the adverts sent while the segment was undivided against the protocol, and starts anew.
func (p *pairing) oneMaster() {
	p.t.Helper()
	for _, fault := range lab.OneMaster(p.wire.Adverts("", p.begun)) {
		p.t.Errorf("more than one Master:\n%s", fault)
	}
	p.begun = time.Now()
}

const (
	ether   = "ether"
	macvlan = "macvlan"
)

// fast6 is fast for IPv6.
var fast6 = lab.Group{VRID: vrid, Version: 3, Interval: fast.Interval, IPv6: true}

// slow is VRRPv2, which supports only whole seconds.
var slow = lab.Group{VRID: vrid, Version: 2, Interval: time.Second}

// peers are the routers that ours must work with, and our interface types with each. The forms of
// authentication are spread over the cases, since VRRPv2 is slow.
var peers = []struct {
	name    string
	group   lab.Group
	secret  string // of simple authentication
	extra   string // in our configuration
	new     func(l *lab.Lab, n *lab.Namespace, g lab.Group) lab.Router
	iftypes []string
	slack   time.Duration
}{
	{name: "keepalived-v2", group: slow, new: (*lab.Lab).Keepalived, iftypes: []string{ether}},
	{name: "keepalived-v2-simple", group: slow, secret: "s3cret", new: (*lab.Lab).Keepalived, iftypes: []string{macvlan}},
	{name: "vrrpsh-v2-p0", group: slow, extra: authP0, new: another, iftypes: []string{macvlan}},
	{name: "vrrpsh-v2-p1", group: slow, extra: authP1, new: another, iftypes: []string{ether}},
	{name: "keepalived-v3", group: fast, new: (*lab.Lab).Keepalived, iftypes: []string{ether, macvlan}},
	{name: "frr-v3", group: fast, new: (*lab.Lab).FRR, iftypes: []string{ether, macvlan}},
	{name: "keepalived-ipv6", group: fast6, new: (*lab.Lab).Keepalived, iftypes: []string{ether, macvlan}},
	{name: "frr-ipv6", group: fast6, new: (*lab.Lab).FRR, iftypes: []string{macvlan}, slack: 2 * time.Second}, // FRR is Master at once, but its macvlan starts to forward hundreds of milliseconds later
	{name: "vrrpsh-v3", group: fast, new: another, iftypes: []string{ether, macvlan}},
}

const (
	authP0 = "auth_type = \"p0-t8-sha256\"\nauth_secret = \"s3cret\"\n"
	authP1 = "auth_type = \"p1-t8-shake256\"\nauth_secret = \"s3cret\"\n"
)

// another is a second vrrpsh.
func another(l *lab.Lab, n *lab.Namespace, g lab.Group) lab.Router { return l.Vrrpsh(bin, n, g) }

// TestHandover moves the virtual address back and forth between our router and each peer, in every possible
// way. There is one Master at all times on an undivided segment, the host's pings are unanswered no longer
// than the protocol's timers allow, and tshark finds no fault in our packets.
func TestHandover(t *testing.T) {
	require(t)
	for _, peer := range peers {
		for _, iftype := range peer.iftypes {
			t.Run(peer.name+"/"+iftype, func(t *testing.T) {
				parallel(t)
				l := lab.New(t, 2)
				g := peer.group
				g.Secret, g.Extra, g.Macvlan = peer.secret, peer.extra, iftype == macvlan
				p := &pairing{
					t: t, lab: l, wire: l.Capture(), group: g,
					ours: l.Vrrpsh(bin, l.Routers[0], g), peer: peer.new(l, l.Routers[1], g), slack: peer.slack,
				}
				p.run()
				p.checkFrames(g.Macvlan)
			})
		}
	}
}

// run tries all these ways. Our router has priority 200 first and 50 later, the peer 100 unless stated.
func (p *pairing) run() {
	g, ours, peer := p.group, p.ours, p.peer
	// When a running router preempts the Master, almost no ping is lost. But the old Master's last answers may
	// teach the switch its port for the virtual MAC again, until the next advert
	// corrects this.
	handed := g.Interval + pingSlack
	p.start()
	p.swing(change{
		what: "our priority lowered", do: func() { ours.SetPriority(50) }, to: "r2", limit: handed,
		back: "our priority raised", undo: func() { ours.SetPriority(200) }, backLimit: handed,
	})
	p.swing(change{
		what: "peer's priority raised", do: func() { peer.SetPriority(254) }, to: "r2", limit: handed,
		back: "peer's priority lowered", undo: func() { peer.SetPriority(100) }, backLimit: handed,
	})
	p.swing(change{
		what: "we stop", do: ours.Stop, to: "r2", limit: g.SkewTime(100) + pingSlack, skew: g.SkewTime(100),
		back: "we start again", undo: ours.Start, backLimit: handed,
	})
	p.swing(change{
		what: "our link cut", do: func() { p.cutOurs(true) }, to: "r2", limit: g.MasterDown(100) + pingSlack,
		back: "our link back", undo: func() { p.cutOurs(false) }, backLimit: handed,
	})

	lowered := time.Now()
	ours.SetPriority(50)
	p.ping.WaitAnswer(p.wire.WaitMaster("r2", lowered, patience).Time.Add(wireSlack), patience)
	p.settled("r2")
	p.swing(change{
		what: "peer stops", do: peer.Stop, to: "r1", limit: g.SkewTime(50) + pingSlack, skew: g.SkewTime(50),
		back: "peer starts again", undo: peer.Start, backLimit: handed,
	})
	p.swing(change{
		what: "peer's link cut", do: func() { p.lab.Cut(peer.Node()) }, to: "r1", limit: g.MasterDown(50) + pingSlack,
		back: "peer's link back", undo: func() { p.lab.Join(peer.Node()) }, backLimit: handed,
	})
	p.swing(change{
		// Both are Master while the segment is divided, and ours becomes Backup as soon as it is joined.
		what: "segment divided", do: func() { p.lab.Partition(peer.Node()) }, to: "r1", limit: g.MasterDown(50) + pingSlack,
		back: "segment healed", undo: func() {
			p.lab.Heal(peer.Node())
			p.begun = time.Now() // earlier adverts may not have been received
		}, backLimit: handed,
	})
}

// cutOurs cuts our link, or restores it.
func (p *pairing) cutOurs(cut bool) {
	p.t.Helper()
	p.cut = cut
	if cut {
		p.lab.Cut(p.ours.Node())
	} else {
		p.lab.Join(p.ours.Node())
	}
}

// checkFrames checks every frame that we sent with tshark, and the adverts against the interface type.
func (p *pairing) checkFrames(macvlan bool) {
	p.t.Helper()
	frames := p.wire.Frames("r1", time.Time{})
	for _, complaint := range p.lab.Complaints("r1", frames) {
		p.t.Errorf("tshark: %s", complaint)
	}
	adverts := p.wire.Adverts("r1", time.Time{})
	own := p.ours.Node().MAC("eth0")
	want := own
	if macvlan {
		want = p.group.VirtualMAC().String()
	}
	for _, a := range adverts {
		if a.MAC.String() != want {
			p.t.Errorf("an advert's source MAC is %v, want %v:\n%v", a.MAC, want, a)
			break
		}
		if a.TTL != 255 || a.Version != p.group.Version || a.Interval != p.group.Interval {
			p.t.Errorf("an advert with TTL %d: %v", a.TTL, a)
			break
		}
	}
	p.t.Logf("%d frames of ours checked, %d of them adverts", len(frames), len(adverts))
}
