// SPDX-License-Identifier: GPL-3.0-only

package term_test

import (
	"strings"
	"testing"
)

func TestTab(t *testing.T) {
	u := start(t, setup{})
	steps := []struct{ name, keys, want string }{
		{"unique word", "sho\t", "r1# show "},
		{"common prefix", "st\t", "r1# show sta"},
		{"unique further", "n\t", "r1# show standby "},
		{"nothing", "x\t", "r1# show standby x"},
		{"value to type", "\x15show 1\t", "r1# show 1"},
		{"other case", "\x15SHO\t", "r1# show "},
		{"not ASCII", "\x15él\t", "r1# Élan "},
		{"complete word", "\x15say\t", "r1# say "},
		{"choice", "\x15s\t", "r1# show"},
		{"next", "\t", "r1# shutdown"},
	}
	for _, s := range steps {
		u.Send(s.keys)
		u.Prompt(s.want)
	}
	u.Send("\x15\x15show v")
	u.Prompt("r1# show v")
	u.Send("\t")
	u.Prompt("r1# show vrrp")
	u.Send("\t")
	u.Prompt("r1# show version")
	u.Send("\t")
	u.Prompt("r1# show v")
	u.Send("\t\t\x1b[Z") // Shift-Tab goes back
	u.Prompt("r1# show vrrp")
	u.Send(" brief")
	u.Prompt("r1# show vrrp brief")
	u.Run("\x15say intact", "<intact>")
}

func TestTabInTheMiddle(t *testing.T) {
	u := start(t, setup{})
	u.Send("sho vrrp\x1bb\x02\t")
	u.Cursor("r1# show", " vrrp")
}

func TestSuggestions(t *testing.T) {
	u := start(t, setup{})
	u.Send("sh")
	u.Until("suggestions", func() bool {
		v := strings.Join(u.Screen.Visible(), "\n")
		return strings.Contains(v, " show ") && strings.Contains(v, "Shut down")
	})
	u.Prompt("r1# sh")
	u.Send("ow ")
	u.Until("a description", func() bool { return strings.Contains(strings.Join(u.Screen.Visible(), "\n"), "<1-255>") })
	u.Send("\x03")
	u.Prompt("r1# ")
	u.Until("them gone", func() bool { return !strings.Contains(strings.Join(u.Screen.Visible(), "\n"), "<1-255>") })
	u.Run("quiet", "quiet")
	u.Prompt("r1# ")
	u.Send("\x0csh")
	u.Prompt("r1# sh")
	u.Send("\t") // without suggestions, Tab lists the words
	u.Shows("Shut down")
	u.Prompt("r1# sh")
	if v := u.Screen.Visible(); strings.Contains(strings.Join(v[len(v)-1:], ""), "shutdown") {
		t.Errorf("unexpected suggestions: %q", v)
	}
}

func TestHelp(t *testing.T) {
	u := start(t, setup{})
	u.Send("sh?")
	u.Shows("r1# sh?\n  show        Show things\n  shutdown    Shut down\n")
	u.Prompt("r1# sh")
	u.Send("ow ?")
	u.Shows("r1# show ?\n  <1-255>     A number\n")
	u.Prompt("r1# show ")
	u.Send("\x15say ab\x02?") // with the cursor inside: the line stays whole
	u.Cursor("r1# say a", "b")
	u.Run("", "<ab>")
	u.Prompt("r1# ")
	u.Send("?")
	u.Shows("r1# ?\n")
	u.Prompt("r1# ")
	u.Send("long?") // too long for the screen
	u.Shows("--More--")
	u.Send("q")
	u.Prompt("r1# long")
	if strings.Contains(u.Screen.Text(), "line 99") {
		t.Error("the help was not paged")
	}
}
