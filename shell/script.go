// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Script runs the lines of r. It skips blank lines and comments (lines that start with "!" or "#"). It stops at the
// first failure unless keepGoing is set. An uncommitted candidate at the end is a failure. Messages carry the number of their line, and a
// failed script ends with a summary. Script returns the status of the first command that failed.
func Script(ctx context.Context, c Conversation, r io.Reader, out IO, keepGoing bool) Status {
	lines := bufio.NewReaderSize(r, 4096)
	result := Done
	messages := &numbered{w: out.Err, start: true}
	out.Err = messages
	var failed []string // the numbers of lines
	commands, number := 0, 0
	for !c.Ended() {
		line, err := readLine(lines)
		number++
		if err != nil && !errors.Is(err, io.EOF) {
			fmt.Fprintf(out.Err, "%% Cannot read the commands: %v\n", err)
			return first(result, Failed)
		}
		if t := strings.TrimSpace(line); t != "" && t[0] != '!' && t[0] != '#' && !c.Ended() {
			messages.prefix = fmt.Sprintf("Line %d: ", number)
			commands++
			status := c.Execute(ctx, line, out)
			messages.prefix = ""
			result = first(result, status)
			if status != Done {
				failed = append(failed, strconv.Itoa(number))
			}
			if status != Done && !keepGoing || ctx.Err() != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	switch {
	case ctx.Err() != nil:
		result = first(result, Failed)
	case !c.Ended():
		// In configure mode, "end" fails if there are changes; in exec mode it does nothing.
		messages.prefix = "End of the commands: "
		result = first(result, c.Execute(ctx, "end", out))
		messages.prefix = ""
	}
	switch {
	case len(failed) == 0:
	case keepGoing:
		fmt.Fprintf(out.Err, "%% %d of %s failed: %s\n", len(failed), plural(commands, "command"), enumerate(failed))
	default:
		fmt.Fprintf(out.Err, "%% Stopped at line %d, after %s without an error\n", number, plural(commands-1, "command"))
	}
	return result
}

// enumerate lists numbers of lines, the first ones if there are many.
func enumerate(numbers []string) string {
	const most = 20
	if len(numbers) == 1 {
		return "line " + numbers[0]
	}
	if more := len(numbers) - most; more > 0 {
		return fmt.Sprintf("lines %s and %d more", strings.Join(numbers[:most], ", "), more)
	}
	return "lines " + strings.Join(numbers, ", ")
}

// numbered adds a prefix to each message, after the "% " that it begins with.
type numbered struct {
	w      io.Writer
	prefix string
	start  bool // of a line
}

// Write implements io.Writer.
func (n *numbered) Write(b []byte) (int, error) {
	var out []byte
	for i, c := range b {
		out = append(out, c)
		if c == ' ' && n.start && i > 0 && b[i-1] == '%' {
			out = append(out, n.prefix...)
		}
		n.start = c == '\n' || c == '%' && n.start
	}
	if _, err := n.w.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

// readLine reads a line without its line end. It truncates lines longer than any command; Execute
// then rejects them.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line) <= maxLine {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return strings.TrimRight(string(line), "\r\n"), err
		}
	}
}

// first returns the status of the first failure.
func first(a, b Status) Status {
	if a != Done {
		return a
	}
	return b
}
