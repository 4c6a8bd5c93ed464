// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"context"
	"io"
)

// Status is the result of a command. Its value is the exit status of "vrrpsh exec".
type Status int

// The statuses.
const (
	Done        Status = 0 // the command succeeded
	Failed      Status = 1 // the command failed
	BadSyntax   Status = 2 // the line did not parse
	Rejected    Status = 3 // commit rejected
	Locked      Status = 4 // the configuration is locked or the candidate is stale
	Unreachable Status = 5 // no router reachable
)

// IO is the input and output of a command.
type IO struct {
	Out io.Writer // data
	Err io.Writer // errors
	// Width is the terminal's width in columns, 0 when there is no terminal.
	Width int
	// Terminal is nil when the command cannot ask the user (scripts).
	Terminal
}

// Terminal is the part of the user's terminal that a running command can use.
type Terminal interface {
	// Ask asks the user and returns the answer; secret input is not echoed.
	Ask(ctx context.Context, prompt string, secret bool) (string, error)
	// NoMore turns off pauses for the rest of the output.
	NoMore()
	// Progress reports what the command is doing. When the command takes long, the terminal displays the report below
	// the output until there is more output.
	Progress(what string)
	// Show replaces the contents of the terminal with text, which may have several lines, and updates it in place. If text
	// does not fit, the user scrolls it, except for the lines up to the one after the first empty line.
	// From the first call until the command ends, "q" cancels the command's context, as Ctrl-C does.
	Show(text string) error
}

// Suggestion is one possible continuation at the cursor.
type Suggestion struct {
	Text string // the whole word, or a description such as "<1-254>" if Literal is false
	Help string
	// Literal is true when the user can type Text as it is.
	Literal bool
}

// Conversation is the session behind a terminal or script: a Session in this process or, through
// package remote, a session in the router's process.
type Conversation interface {
	// Prompt returns the prompt with a trailing space, for example "r1(config)# ".
	Prompt() string
	// Execute runs one line and returns after all output has been written. When ctx ends, the
	// command stops as soon as it safely can.
	Execute(ctx context.Context, line string, io IO) Status
	// Complete returns the possible words at the end of line (the text before the cursor).
	Complete(line string) []Suggestion
	// Help returns the answer to "?" typed at the end of line, formatted for the terminal.
	Help(line string) string
	// Notices delivers lines to display between commands (commits of other users, log lines). The
	// channel is closed when the session ends.
	Notices() <-chan string
	// PageLength is the number of lines of a page ("terminal length"): 0 turns the pager off, a negative number
	// means the height of the terminal.
	PageLength() int
	// Suggestions tells whether suggestions pop up as the user types ("terminal suggestions"). The terminal asks at every
	// key.
	Suggestions() bool
	// Plain tells whether the terminal receives lines of text only, without control sequences ("terminal plain").
	Plain() bool
	// Resize reports the size of the terminal: initially and after each change, also while a command runs.
	Resize(columns, rows int)
	// Ended is true after the user has left with "quit" or with "exit" in exec mode.
	Ended() bool
	// Err returns why the conversation ended without the user's action. It is nil if the conversation has not ended
	// or the reason is unknown.
	Err() error
	// Close ends the session. The router keeps an uncommitted candidate for the user.
	Close() error
}
