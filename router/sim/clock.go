// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"strconv"
	"time"
	"unsafe"
)

// clock is a machine's. Its monotonic reading drifts, its wall clock can be stepped as well.
type clock struct {
	s    *scheduler
	wall time.Time     // what the wall clock shows at mono 0
	from time.Duration // of the scheduler, when the rate was set
	mono time.Duration // the monotonic reading then
	rate float64       // how fast it runs; 1: right
	boot int           // how often the machine was rebooted
}

func newClock(s *scheduler, wall time.Time) *clock {
	return &clock{s: s, wall: wall, from: s.now, mono: time.Hour, rate: 1}
}

// reading is the monotonic one.
func (c *clock) reading() time.Duration {
	return c.mono + time.Duration(float64(c.s.now-c.from)*c.rate)
}

// now returns the time as time.Now does, with both readings.
func (c *clock) now() time.Time {
	m := c.reading()
	return stamp(c.wall.Add(m), m)
}

// uptime is a clock that is never set.
func (c *clock) uptime() (boot string, up time.Duration) { return strconv.Itoa(c.boot), c.reading() }

// step sets the wall clock forward or back.
func (c *clock) step(d time.Duration) { c.wall = c.wall.Add(d) }

// reboot begins the monotonic reading anew; the wall clock goes on.
func (c *clock) reboot() {
	wall := c.now().Round(0)
	c.boot++
	c.from, c.mono = c.s.now, time.Minute
	c.wall = wall.Add(-c.mono)
}

// drift makes the clock run at another rate.
func (c *clock) drift(rate float64) {
	c.mono, c.from, c.rate = c.reading(), c.s.now, rate
}

// when returns when a time by this clock comes, in the scheduler's time.
func (c *clock) when(t time.Time) time.Duration { return c.s.now + c.after(t.Sub(c.now())) }

// after returns how long a duration by this clock takes, rounded up.
func (c *clock) after(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(float64(d)/c.rate) + 1
}

// layout is that of time.Time, which has no other way to get a monotonic reading than from the operating system's clock. TestStamp
// holds it against package time.
type layout struct {
	wall uint64
	ext  int64
	loc  *time.Location
}

const (
	hasMonotonic = 1 << 63
	secondsShift = 30
	// wallEpoch is the Unix time of 1885, from which seconds are counted beside a monotonic reading.
	wallEpoch = -2682288000
)

// stamp returns a time with a monotonic reading.
func stamp(wall time.Time, mono time.Duration) time.Time {
	t := time.Unix(0, 0)
	l := (*layout)(unsafe.Pointer(&t))
	l.wall = hasMonotonic | uint64(wall.Unix()-wallEpoch)<<secondsShift | uint64(wall.Nanosecond())
	l.ext = int64(mono)
	return t
}
