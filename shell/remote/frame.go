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
	// Path is the HTTP path of shell sessions on the control socket.
	Path = "/shell"
	// Protocol is the token of the Upgrade header.
	Protocol = "vrrpsh-shell/1"
)

// maxFrame is the length of the longest line of the protocol, in bytes, including its newline. maxRequest is the same
// for lines from the client.
const (
	maxFrame   = 1 << 20
	maxRequest = 512 << 10
)

// maxChunk is how many bytes of output go into one frame. In base64 they are a third longer.
const maxChunk = 32 << 10

// maxLine is the length of the longest command line. JSON may need six bytes for one byte of it.
const maxLine = maxRequest/6 - 1024

// frameTooLongError means that a frame is longer than this limit in bytes.
type frameTooLongError int

func (e frameTooLongError) Error() string { return fmt.Sprintf("frame longer than %d bytes", int(e)) }

// op is the operation of a frame.
type op string

// Operations from the client.
const (
	opExecute   op = "execute"   // Line, Width, CanAsk; answered by out, err, ask, nomore and done
	opComplete  op = "complete"  // Line; answered by complete
	opHelp      op = "help"      // Line; answered by help
	opPrompt    op = "prompt"    // answered by prompt
	opInterrupt op = "interrupt" // ID of the execute request to interrupt
	opAnswer    op = "answer"    // ID of the question; Text or Error
	opResize    op = "resize"    // Columns, Rows
	opClose     op = "close"
)

// Operations from the router, besides the answers named above.
const (
	opHello    op = "hello"    // State; the first frame
	opOut      op = "out"      // Data
	opErr      op = "err"      // Data
	opAsk      op = "ask"      // ID of the question, Text, Secret; For is the ID of the execute request
	opNoMore   op = "nomore"   // do not page the rest of the output
	opScreen   op = "screen"   // Text: the whole contents of the terminal
	opProgress op = "progress" // Text: what the command is doing
	opDone     op = "done"     // Status, State
	opNotice   op = "notice"   // Text
	opBye      op = "bye"      // Text: why the router ends the session
)

// frame is one line of JSON in either direction. Op determines which fields are used.
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

	// Data is a byte slice because a chunk may end inside a character.
	Data        []byte             `json:"data,omitempty"`
	Status      shell.Status       `json:"status,omitempty"`
	State       *state             `json:"state,omitempty"`
	Suggestions []shell.Suggestion `json:"suggestions,omitempty"`
}

// state is the part of the session's state that a client must know without a request.
type state struct {
	Prompt      string `json:"prompt"`
	Ended       bool   `json:"ended,omitempty"`
	PageLength  int    `json:"page_length"`
	Suggestions bool   `json:"suggestions"`
	Plain       bool   `json:"plain,omitempty"`
}

func stateOf(c shell.Conversation) *state {
	return &state{Prompt: c.Prompt(), Ended: c.Ended(), PageLength: c.PageLength(), Suggestions: c.Suggestions(), Plain: c.Plain()}
}

// encode returns f as a line. If the frame is too long, it shortens help texts and suggestions,
// where that does no harm.
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

// readFrame reads one line of at most limit bytes. It returns an error of the connection, a frameTooLongError, or a
// malformedError if the line is not a frame.
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

// malformedError means that a line is not a frame.
type malformedError struct{ err error }

func (e *malformedError) Error() string { return "malformed frame: " + e.err.Error() }
func (e *malformedError) Unwrap() error { return e.err }
