// SPDX-License-Identifier: GPL-3.0-only

// Package metrics writes the running state in the format of Prometheus (text-based exposition format, version 0.0.4).
//
// The package writes the format itself: that takes only a few lines, and with thousands of virtual routers a scrape
// has tens of thousands of samples. They are appended to one buffer, without allocating an object for each sample.
package metrics
