package term_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNotice(t *testing.T) {
	u := start(t, setup{cols: 40, rows: 24})
	u.send("say " + strings.Repeat("long ", 12) + "x\x02") // more than a row, the cursor inside
	u.until("the line", func() bool { return strings.Contains(u.screen.text(), "long x") })
	for i := range 3 {
		_ = u.cmd.Process.Signal(syscall.SIGUSR2)
		u.shows(fmt.Sprintf("*** notice %d?[31m\n", i+1))
	}
	u.run("", "<"+strings.Repeat("long ", 7)+"long\n")
	want := []string{"*** notice 1?[31m", "*** notice 2?[31m", "*** notice 3?[31m",
		"r1# say long long long long long long lo", "ng long long long long long x"}
	u.until("all", func() bool { return len(u.screen.visible()) >= 5 })
	if diff := cmp.Diff(want, u.screen.visible()[:5]); diff != "" {
		t.Error(diff)
	}
}

func TestNoticeWaitsForTheCommand(t *testing.T) {
	u := start(t, setup{})
	u.run("wait", "waiting")
	_ = u.cmd.Process.Signal(syscall.SIGUSR2)
	u.send("\x03")
	u.shows("waiting\ninterrupted\n*** notice 1?[31m\nr1#")
}

func TestResize(t *testing.T) {
	u := start(t, setup{})
	u.send("say abc\x02")
	u.cursor("r1# say ab", "c")
	u.resize(30, 10)
	u.send("x")
	u.cursor("r1# say abx", "c")
	u.run("", "<abxc>")
	u.prompt("r1# ")
	u.send("say " + strings.Repeat("y", 40))
	u.until("a wrapped line", func() bool {
		b, _ := u.screen.cursorLine()
		return b == strings.Repeat("y", 18)
	})
	u.run("", "<"+strings.Repeat("y", 29)+"\n"+strings.Repeat("y", 11)+">")
	u.run("width", "width 30, told 30")
	u.prompt("r1# ")
	u.send("say abc\x02")
	u.cursor("r1# say ab", "c")
	drawn := u.screen.written()
	u.resize(60, 10)
	u.until("the line drawn anew", func() bool { return u.screen.written() > drawn })
	u.cursor("r1# say ab", "c")
	u.send(strings.Repeat("z", 40)) // no longer wrapped
	u.cursor("r1# say ab"+strings.Repeat("z", 40), "c")
}

func TestTinyWindows(t *testing.T) {
	for _, size := range [][2]uint16{{20, 6}, {20, 2}, {8, 3}, {1, 1}, {4, 1}, {200, 1}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			u := open(t, setup{cols: size[0], rows: size[1]})
			u.shows("#")
			u.send("sh\t\t\t\t? v\t\tx?\x1b[A\x12s\x07\x03")
			u.send("length 0\rprompt r1(config-vrrp)#\rsay " + strings.Repeat("z", 30) + "\x01\x05\r")
			u.send("say good\r")
			u.until("survival", func() bool {
				s := u.screen.text()
				return strings.Contains(strings.ReplaceAll(s, "\n", ""), "<good>") && !strings.Contains(s, "too small")
			})
			u.send("exit\r")
			<-u.exited
		})
	}
}

func TestTwentyColumns(t *testing.T) {
	u := start(t, setup{cols: 20, rows: 6})
	u.send("prompt r1(config-vrrp)#\r")
	u.prompt("r1(config-vrrp)# ")
	u.send("say twenty columns") // behind the prompt, the next rows have the rest
	u.cursor(" twenty columns", "")
	u.run("", "<twenty columns>")
	u.prompt("r1(config-vrrp)# ")
	u.send("sh?")
	u.shows("r1(config-vrrp)# sh?\n  show        Show t\nhings\n")
	u.until("the prompt", func() bool { b, _ := u.screen.cursorLine(); return b == "r1(config-vrrp)# sh" })
}

func TestUnknownSize(t *testing.T) {
	u := open(t, setup{})
	u.prompt("r1# ")
	u.run("width", "width 80, told 80")
}
