// SPDX-License-Identifier: GPL-3.0-only

package term_test

import (
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
)

// silent checks that the terminal has received no control sequence.
func (u *user) silent() {
	u.T.Helper()
	if n := u.Screen.Sequences(); n != 0 {
		u.T.Errorf("%d control sequences in:\n%s", n, u.Screen.Text())
	}
}

// TestDumbTerminal: what programs and people do at a terminal that cannot move its cursor.
func TestDumbTerminal(t *testing.T) {
	for name, env := range map[string][]string{
		"the session knows": {"TERM=dumb"}, "a router of an earlier release": {"TERM=dumb", "TERM_TEST_OLD=1"},
	} {
		t.Run(name, func(t *testing.T) {
			u := start(t, setup{env: env})
			u.Send("say hel")
			u.Prompt("r1# say hel")
			u.Send("lo\r")
			u.Shows("r1# say hello\n<hello>\nr1#")
			u.Run("lines 3", "line 3\nall written\nr1#")
			u.Run("bogus", "% Unknown: bogus\nr1#")
			u.Run("part no newline", "no newline\nr1#")
			u.Run("", "r1#\nr1#")
			u.Send("ask why\r")
			u.Shows("A question. why?")
			u.Send("becausf\x7fe\r")
			u.Shows("answer <because>\nr1#")
			u.Run("live", "left\nr1#")
			go io.WriteString(u.PTY, "say one\nsay two\r\nsay three\rsay fo")
			u.Prompt("r1# say fo")
			u.Shows("r1# say one\n<one>\nr1# say two\n<two>\nr1# say three\n<three>\nr1# say fo")
			u.Send("\x15configure\r")
			u.Prompt("r1(config)# ")
			u.Send("\x1a")
			u.Shows("r1(config)# end\nat the end\nr1#")
			u.Send("configure\r")
			u.Prompt("r1(config)# ")
			u.Send("say last\x1a")
			u.Shows("r1(config)# say last\n<last>\nr1(config)# end\nat the end\nr1#")
			u.Send("\x04")
			u.Shows("r1# exit")
			u.ends("ended")
			u.silent()
		})
	}
}

func TestPlainKeys(t *testing.T) {
	u := start(t, setup{env: []string{"TERM=dumb"}})
	for _, tt := range []struct{ name, keys, want string }{
		{"Backspace", "say axy\x7f\x08b", "<ab>"},
		{"Backspace at the beginning", "\x7fsay it", "<it>"},
		{"Ctrl-U", "say nothing\x15say it", "<it>"},
		{"Ctrl-W", "say one two \x17three", "<one three>"},
		{"Ctrl-C", "say nothing\x03say it", "<it>"},
		{"Ctrl-L", "say i\x0ct", "<it>"},
		{"Ctrl-P", "\x10", "<it>"},
		{"Up Up Down", "\x1b[A\x1b[A\x1b[A\x1bOB other", "<one three other>"},
		{"past the newest line", "\x1b[B\x10\x0esay new", "<new>"},
		{"Ctrl-V", "say what\x16?", "<what?>"},
		{"Tab", "sa\t.", "<.>"},
		{"Tab, other case", "SA\t.", "<.>"},
		{"Tab, nothing", "say x\ty", "<xy>"},
		{"keys without a meaning", "say a\x1b[D\x1b[15~\x1bq\x01\x05\x02\x0b\x14b", "<ab>"},
		{"wide characters", "say 日本\x7f語", "<日語>"},
		{"invalid UTF-8", "say a\xff\xfeb", "<ab>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u.T = t
			before := strings.Count(u.Screen.Text(), tt.want)
			u.Send(tt.keys + "\r")
			u.Until(tt.want, func() bool { return strings.Count(u.Screen.Text(), tt.want) > before })
			u.Prompt("r1# ")
		})
	}
	u.T = t
	u.Send("sh?")
	u.Shows("r1# sh?\n  show        Show things\n  shutdown    Shut down\nr1# sh")
	u.Send("\t")
	u.Shows("r1# sh\n  show        Show things\n  shutdown    Shut down\nr1# sh")
	u.Send("ow v\t")
	u.Shows("r1# show v\n  <1-255>     A number\n  vrrp        The groups")
	u.Prompt("r1# show v")
	u.Send("r\t")
	u.Prompt("r1# show vrrp ")
	u.silent()
}

// TestPlainPager: the pager stays until "terminal length 0", and erases its prompt without control sequences.
func TestPlainPager(t *testing.T) {
	u := start(t, setup{cols: 80, rows: 6, env: []string{"TERM=dumb"}})
	u.Send("lines 12\r")
	u.Prompt("--More--")
	u.Send(" ")
	u.Shows("line 10\n--More--")
	u.Send("/12\r")
	u.Shows("line 10\nline 12\nall written\nr1#")
	u.Run("length 0", "r1#")
	u.Run("lines 100", "line 99\nline 100\nall written\nr1#")
	u.silent()
}

// TestPlainOnAndOff: "terminal plain" and "terminal no plain" work from the next line on, whatever the terminal is.
func TestPlainOnAndOff(t *testing.T) {
	u := start(t, setup{})
	u.Run("terminal plain", "r1# ")
	u.Prompt("r1# ")
	if u.Screen.Mode("?2004") {
		t.Error("pastes are still bracketed")
	}
	before := u.Screen.Sequences()
	u.Run("say hello", "<hello>\nr1#")
	if n := u.Screen.Sequences(); n != before {
		t.Errorf("%d control sequences", n-before)
	}
	u.Send("terminal no plain\r")
	u.Until("pastes are bracketed", func() bool { return u.Screen.Mode("?2004") })
	u.Send("sh")
	u.Shows("Show things")
}

// TestPlainNotice: a notice leaves the typed line as it was, and a flood of input has its limit.
func TestPlainNotice(t *testing.T) {
	u := start(t, setup{env: []string{"TERM=dumb"}})
	u.Send("say he")
	u.Prompt("r1# say he")
	_ = u.Cmd.Process.Signal(syscall.SIGUSR2)
	u.Shows("r1# say he\n*** notice 1")
	u.Prompt("r1# say he")
	u.Run("llo", "<hello>")
	for range 9 {
		u.Send(strings.Repeat("x", 1000))
	}
	u.Send("\r")
	u.Shows(fmt.Sprintf("%% Error: line too long: more than %d characters", 8192))
	u.Run("say on", "<on>")
	_ = u.Cmd.Process.Signal(syscall.SIGUSR1)
	u.ends("canceled")
	u.silent()
}
