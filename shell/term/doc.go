// SPDX-License-Identifier: GPL-3.0-only

// Package term connects a shell.Conversation to a terminal. It provides line editing, completion as
// the user types, help on "?", history, a pager, questions, and notices that do not disturb the
// line being typed. Only this package imports go-prompt. Since go-prompt keeps process-wide state,
// a process can have only one terminal.
package term
