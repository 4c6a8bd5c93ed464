// SPDX-License-Identifier: GPL-3.0-only

// Package api is the HTTP API: the running state as JSON, over TCP with users and
// sessions, and over the control socket, where the peer's credentials suffice.
package api
