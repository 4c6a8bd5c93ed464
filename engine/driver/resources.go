// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"context"
	"time"
)

// LateBounds are the upper bounds of the classes of Resources.Late. The last class has no bound.
var LateBounds = [...]time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond,
	20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, time.Second,
}

// Resources describes the load of the loop.
type Resources struct {
	Turns      uint64
	Received   uint64 // adverts, before any check
	Lost       uint64 // adverts that came faster than they were read
	Sent       uint64 // adverts
	SendErrors uint64 // adverts that could not be sent
	Announced  uint64 // gratuitous ARP and Neighbor Advertisements sent

	// Late counts the timers' deadlines by the delay with which the loop met them. TotalLate is the sum of the
	// delays, MaxLate the longest delay. LongestTurn is the longest time that one turn of the loop took.
	Late        [len(LateBounds) + 1]uint64
	TotalLate   time.Duration
	MaxLate     time.Duration
	LongestTurn time.Duration

	Sockets              int
	AnnouncementsWaiting int // not sent yet
	KernelWaiting        int // virtual routers whose kernel state is not changed yet
	// KernelFault says how the kernel state differed from the desired state at the last attempt; empty: it did not.
	KernelFault string
}

// Resources returns the load of the loop since Run began.
func (d *Driver) Resources(ctx context.Context) (Resources, error) {
	result := make(chan Resources, 1)
	err := d.do(ctx, func(l *loop, _ time.Time) {
		r := l.resources
		r.Sockets = len(l.sockets)
		r.AnnouncementsWaiting = l.announcer.waiting
		r.KernelWaiting = l.actuator.waiting()
		r.KernelFault = l.reconciler.fault
		result <- r
	})
	if err != nil {
		return Resources{}, err
	}
	return <-result, nil
}

// late records by how much the loop missed a deadline.
func (r *Resources) late(by time.Duration) {
	class := 0
	for class < len(LateBounds) && by > LateBounds[class] {
		class++
	}
	r.Late[class]++
	r.TotalLate += by
	r.MaxLate = max(r.MaxLate, by)
}
