// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"errors"
	"fmt"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// The kernel state is compared with the desired state every reconcilePeriod, at once when kernel notifications were lost or
// show a difference, and after a failure: first after retryPause, then after twice that time and so on.
const reconcilePeriod = 30 * time.Second

// reconciler is the loop's state of this comparison.
type reconciler struct {
	at    time.Time     // when the next comparison is due
	last  time.Time     // when the last comparison began
	wait  time.Duration // the pause before the last retry; 0: nothing has failed
	busy  bool          // a comparison is in progress
	again bool          // another comparison is needed after it
	fault string        // the fault that was logged
}

// reconcileSoon schedules a comparison as soon as possible, but not more often than every retryPause.
func (r *reconciler) reconcileSoon(now time.Time) {
	if r.busy {
		r.again = true
		return
	}
	at := now
	if next := r.last.Add(retryPause); !r.last.IsZero() && next.After(at) {
		at = next
	}
	r.at = earliest(r.at, at)
}

// refused schedules a comparison and a retry after a failure. The pauses grow as long as retries fail.
func (r *reconciler) refused(now time.Time) {
	if r.wait == 0 && !r.busy {
		r.at = earliest(r.at, now.Add(retryPause))
	}
	r.again = r.again || r.busy && r.wait == 0
}

// reconcile begins a comparison.
func (l *loop) reconcile(now time.Time) {
	l.reconciler.at, l.reconciler.last, l.reconciler.busy = time.Time{}, now, true
	l.actuator.reconcile()
}

// reconciled handles the result of a comparison.
func (l *loop) reconciled(now time.Time, r reconciliation) {
	c := &l.reconciler
	c.busy = false
	for _, id := range r.lost {
		l.core.Lost(now, engine.Key{Interface: id.Link, Family: vrrp.Family(id.Family), VRID: id.VRID}, &l.out)
		l.take(now)
	}
	if r.routesLost {
		l.core.RoutesLost(now, &l.out)
		l.take(now)
	}
	pause := reconcilePeriod
	if r.err != nil || r.failed > 0 {
		c.wait = min(max(2*c.wait, retryPause), reconcilePeriod)
		pause = c.wait
	} else {
		c.wait = 0
	}
	c.at = now.Add(pause)
	if c.again {
		c.again = false
		c.reconcileSoon(now)
	}
	l.tellKernelFault(r)
}

// tellKernelFault logs how the kernel state differs from the desired state, once until that changes.
func (l *loop) tellKernelFault(r reconciliation) {
	var errs []error
	if r.failed > 0 {
		errs = append(errs, fmt.Errorf("virtual routers with wrong kernel state: %d", r.failed))
	}
	fault := ""
	if err := errors.Join(append(errs, r.err)...); err != nil {
		fault = err.Error()
	}
	switch {
	case fault == l.reconciler.fault:
	case fault == "":
		l.driver.journal.info("the kernel state is correct again")
	default:
		l.driver.journal.warn("the kernel state could not be corrected; trying again", "error", fault)
	}
	l.reconciler.fault = fault
}
