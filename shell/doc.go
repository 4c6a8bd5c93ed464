// SPDX-License-Identifier: GPL-3.0-only

// Package shell is a session with the router: it executes one line at a time
// and writes text. Package term gives it a terminal, package remote a control socket.
package shell
