// SPDX-License-Identifier: GPL-3.0-only

// Package hook runs programs for events: each hook one at a time, in the order of the events, and
// without anybody waiting for it.
//
// While a hook is slow, its events wait. When more than 256 do, only the newest transition of
// each virtual router is kept and other events are left out: the last state of every virtual router is told in
// any case. The next event that is told says how many were left out.
package hook
