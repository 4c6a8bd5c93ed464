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
			u.Run("live", "\n"+strings.Repeat("wide ", 8)[:39]+"\nlast ?[2Jline")
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
	u.Run("live", "tick")
	_ = u.Cmd.Process.Signal(syscall.SIGUSR1)
	u.ends("canceled")
	if text := u.Screen.Text(); !strings.Contains(text, "<before>") || strings.Contains(text, "tick") {
		t.Errorf("afterwards the screen shows:\n%s", text)
	}
}

// TestLiveScrolls: the rows of a live table can be scrolled and filtered while it changes; the last row says how many there are.
func TestLiveScrolls(t *testing.T) {
	u := start(t, setup{cols: 100, rows: 8})
	u.Send("table 20\r")
	const help = "   q: leave  /: filter  arrows, Space, b, g, G: scroll"
	u.visible(0, "20 rows", "", "titles", "row 1 MASTER", "row 2 BACKUP", "row 3 MASTER", "row 4 BACKUP", "1-4 of 20"+help)
	u.Send("\x1b[B")
	u.visible(3, "row 2 BACKUP", "row 3 MASTER", "row 4 BACKUP", "row 5 MASTER", "2-5 of 20"+help)
	u.Send(" ")
	u.visible(3, "row 6 BACKUP", "row 7 MASTER", "row 8 BACKUP", "row 9 MASTER", "6-9 of 20"+help)
	_ = u.Cmd.Process.Signal(syscall.SIGALRM)
	u.visible(0, "21 rows", "", "titles", "row 6 BACKUP", "row 7 MASTER", "row 8 BACKUP", "row 9 MASTER", "6-9 of 21"+help)
	u.Send("G")
	u.visible(3, "row 19 MASTER", "row 20 BACKUP", "  continued", "row 21 MASTER", "19-21 of 21"+help)
	u.Send("b\x1b[A")
	u.visible(3, "row 15 MASTER", "row 16 BACKUP", "row 17 MASTER", "row 18 BACKUP", "15-18 of 21"+help)
	u.Send("/1.*MAXY\x7f\x7f")
	u.visible(3, "row 15 MASTER", "row 16 BACKUP", "row 17 MASTER", "row 18 BACKUP", "/1.*MA")
	u.Send("\r")
	u.visible(3, "row 1 MASTER", "row 11 MASTER", "row 13 MASTER", "row 15 MASTER", "1-4 of 7 (21 without /1.*MA/)"+help)
	u.Send("/15|16\r")
	u.visible(3, "row 15 MASTER", "row 16 BACKUP", "", "", "1-2 of 2 (21 without /15|16/)"+help)
	u.Send("/(\r")
	u.visible(7, "% error parsing regexp: missing closing ): `(`")
	u.Send("/\r")
	u.visible(3, "row 1 MASTER", "row 2 BACKUP", "row 3 MASTER", "row 4 BACKUP", "1-4 of 21"+help)
	u.Send("/row 2.? B\r") // a row that continues
	u.visible(3, "row 2 BACKUP", "row 20 BACKUP", "  continued", "", "1-2 of 2 (21 without /row 2.? B/)"+help)
	u.Send("/continued\rG")
	u.visible(3, "row 10 BACKUP", "  continued", "row 20 BACKUP", "  continued", "1-2 of 2 (21 without /continued/)"+help)
	u.Send("/\r")
	u.Resize(100, 30)
	_ = u.Cmd.Process.Signal(syscall.SIGALRM)
	u.Shows("row 20 BACKUP\n  continued\nrow 21 MASTER\nrow 22 BACKUP")
	u.Send("q")
	u.Prompt("r1# ")
	u.Run("say after", "<after>")
}
