// SPDX-License-Identifier: GPL-3.0-only

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
	u.Send("say " + strings.Repeat("long ", 12) + "x\x02") // longer than a row, with the cursor inside
	u.Until("the line", func() bool { return strings.Contains(u.Screen.Text(), "long x") })
	for i := range 3 {
		_ = u.Cmd.Process.Signal(syscall.SIGUSR2)
		u.Shows(fmt.Sprintf("*** notice %d?[31m\n", i+1))
	}
	u.Run("", "<"+strings.Repeat("long ", 7)+"long\n")
	want := []string{"*** notice 1?[31m", "*** notice 2?[31m", "*** notice 3?[31m",
		"r1# say long long long long long long lo", "ng long long long long long x"}
	u.Until("all", func() bool { return len(u.Screen.Visible()) >= 5 })
	if diff := cmp.Diff(want, u.Screen.Visible()[:5]); diff != "" {
		t.Error(diff)
	}
}

func TestNoticeWaitsForTheCommand(t *testing.T) {
	u := start(t, setup{})
	u.Run("wait", "waiting")
	_ = u.Cmd.Process.Signal(syscall.SIGUSR2)
	u.Send("\x03")
	u.Shows("waiting\ninterrupted\n*** notice 1?[31m\nr1#")
}

func TestResize(t *testing.T) {
	u := start(t, setup{})
	u.Send("say abc\x02")
	u.Cursor("r1# say ab", "c")
	u.Resize(30, 10)
	u.Send("x")
	u.Cursor("r1# say abx", "c")
	u.Run("", "<abxc>")
	u.Prompt("r1# ")
	u.Send("say " + strings.Repeat("y", 40))
	u.Until("a wrapped line", func() bool {
		b, _ := u.Screen.CursorLine()
		return b == strings.Repeat("y", 18)
	})
	u.Run("", "<"+strings.Repeat("y", 29)+"\n"+strings.Repeat("y", 11)+">")
	u.Run("width", "width 30, told 30")
	u.Prompt("r1# ")
	u.Send("say abc\x02")
	u.Cursor("r1# say ab", "c")
	drawn := u.Screen.Written()
	u.Resize(60, 10)
	u.Until("the line drawn anew", func() bool { return u.Screen.Written() > drawn })
	u.Cursor("r1# say ab", "c")
	u.Send(strings.Repeat("z", 40)) // no longer wrapped
	u.Cursor("r1# say ab"+strings.Repeat("z", 40), "c")
}

func TestTinyWindows(t *testing.T) {
	for _, size := range [][2]uint16{{20, 6}, {20, 2}, {8, 3}, {1, 1}, {4, 1}, {200, 1}} {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			u := open(t, setup{cols: size[0], rows: size[1]})
			u.Shows("#")
			u.Send("sh\t\t\t\t? v\t\tx?\x1b[A\x12s\x07\x03")
			u.Send("length 0\rprompt r1(config-vrrp)#\rsay " + strings.Repeat("z", 30) + "\x01\x05\r")
			u.Send("say good\r")
			u.Until("survival", func() bool {
				s := u.Screen.Text()
				return strings.Contains(strings.ReplaceAll(s, "\n", ""), "<good>") && !strings.Contains(s, "too small")
			})
			u.Send("exit\r")
			<-u.Exited
		})
	}
}

func TestTwentyColumns(t *testing.T) {
	u := start(t, setup{cols: 20, rows: 6})
	u.Send("prompt r1(config-vrrp)#\r")
	u.Prompt("r1(config-vrrp)# ")
	u.Send("say twenty columns") // starts after the prompt and continues on the next rows
	u.Cursor(" twenty columns", "")
	u.Run("", "<twenty columns>")
	u.Prompt("r1(config-vrrp)# ")
	u.Send("sh?")
	u.Shows("r1(config-vrrp)# sh?\n  show        Show t\nhings\n")
	u.Until("the prompt", func() bool { b, _ := u.Screen.CursorLine(); return b == "r1(config-vrrp)# sh" })
}

func TestUnknownSize(t *testing.T) {
	u := open(t, setup{})
	u.Prompt("r1# ")
	u.Run("width", "width 80, told 80")
}
