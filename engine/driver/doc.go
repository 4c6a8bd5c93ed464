// SPDX-License-Identifier: GPL-3.0-only

// Package driver runs an engine.Core on an operating system: one loop owns the
// clock, the Core and the sockets; one actuator goroutine does the kernel work that
// may take long.
//
// A turn of the loop reads every waiting packet before it lets a timer fire, so
// that a delayed router listens before it becomes Master.
package driver
