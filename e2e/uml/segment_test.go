// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package uml

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"vrrpsh/e2e/lab"
)

const (
	vrid = 51
	// patience bounds each wait without its own bound.
	patience = 20 * time.Second
	// slack is how much later than the protocol's timers anything may be: the guest's timers tick every 10 ms, and its one
	// processor has several labs.
	slack = 150 * time.Millisecond
)

// wiring is what a router's eth0 is.
type wiring struct {
	vlan bool // tagged
	bond bool // of two links, to two switches that are joined
}

func (w wiring) String() string {
	switch {
	case w.vlan && w.bond:
		return "VLAN over bond"
	case w.vlan:
		return "VLAN"
	case w.bond:
		return "bond"
	default:
		return "plain"
	}
}

// newLab builds a segment whose host and routers are wired this way.
func newLab(t *testing.T, w wiring) *lab.Lab {
	t.Helper()
	if !w.bond {
		l := lab.New(t, 2)
		if w.vlan {
			for _, n := range append([]*lab.Namespace{l.Host}, l.Routers...) {
				rewire(l, n, w)
			}
		}
		return l
	}
	l := lab.NewDouble(t, 2)
	l.Bridge.IP("link add trunk0 type veth peer name trunk1",
		"link set trunk0 master br0", "link set trunk1 master br1", "link set trunk0 up", "link set trunk1 up")
	for _, n := range l.Routers {
		rewire(l, n, w)
	}
	w.bond = false
	if w.vlan {
		rewire(l, l.Host, w)
	}
	return l
}

// miimon is how often a bond looks at its links.
const miimon = 50 * time.Millisecond

// bondName is the name of the bond below or at eth0.
func bondName(w wiring) string {
	if w.vlan {
		return "bond0"
	}
	return "eth0"
}

// rewire makes another eth0, on top of the links that there are.
func rewire(l *lab.Lab, n *lab.Namespace, w wiring) {
	n.Run("sysctl", "-q", "-w", "net.ipv6.conf.default.accept_dad=0", "net.ipv4.conf.default.send_redirects=0")
	below := "wire0"
	n.IP("link set eth0 down", "link set eth0 name wire0", "addr flush dev wire0")
	if w.bond {
		name := bondName(w)
		n.IP("link set eth1 down", "link set eth1 name wire1", "addr flush dev wire1",
			fmt.Sprintf("link add %s type bond mode active-backup miimon %d", name, miimon.Milliseconds()),
			"link set wire0 master "+name, "link set wire1 master "+name, "link set "+name+" up")
		below = name
	} else {
		n.IP("link set wire0 up")
	}
	if w.vlan {
		n.IP("link add link " + below + " name eth0 type vlan id 10")
	}
	n.IP("addr replace "+n.Addr+"/24 dev eth0", "addr replace "+n.Addr6()+"/64 dev eth0", "link set eth0 up")
	if n == l.Host {
		n.IP("route replace default via inet6 " + lab.VIP6 + " dev eth0")
	}
}

// pair is two routers on a segment and the host that pings the virtual address: r1 is ours and Master.
type pair struct {
	t    *testing.T
	lab  *lab.Lab
	w    wiring
	g    lab.Group
	r1   *lab.Vrrpsh
	r2   lab.Router
	ping *lab.Pinger
}

// newPair starts a pair, and returns when r1 is Master and answers pings. Without keepalived r2 is ours, too.
func newPair(t *testing.T, w wiring, g lab.Group, keepalived bool) *pair {
	t.Helper()
	l := newLab(t, w)
	p := &pair{t: t, lab: l, w: w, g: g, r1: l.Vrrpsh(bin, l.Routers[0], g), r2: l.Vrrpsh(bin, l.Routers[1], g)}
	if keepalived {
		p.r2 = l.Keepalived(l.Routers[1], g)
	}
	p.r1.SetPriority(200)
	p.r2.SetPriority(100)
	p.r1.Start()
	p.r1.WaitState("Master", patience)
	p.r2.Start()
	if ours, ok := p.r2.(*lab.Vrrpsh); ok {
		ours.WaitState("Backup", patience)
	}
	target := lab.VIP
	if g.IPv6 {
		target = lab.Far // which the host reaches through the virtual address
	}
	p.ping = l.Ping(target)
	// A keepalived that starts lets the switch learn the virtual MAC address at its port, until the next advert.
	lab.Until(t, patience, "pings are answered for two intervals", func() error {
		since := time.Now()
		time.Sleep(2 * g.Interval)
		p.ping.WaitAnswer(time.Now(), patience)
		if p.ping.Lost(since) > 0 {
			return errNotYet
		}
		return nil
	})
	return p
}

// waitMaster waits until only one of the two has the virtual address.
func (p *pair) waitMaster(want lab.Router, limit time.Duration) {
	p.t.Helper()
	lab.Until(p.t, limit, want.Node().Role+" alone has "+p.g.VIP(), func() error {
		for _, r := range []lab.Router{p.r1, p.r2} {
			if on := r.Node().Holds(p.g.VIP()); (on != "") != (r == want) {
				return fmt.Errorf("on %s it is on %q", r.Node().Role, on)
			}
		}
		return nil
	})
}

// attempts is how often a change of Master is tried before a delay is a failure: a busy machine is late sometimes.
const attempts = 3

// swing has r1 end, so that r2 becomes Master, and start again, and checks how long pings are not answered.
func (p *pair) swing(what string, limit time.Duration, end func()) {
	p.t.Helper()
	for attempt := 1; ; attempt++ {
		since := time.Now()
		end()
		lab.Until(p.t, patience, "r2 has "+p.g.VIP(), func() error {
			if p.r2.Node().Holds(p.g.VIP()) == "" {
				return errNotYet
			}
			return nil
		})
		p.ping.WaitAnswer(time.Now(), patience)
		late := p.late(what, since, limit)
		since = time.Now()
		p.r1.Start()
		p.waitMaster(p.r1, patience)
		p.ping.WaitAnswer(time.Now(), patience)
		late += p.late("the Master is back", since, slack)
		if late == "" {
			return
		}
		if attempt == attempts {
			p.t.Errorf("late in each of %d attempts; the last: %s", attempts, late)
			return
		}
	}
}

// late says that pings were not answered for longer than a limit.
func (p *pair) late(what string, since time.Time, limit time.Duration) string {
	p.t.Helper()
	out := p.ping.Longest(since).Length()
	p.t.Logf("%s: pings out for %v (limit %v)", what, out.Round(time.Millisecond), limit)
	if out <= limit {
		return ""
	}
	return fmt.Sprintf("%s: pings out for %v, want at most %v. ", what, out, limit)
}

// counters are the changes of state that a router of ours has counted.
type counters struct{ changes, becameMaster uint64 }

// count reads the counters of the virtual router.
func count(t *testing.T, v *lab.Vrrpsh) counters {
	t.Helper()
	var one struct {
		Statistics struct {
			BecameMaster *uint64           `json:"became_master"`
			Transitions  map[string]uint64 `json:"transitions"`
		} `json:"statistics"`
	}
	lab.Until(t, patience, v.Name+" answers", func() error { return v.TryGet(fmt.Sprintf("/run/vrrp/%d/eth0", vrid), &one) })
	if one.Statistics.BecameMaster == nil {
		t.Fatalf("%s does not say how often it became Master", v.Name)
	}
	c := counters{becameMaster: *one.Statistics.BecameMaster}
	for _, n := range one.Statistics.Transitions {
		c.changes += n
	}
	return c
}

// steady returns a function that checks that a router has not changed its state since.
func steady(t *testing.T, v *lab.Vrrpsh) func(what string) {
	t.Helper()
	before := count(t, v)
	return func(what string) {
		t.Helper()
		if now := count(t, v); now != before {
			t.Errorf("%s: %s changed its state: %+v before, %+v now", what, v.Name, before, now)
		}
	}
}

// errNotYet is for conditions that need no further explanation.
var errNotYet = errors.New("not yet")
