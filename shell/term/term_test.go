// SPDX-License-Identifier: GPL-3.0-only

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
	u.Send("sya\x1b[D\x1b[D\x7f") // deletes the wrong letter: "sya", two to the left, one deleted
	u.Cursor("r1# ", "ya")
	u.Send("\x01\x04\x04\x0b") // deletes the whole line
	u.Prompt("r1# ")
	u.Send("say hello")
	u.Prompt("r1# say hello")
	u.Run("", "<hello>")
	u.Prompt("r1# ")
	u.Run("bogus", "% Unknown: bogus")
	u.Run("part no newline", "no newline\nr1#")
	u.Run("say größe 日本", "<größe 日本>")
	u.Prompt("r1# ")
	u.Run("  indented", "% Unknown:   indented") // as typed, so that the caret points to the right place
	u.Run("   ", "r1#\nr1#")
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
			u.T = t
			u.Prompt("r1# ")
			u.Send(tt.keys + "\r")
			u.Shows(tt.want)
			u.Prompt("r1# ")
			u.Send("\x0c") // the next test starts on an empty screen
			u.Prompt("r1# ")
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
			go io.WriteString(u.PTY, b.String())
			u.Prompt("r1# say the rest")
			text := u.Screen.Text()
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

// TestTypeAhead checks that input typed while a command runs is kept, key by key or at once, in order,
// and not shown meanwhile.
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
				u.Send(k)
			}
			shown := func(word string, times int) {
				u.Until(word, func() bool { return strings.Count(u.Screen.Text(), word) == times })
			}
			for n := range 2 {
				shown("holding", n+1)
				if strings.Contains(u.Screen.Text(), "three") {
					t.Error("type-ahead is shown in the output of a command")
				}
				_ = u.Cmd.Process.Signal(syscall.SIGALRM)
				shown("held", n+1)
			}
			u.Prompt("r1# say re")
			text := u.Screen.Text()
			for _, want := range []string{"<one>", "<two>", "<three>"} {
				if strings.Count(text, want) != 1 {
					t.Errorf("%s is not there exactly once:\n%s", want, text)
				}
			}
		})
	}
	t.Run("Ctrl-C throws it away", func(t *testing.T) {
		u := start(t, setup{})
		u.Run("wait", "waiting")
		u.Send("say lost\rsay lo\x03")
		u.Shows("interrupted")
		u.Run("say kept", "<kept>")
		if strings.Contains(u.Screen.Text(), "lost") {
			t.Errorf("what was typed before Ctrl-C is there:\n%s", u.Screen.Text())
		}
	})
}

// TestPasteAnswersNoQuestion: the lines after one that would ask are run, however they arrive.
func TestPasteAnswersNoQuestion(t *testing.T) {
	for _, tt := range []struct{ name, begin, newline, end string }{
		{"plain", "", "\r", ""},
		{"with both", "", "\r\n", ""},
		{"bracketed", "\x1b[200~", "\r", "\x1b[201~"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u := start(t, setup{})
			u.Send(tt.begin + "ask Who" + tt.newline + "say next" + tt.newline + tt.end)
			u.Shows("A question. error more lines follow: the user is not asked\nr1# say next\n<next>\n")
			u.Send("ask Who" + tt.newline)
			u.Shows("A question. Who?")
			u.Send("me\r")
			u.Shows("answer <me>")
		})
	}
}

func TestPasteIsText(t *testing.T) {
	u := start(t, setup{})
	u.Send("\x1b[200~say\twhy?\rsay what?\x1b[201~")
	u.Shows("<why?>")
	u.Prompt("r1# say what?")
}

func TestLongLine(t *testing.T) {
	u := start(t, setup{})
	go io.WriteString(u.PTY, "say "+strings.Repeat("x", 1<<20)+"\r")
	u.Shows("% Line too long")
	u.Prompt("r1# ")
	go io.WriteString(u.PTY, "say "+strings.Repeat("x", 20_000)+"\x03say short\r")
	u.Shows("<short>")
	if strings.Contains(u.Screen.Text(), "<x") {
		t.Error("a part of the line was executed")
	}
}

func TestControlKeys(t *testing.T) {
	t.Run("Ctrl-C drops the line", func(t *testing.T) {
		u := start(t, setup{})
		u.Send("say no\x03")
		u.Until("two prompts", func() bool { return strings.Contains(u.Screen.Text(), "say no\nr1#") })
		u.Run("say yes", "<yes>")
		if strings.Contains(u.Screen.Text(), "<no>") {
			t.Error("the line was executed")
		}
	})
	t.Run("Ctrl-C interrupts a command and drops what was typed meanwhile", func(t *testing.T) {
		u := start(t, setup{})
		u.Run("wait", "waiting")
		before := u.read()
		u.Send("say ahead\r")
		u.Until("the line typed ahead taken", func() bool {
			u.Poke()
			return u.read() >= before+len("say ahead\r")
		})
		u.Send("\x03")
		u.Shows("interrupted")
		u.Prompt("r1# ")
		u.Run("say later", "<later>")
		if strings.Contains(u.Screen.Text(), "<ahead>") {
			t.Error("the line typed ahead was executed")
		}
	})
	t.Run("Ctrl-C stops a flood", func(t *testing.T) {
		u := start(t, setup{})
		u.Send("length 0\r")
		u.Run("endless", "tick 1000\n")
		u.Send("\x03")
		u.Shows("interrupted")
		u.Prompt("r1# ")
	})
	t.Run("Ctrl-D leaves a mode, then the shell", func(t *testing.T) {
		u := start(t, setup{})
		u.Send("configure\r")
		u.Prompt("r1(config)# ")
		u.Send("\r\r\x04")
		u.Prompt("r1# ")
		u.Send("x\x7f\x04")
		u.ends("ended")
	})
	t.Run("Ctrl-Z runs the line before the cursor, then end", func(t *testing.T) {
		u := start(t, setup{})
		u.Send("configure\r")
		u.Prompt("r1(config)# ")
		u.Send("say it\x1a")
		u.Shows("<it>\nr1(config)# end\nat the end\nr1#")
		u.Send("\x1b[A")
		u.Prompt("r1# say it")
	})
	t.Run("Ctrl-Z is end", func(t *testing.T) {
		u := start(t, setup{})
		u.Send("configure\r")
		u.Prompt("r1(config)# ")
		u.Send("half a line\x1b[D\x1a")
		u.Shows("at the end")
		u.Prompt("r1# ")
		u.Send("draft\x1a") // ignored: there is no mode to leave
		u.Prompt("r1# ")
		u.Send("\x1b[A")
		u.Prompt("r1# configure") // "end" is not in the history, because it was not typed
		if strings.Count(u.Screen.Text(), "at the end") != 1 {
			t.Error("end was said in exec mode")
		}
	})
	t.Run("Ctrl-L clears the screen", func(t *testing.T) {
		u := start(t, setup{})
		u.Run("say noise", "<noise>")
		u.Prompt("r1# ")
		u.Send("say more\x0c")
		u.Until("a clear screen", func() bool {
			return u.Screen.Visible()[0] == "r1# say more" && !slices.Contains(u.Screen.Visible(), "<noise>")
		})
		u.Prompt("r1# say more")
	})
}
