// SPDX-License-Identifier: GPL-3.0-only

// Package metrics writes the running state as Prometheus reads it (text-based exposition format, version 0.0.4).
//
// The format is a few lines to write, and with thousands of virtual routers a scrape is tens of thousands of
// samples: they are appended to one buffer, without an object for each.
package metrics
