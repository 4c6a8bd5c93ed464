// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"context"
	"io"
)

// Status is how a command ended; its value is the exit status of "vrrpsh exec".
type Status int

// The statuses.
const (
	Done        Status = 0 // done
	Failed      Status = 1 // the command failed
	BadSyntax   Status = 2 // the line did not parse
	Rejected    Status = 3 // commit rejected
	Locked      Status = 4 // locked or stale
	Unreachable Status = 5 // no router reachable
)

// IO is what a command reads from and writes to.
type IO struct {
	Out io.Writer // data
	Err io.Writer // errors
	// Width is the terminal's width in columns, 0 when there is no terminal.
	Width int
	// Terminal is nil when nobody can be asked (scripts).
	Terminal
}

// Terminal is what the terminal of a user offers to the command that it executes.
type Terminal interface {
	// Ask asks the user and returns the answer; secret input is not echoed.
	Ask(ctx context.Context, prompt string, secret bool) (string, error)
	// NoMore has the rest of the output shown without pauses.
	NoMore()
	// Progress says what the command is doing. It is shown below the output when the command takes long, until there
	// is more output.
	Progress(what string)
	// Show makes text, of several lines, all that is on the terminal, and changes it in place. From the first call on,
	// until the command ends, the user's "q" ends the context of the command, as Ctrl-C does.
	Show(text string) error
}

// Suggestion is one way to go on at the cursor.
type Suggestion struct {
	Text string // the whole word; or, when Literal is false, a description such as "<1-254>"
	Help string
	// Literal is true when Text can be typed as it is.
	Literal bool
}

// Conversation is what a terminal or script talks to: a Session in this process or,
// through package remote, one in the router's process.
type Conversation interface {
	// Prompt returns for example "r1(config)#" followed by a space.
	Prompt() string
	// Execute runs one line. Output has been written when it returns. When ctx ends the
	// command stops as soon as it safely can.
	Execute(ctx context.Context, line string, io IO) Status
	// Complete returns the words that may stand at the end of line (text before the cursor).
	Complete(line string) []Suggestion
	// Help returns the answer to "?" typed at the end of line, as text for the terminal.
	Help(line string) string
	// Notices delivers lines to show between commands (commits of others, log lines), until
	// it is closed when the session ends.
	Notices() <-chan string
	// PageLength is the number of lines of a page ("terminal length"): 0 turns the pager off, a negative number
	// means the height of the terminal.
	PageLength() int
	// Suggestions tells whether suggestions pop up while typing ("terminal suggestions").
	Suggestions() bool
	// Resize tells how large the terminal is, at first and whenever that changes; also while a command runs.
	Resize(columns, rows int)
	// Ended is true when the user has left: exit from exec mode, quit.
	Ended() bool
	// Err tells why the conversation has ended without the user's doing, nil if it has not or nobody knows.
	Err() error
	// Close ends the session. An uncommitted candidate is kept for the user by the router.
	Close() error
}
