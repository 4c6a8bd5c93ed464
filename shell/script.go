// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Script runs the lines of r. It skips blank lines and comments (lines that start with "!" or "#"). It stops at the
// first failure unless keepGoing is set. An uncommitted candidate at the end is a failure. Script returns the status
// of the first command that failed.
func Script(ctx context.Context, c Conversation, r io.Reader, out IO, keepGoing bool) Status {
	lines := bufio.NewReaderSize(r, 4096)
	result := Done
	for !c.Ended() {
		line, err := readLine(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			fmt.Fprintf(out.Err, "%% Cannot read the commands: %v\n", err)
			return first(result, Failed)
		}
		if t := strings.TrimSpace(line); t != "" && t[0] != '!' && t[0] != '#' && !c.Ended() {
			status := c.Execute(ctx, line, out)
			result = first(result, status)
			if status != Done && !keepGoing || ctx.Err() != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	if ctx.Err() != nil {
		return first(result, Failed)
	}
	if !c.Ended() {
		// In configure mode, "end" fails if there are changes; in exec mode it does nothing.
		result = first(result, c.Execute(ctx, "end", out))
	}
	return result
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
