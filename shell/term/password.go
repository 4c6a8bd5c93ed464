// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	xterm "golang.org/x/term"
)

// NewPassword reads a new password. From a terminal it reads two answers without echo until both
// are equal; from other input it reads the first line. It writes prompts to prompts. When ctx ends,
// it restores the terminal.
func NewPassword(ctx context.Context, in *os.File, prompts io.Writer) (string, error) {
	fd := int(in.Fd())
	if !xterm.IsTerminal(fd) {
		line, err := bufio.NewReader(in).ReadString('\n')
		if err != nil && (!errors.Is(err, io.EOF) || line == "") {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	before, err := xterm.GetState(fd)
	if err != nil {
		return "", err
	}
	type answer struct {
		password string
		err      error
	}
	answered := make(chan answer, 1)
	go func() {
		password, err := twice(prompts, func() (string, error) {
			b, err := xterm.ReadPassword(fd)
			fmt.Fprintln(prompts)
			return string(b), err
		})
		answered <- answer{password, err}
	}()
	select {
	case a := <-answered:
		return a.password, a.err
	case <-ctx.Done():
		fmt.Fprintln(prompts)
		return "", errors.Join(errors.New("no password was given"), xterm.Restore(fd, before))
	}
}

// twice asks until two answers are equal.
func twice(prompts io.Writer, read func() (string, error)) (string, error) {
	for {
		fmt.Fprint(prompts, "Password: ")
		first, err := read()
		if err != nil {
			return "", err
		}
		fmt.Fprint(prompts, "Again: ")
		second, err := read()
		if err != nil {
			return "", err
		}
		if first == second {
			return first, nil
		}
		fmt.Fprintln(prompts, "They differ.")
	}
}
