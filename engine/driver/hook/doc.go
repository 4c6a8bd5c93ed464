// SPDX-License-Identifier: GPL-3.0-only

// Package hook runs programs for events: each hook runs one program at a time, in the order of the events.
// No caller waits for it.
//
// While a hook is slow, its events wait. When more than 256 events wait, only the newest transition of
// each virtual router is kept and other events are dropped: a hook always learns the last state of every
// virtual router. The next event says how many were dropped.
package hook
