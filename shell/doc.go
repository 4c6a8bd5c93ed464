// SPDX-License-Identifier: GPL-3.0-only

// Package shell implements a session with the router: it executes one line at a time and writes
// text. Package term connects a session to a terminal, package remote to a control socket.
package shell
