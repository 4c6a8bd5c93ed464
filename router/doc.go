// SPDX-License-Identifier: GPL-3.0-only

// Package router assembles a router: the engine, the configuration, the shell, the API, the SSH server and
// their listeners. Program runs a router as a process, in the foreground or as a daemon, and restarts it into
// the next release.
package router
