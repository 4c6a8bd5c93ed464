// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"fmt"
	"math"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// holdTime is how long a host may stay Backup after its kernel
// refused the addresses.
const holdTime = time.Minute

// timeToFail is how many intervals it takes a host to find out that nothing that it sends goes out.
const timeToFail = 3

// stormLimit is how many adverts of one virtual router a host may send in a second: one
// every 10 ms and answers to others.
const stormLimit = 1000

// checker checks the LAN. A wrong condition must end within a time limit, counted from
// its start or from the last disturbance from outside.
type checker struct {
	lan        *LAN
	disturbAt  time.Time
	since      map[wrong]time.Time
	held       map[holder]time.Time         // end of the time when a host need not become Master
	slowest    map[engine.Key]time.Duration // the longest interval that a Backup may have learned
	sent       map[holder]burst
	violations []string
}

// burst is the number of adverts since a time.
type burst struct {
	from  time.Time
	count int
}

// wrong is a condition that must not last.
type wrong struct {
	key  engine.Key
	side int
	what fault
}

type fault int

const (
	manyMasters fault = iota
	noMaster
)

type holder struct {
	host *Host
	key  engine.Key
}

// disturb makes a disturbance from outside. What was wrong until then is judged by how things were, such as who was on which side.
func (c *checker) disturb(change func()) {
	c.checkAll()
	c.disturbAt = c.lan.now
	change()
	c.checkAll()
}

// moved records a transition.
func (c *checker) moved(h *Host, e engine.Event) {
	if e.Cause == vrrp.CauseInstallFailed || e.Cause == vrrp.CauseAddressLost {
		c.held[holder{h, e.Key}] = c.lan.now.Add(holdTime)
	}
	c.check(e.Key)
}

// sends records an advert. It returns false if the advert is part of a storm, so that
// the storm ends.
func (c *checker) sends(h *Host, key engine.Key) bool {
	k := holder{h, key}
	b := c.sent[k]
	if c.lan.now.Sub(b.from) >= time.Second {
		b = burst{from: c.lan.now}
	}
	b.count++
	c.sent[k] = b
	if b.count == stormLimit {
		c.report("%s: %s sends %d adverts in a second", key, h.Name, b.count)
	}
	return b.count < stormLimit
}

// checkAll checks every virtual router.
func (c *checker) checkAll() {
	seen := make(map[engine.Key]bool)
	for _, h := range c.lan.hosts {
		for i := range h.cfg.Routers {
			if key := h.cfg.Routers[i].Key; !seen[key] {
				seen[key] = true
				c.check(key)
			}
		}
	}
}

// side is what was counted on one side of a partition. Of several Masters that nobody hears none can know.
type side struct {
	masters, mute, able int
	slow                bool // somebody may have to find out first that it is mute
}

// check checks one virtual router.
func (c *checker) check(key engine.Key) {
	var sides [2]side
	for _, h := range c.lan.hosts {
		vr := h.find(key)
		if vr == nil {
			continue
		}
		c.slowest[key] = max(c.slowest[key], vr.Protocol.Interval)
		if !h.running() || h.stalled || !h.link.Up || h.link.DeafIPv4 != "" {
			continue
		}
		s := &sides[h.side]
		s.slow = s.slow || h.mute
		master := h.state[key] == vrrp.Master
		switch {
		case master && h.mute:
			s.mute++
		case master:
			s.masters++
		}
		if !vr.Shutdown && !c.lan.now.Before(c.held[holder{h, key}]) {
			s.able++
		}
		if h.kernelDone(key) && h.kernel.installed[key] != master {
			c.report("%s: %s is %s, addresses installed: %t", key, h.Name, h.state[key], h.kernel.installed[key])
		}
	}
	for i, s := range sides {
		limit := c.timeToHear(c.slowest[key])
		if s.slow {
			limit += timeToFail * c.slowest[key]
		}
		c.allow(wrong{key, i, manyMasters}, s.masters > 1 || s.masters == 1 && s.mute > 0, limit)
		c.allow(wrong{key, i, noMaster}, s.masters+s.mute == 0 && s.able > 0, c.timeToTakeOver(c.slowest[key]))
	}
}

// timeToHear is the time limit until one of two Masters has heard the other.
func (c *checker) timeToHear(slowest time.Duration) time.Duration {
	adverts := 1
	if loss := c.lan.o.Loss; loss > 0 {
		// The probability that this many are lost in a row is one in a billion.
		adverts = int(math.Ceil(math.Log(1e-9) / math.Log(loss)))
	}
	return time.Duration(adverts)*slowest + 2*c.transit()
}

// timeToTakeOver is the longest Master_Down_Interval, with the maximum Skew_Time of one
// interval.
func (c *checker) timeToTakeOver(slowest time.Duration) time.Duration {
	return 4*slowest + c.transit()
}

// transit is the longest time that a message and its handling take.
func (c *checker) transit() time.Duration {
	o := &c.lan.o
	return o.Delay + o.Jitter + o.Late + time.Millisecond
}

// allow records whether a condition is wrong, and reports it if it lasts longer than limit.
func (c *checker) allow(w wrong, is bool, limit time.Duration) {
	from, was := c.since[w]
	if was {
		if c.disturbAt.After(from) {
			from = c.disturbAt
		}
		if d := c.lan.now.Sub(from); d > limit {
			c.report("%s: %s for %s, at most %s allowed", w.key, [...]string{"several Masters", "no Master"}[w.what], d, limit)
			was = false
		}
	}
	switch {
	case !is:
		delete(c.since, w)
	case !was:
		c.since[w] = c.lan.now
	}
}

func (c *checker) report(format string, args ...any) {
	c.violations = append(c.violations, c.lan.Elapsed().String()+" "+fmt.Sprintf(format, args...))
}

// find returns the configuration of a virtual router; nil if the host does not have it.
func (h *Host) find(key engine.Key) *engine.VirtualRouter {
	for i := range h.cfg.Routers {
		if h.cfg.Routers[i].Key == key {
			return &h.cfg.Routers[i]
		}
	}
	return nil
}
