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
		u.send(s.keys)
		u.prompt(s.want)
	}
	u.send("\x15\x15show v")
	u.prompt("r1# show v")
	u.send("\t")
	u.prompt("r1# show vrrp")
	u.send("\t")
	u.prompt("r1# show version")
	u.send("\t")
	u.prompt("r1# show v")
	u.send("\t\t\x1b[Z") // and back
	u.prompt("r1# show vrrp")
	u.send(" brief")
	u.prompt("r1# show vrrp brief")
	u.run("\x15say intact", "<intact>")
}

func TestTabInTheMiddle(t *testing.T) {
	u := start(t, setup{})
	u.send("sho vrrp\x1bb\x02\t")
	u.cursor("r1# show", " vrrp")
}

func TestSuggestions(t *testing.T) {
	u := start(t, setup{})
	u.send("sh")
	u.until("suggestions", func() bool {
		v := strings.Join(u.screen.visible(), "\n")
		return strings.Contains(v, " show ") && strings.Contains(v, "Shut down")
	})
	u.prompt("r1# sh")
	u.send("ow ")
	u.until("a description", func() bool { return strings.Contains(strings.Join(u.screen.visible(), "\n"), "<1-255>") })
	u.send("\x03")
	u.prompt("r1# ")
	u.until("them gone", func() bool { return !strings.Contains(strings.Join(u.screen.visible(), "\n"), "<1-255>") })
	u.run("quiet", "quiet")
	u.prompt("r1# ")
	u.send("\x0csh")
	u.prompt("r1# sh")
	u.send("\t") // without suggestions Tab lists
	u.shows("Shut down")
	u.prompt("r1# sh")
	if v := u.screen.visible(); strings.Contains(strings.Join(v[len(v)-1:], ""), "shutdown") {
		t.Errorf("suggestions in spite of all: %q", v)
	}
}

func TestHelp(t *testing.T) {
	u := start(t, setup{})
	u.send("sh?")
	u.shows("r1# sh?\n  show        Show things\n  shutdown    Shut down\n")
	u.prompt("r1# sh")
	u.send("ow ?")
	u.shows("r1# show ?\n  <1-255>     A number\n")
	u.prompt("r1# show ")
	u.send("\x15say ab\x02?") // in the middle: the line stays whole
	u.cursor("r1# say a", "b")
	u.run("", "<ab>")
	u.prompt("r1# ")
	u.send("?")
	u.shows("r1# ?\n")
	u.prompt("r1# ")
	u.send("long?") // too long for the screen
	u.shows("--More--")
	u.send("q")
	u.prompt("r1# long")
	if strings.Contains(u.screen.text(), "line 99") {
		t.Error("the help was not paged")
	}
}
