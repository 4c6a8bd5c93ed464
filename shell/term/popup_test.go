// SPDX-License-Identifier: GPL-3.0-only

package term_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/shell/term"
)

// visible waits until the terminal shows exactly these lines from a row on, 0 being the first.
func (u *user) visible(from int, want ...string) {
	u.T.Helper()
	var got []string
	u.Until(strings.Join(want, "\n"), func() bool {
		got = u.Screen.Visible()[from:]
		for len(got) > len(want) && got[len(got)-1] == "" {
			got = got[:len(got)-1]
		}
		return slices.Equal(got, want)
	})
}

// TestPopupStays: the suggestions stay where the word began while it is typed, and vanish with it.
func TestPopupStays(t *testing.T) {
	u := start(t, setup{})
	u.Send("s")
	u.visible(0, "r1# s", "    show      Show things", "    shutdown  Shut down", "    say       Say something")
	u.Send("h")
	u.visible(0, "r1# sh", "    show      Show things", "    shutdown  Shut down")
	u.Send("o")
	u.visible(0, "r1# sho", "    show  Show things")
	u.Send("w ")
	u.visible(0, "r1# show", "         interfaces", "         standby", "         statistics", "         vrrp", "         version", "         <1-255>")
	u.Send("st")
	u.visible(0, "r1# show st", "         standby     The others", "         statistics  The counters", "         <1-255>     A number")
	u.Send("x")
	u.visible(0, "r1# show stx", "         <1-255>  A number")
	u.Send("\x15")
	u.visible(0, "r1#")
}

// TestPopupNeverScrolls: with few rows below the line there are fewer suggestions, and at the bottom they are behind the
// line. What is above stays.
func TestPopupNeverScrolls(t *testing.T) {
	u := start(t, setup{cols: 80, rows: 10})
	u.Send("length 0\r")
	u.Prompt("r1# ")
	u.Run("lines 6", "all written\nr1#") // in the last row
	u.Prompt("r1# ")
	above := u.Screen.Visible()[:9]
	u.Send("show ")
	u.visible(9, "r1# show             (interfaces, standby, statistics, vrrp, … 2 more)")
	u.Send("v")
	u.visible(9, "r1# show v           (vrrp, version, <1-255>)")
	u.Send("\t\t")
	u.visible(9, "r1# show version     (version, … 1 more)")
	u.Send("\x15say x")
	u.Prompt("r1# say x")
	if diff := cmp.Diff(above, u.Screen.Visible()[:9]); diff != "" {
		t.Errorf("above the line: %s", diff)
	}
	u.Send("\x15\x0clength 0\r")
	u.Run("say 1", "<1>")
	u.Run("say 2", "<2>")
	u.Prompt("r1# ") // in row 5, with four rows below it
	u.Send("show ")
	u.visible(5, "r1# show", "         interfaces  The interfaces", "         standby     The others", "         statistics  The counters", "         … 3 more")
	u.Send("\x15")
	u.visible(5, "r1#")
}

// TestBytesPerKey: a key costs less than 200 bytes, wherever the line is.
func TestBytesPerKey(t *testing.T) {
	for name, before := range map[string]string{"at the top": "", "at the bottom": "lines 40"} {
		t.Run(name, func(t *testing.T) {
			u := start(t, setup{})
			u.Run("length 0", "length 0\nr1#")
			if before != "" {
				u.Run(before, "all written\nr1#")
			}
			u.Prompt("r1# ")
			sum, keys := 0, 0
			key := func(k, line string) {
				t.Helper()
				written := u.Screen.Written()
				u.Send(k)
				u.Until(line, func() bool { b, _ := u.Screen.CursorLine(); return b == "r1# "+line })
				cost := u.Screen.Written() - written
				sum, keys = sum+cost, keys+1
				if cost >= 200 {
					t.Errorf("%q: %d bytes", line, cost)
				}
			}
			typed := ""
			for _, k := range "show st" {
				typed += string(k)
				key(string(k), typed)
			}
			for _, k := range []struct{ key, line string }{
				{"\x7f", "show s"}, {"\x7f", "show "}, {"\x1b[D", "show"}, {"\x1b[D", "sho"}, {"\x05", "show "}, {"v", "show v"}, {"\t", "show vrrp"},
				{"\t", "show version"}, {"\t", "show v"}, {"\x15", ""}, {"\x1b[A", map[bool]string{true: "length 0", false: "lines 40"}[before == ""]},
				{"\x15", ""}, {"s", "s"}, {"h", "sh"}, {"\x03", ""}, {"s", "s"},
			} {
				key(k.key, k.line)
			}
			if average := sum / keys; average > 60 {
				t.Errorf("%d bytes for %d keys", sum, keys)
			}
		})
	}
}

// TestWideCharactersAtTheMargin: a character of two columns that does not fit at the margin is on the next row, and editing
// goes on there.
func TestWideCharactersAtTheMargin(t *testing.T) {
	for _, columns := range []uint16{20, 21} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			u := start(t, setup{cols: columns, rows: 12})
			text := "say " + strings.Repeat("日本語", 4) + "end" // 4 + 4 + 24 + 3 columns
			u.Send(text)
			row := func(n int) string { return strings.TrimRight("r1# say "+strings.Repeat("日本語", n), " ") }
			u.Until("two rows", func() bool { v := u.Screen.Visible(); return v[0] == row(2) && v[1] == "日本語日本語end" })
			u.Send("\x01\x05\x7f\x7f\x7f") // to the beginning, to the end, and three characters less
			u.Cursor("日\x00本\x00語\x00日\x00本\x00語\x00", "")
			u.Send(strings.Repeat("\x02", 7) + "x") // one character before the margin
			u.Until("moved characters", func() bool {
				v := u.Screen.Visible()
				joined := strings.ReplaceAll(v[0]+v[1], " ", "")
				return joined == "r1#say日本語日本x語日本語日本語"
			})
			u.Send("\x7f\x05!\r")
			u.Shows("<")
			u.Until("the line", func() bool {
				return strings.Contains(strings.ReplaceAll(u.Screen.Text(), "\n", ""), "<"+strings.Repeat("日本語", 4)+"!>")
			})
			u.Prompt("r1# ")
			if strings.Contains(u.Screen.Text(), "\n\n") {
				t.Errorf("empty rows:\n%s", u.Screen.Text())
			}
		})
	}
}

// TestNoPopupOnSerialLines: they are slow.
func TestNoPopupOnSerialLines(t *testing.T) {
	for _, env := range []string{"TERM=vt220", "TERM=vt102"} {
		u := start(t, setup{env: []string{env}})
		u.Send("sh")
		u.Prompt("r1# sh")
		u.Send("\t")
		u.Shows("r1# sh?\n  show        Show things\n  shutdown    Shut down\nr1# sh")
		u.Prompt("r1# sh")
		u.visible(3, "r1# sh")
	}
}

// TestSerialNames: devices of serial lines, and terminals that are none.
func TestSerialNames(t *testing.T) {
	for name, want := range map[string]bool{
		"/dev/ttyS0": true, "/dev/ttyUSB1": true, "/dev/ttyAMA0": true, "/dev/hvc0": true, "/dev/ttyu0": true, "/dev/cuau0": true,
		"/dev/tty": false, "/dev/tty1": false, "/dev/pts/3": false, "/dev/ttyv0": false, "/dev/console": false, "pipe:[1]": false, "": false,
	} {
		if term.SerialName(name) != want {
			t.Errorf("%q: %t", name, !want)
		}
	}
}
