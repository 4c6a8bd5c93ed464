// SPDX-License-Identifier: GPL-3.0-only

package term_test

import (
	"strings"
	"testing"
)

func TestPager(t *testing.T) {
	last := func(u *user, want string) {
		u.T.Helper()
		u.Until("a page that ends with "+want, func() bool {
			v := u.Screen.Visible()
			return v[len(v)-1] == "--More--" && v[len(v)-2] == want
		})
	}
	small := setup{cols: 80, rows: 11} // ten lines per page
	t.Run("keys", func(t *testing.T) {
		u := start(t, small)
		u.Run("lines 100", "--More--")
		first := u.Screen.Visible()
		last(u, first[len(first)-2])
		u.Send(" ")
		last(u, "line 20")
		u.Send("\r\r")
		last(u, "line 22")
		u.Send("b")
		last(u, "line 12")
		u.Send("  ")
		last(u, "line 32")
		u.Send("q")
		u.Prompt("r1# ")
		if s := u.Screen.Text(); strings.Contains(s, "line 33") {
			t.Errorf("the output continues:\n%s", s)
		}
		u.Run("say on", "<on>")
	})
	t.Run("lines and ends", func(t *testing.T) {
		u := start(t, small)
		u.Run("lines 100", "--More--")
		u.Send("  ")
		last(u, "line 30")
		u.Send("\x1b[A")
		last(u, "line 29")
		u.Send("k")
		last(u, "line 28")
		u.Send("\x1b[B\x1bOB")
		last(u, "line 30")
		u.Send("g")
		last(u, "line 10")
		u.Send("h")
		last(u, "  g, G              beginning, end      q          leave")
		u.Send(" ")
		last(u, "line 20")
		u.Send("G")
		u.Shows("line 20\nline 92\nline 93\n")
		u.Shows("line 100\nall written\nr1#")
		if strings.Contains(u.Screen.Text(), "line 91\n") {
			t.Error("all lines are there")
		}
	})
	t.Run("to the end", func(t *testing.T) {
		u := start(t, small)
		u.Run("lines 12", "--More--")
		u.Send(" ")
		u.Shows("line 12\nall written\nr1#")
		if strings.Contains(u.Screen.Text(), "--More--") {
			t.Error("the prompt of the pager stays")
		}
	})
	t.Run("search", func(t *testing.T) {
		u := start(t, small)
		u.Run("lines 1000", "--More--")
		u.Send("/line 5.3$\r")
		last(u, "line 512")
		u.Send("n")
		last(u, "line 522")
		u.Send("n")
		last(u, "line 532")
		u.Send("NN")
		last(u, "line 512")
		u.Send("N")
		u.Shows("(pattern not found) --More--")
		u.Send("/nowhere\r")
		u.Shows("(pattern not found) --More--")
		u.Send("/(\r")
		u.Shows("(wrong pattern) --More--")
		u.Send("/\x03")
		u.Prompt("r1# ")
	})
	t.Run("Ctrl-C quits and interrupts", func(t *testing.T) {
		u := start(t, small)
		u.Run("endless", "--More--")
		u.Send("\x03")
		u.Shows("interrupted")
		u.Prompt("r1# ")
	})
	t.Run("q ends a command that looks", func(t *testing.T) {
		u := start(t, small)
		u.Run("endless", "--More--")
		u.Send("q")
		u.Shows("interrupted")
	})
	t.Run("terminal length", func(t *testing.T) {
		u := start(t, small)
		u.Send("length 5\r")
		u.Prompt("r1# ")
		u.Run("lines 100", "line 5\n--More--")
		u.Send("q")
		u.Prompt("r1# ")
		u.Send("length 0\r")
		u.Prompt("r1# ")
		u.Run("lines 100", "line 100\nall written\nr1#")
	})
	t.Run("no-more", func(t *testing.T) {
		u := start(t, small)
		u.Run("nomore lines 100", "line 100\nall written\nr1#")
	})
	t.Run("fits exactly", func(t *testing.T) {
		u := start(t, small)
		u.Run("lines 9", "line 9\nall written\nr1#")
	})
	t.Run("wide characters at the margin", func(t *testing.T) {
		u := start(t, setup{cols: 21, rows: 11})
		u.Send("length 8\r")
		u.Run("many "+strings.Repeat("日", 31), "\n--More--")
		if n := strings.Count(u.Screen.Text(), "\n"+strings.Repeat("日", 10)+"\n日\n"); n != 2 {
			t.Errorf("%d lines of four rows on a page of eight", n)
		}
		u.Send("q")
		u.Prompt("r1# ")
	})
	t.Run("long lines count as what they take", func(t *testing.T) {
		u := start(t, setup{cols: 20, rows: 11})
		u.Send("length 3\r")
		u.Run("say "+strings.Repeat("w", 70), "www>")
		u.Prompt("r1# ")
	})
}

func TestAsk(t *testing.T) {
	u := start(t, setup{})
	u.Run("ask Sure", "A question. Sure?")
	u.Send("yex\x7fs")
	u.Prompt("A question. Sure? yes")
	u.Send("\r")
	u.Shows("A question. Sure? yes\nanswer <yes>\n")
	u.Run("secret Password", "Password?")
	u.Send("hush\r")
	u.Shows("Password?\nanswer <hush>\n")
	u.Run("ask Again", "Again?")
	u.Send("abc\x15d?\r")
	u.Shows("answer <d?>")
	u.Run("ask Once more", "Once more?")
	u.Send("\x04")
	u.Shows("error EOF")
	u.Run("ask At last", "At last?")
	u.Send("x\x03")
	u.Shows("error context canceled")
	u.Send("ask Ahead\rtyped\r")
	u.Shows("% Unknown: typed") // a line that was there before the question is no answer
	u.Send("\x1b[A\x1b[A\x1b[A\x1b[A")
	u.Prompt("r1# ask Once more") // answers are not in the history
}
