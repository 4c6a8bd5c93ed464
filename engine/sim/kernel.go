// SPDX-License-Identifier: GPL-3.0-only

package sim

import (
	"errors"

	"vrrpsh/engine"
)

var (
	errRefused = errors.New("refused by the simulated kernel")
	errUnsent  = errors.New("not sent by the simulated kernel")
)

// kernel holds the addresses of a host. It does one piece of work at a time, and only the
// newest of each virtual router.
type kernel struct {
	waiting   []engine.Key
	desired   map[engine.Key]engine.Desired // waiting, by virtual router
	busy      bool
	installed map[engine.Key]bool
}

type work struct{ desired engine.Desired }

type answer struct {
	key engine.Key
	seq uint64
	err error
}

// desire hands a Desired to the kernel.
func (h *Host) desire(d engine.Desired) {
	k := &h.kernel
	if _, ok := k.desired[d.Key]; !ok {
		k.waiting = append(k.waiting, d.Key)
	}
	k.desired[d.Key] = d
	h.work()
}

// work makes the kernel start the next piece.
func (h *Host) work() {
	k := &h.kernel
	if k.busy || len(k.waiting) == 0 {
		return
	}
	key := k.waiting[0]
	k.waiting = k.waiting[1:]
	w := &work{desired: k.desired[key]}
	delete(k.desired, key)
	k.busy = true
	ready := h.lan.now.Add(h.lan.o.Work + h.lan.upTo(h.lan.o.WorkJitter))
	h.lan.queue.push(event{at: ready, host: h, life: h.life, work: w})
}

// worked handles the end of a piece of work.
func (h *Host) worked(w *work) {
	d := w.desired
	a := answer{key: d.Key, seq: d.Seq}
	if d.Active && (h.refuses || h.lan.chance(h.lan.o.Refuse)) {
		a.err = errRefused
	} else {
		h.kernel.installed[d.Key] = d.Active
	}
	h.kernel.busy = false
	h.answers = append(h.answers, a)
	h.work()
	if !h.stalled {
		h.turn()
	}
	h.lan.checker.check(d.Key)
}

// kernelDone reports whether the kernel has done all work for a virtual router, and
// the host has its answer.
func (h *Host) kernelDone(key engine.Key) bool {
	_, waits := h.kernel.desired[key]
	return !waits && !h.kernel.busy && len(h.answers) == 0
}
