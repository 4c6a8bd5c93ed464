// SPDX-License-Identifier: GPL-3.0-only

// Package printable makes text from elsewhere, such as names, comments and what programs print, safe to write to a terminal.
package printable
