package term_test

import (
	"strings"
	"syscall"
	"testing"
)

// TestProgress watches a command that takes long and says what it does; nothing of that stays.
func TestProgress(t *testing.T) {
	u := start(t, setup{})
	u.send("work\r")
	u.shows("first?ly ... 0 s (Ctrl-C interrupts)")
	u.shows("first?ly ... 1 s (Ctrl-C interrupts)")
	_ = u.cmd.Process.Signal(syscall.SIGALRM)
	u.shows("work\nfirst done\nthen ... ")
	u.send("\x03")
	u.shows("work\nfirst done\ninterrupted\nr1#")
	if text := u.screen.text(); strings.Contains(text, "...") {
		t.Errorf("the progress stays:\n%s", text)
	}
	u.resize(20, 6)
	u.run("work", "first?ly ... 0 s (C")
	u.send("\x03")
	_ = u.cmd.Process.Signal(syscall.SIGALRM)
	u.shows("interrupted")
}
