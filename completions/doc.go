// SPDX-License-Identifier: GPL-3.0-only

// Package completions holds the command line as data: which commands exist, how they
// are written, who may use them in which mode, and what can be typed next. A compiled Tree
// parses lines with abbreviations, explains what is wrong with them, completes
// them and writes the command reference. It executes nothing.
package completions
