// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"vrrpsh/completions"
	"vrrpsh/conf"
	"vrrpsh/platform/printable"
)

// failure is an error with the exit status of its command.
type failure struct {
	status Status
	msg    string
}

func (f *failure) Error() string { return f.msg }

// failed returns a failure with status Failed.
func failed(format string, args ...any) error {
	return &failure{Failed, fmt.Sprintf(format, args...)}
}

// statusOf returns the status of a command that ended with err.
func statusOf(err error) Status {
	var parse *completions.Error
	var f *failure
	switch {
	case err == nil:
		return Done
	case errors.As(err, &parse):
		if parse.Kind == completions.Denied {
			return Failed
		}
		return BadSyntax
	case errors.As(err, &f):
		return f.status
	case errors.Is(err, conf.ErrStale), errors.Is(err, conf.ErrFileChanged):
		return Locked
	case errors.Is(err, conf.ErrRejected):
		return Rejected
	default:
		return Failed
	}
}

// complain writes an error message with a marker under the offending word. On a terminal the line is already visible
// after the prompt; for scripts, complain repeats the line. It wraps sentences to width.
func complain(out IO, width int, prompt, line string, err error) {
	var parse *completions.Error
	if errors.As(err, &parse) && parse.Kind == completions.Invalid {
		mark(out, prompt, line, parse.Offset)
	}
	for i, l := range strings.Split(strings.TrimRight(describe(err), "\n"), "\n") {
		begin := "  "
		if i == 0 {
			begin = "% "
		}
		for j, part := range wrap(printable.Line(l), width, 2, 2) {
			if j == 0 {
				part = begin + part[2:]
			}
			fmt.Fprintln(out.Err, part)
		}
	}
}

func describe(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return "Interrupted"
	case errors.Is(err, context.DeadlineExceeded):
		return "Timed out"
	}
	msg := err.Error()
	// Names such as those of interfaces and keys keep their case.
	word, rest, _ := strings.Cut(msg, " ")
	var faults conf.Faults
	isName := strings.HasPrefix(rest, "IPv") // engine.Key begins with an interface
	if errors.As(err, &faults) || isName || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" || word == "" {
		return msg
	}
	return capital(msg)
}

// mark writes the marker.
func mark(out IO, prompt, line string, offset int) {
	line = strings.ReplaceAll(line, "\t", " ")
	column := runewidth.StringWidth(printable.Line(line[:min(offset, len(line))]))
	if out.Terminal == nil {
		fmt.Fprintln(out.Err, discreet(printable.Line(line)))
	} else {
		column += runewidth.StringWidth(prompt)
		if out.Width > 0 {
			column %= out.Width
		}
	}
	fmt.Fprintf(out.Err, "%s^\n", strings.Repeat(" ", column))
}

// maxLine is the longest accepted line, in bytes.
const maxLine = 64 << 10

// sane rejects lines that no user would type.
func sane(line string) error {
	if len(line) > maxLine {
		return &failure{BadSyntax, fmt.Sprintf("The line is too long: %d bytes, at most %d", len(line), maxLine)}
	}
	for i, r := range line {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(line[i:]); n == 1 {
				return &completions.Error{Kind: completions.Invalid, Offset: i, Reason: "this is not UTF-8"}
			}
		}
		if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return &completions.Error{Kind: completions.Invalid, Offset: i, Reason: fmt.Sprintf("a control character (%U)", r)}
		}
	}
	return nil
}

// interruptible is a writer that fails once the command's context has ended, which stops the command.
type interruptible struct {
	ctx context.Context
	w   io.Writer
}

// Write implements io.Writer.
func (i interruptible) Write(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.w.Write(p)
}
