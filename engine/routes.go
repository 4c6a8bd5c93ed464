// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine/vrrp"
)

// StaticRoute is a route that the kernel has while this router is Master.
type StaticRoute struct {
	Destination netip.Prefix
	NextHop     netip.Addr
	Metric      uint32
	MTU         uint32 // 0: the MTU of the interface
	// Bound is the virtual router that must be Master; the zero Key: any virtual router.
	Bound Key
}

// String returns for example "10.0.0.0/8 via 192.0.2.1".
func (r StaticRoute) String() string { return r.Destination.String() + " via " + r.NextHop.String() }

// DesiredRoutes are the static routes that the kernel must have. Only the newest counts;
// RoutesInstalled passes Seq back.
type DesiredRoutes struct {
	Seq    uint64
	Routes []DesiredRoute // read only
}

// DesiredRoute is a configured route.
type DesiredRoute struct {
	StaticRoute
	Active bool // the route must be in the kernel
}

// RouteState is the state of a static route.
type RouteState uint8

// The states of static routes.
const (
	RouteWithdrawn RouteState = iota // not wanted: this router is not Master
	RoutePending                     // wanted, but the kernel has not confirmed it yet
	RouteInstalled
	RouteFailed // the kernel refused it; the Core tries again
)

// String returns "withdrawn", "pending", "installed" or "failed".
func (s RouteState) String() string {
	switch s {
	case RouteWithdrawn:
		return "withdrawn"
	case RoutePending:
		return "pending"
	case RouteInstalled:
		return "installed"
	case RouteFailed:
		return "failed"
	default:
		return fmt.Sprintf("RouteState(%d)", uint8(s))
	}
}

// RouteStatus is the visible state of a static route.
type RouteStatus struct {
	StaticRoute
	State RouteState
	// Fault is why the kernel refused the last request; empty if it did not.
	Fault string
}

// The kernel usually refuses a route because its next hop is unreachable. The Core tries again after
// routeRetryMin, doubles the wait each time up to routeRetryMax, and tries at once when an interface changes.
const (
	routeRetryMin = time.Second
	routeRetryMax = time.Minute
)

// routing is the Core's state of the static routes.
type routing struct {
	masters int           // how many groups are Master
	status  []RouteStatus // shared with snapshots, never changed in place
	seq     uint64        // of the last DesiredRoutes
	pending bool          // the last DesiredRoutes has no answer yet
	again   bool          // a route was lost while pending
	repairs repairs
	quiet   bool      // the event of the last transition was Quiet
	retryAt time.Time // zero: nothing failed
	wait    time.Duration
}

// setRoutes replaces the configured routes. Unchanged routes keep their state.
func (c *Core) setRoutes(now time.Time, routes []StaticRoute, out *Output) {
	r := &c.routing
	same := func(s RouteStatus, want StaticRoute) bool { return s.StaticRoute == want }
	if slices.EqualFunc(r.status, routes, same) {
		c.steer(now, out)
		return
	}
	status := make([]RouteStatus, len(routes))
	for i, want := range routes {
		status[i] = RouteStatus{StaticRoute: want}
		if j := slices.IndexFunc(r.status, func(s RouteStatus) bool { return same(s, want) }); j >= 0 {
			status[i] = r.status[j]
		}
	}
	r.status = status
	c.steer(now, out)
	c.routeAgain(out)
}

// steer updates the routes after a change of Master, and asks for them if the wanted routes have changed.
func (c *Core) steer(now time.Time, out *Output) {
	r := &c.routing
	var status []RouteStatus // the changed copy
	for i := range r.status {
		active := c.routeWanted(&r.status[i].StaticRoute)
		if active == (r.status[i].State != RouteWithdrawn) {
			continue
		}
		if status == nil {
			status = slices.Clone(r.status)
		}
		status[i].State, status[i].Fault = RouteWithdrawn, ""
		if active {
			status[i].State = RoutePending
		} else if r.status[i].State == RouteInstalled {
			c.routeEvent(now, "static route "+r.status[i].String()+" withdrawn", out)
		}
	}
	if status != nil {
		r.status = status
		c.routeAgain(out)
	}
}

// routeEvent reports a route. The event is Quiet if that of the transition before it was.
func (c *Core) routeEvent(now time.Time, text string, out *Output) {
	c.event(now, EventRoute, Key{}, text, out)
	out.Events[len(out.Events)-1].Quiet = c.routing.quiet
}

// routeWanted reports whether a route must be in the kernel.
func (c *Core) routeWanted(route *StaticRoute) bool {
	if c.stopped {
		return false
	}
	if route.Bound == (Key{}) {
		return c.routing.masters > 0
	}
	g := c.groups[route.Bound]
	return g != nil && g.state == vrrp.Master
}

// routeAgain asks for the wanted state of all routes.
func (c *Core) routeAgain(out *Output) {
	r := &c.routing
	c.seq++
	r.seq, r.pending, r.again, r.retryAt = c.seq, true, false, time.Time{}
	want := DesiredRoutes{Seq: c.seq, Routes: make([]DesiredRoute, len(r.status))}
	for i := range r.status {
		want.Routes[i] = DesiredRoute{r.status[i].StaticRoute, r.status[i].State != RouteWithdrawn}
	}
	out.Routes = append(out.Routes, want)
}

// RoutesInstalled reports the result of a DesiredRoutes, one error per route: nil if the kernel has the
// wanted state. The Core ignores answers to any but the newest DesiredRoutes.
func (c *Core) RoutesInstalled(now time.Time, seq uint64, errs []error, out *Output) {
	r := &c.routing
	if seq != r.seq || len(errs) != len(r.status) {
		return
	}
	r.pending = false
	status := slices.Clone(r.status)
	failed := false
	for i := range status {
		s := &status[i]
		switch err := errs[i]; {
		case err != nil:
			failed = true
			if s.Fault != err.Error() {
				c.event(now, EventFault, Key{}, fmt.Sprintf("static route %s: %v; trying again", s, err), out)
			}
			s.Fault = err.Error()
			if s.State != RouteWithdrawn {
				s.State = RouteFailed
			}
		case s.State == RouteWithdrawn:
			s.Fault = ""
		default:
			if s.State != RouteInstalled {
				c.routeEvent(now, "static route "+s.String()+" installed", out)
			}
			s.State, s.Fault = RouteInstalled, ""
		}
	}
	r.status = status
	if failed {
		r.wait = min(max(2*r.wait, routeRetryMin), routeRetryMax)
		r.retryAt = now.Add(r.wait)
	} else {
		r.wait = 0
	}
	if r.again {
		c.RoutesLost(now, out)
	}
}

// RoutesLost reports that an installed route was removed by another program or by the kernel,
// which does so when an interface goes down. The Core restores it, up to the limit for repairs.
func (c *Core) RoutesLost(now time.Time, out *Output) {
	r := &c.routing
	switch {
	case !slices.ContainsFunc(r.status, func(s RouteStatus) bool { return s.State == RouteInstalled }):
		return // there was nothing to lose
	case r.pending:
		r.again = true
		return
	case !r.repairs.allow(now):
		r.again = false
		r.retryAt = now.Add(repairWindow)
		text := fmt.Sprintf("removed from outside more than %d times in %s", repairLimit, repairWindow)
		c.event(now, EventFault, Key{}, "static routes "+text, out)
		r.status = slices.Clone(r.status)
		for i := range r.status {
			if s := &r.status[i]; s.State == RouteInstalled {
				s.State, s.Fault = RouteFailed, text
			}
		}
		return
	}
	c.event(now, EventFault, Key{}, "static routes removed from outside, putting them back", out)
	c.routeAgain(out)
}

// routeRetry retries failed routes, after an interface has changed or the wait has ended.
func (c *Core) routeRetry(out *Output) {
	if !c.routing.retryAt.IsZero() {
		c.routeAgain(out)
	}
}
