// SPDX-License-Identifier: GPL-3.0-only

// Package term gives a shell.Conversation a terminal: line editing, completion while typing,
// help on "?", history, a pager, questions, and notices that do not disturb the line being
// typed. It is the only importer of go-prompt, which keeps process-wide state: there is one
// terminal per process.
package term
