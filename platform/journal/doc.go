// SPDX-License-Identifier: GPL-3.0-only

// Package journal is the router's log. It keeps entries in memory for the shell, and sends them to
// followers and to standard error or the log files. All settings can change while
// the router runs.
package journal
