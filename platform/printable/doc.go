// SPDX-License-Identifier: GPL-3.0-only

// Package printable makes foreign text, such as names, comments and the output of programs, safe to write to a terminal.
package printable
