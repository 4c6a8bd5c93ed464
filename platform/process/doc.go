// SPDX-License-Identifier: GPL-3.0-only

// Package process is the router as a process of the operating system: its PID file, its
// way into the background, and what it tells the service manager.
package process
