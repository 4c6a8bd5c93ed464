// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"errors"
	"fmt"
	"time"

	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
)

// The kernel is compared with what it shall have every reconcilePeriod, at once when notifications of it were lost or
// tell of a difference, and after something could not be done: after retryPause first, then after twice that and so on.
const reconcilePeriod = 30 * time.Second

// reconciler is what the loop knows of it.
type reconciler struct {
	at    time.Time     // when it is time
	last  time.Time     // when it was begun the last time
	wait  time.Duration // before the last attempt to do what could not be done; 0: everything could
	busy  bool          // it is under way
	again bool          // something has happened meanwhile
	fault string        // what could not be done, as it was told
}

// reconcileSoon has the kernel compared, but not more often than every retryPause.
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

// refused has it compared and tried again after something could not be done. While that is so, the pauses grow.
func (r *reconciler) refused(now time.Time) {
	if r.wait == 0 && !r.busy {
		r.at = earliest(r.at, now.Add(retryPause))
	}
	r.again = r.again || r.busy && r.wait == 0
}

// reconcile begins.
func (l *loop) reconcile(now time.Time) {
	l.reconciler.at, l.reconciler.last, l.reconciler.busy = time.Time{}, now, true
	l.actuator.reconcile()
}

// reconciled takes over what came of it.
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

// tellKernelFault logs what the kernel cannot be made, once as long as it stays the same.
func (l *loop) tellKernelFault(r reconciliation) {
	var errs []error
	if r.failed > 0 {
		errs = append(errs, fmt.Errorf("virtual routers that are not as they shall be: %d", r.failed))
	}
	fault := ""
	if err := errors.Join(append(errs, r.err)...); err != nil {
		fault = err.Error()
	}
	switch {
	case fault == l.reconciler.fault:
	case fault == "":
		l.driver.journal.info("the kernel is as it shall be again")
	default:
		l.driver.journal.warn("the kernel is not as it shall be; trying again", "error", fault)
	}
	l.reconciler.fault = fault
}
