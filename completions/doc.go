// SPDX-License-Identifier: GPL-3.0-only

// Package completions defines the command line as data: the commands, their syntax, the modes and
// levels that allow them, and what can be typed next. A compiled Tree parses lines with
// abbreviations, explains their errors, completes them and writes the command reference. It
// executes nothing.
package completions
