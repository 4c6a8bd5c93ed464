// SPDX-License-Identifier: GPL-3.0-only

package engine

// historyLen is how many transitions each virtual router keeps.
const historyLen = 32

// history keeps the last transitions. Slices that last has returned are never
// overwritten: add appends behind them and reallocates when there is no room.
type history struct {
	all []Transition
}

func (h *history) add(t Transition) {
	if len(h.all) == 2*historyLen {
		h.all = append(make([]Transition, 0, 2*historyLen), h.all[len(h.all)-historyLen+1:]...)
	}
	h.all = append(h.all, t)
}

// last returns the last historyLen transitions, oldest first.
func (h *history) last() []Transition {
	from := max(0, len(h.all)-historyLen)
	return h.all[from:len(h.all):len(h.all)]
}
