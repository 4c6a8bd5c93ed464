// SPDX-License-Identifier: GPL-3.0-only

// Package driver runs an engine.Core on an operating system: one loop owns the
// clock, the Core and the sockets; one actuator goroutine does the work that the
// kernel may take long for.
//
// A turn of the loop reads every packet that waits before it lets a timer fire, so
// that a router that was held up listens before it asserts itself.
package driver
