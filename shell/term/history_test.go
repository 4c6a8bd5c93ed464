// SPDX-License-Identifier: GPL-3.0-only

package term_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dir", "history")
	u := start(t, setup{history: path})
	for _, l := range []string{"say one", "say two", "say two", "api secret hush", "say three"} {
		u.Run(l, l)
		u.Prompt("r1# ")
	}
	u.Send("\x1b[A")
	u.Prompt("r1# say three")
	u.Send("\x10\x10")
	u.Prompt("r1# say two")
	u.Send("\x1b[A")
	u.Prompt("r1# say one")
	u.Send("\x1b[B")
	u.Prompt("r1# say two")
	u.Send("\x03exit\r")
	u.ends("ended")

	fi, err := os.Stat(path)
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("history %v, %v", fi.Mode(), err)
	}
	b, _ := os.ReadFile(path)
	if want := "say one\nsay two\nsay three\nexit\n"; string(b) != want {
		t.Errorf("history %q, want %q", b, want)
	}

	v := start(t, setup{history: path})
	v.Send("\x1b[A\x1b[A")
	v.Prompt("r1# say three")
	v.Send("\x03\x12tw")
	v.Shows("(reverse-i-search)`tw': say two")
	v.Send("\r")
	v.Shows("<two>")
}

func TestHistoryIsShortened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history")
	var b strings.Builder
	for i := range 20 {
		fmt.Fprintf(&b, "say %d\n", i)
	}
	if err := os.WriteFile(path, []byte(b.String()+"say \x1b[31m\xff\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	u := start(t, setup{history: path})
	u.Send("\x1b[A")
	u.Prompt("r1# say ?[31m?")
	u.Send("\x03exit\r")
	u.ends("ended")
	got, _ := os.ReadFile(path)
	if want := "say 16\nsay 17\nsay 18\nsay 19\nsay ?[31m?\nexit\n"; string(got) != want {
		t.Errorf("history %q, want %q", got, want)
	}
	if fi, _ := os.Stat(path); fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", fi.Mode())
	}
}

func TestHistoryCannotBeKept(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"file/x", "link", "pipe", ""} {
		u := start(t, setup{history: filepath.Join(dir, path)})
		u.Shows("% History: ")
		u.Run("say on", "<on>")
	}
}

func TestSearch(t *testing.T) {
	u := start(t, setup{})
	for _, l := range []string{"say alpha one", "say beta", "say alpha two"} {
		u.Run(l, l)
		u.Prompt("r1# ")
	}
	u.Send("draft\x12alpha")
	u.Shows("`alpha': say alpha two")
	u.Send("\x12")
	u.Shows("`alpha': say alpha one")
	u.Send("\x07")
	u.Prompt("r1# draft")
	u.Send("\x12beta\x1b[D")
	u.Cursor("r1# say bet", "a")
	u.Send("\x03\x12bx\x7f\x7f\x7fal\x1b[D")
	u.Cursor("r1# say alpha tw", "o")
	u.Send("\x03\x12nowhere\r")
	u.Prompt("r1# ")
	u.Run("say fine", "<fine>")
}
