package term

import (
	"context"
	"errors"
	"os"

	"vrrpsh/shell"
)

// Options are how a terminal behaves.
type Options struct {
	// In and Out are the terminal, os.Stdin and os.Stdout when nil. Both must be the same one.
	In, Out *os.File
	// HistoryFile keeps the lines of earlier sessions, with mode 0600; empty for none.
	HistoryFile string
	// HistorySize is how many lines are kept, 1000 when 0.
	HistorySize int
	// Private tells lines that must not reach the history file, beside those that name a
	// secret or a password.
	Private func(line string) bool
}

// Pager is implemented by conversations that set the length of a page ("terminal length").
type Pager interface {
	// PageLength is the number of lines of a page: 0 turns the pager off, a negative number
	// means the height of the terminal.
	PageLength() int
}

// Suggester is implemented by conversations that can turn off the suggestions that pop up
// while typing ("terminal suggestions off").
type Suggester interface {
	Suggestions() bool
}

// Resizer is implemented by conversations that want to know the size of the terminal.
type Resizer interface {
	Resize(columns, rows int)
}

// ErrLost is in the error of Run when the conversation ended without the user's doing. The
// terminal has shown the reason already.
var ErrLost = errors.New("session lost")

// Run talks to the user until the conversation ends, the terminal is gone or ctx ends.
func Run(ctx context.Context, conv shell.Conversation, o Options) error {
	return errors.New("no terminal yet")
}

// Restore puts the terminal back as Run found it. It may be called from anywhere, at any time
// and more than once.
func Restore() {}
