// SPDX-License-Identifier: GPL-3.0-only

package remote

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"

	"vrrpsh/shell"
)

const (
	// Path is where the control socket's HTTP server offers shell sessions.
	Path = "/shell"
	// Protocol is the token of the Upgrade header.
	Protocol = "vrrpsh-shell/1"
)

// maxFrame is the longest line of the protocol, in bytes, its newline included; maxRequest is that of one from the client.
const (
	maxFrame   = 1 << 20
	maxRequest = 512 << 10
)

// maxChunk is how much output goes into one frame; base64 makes it a third longer.
const maxChunk = 32 << 10

// maxLine is the longest command line; JSON may need six bytes for one of it.
const maxLine = maxRequest/6 - 1024

// frameTooLongError is a frame of more bytes than may be.
type frameTooLongError int

func (e frameTooLongError) Error() string { return fmt.Sprintf("frame longer than %d bytes", int(e)) }

// op is what a frame means.
type op string

// From the client.
const (
	opExecute   op = "execute"   // Line, Width, CanAsk; answered by out, err, ask, nomore and done
	opComplete  op = "complete"  // Line; answered by complete
	opHelp      op = "help"      // Line; answered by help
	opPrompt    op = "prompt"    // answered by prompt
	opInterrupt op = "interrupt" // ID of the execute to interrupt
	opAnswer    op = "answer"    // ID of the ask; Text or Error
	opResize    op = "resize"    // Columns, Rows
	opClose     op = "close"
)

// From the router, beside the answers named above.
const (
	opHello    op = "hello"    // State; the first frame
	opOut      op = "out"      // Data
	opErr      op = "err"      // Data
	opAsk      op = "ask"      // ID of the question, Text, Secret; For is the execute's ID
	opNoMore   op = "nomore"   // the rest of the output is not to be paged
	opScreen   op = "screen"   // Text: all that is to be on the terminal
	opProgress op = "progress" // Text: what the command is doing
	opDone     op = "done"     // Status, State
	opNotice   op = "notice"   // Text
	opBye      op = "bye"      // Text: why the router ends the session
)

// frame is one line of JSON, in either direction; op says which fields count.
type frame struct {
	Op  op     `json:"op"`
	ID  uint64 `json:"id,omitempty"`
	For uint64 `json:"for,omitempty"`

	Line    string `json:"line,omitempty"`
	Width   int    `json:"width,omitempty"`
	CanAsk  bool   `json:"can_ask,omitempty"`
	Columns int    `json:"columns,omitempty"`
	Rows    int    `json:"rows,omitempty"`

	Text   string `json:"text,omitempty"`
	Error  string `json:"error,omitempty"`
	Secret bool   `json:"secret,omitempty"`

	// Data is bytes rather than text because a chunk may end inside a character.
	Data        []byte             `json:"data,omitempty"`
	Status      shell.Status       `json:"status,omitempty"`
	State       *state             `json:"state,omitempty"`
	Suggestions []shell.Suggestion `json:"suggestions,omitempty"`
}

// state is what a client must know of its session without asking.
type state struct {
	Prompt      string `json:"prompt"`
	Ended       bool   `json:"ended,omitempty"`
	PageLength  int    `json:"page_length"`
	Suggestions bool   `json:"suggestions"`
}

func stateOf(c shell.Conversation) *state {
	return &state{Prompt: c.Prompt(), Ended: c.Ended(), PageLength: c.PageLength(), Suggestions: c.Suggestions()}
}

// encode returns f as a line. What is too long for a frame is cut where that does no harm:
// help texts and suggestions.
func encode(f *frame) ([]byte, error) {
	for {
		b, err := json.Marshal(f)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", f.Op, err)
		}
		if len(b) < maxFrame {
			return append(b, '\n'), nil
		}
		c := *f
		switch {
		case len(f.Suggestions) > 1:
			c.Suggestions = f.Suggestions[:len(f.Suggestions)/2]
		case len(f.Text) > 1024:
			c.Text = f.Text[:len(f.Text)/2]
		default:
			return nil, frameTooLongError(maxFrame)
		}
		f = &c
	}
}

// readFrame reads one line of so many bytes at most. Its errors are those of the connection, frameTooLongError, or
// say that the line is no frame.
func readFrame(r *bufio.Reader, limit int) (*frame, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > limit {
			return nil, frameTooLongError(limit)
		}
		line = append(line, part...)
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
	f := new(frame)
	if err := json.Unmarshal(line, f); err != nil {
		return nil, &malformedError{err}
	}
	return f, nil
}

// malformedError is a line that is no frame.
type malformedError struct{ err error }

func (e *malformedError) Error() string { return "malformed frame: " + e.err.Error() }
func (e *malformedError) Unwrap() error { return e.err }
