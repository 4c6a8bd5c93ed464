// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"vrrpsh/engine"
	"vrrpsh/platform"
)

// applyBatch is the number of virtual routers in one System.Apply: enough to be efficient, few enough that sockets and answers
// do not wait long. If very many wait, it is a part of them, since each call also costs by all that there are.
const (
	applyBatch = 128
	applyPart  = 8
)

// actuator does the kernel work that may take long, in its own goroutine. It opens sockets
// first. Then it removes addresses, so that a router that lost them to another router stops
// answering. It installs addresses last.
type actuator struct {
	system platform.System
	// opened and reached report the results; opened returns false if
	// the Conn is no longer needed.
	opened  func(platform.Conn, opening, error) bool
	reached func([]outcome)
	// routed reports the results of static routes.
	routed func(engine.DesiredRoutes, []error)
	// reconciled reports the result of reconcile.
	reconciled func(reconciliation)

	// failed holds the Desireds that the system could not apply. Only run uses it.
	failed map[engine.Key]engine.Desired

	signal chan struct{} // there is work, or run must end

	mu     sync.Mutex
	opens  []opening
	closes []platform.Conn
	// want holds the newest waiting Desired of each virtual router. A key may
	// be in both lists; the list that is processed first takes it.
	want         map[engine.Key]waiting
	leave, enter []engine.Key
	routes       *engine.DesiredRoutes // waiting routes; nil: none
	late         *engine.DesiredRoutes // routes that must wait until the addresses are installed
	compare      bool                  // reconcile was requested
	busy         bool                  // the work that next returned last is in progress
	leaving      bool                  // the loop waits until no work is left
	ended        bool
}

// opening asks for the sockets of an interface.
type opening struct {
	key    socketKey
	source netip.Addr
}

type waiting struct {
	desired engine.Desired
	leaving bool // the key is in leave
}

// outcome is the result of a Desired.
type outcome struct {
	desired engine.Desired
	err     error
}

func newActuator(s platform.System) *actuator {
	return &actuator{
		system: s, signal: make(chan struct{}, 1), want: make(map[engine.Key]waiting), failed: make(map[engine.Key]engine.Desired),
	}
}

// desire requests kernel states.
func (a *actuator) desire(list []engine.Desired) {
	a.mu.Lock()
	for _, d := range list {
		w, queued := a.want[d.Key]
		w.desired = d
		switch {
		case !d.Active && !w.leaving:
			w.leaving = true
			a.leave = append(a.leave, d.Key)
		case !queued:
			a.enter = append(a.enter, d.Key)
		}
		a.want[d.Key] = w
	}
	a.mu.Unlock()
	a.wake()
}

// route requests static routes.
func (a *actuator) route(r engine.DesiredRoutes) {
	a.mu.Lock()
	a.routes, a.late = &r, nil
	a.mu.Unlock()
	a.wake()
}

// reconcile requests a comparison of the kernel state with the desired state, once no other work is left.
func (a *actuator) reconcile() {
	a.mu.Lock()
	a.compare = true
	a.mu.Unlock()
	a.wake()
}

// open requests sockets; close requests that a Conn that the loop no longer uses is closed.
func (a *actuator) open(o opening) {
	a.mu.Lock()
	a.opens = append(a.opens, o)
	a.mu.Unlock()
	a.wake()
}

func (a *actuator) close(c platform.Conn) {
	a.mu.Lock()
	a.closes = append(a.closes, c)
	a.mu.Unlock()
	a.wake()
}

// finish makes run wake the System whenever no work is left.
func (a *actuator) finish() {
	a.mu.Lock()
	a.leaving = true
	a.mu.Unlock()
	a.wake()
}

// idle reports whether no work is left and all results were reported.
func (a *actuator) idle() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.busy && len(a.opens)+len(a.closes)+len(a.want) == 0 && a.routes == nil && a.late == nil
}

// end lets run return once all work is done.
func (a *actuator) end() {
	a.mu.Lock()
	a.ended = true
	a.mu.Unlock()
	a.wake()
}

func (a *actuator) wake() {
	select {
	case a.signal <- struct{}{}:
	default:
	}
}

// waiting returns the number of virtual routers that wait.
func (a *actuator) waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.want)
}

func (a *actuator) run() {
	for {
		w, leaving, ended := a.next()
		switch {
		case !w.empty():
			a.do(w)()
		case ended:
			return
		default:
			if leaving {
				a.system.Wake()
			}
			<-a.signal
		}
	}
}

// do makes the system calls of a unit of work, and returns the function that reports the results.
func (a *actuator) do(w work) (report func()) {
	switch {
	case w.open != nil:
		return a.openOne(*w.open)
	case len(w.batch) > 0:
		outcomes := a.apply(w.batch)
		if w.leaving {
			outcomes = a.putOffConflicts(outcomes)
		}
		return func() { a.reached(outcomes) }
	case w.routes != nil:
		return a.setRoutes(w.routes)
	case w.reconcile:
		return a.reconcileNow()
	}
	for _, c := range w.closes {
		_ = c.Close() // nothing depends on the result
	}
	return func() {}
}

func (a *actuator) openOne(o opening) (report func()) {
	c, err := a.system.Open(o.key.link, platform.Family(o.key.family), o.source)
	return func() {
		if !a.opened(c, o, err) && err == nil {
			_ = c.Close() // it was never used
		}
	}
}

// openAll opens the requested sockets before run is called.
func (a *actuator) openAll() {
	a.mu.Lock()
	list := a.opens
	a.opens = nil
	a.mu.Unlock()
	for _, o := range list {
		a.openOne(o)()
	}
}

// work is one unit of work: only one of these fields is set.
type work struct {
	open   *opening
	closes []platform.Conn
	batch  []engine.Desired
	// leaving is set if batch is of those that are not to have addresses.
	leaving bool
	routes  *engine.DesiredRoutes
	// reconcile compares the kernel state with the desired state.
	reconcile bool
}

func (w *work) empty() bool {
	return w.open == nil && len(w.closes) == 0 && len(w.batch) == 0 && w.routes == nil && !w.reconcile
}

// next takes the next unit of work.
func (a *actuator) next() (w work, leaving, ended bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case len(a.opens) > 0:
		w.open, a.opens = &a.opens[0], a.opens[1:]
	case len(a.closes) > 0:
		w.closes, a.closes = a.closes, nil
	default:
		if w.batch, a.leave = a.batch(a.leave); len(w.batch) > 0 {
			w.leaving = true
			break
		}
		// Traffic arrives with the addresses and needs its routes then.
		if w.routes, a.routes = a.routes, nil; w.routes != nil {
			break
		}
		if w.batch, a.enter = a.batch(a.enter); len(w.batch) > 0 {
			break
		}
		if w.routes, a.late = a.late, nil; w.routes != nil {
			break
		}
		w.reconcile, a.compare = a.compare && !a.leaving && !a.ended, false
	}
	a.busy = !w.empty() && !w.reconcile
	return w, a.leaving, a.ended
}

// batch takes the waiting Desireds of the first keys of a list.
func (a *actuator) batch(keys []engine.Key) (batch []engine.Desired, rest []engine.Key) {
	limit := max(applyBatch, len(keys)/applyPart)
	for len(keys) > 0 && len(batch) < limit {
		if w, ok := a.want[keys[0]]; ok {
			batch = append(batch, w.desired)
			delete(a.want, keys[0])
		}
		keys = keys[1:]
	}
	return batch, keys
}

func (a *actuator) apply(batch []engine.Desired) []outcome {
	attachments := make([]platform.Attachment, len(batch))
	for i := range batch {
		attachments[i] = attachment(&batch[i])
	}
	errs := a.system.Apply(attachments)
	outcomes := make([]outcome, len(batch))
	for i := range batch {
		outcomes[i] = outcome{batch[i], errs[i]}
		if errs[i] != nil {
			a.failed[batch[i].Key] = batch[i]
		} else {
			delete(a.failed, batch[i].Key)
		}
	}
	return outcomes
}

// putOffConflicts retries what met a conflict, unless a newer Desired waits, after the other waiting ones: one of these may be about to
// remove the macvlan whose name it needs. It returns the other outcomes.
func (a *actuator) putOffConflicts(outcomes []outcome) []outcome {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.leave)+len(a.enter) == 0 {
		return outcomes
	}
	return slices.DeleteFunc(outcomes, func(o outcome) bool {
		key := o.desired.Key
		if _, newer := a.want[key]; newer || !errors.Is(o.err, platform.ErrConflict) {
			return false
		}
		a.want[key] = waiting{desired: o.desired}
		a.enter = append(a.enter, key)
		return true
	})
}

// reconciliation is the result of comparing the kernel state with the desired state.
type reconciliation struct {
	lost       []platform.ID
	routesLost bool
	failed     int // virtual routers that the system still cannot apply
	err        error
}

// reconcileNow retries what failed, unless a newer Desired waits, and then has the System compare the kernel state.
func (a *actuator) reconcileNow() (report func()) {
	var batch []engine.Desired
	a.mu.Lock()
	for _, key := range slices.SortedFunc(maps.Keys(a.failed), engine.Key.Compare) {
		if _, newer := a.want[key]; !newer {
			batch = append(batch, a.failed[key])
		}
	}
	a.mu.Unlock()
	var outcomes []outcome
	for part := range slices.Chunk(batch, applyBatch) {
		outcomes = append(outcomes, a.apply(part)...)
	}
	var r reconciliation
	if s, ok := a.system.(platform.Reconciler); ok {
		r.lost, r.routesLost, r.err = s.Reconcile()
	}
	r.failed = len(a.failed)
	return func() {
		if len(outcomes) > 0 {
			a.reached(outcomes)
		}
		a.reconciled(r)
	}
}

func (a *actuator) setRoutes(d *engine.DesiredRoutes) (report func()) {
	routes := make([]platform.Route, len(d.Routes))
	for i := range d.Routes {
		r := &d.Routes[i]
		routes[i] = platform.Route{
			Destination: r.Destination, NextHop: r.NextHop, Metric: r.Metric, MTU: r.MTU, Active: r.Active,
		}
	}
	errs := a.system.SetRoutes(routes)
	if slices.ContainsFunc(errs, func(err error) bool { return err != nil }) && a.putOff(d) {
		return func() {}
	}
	return func() { a.routed(*d, errs) }
}

// putOff retries routes after the waiting addresses are installed: the next hops may be reachable only through them.
func (a *actuator) putOff(d *engine.DesiredRoutes) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.enter) == 0 {
		return false
	}
	if a.routes == nil {
		a.late = d
	}
	return true
}

func attachment(d *engine.Desired) platform.Attachment {
	return platform.Attachment{
		ID:      platform.ID{Link: d.Key.Interface, Family: platform.Family(d.Key.Family), VRID: d.Key.VRID},
		Link:    d.Link,
		Macvlan: d.Type == engine.Macvlan,
		Name:    d.VIFName,
		MAC:     d.MAC,
		SetMAC:  d.VMAC && d.Type == engine.Ether,
		IOCTL:   d.IOCTL,
		Addrs:   d.Addrs,
		Owned:   d.Owned,
		Present: d.Present,
		Active:  d.Active,
		Closed:  d.Closed,
		Ping:    d.AcceptPing,
	}
}
