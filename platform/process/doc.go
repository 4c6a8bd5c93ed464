// SPDX-License-Identifier: GPL-3.0-only

// Package process handles the router as a process of the operating system: its PID file, its
// start in the background, and its messages to the service manager.
package process
