// SPDX-License-Identifier: GPL-3.0-only

package program_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vrrpsh/platform/program"
)

func self(t *testing.T, script string, mode os.FileMode) program.Program {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return program.Program{Command: []string{path, "a b", "$c"}, UID: uint32(os.Geteuid()), GID: uint32(os.Getegid()), Timeout: 10 * time.Second}
}

func TestRun(t *testing.T) {
	for name, tt := range map[string]struct{ script, said, err string }{
		"success":   {"exit 0", "", ""},
		"failure":   {"echo one; echo two >&2; exit 3", "two", "exit status 3"},
		"arguments": {`echo "$1,$2,$PWD,$SECRET"`, "a b,$c,/,", ""},
		"input":     {"cat", "hello", ""},
		"much":      {"head -c 100000 /dev/zero | tr '\\0' x; echo; echo end", "end", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SECRET", "s")
			p := self(t, tt.script, 0o700)
			p.Input = []byte("hello")
			said, err := program.Run(t.Context(), p)
			if got := errorText(err); said != tt.said || got != tt.err {
				t.Errorf("said %q, error %q, want %q, %q", said, got, tt.said, tt.err)
			}
		})
	}
}

// The child processes of a program are killed with it.
func TestTimeoutKillsAll(t *testing.T) {
	file := filepath.Join(t.TempDir(), "survived")
	p := self(t, "(sleep 1; touch "+file+") & sleep 60", 0o700)
	p.Timeout = 100 * time.Millisecond
	began := time.Now()
	if _, err := program.Run(t.Context(), p); !errors.Is(err, program.ErrTimeout) || time.Since(began) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
	for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); {
		if _, err := os.Stat(file); err == nil {
			t.Fatal("its child processes kept running")
		}
	}
}

func TestCheck(t *testing.T) {
	if p := self(t, "", 0o755); program.Check(p.Command[0], p.UID) != nil {
		t.Errorf("refused: %v", program.Check(p.Command[0], p.UID))
	}
	for name, tt := range map[string]struct {
		mode, dir os.FileMode
		want      string
	}{
		"not executable":   {0o644, 0o755, "is not executable"},
		"group can write":  {0o775, 0o755, "can be changed by users other than its owner"},
		"others can write": {0o757, 0o755, "can be changed by users other than its owner"},
		"open directory":   {0o755, 0o777, "which users other than its owner can write to"},
	} {
		t.Run(name, func(t *testing.T) {
			p := self(t, "", tt.mode)
			if err := os.Chmod(filepath.Dir(p.Command[0]), tt.dir); err != nil {
				t.Fatal(err)
			}
			if got := errorText(program.Check(p.Command[0], p.UID)); !strings.Contains(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if _, err := program.Run(t.Context(), p); err == nil {
				t.Error("it was run anyway")
			}
		})
	}
	for path, want := range map[string]string{"relative": "absolute", "/no/such": "no such file", "/bin": "not a regular"} {
		if got := errorText(program.Check(path, 0)); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if os.Geteuid() == 0 {
		p := self(t, "", 0o755)
		if err := os.Chown(p.Command[0], 12345, 12345); err != nil {
			t.Fatal(err)
		}
		if got := errorText(program.Check(p.Command[0], 0)); !strings.Contains(got, "another user") {
			t.Errorf("a program of another user: %q", got)
		}
	}
}

// Links may lead to a program, but no step of the path may be under the control of another user.
func TestCheckLinks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can create files of other users")
	}
	p := self(t, "", 0o755)
	ours, theirs := t.TempDir(), t.TempDir()
	link := func(target string, path ...string) string {
		t.Helper()
		at := filepath.Join(path...)
		if err := os.Symlink(target, at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	good := link(link(p.Command[0], ours, "first"), ours, "second")
	up := link("../"+filepath.Base(ours)+"/first", ours, "up")
	bad := link(link(p.Command[0], theirs, "between"), ours, "bad")
	dir := filepath.Join(link(link(filepath.Dir(p.Command[0]), theirs, "dir"), ours, "dir"), "script")
	loop := link(filepath.Join(ours, "loop"), ours, "loop")
	if err := os.Chown(theirs, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		good: "", up: "", bad: "another user: " + theirs, dir: "another user: " + theirs, loop: "cannot be run",
	} {
		if got := errorText(program.Check(path, 0)); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
