package term_test

import (
	"strings"
	"syscall"
	"testing"
)

// TestLive looks at a text that changes in place, and what is left of it.
func TestLive(t *testing.T) {
	for name, leave := range map[string]string{"q": "q", "Q": "xyzQ", "Ctrl-C": "\x03"} {
		t.Run(name, func(t *testing.T) {
			u := start(t, setup{cols: 40, rows: 10})
			u.run("say before", "<before>")
			u.run("live", "tick 3\n"+strings.Repeat("wide ", 8)[:39]+"\nlast ?[2Jline")
			u.resize(20, 6)
			u.shows("\n" + strings.Repeat("wide ", 4)[:19] + "\nlast ?[2Jline")
			u.send(leave)
			u.prompt("r1# ")
			text := u.screen.text()
			if !strings.Contains(text, "<before>") || !strings.Contains(text, "live\nleft") || strings.Contains(text, "tick") {
				t.Errorf("afterwards the screen shows:\n%s", text)
			}
			u.run("say after", "<after>")
		})
	}
}

// TestLiveEnds ends the shell while the text is shown: what was on the terminal comes back.
func TestLiveEnds(t *testing.T) {
	u := start(t, setup{})
	u.run("say before", "<before>")
	u.run("live", "tick 3")
	_ = u.cmd.Process.Signal(syscall.SIGUSR1)
	u.ends("canceled")
	if text := u.screen.text(); !strings.Contains(text, "<before>") || strings.Contains(text, "tick") {
		t.Errorf("afterwards the screen shows:\n%s", text)
	}
}
