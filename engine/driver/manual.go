// SPDX-License-Identifier: GPL-3.0-only

package driver

import (
	"time"

	"vrrpsh/platform"
)

// Manual runs a Driver step by step in place of Run. One goroutine calls its methods and decides what happens when, so
// that a simulation can replay it. Nothing is logged, and nothing watches interfaces (see Update) or claims.
type Manual struct {
	driver *Driver
	loop   *loop
}

// Manual begins like Run and returns at once. If it fails, the Driver has ended, otherwise End must follow.
func (d *Driver) Manual() (*Manual, error) {
	if d.started.Swap(true) {
		return nil, errStarted
	}
	l, err := d.open()
	if err != nil {
		d.end()
		return nil, err
	}
	return &Manual{d, l}, nil
}

// Deadline returns when Turn must be called next although nothing happens; the zero time means never. Turn must be called
// earlier when the System has packets or was woken.
func (m *Manual) Deadline() time.Time { return m.loop.until() }

// Turn is one turn of the loop.
func (m *Manual) Turn() { m.loop.turn(m.driver.now()) }

// Leaving reports whether HandOver was called.
func (m *Manual) Leaving() bool { return m.loop.leaving }

// Left reports whether HandOver was called and all kernel work is done: then there must be no further Turn, and End must
// follow. It may send adverts.
func (m *Manual) Left() bool { return m.loop.left() }

// Stop begins to stop every virtual router. There must be no further Turn, and End must follow when Work returns nil.
func (m *Manual) Stop() {
	m.loop.stop()
	m.loop.actuator.end()
}

// Update reports a change of the interfaces, like System.Watch; whole is set if it has all interfaces.
func (m *Manual) Update(u platform.Update, whole bool) {
	m.driver.mail.post(m.driver.system, func(l *loop, now time.Time) { l.watched(now, u, whole) })
}

// Work is a unit of the actuator's work.
type Work struct {
	actuator *actuator
	work
	report func()
}

// Work takes the next unit of work; nil if there is none. It must be done and reported before the next is taken.
func (m *Manual) Work() *Work {
	w, _, _ := m.loop.actuator.next()
	if w.empty() {
		return nil
	}
	return &Work{actuator: m.loop.actuator, work: w}
}

// Do makes the system calls.
func (w *Work) Do() { w.report = w.actuator.do(w.work) }

// Report gives the loop their results.
func (w *Work) Report() { w.report() }

// End closes the System, or leaves it to another Driver after HandOver.
func (m *Manual) End() error {
	defer m.driver.end()
	m.driver.tracker.Close(0)
	return m.driver.finish(m.loop, m.loop.leaving, nil)
}
