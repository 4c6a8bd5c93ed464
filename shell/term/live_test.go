// SPDX-License-Identifier: GPL-3.0-only

package term_test

import (
	"strings"
	"syscall"
	"testing"
)

// TestLive checks a text that changes in place, and the screen after it.
func TestLive(t *testing.T) {
	for name, leave := range map[string]string{"q": "q", "Q": "xyzQ", "Ctrl-C": "\x03"} {
		t.Run(name, func(t *testing.T) {
			u := start(t, setup{cols: 40, rows: 10})
			u.Run("say before", "<before>")
			u.Run("live", "tick 3\n"+strings.Repeat("wide ", 8)[:39]+"\nlast ?[2Jline")
			u.Resize(20, 6)
			u.Shows("\n" + strings.Repeat("wide ", 4)[:19] + "\nlast ?[2Jline")
			u.Send(leave)
			u.Prompt("r1# ")
			text := u.Screen.Text()
			if !strings.Contains(text, "<before>") || !strings.Contains(text, "live\nleft") || strings.Contains(text, "tick") {
				t.Errorf("afterwards the screen shows:\n%s", text)
			}
			u.Run("say after", "<after>")
		})
	}
}

// TestLiveEnds ends the shell while the text is shown: the former screen comes back.
func TestLiveEnds(t *testing.T) {
	u := start(t, setup{})
	u.Run("say before", "<before>")
	u.Run("live", "tick 3")
	_ = u.Cmd.Process.Signal(syscall.SIGUSR1)
	u.ends("canceled")
	if text := u.Screen.Text(); !strings.Contains(text, "<before>") || strings.Contains(text, "tick") {
		t.Errorf("afterwards the screen shows:\n%s", text)
	}
}
