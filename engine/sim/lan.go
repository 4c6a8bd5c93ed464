// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// Options set the behaviour of a LAN and its hosts. The zero value has no
// delays and losses.
type Options struct {
	Seed uint64
	// Delay is the transit time of a message. Up to Jitter is added, which can reorder messages.
	Delay, Jitter time.Duration
	// Loss is the fraction of messages, 0 to 1, that a receiver does not get.
	Loss float64
	// Work is the time that the kernel needs for the addresses of one virtual router. Up
	// to WorkJitter is added.
	Work, WorkJitter time.Duration
	// Refuse is the fraction of installations, 0 to 1, that the kernel refuses.
	Refuse float64
	// Late is the maximum delay of a host's timers.
	Late time.Duration
}

// LAN is a segment with hosts. It is not safe for concurrent use.
type LAN struct {
	o       Options
	rand    *rand.Rand
	started time.Time
	now     time.Time
	queue   queue
	hosts   []*Host
	checker checker
	log     []Transition
}

// Transition is a change of state on one of the hosts.
type Transition struct {
	At    time.Duration // since the start of the LAN
	Host  string
	Key   engine.Key
	From  vrrp.State
	To    vrrp.State
	Cause vrrp.Cause
}

// String returns for example "3.609s r1 eth0 IPv4 group 1: Backup -> Master (master down timer expired)".
func (t Transition) String() string {
	return fmt.Sprintf("%s %s %s: %s -> %s (%s)", t.At, t.Host, t.Key, t.From, t.To, t.Cause)
}

// New returns a LAN without hosts.
func New(o Options) *LAN {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	l := &LAN{o: o, rand: rand.New(rand.NewPCG(o.Seed, 0)), started: start, now: start}
	l.checker = checker{
		lan:     l,
		since:   make(map[wrong]time.Time),
		held:    make(map[holder]time.Time),
		slowest: make(map[engine.Key]time.Duration),
		sent:    make(map[holder]burst),
	}
	return l
}

// Add starts another host with these virtual routers. The first host is r1, with the addresses 10.0.0.1/16
// and fe80::1/64, and so on.
func (l *LAN) Add(routers ...engine.VirtualRouter) *Host {
	n := len(l.hosts) + 1
	h := &Host{
		lan:  l,
		Name: fmt.Sprintf("r%d", n),
		link: engine.Link{
			Index: 1, Name: Interface, MAC: [6]byte{2, 0, 0, 0, byte(n >> 8), byte(n)}, MTU: 1500, Up: true, Ethernet: true,
			Addrs: []netip.Prefix{
				netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), 16),
				netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 14: byte(n >> 8), 15: byte(n)}), 64),
			},
		},
		cfg: engine.Config{Routers: routers},
	}
	l.hosts = append(l.hosts, h)
	h.Start()
	return h
}

// Elapsed returns how long the LAN has been running.
func (l *LAN) Elapsed() time.Duration { return l.now.Sub(l.started) }

// Transitions returns the transitions so far, in order.
func (l *LAN) Transitions() []Transition { return l.log }

// Violations returns the violations so far.
func (l *LAN) Violations() []string { return l.checker.violations }

// Run lets time pass.
func (l *LAN) Run(d time.Duration) {
	end := l.now.Add(d)
	for {
		e, ok := l.queue.pop(end)
		if !ok {
			break
		}
		l.now = e.at
		e.do(l)
	}
	l.now = end
	l.checker.checkAll()
}

// Set changes the behaviour of the LAN and its hosts. The seed stays.
func (l *LAN) Set(o Options) {
	o.Seed = l.o.Seed
	l.checker.disturb(func() { l.o = o })
}

// Partition splits the LAN between these hosts and the others.
func (l *LAN) Partition(hosts ...*Host) {
	l.Heal()
	l.checker.disturb(func() {
		for _, h := range hosts {
			h.side = 1
		}
	})
}

// Heal undoes Partition.
func (l *LAN) Heal() {
	l.checker.disturb(func() {
		for _, h := range l.hosts {
			h.side = 0
		}
	})
}

// Masters returns the hosts that are Master of a virtual router.
func (l *LAN) Masters(key engine.Key) []string {
	var names []string
	for _, h := range l.hosts {
		if h.running() && h.state[key] == vrrp.Master {
			names = append(names, h.Name)
		}
	}
	return names
}

// send delivers an advert to every other host on the same side.
func (l *LAN) send(from *Host, s engine.Send) {
	if !l.checker.sends(from, s.Key) {
		return
	}
	m := &message{from: from, send: s}
	for _, to := range l.hosts {
		if to == from || to.side != from.side || l.chance(l.o.Loss) {
			continue
		}
		l.queue.push(event{at: l.now.Add(l.o.Delay + l.upTo(l.o.Jitter)), host: to, message: m})
	}
}

// chance returns true with probability p.
func (l *LAN) chance(p float64) bool { return p > 0 && l.rand.Float64() < p }

// upTo returns a random duration from zero to d.
func (l *LAN) upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(l.rand.Int64N(int64(d) + 1))
}
