package term_test

import (
	"strings"
	"testing"
)

func TestPager(t *testing.T) {
	last := func(u *user, want string) {
		u.t.Helper()
		u.until("a page that ends with "+want, func() bool {
			v := u.screen.visible()
			return v[len(v)-1] == "--More--" && v[len(v)-2] == want
		})
	}
	small := setup{cols: 80, rows: 11} // a page of ten
	t.Run("keys", func(t *testing.T) {
		u := start(t, small)
		u.run("lines 100", "--More--")
		first := u.screen.visible()
		last(u, first[len(first)-2])
		u.send(" ")
		last(u, "line 20")
		u.send("\r\r")
		last(u, "line 22")
		u.send("b")
		last(u, "line 12")
		u.send("  ")
		last(u, "line 32")
		u.send("q")
		u.prompt("r1# ")
		if s := u.screen.text(); strings.Contains(s, "line 33") {
			t.Errorf("the output goes on:\n%s", s)
		}
		u.run("say on", "<on>")
	})
	t.Run("to the end", func(t *testing.T) {
		u := start(t, small)
		u.run("lines 12", "--More--")
		u.send(" ")
		u.shows("line 12\nall written\nr1#")
		if strings.Contains(u.screen.text(), "--More--") {
			t.Error("the prompt of the pager stays")
		}
	})
	t.Run("search", func(t *testing.T) {
		u := start(t, small)
		u.run("lines 1000", "--More--")
		u.send("/line 5.3$\r")
		last(u, "line 512")
		u.send("/nowhere\r")
		u.shows("(pattern not found) --More--")
		u.send("/(\r")
		u.shows("(wrong pattern) --More--")
		u.send("/\x03")
		u.prompt("r1# ")
	})
	t.Run("Ctrl-C quits and interrupts", func(t *testing.T) {
		u := start(t, small)
		u.run("endless", "--More--")
		u.send("\x03")
		u.shows("interrupted")
		u.prompt("r1# ")
	})
	t.Run("q ends a command that looks", func(t *testing.T) {
		u := start(t, small)
		u.run("endless", "--More--")
		u.send("q")
		u.shows("interrupted")
	})
	t.Run("terminal length", func(t *testing.T) {
		u := start(t, small)
		u.send("length 5\r")
		u.prompt("r1# ")
		u.run("lines 100", "line 5\n--More--")
		u.send("q")
		u.prompt("r1# ")
		u.send("length 0\r")
		u.prompt("r1# ")
		u.run("lines 100", "line 100\nall written\nr1#")
	})
	t.Run("no-more", func(t *testing.T) {
		u := start(t, small)
		u.run("nomore lines 100", "line 100\nall written\nr1#")
	})
	t.Run("fits exactly", func(t *testing.T) {
		u := start(t, small)
		u.run("lines 9", "line 9\nall written\nr1#")
	})
	t.Run("long lines count as what they take", func(t *testing.T) {
		u := start(t, setup{cols: 20, rows: 11})
		u.send("length 3\r")
		u.run("say "+strings.Repeat("w", 70), "www>")
		u.prompt("r1# ")
	})
}

func TestAsk(t *testing.T) {
	u := start(t, setup{})
	u.run("ask Sure", "A question. Sure?")
	u.send("yex\x7fs")
	u.prompt("A question. Sure? yes")
	u.send("\r")
	u.shows("A question. Sure? yes\nanswer <yes>\n")
	u.run("secret Password", "Password?")
	u.send("hush\r")
	u.shows("Password?\nanswer <hush>\n")
	u.run("ask Again", "Again?")
	u.send("abc\x15d?\r")
	u.shows("answer <d?>")
	u.run("ask Once more", "Once more?")
	u.send("\x04")
	u.shows("error EOF")
	u.run("ask At last", "At last?")
	u.send("x\x03")
	u.shows("error context canceled")
	u.send("ask Ahead\rtyped\r")
	u.shows("answer <typed>")
	u.send("\x1b[A")
	u.prompt("r1# ask Ahead") // answers are no history
}
