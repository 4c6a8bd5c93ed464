// SPDX-License-Identifier: GPL-3.0-only

// Package api is the HTTP API. It serves the running state as JSON: over TCP to users with
// sessions, and over the control socket, where the peer's credentials are sufficient.
package api
