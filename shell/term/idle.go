// SPDX-License-Identifier: GPL-3.0-only

package term

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
)

// LoggedOut waits at the terminal of a router's console, which nobody uses, until somebody logs in again with Enter, and returns true. It
// returns false if somebody asks to stop the router with Ctrl-C and confirms that; ctx's error when ctx ends, and ErrHangup when
// the terminal has gone.
func LoggedOut(ctx context.Context) (again bool, err error) {
	tty, err := openTTY(os.Stdin, os.Stdout)
	if err != nil {
		return false, err
	}
	defer tty.restore()
	in, err := newInput(tty.fd)
	if err != nil {
		return false, err
	}
	defer in.close()
	for {
		tty.write("\nLogged out; the router keeps running. Enter logs in again, Ctrl-C stops the router.\n")
		k, err := in.key(ctx)
		for err == nil && !k.enter() && !k.control(ctrlC) {
			k, err = in.key(ctx)
		}
		if err != nil || k.enter() {
			return err == nil, err
		}
		tty.write("Stop the router? [no] ")
		stop, err := yes(ctx, tty, in)
		tty.write("\n")
		if err != nil || stop {
			return false, err
		}
	}
}

// yes reads an answer, and reports whether it is "yes". Ctrl-C and Ctrl-D are no.
func yes(ctx context.Context, tty *tty, in *input) (bool, error) {
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	in.onInterrupt(cancel)
	defer in.onInterrupt(nil)
	text, err := answer(asking, tty, in, false)
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err == nil:
		return strings.EqualFold(text, "yes") || strings.EqualFold(text, "y"), nil
	case asking.Err() != nil, errors.Is(err, io.EOF):
		return false, nil
	}
	return false, err
}
