package term_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestTyping(t *testing.T) {
	u := start(t, setup{})
	u.send("sya\x1b[D\x1b[D\x7f") // the wrong letter goes: "sya", two to the left, one off
	u.cursor("r1# ", "ya")
	u.send("\x01\x04\x04\x0b") // nothing of it is left
	u.prompt("r1# ")
	u.send("say hello")
	u.prompt("r1# say hello")
	u.run("", "<hello>")
	u.prompt("r1# ")
	u.run("bogus", "% Unknown: bogus")
	u.run("part no newline", "no newline\nr1#")
	u.run("say größe 日本", "<größe 日本>")
	u.prompt("r1# ")
	u.run("  indented", "% Unknown:   indented") // as typed, for the caret to be in its place
	u.run("   ", "r1#\nr1#")
}

func TestEditingKeys(t *testing.T) {
	tests := []struct{ name, keys, want string }{
		{"Ctrl-A Ctrl-E", "ay x\x01s\x05y", "<xy>"},
		{"Home End", "ay x\x1b[Hs\x1b[Fy", "<xy>"},
		{"Home End of application mode", "ay x\x1bOHs\x1bOFy", "<xy>"},
		{"Ctrl-B Ctrl-F", "say ac\x02b\x06d", "<abcd>"},
		{"arrows", "say ac\x1b[Db\x1bOCd", "<abcd>"},
		{"Delete", "say axb\x1b[D\x1b[D\x1b[3~", "<ab>"},
		{"Ctrl-D deletes", "say axb\x02\x02\x04", "<ab>"},
		{"Ctrl-H", "say abx\x08", "<ab>"},
		{"Ctrl-K Ctrl-Y", "say one two\x1bb\x0b\x19\x19", "<one twotwo>"},
		{"Ctrl-U", "say nothing\x15say it", "<it>"},
		{"Ctrl-W", "say one two \x17three", "<one three>"},
		{"Ctrl-T", "say ba\x14", "<ab>"},
		{"Ctrl-T inside", "say bac\x02\x02\x14", "<abc>"},
		{"Ctrl-T not ASCII", "say éa\x14", "<aé>"},
		{"Esc-b Esc-f", "say one three\x1bbtwo \x1bf.", "<one two three.>"},
		{"Esc-d", "say one two three\x1bb\x1bb\x1bd", "<one  three>"},
		{"Esc-Backspace", "say one two\x1b\x7fthree", "<one three>"},
		{"Ctrl-Left Ctrl-Right", "say one three\x1b[1;5Dtwo \x1b[1;5C.", "<one two three.>"},
		{"Ctrl-V", "say what\x16?", "<what?>"},
		{"unknown sequences", "say a\x1b[15~\x1b[I\x1b[<0;1;2M\x1bqb\x00\x07\x1c", "<ab>"},
		{"wide characters", "say 日語\x02本", "<日本語>"},
		{"invalid UTF-8", "say a\xff\xfeb\xc3(", "<ab(>"},
	}
	u := start(t, setup{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u.t = t
			u.prompt("r1# ")
			u.send(tt.keys + "\r")
			u.shows(tt.want)
			u.prompt("r1# ")
			u.send("\x0c") // the next one begins on an empty screen
			u.prompt("r1# ")
		})
	}
}

func TestPaste(t *testing.T) {
	for _, tt := range []struct{ name, begin, newline, end string }{
		{"plain", "", "\r", ""},
		{"with line feeds", "", "\n", ""},
		{"with both", "", "\r\n", ""},
		{"bracketed", "\x1b[200~", "\r", "\x1b[201~"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := start(t, setup{})
			var b strings.Builder
			b.WriteString(tt.begin)
			for i := range 200 {
				fmt.Fprintf(&b, "say line %d%s", i, tt.newline)
			}
			b.WriteString(tt.end + "say the rest")
			go io.WriteString(u.pty, b.String())
			u.prompt("r1# say the rest")
			text := u.screen.text()
			for i := range 200 {
				if n := strings.Count(text, fmt.Sprintf("r1# say line %d\n<line %d>\n", i, i)); n != 1 {
					t.Fatalf("line %d is there %d times in:\n%s", i, n, text)
				}
			}
			if strings.Contains(text, "r1# \n") {
				t.Error("there are empty lines")
			}
		})
	}
}

// TestTypeAhead holds that what is typed while a command runs is kept, key by key or at once, in order
// and without being shown in between.
func TestTypeAhead(t *testing.T) {
	for _, tt := range []struct {
		name string
		keys []string
	}{
		{"at once", []string{"hold\rsay one\rsay two\rhold\rsay three\rsay re"}},
		{"in lines", []string{"hold\r", "say one\r", "say two\r", "hold\r", "say three\r", "say re"}},
		{"key by key", strings.Split("hold\rsay one\rsay two\rhold\rsay three\rsay re", "")},
		{"with editing", []string{"hold\r", "say onf\x7fe\r", "say wto\x1b[D\x1b[D\x1b[D\x1b[3~\x1b[Cw\x05\r", "hold\r", "sy\x1b[Da\x05 three\r", "say re"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := start(t, setup{})
			for _, k := range tt.keys {
				u.send(k)
			}
			shown := func(word string, times int) {
				u.until(word, func() bool { return strings.Count(u.screen.text(), word) == times })
			}
			for n := range 2 {
				shown("holding", n+1)
				if strings.Contains(u.screen.text(), "three") {
					t.Error("type-ahead is shown in the output of a command")
				}
				_ = u.cmd.Process.Signal(syscall.SIGALRM)
				shown("held", n+1)
			}
			u.prompt("r1# say re")
			text := u.screen.text()
			for _, want := range []string{"<one>", "<two>", "<three>"} {
				if strings.Count(text, want) != 1 {
					t.Errorf("%s is not there once:\n%s", want, text)
				}
			}
		})
	}
	t.Run("Ctrl-C throws it away", func(t *testing.T) {
		u := start(t, setup{})
		u.run("wait", "waiting")
		u.send("say lost\rsay lo\x03")
		u.shows("interrupted")
		u.run("say kept", "<kept>")
		if strings.Contains(u.screen.text(), "lost") {
			t.Errorf("what was typed before Ctrl-C is there:\n%s", u.screen.text())
		}
	})
}

func TestPasteIsText(t *testing.T) {
	u := start(t, setup{})
	u.send("\x1b[200~say\twhy?\rsay what?\x1b[201~")
	u.shows("<why?>")
	u.prompt("r1# say what?")
}

func TestLongLine(t *testing.T) {
	u := start(t, setup{})
	go io.WriteString(u.pty, "say "+strings.Repeat("x", 1<<20)+"\r")
	u.shows("% Line too long")
	u.prompt("r1# ")
	go io.WriteString(u.pty, "say "+strings.Repeat("x", 20_000)+"\x03say short\r")
	u.shows("<short>")
	if strings.Contains(u.screen.text(), "<x") {
		t.Error("a part of the line was executed")
	}
}

func TestControlKeys(t *testing.T) {
	t.Run("Ctrl-C drops the line", func(t *testing.T) {
		u := start(t, setup{})
		u.send("say no\x03")
		u.until("two prompts", func() bool { return strings.Contains(u.screen.text(), "say no\nr1#") })
		u.run("say yes", "<yes>")
		if strings.Contains(u.screen.text(), "<no>") {
			t.Error("the line was executed")
		}
	})
	t.Run("Ctrl-C interrupts a command and drops what was typed meanwhile", func(t *testing.T) {
		u := start(t, setup{})
		u.run("wait", "waiting")
		before := u.read()
		u.send("say ahead\r")
		u.until("the line typed ahead taken", func() bool {
			u.poke()
			return u.read() >= before+len("say ahead\r")
		})
		u.send("\x03")
		u.shows("interrupted")
		u.prompt("r1# ")
		u.run("say later", "<later>")
		if strings.Contains(u.screen.text(), "<ahead>") {
			t.Error("the line typed ahead was executed")
		}
	})
	t.Run("Ctrl-C stops a flood", func(t *testing.T) {
		u := start(t, setup{})
		u.send("length 0\r")
		u.run("endless", "tick 1000\n")
		u.send("\x03")
		u.shows("interrupted")
		u.prompt("r1# ")
	})
	t.Run("Ctrl-D leaves a mode, then the shell", func(t *testing.T) {
		u := start(t, setup{})
		u.send("configure\r")
		u.prompt("r1(config)# ")
		u.send("\r\r\x04")
		u.prompt("r1# ")
		u.send("x\x7f\x04")
		u.ends("ended")
	})
	t.Run("Ctrl-Z is end", func(t *testing.T) {
		u := start(t, setup{})
		u.send("configure\r")
		u.prompt("r1(config)# ")
		u.send("half a line\x1a")
		u.shows("at the end")
		u.prompt("r1# ")
		u.send("draft\x1a") // nothing to leave
		u.prompt("r1# ")
		u.send("\x1b[A")
		u.prompt("r1# configure") // it was not typed
		if strings.Count(u.screen.text(), "at the end") != 1 {
			t.Error("end was said in exec mode")
		}
	})
	t.Run("Ctrl-L clears the screen", func(t *testing.T) {
		u := start(t, setup{})
		u.run("say noise", "<noise>")
		u.prompt("r1# ")
		u.send("say more\x0c")
		u.until("a clear screen", func() bool {
			return u.screen.visible()[0] == "r1# say more" && !slices.Contains(u.screen.visible(), "<noise>")
		})
		u.prompt("r1# say more")
	})
}
