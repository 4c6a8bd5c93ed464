// SPDX-License-Identifier: GPL-3.0-only

package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"vrrpsh/engine/vrrp"
)

// StaticRoute is a route that is in the kernel while this router is Master.
type StaticRoute struct {
	Destination netip.Prefix
	NextHop     netip.Addr
	Metric      uint32
	MTU         uint32 // 0: that of the interface
	// Bound is the virtual router whose Master has the route; the zero Key: any of them.
	Bound Key
}

// String returns for example "10.0.0.0/8 via 192.0.2.1".
func (r StaticRoute) String() string { return r.Destination.String() + " via " + r.NextHop.String() }

// DesiredRoutes are the static routes that the kernel shall have. The newest counts; Seq
// comes back with RoutesInstalled.
type DesiredRoutes struct {
	Seq    uint64
	Routes []DesiredRoute // read only
}

// DesiredRoute is a configured route.
type DesiredRoute struct {
	StaticRoute
	Active bool // the route shall be in the kernel
}

// RouteState says how far a static route has got.
type RouteState uint8

// The states of static routes.
const (
	RouteWithdrawn RouteState = iota // nobody is Master
	RoutePending                     // on the way into the kernel
	RouteInstalled
	RouteFailed // the kernel refused it; it is tried again
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

// RouteStatus is what can be seen of a static route.
type RouteStatus struct {
	StaticRoute
	State RouteState
	// Fault is why the kernel refused it the last time, empty when it did not.
	Fault string
}

// A route that the kernel refuses, because its next hop cannot be reached as a rule, is
// tried again after routeRetryMin, then after twice that and so on, and at once when an interface changes.
const (
	routeRetryMin = time.Second
	routeRetryMax = time.Minute
)

// routing is what the Core knows of the static routes.
type routing struct {
	masters int           // how many groups are Master
	status  []RouteStatus // shared with snapshots, never changed in place
	seq     uint64        // of the last DesiredRoutes
	pending bool          // which was not answered yet
	again   bool          // something was lost meanwhile
	repairs repairs
	quiet   bool      // the last transition was not told
	retryAt time.Time // zero: nothing failed
	wait    time.Duration
}

// setRoutes makes routes the configured ones. Those that stay keep their state.
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

// steer follows who is Master: it asks for the routes that shall be there, if they are others than before.
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

// routeEvent tells of a route, as quietly as of the transition that it follows.
func (c *Core) routeEvent(now time.Time, text string, out *Output) {
	c.event(now, EventRoute, Key{}, text, out)
	out.Events[len(out.Events)-1].Quiet = c.routing.quiet
}

// routeWanted tells whether a route shall be in the kernel.
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

// routeAgain asks for all routes as they shall be.
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

// RoutesInstalled tells what came of a DesiredRoutes, by route: nil when the kernel has what it shall
// have. Answers to other than the newest mean nothing.
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

// RoutesLost tells that an installed route was removed from outside, as the kernel does
// itself when an interface goes down. It is put back, but not without end at once.
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

// routeRetry tries again what failed, since an interface has changed or the time has come.
func (c *Core) routeRetry(out *Output) {
	if !c.routing.retryAt.IsZero() {
		c.routeAgain(out)
	}
}
