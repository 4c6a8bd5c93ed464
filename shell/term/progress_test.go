// SPDX-License-Identifier: GPL-3.0-only

package term_test

import (
	"strings"
	"syscall"
	"testing"
)

// TestProgress runs a slow command that reports progress; no progress message stays on the screen.
func TestProgress(t *testing.T) {
	u := start(t, setup{})
	u.Send("work\r")
	u.Shows("first?ly ... 0 s (Ctrl-C interrupts)")
	u.Shows("first?ly ... 1 s (Ctrl-C interrupts)")
	_ = u.Cmd.Process.Signal(syscall.SIGALRM)
	u.Shows("work\nfirst done\nthen ... ")
	u.Send("\x03")
	u.Shows("work\nfirst done\ninterrupted\nr1#")
	if text := u.Screen.Text(); strings.Contains(text, "...") {
		t.Errorf("the progress stays:\n%s", text)
	}
	u.Resize(20, 6)
	u.Run("work", "first?ly ... 0 s (C")
	u.Send("\x03")
	_ = u.Cmd.Process.Signal(syscall.SIGALRM)
	u.Shows("interrupted")
}
