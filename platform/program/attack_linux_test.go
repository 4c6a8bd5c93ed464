// SPDX-License-Identifier: GPL-3.0-only

package program_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vrrpsh/platform/program"
)

// running returns the processes with a word in their command line.
func running(t *testing.T, word string) (list []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && slices.Contains(strings.Split(string(line), "\x00"), word) {
			list = append(list, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return list
}

// TestNothingOutlivesAProgram checks that processes that a program tries to leave behind end with it, whatever its user.
func TestNothingOutlivesAProgram(t *testing.T) {
	before := program.ChildrenOf(os.Getpid())
	unique := fmt.Sprintf("7%d", os.Getpid())
	sleep := "sleep " + unique
	users := []uint32{uint32(os.Geteuid())}
	if os.Geteuid() == 0 {
		users = append(users, 65534)
	}
	try := func(t *testing.T) {
		for name, script := range map[string]string{
			"background":             sleep + " &",
			"without output":         sleep + " >/dev/null 2>&1 </dev/null &",
			"session":                "setsid " + sleep + " >/dev/null 2>&1 &",
			"session, with output":   "setsid " + sleep + " &",
			"daemon":                 "(setsid " + sleep + " >/dev/null 2>&1 &)",
			"daemon with a family":   "(setsid sh -c '" + sleep + " & setsid " + sleep + " & wait' >/dev/null 2>&1 &)",
			"without an environment": "env -i setsid " + sleep + " >/dev/null 2>&1 &",
			"deaf":                   "(trap '' TERM HUP INT; setsid " + sleep + " >/dev/null 2>&1 &)",
			"many":                   "for i in 1 2 3 4 5 6 7 8 9; do (setsid sh -c 'setsid " + sleep + " & " + sleep + "' >/dev/null 2>&1 &); done",
		} {
			for _, uid := range users {
				for _, end := range []string{"exit 0", "exit 3", "sleep 1000"} {
					if end == "sleep 1000" && name != "daemon" {
						continue
					}
					p := self(t, script+"\n"+end, 0o755)
					p.UID, p.GID, p.Timeout = uid, uid, 5*time.Second
					if end == "sleep 1000" {
						p.Timeout = 300 * time.Millisecond
					}
					if err := openUp(p.Command[0]); err != nil {
						t.Fatal(err)
					}
					_, err := program.Run(t.Context(), p)
					if want := map[string]string{"exit 3": "exit status 3", "sleep 1000": program.ErrTimeout.Error()}[end]; errorText(err) != want {
						t.Errorf("%s as %d, %s: %v", name, uid, end, err)
					}
					if left := running(t, unique); len(left) > 0 {
						t.Errorf("%s as %d, %s: it left the processes %q", name, uid, end, left)
					}
				}
			}
		}
		if after := program.ChildrenOf(os.Getpid()); len(after) > len(before) {
			t.Errorf("children before: %d, afterwards: %d", before, after)
		}
	}
	if program.ControlGroups() {
		t.Run("with control groups", try)
	}
	program.WithoutControlGroups(func() { t.Run("without control groups", try) })
}

// openUp lets other users pass through the directories of a test.
func openUp(path string) error {
	var errs error
	for dir := filepath.Dir(path); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		errs = errors.Join(errs, os.Chmod(dir, 0o755))
	}
	return errs
}

// TestProgramsBesideEachOther checks that the end of one program does not affect background processes of another.
func TestProgramsBesideEachOther(t *testing.T) {
	program.WithoutControlGroups(func() {
		var all sync.WaitGroup
		long := self(t, "(sleep 0.4; echo done) & wait", 0o755)
		all.Go(func() {
			if said, err := program.Run(t.Context(), long); said != "done" || err != nil {
				t.Errorf("%q, %v", said, err)
			}
		})
		short := self(t, "(setsid sleep 1000 &)", 0o755)
		for range 10 {
			all.Go(func() {
				if _, err := program.Run(t.Context(), short); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

// TestOwnChildrenGoOn checks that other children of this process, with any file name, are not ended with a program.
func TestOwnChildrenGoOn(t *testing.T) {
	cmd := exec.Command("sleep", "1000")
	ended, err := program.Start(func() (int, error) {
		if err := cmd.Start(); err != nil {
			return 0, err
		}
		return cmd.Process.Pid, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	left := self(t, "(setsid sleep 1000 &)", 0o755)
	program.WithoutControlGroups(func() {
		for range 3 {
			if _, err := program.Run(t.Context(), left); err != nil {
				t.Error(err)
			}
		}
	})
	if children := program.ChildrenOf(os.Getpid()); !slices.Equal(children, []int{cmd.Process.Pid}) {
		t.Errorf("children afterwards: %d, want %d", children, cmd.Process.Pid)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); errorText(err) != "signal: terminated" {
		t.Errorf("a child that was ended after the programs: %v", err)
	}
	ended()
	if _, err := program.Start(func() (int, error) { return 0, os.ErrInvalid }); !errors.Is(err, os.ErrInvalid) {
		t.Errorf("a child that cannot be started: %v", err)
	}
}

// TestCheckedIsRun checks that the path to a program is followed like the kernel does, so that no user can replace the program between
// check and run.
func TestCheckedIsRun(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can create files of other users")
	}
	dir, err := os.MkdirTemp("/tmp", "vrrpsh-program-") // writable by all users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	at := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	good := self(t, "exit 0", 0o755)
	evil := self(t, "touch "+at("evil-ran"), 0o755)
	body, err := os.ReadFile(evil.Command[0])
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile(good.Command[0])
	if err != nil {
		t.Fatal(err)
	}
	theirs := func(path string) {
		t.Helper()
		if err := os.Lchown(path, 12345, 12345); err != nil {
			t.Fatal(err)
		}
	}
	// A program of root in a directory that all users can write to, and beside it an attacker's directory. A program of the same
	// name is below another directory.
	err = errors.Join(
		os.WriteFile(at("good"), script, 0o755), os.Mkdir(at("evil"), 0o755), os.MkdirAll(at("far", "evil"), 0o755),
		os.WriteFile(at("far", "good"), body, 0o755), os.Symlink(at("far", "evil"), at("link")),
	)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"evil", "far", "far/evil", "link"} {
		theirs(at(path))
	}
	raw := dir + "/evil/../good"
	run := good
	run.Command, run.UID, run.GID = []string{raw}, 0, 0
	if _, err := program.Run(t.Context(), run); err == nil || !strings.Contains(err.Error(), "another user: "+at("evil")) {
		t.Errorf("%s: %v", raw, err)
	}
	// The attacker changes between a directory and a link to another one as fast as possible.
	stop := make(chan struct{})
	var swapper sync.WaitGroup
	swapper.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			kept := at("kept" + strconv.Itoa(i%2))
			_ = os.Rename(at("evil"), kept)
			_ = os.Rename(at("link"), at("evil"))
			_ = os.Rename(at("evil"), at("link"))
			_ = os.Rename(kept, at("evil"))
		}
	})
	for range 300 {
		_, _ = program.Run(t.Context(), run)
	}
	close(stop)
	swapper.Wait()
	if _, err := os.Stat(at("evil-ran")); err == nil {
		t.Error("the attacker's program was run")
	}
	for _, path := range []string{"/bin/../bin/sh", "/./bin//sh", at("far/../good")} {
		err := program.Check(path, 0)
		if bad := strings.Contains(path, "far"); (err != nil) != bad {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := program.Check(at("good")+"/../good", 0); err == nil {
		t.Error("a path through a file was accepted")
	}
}

// TestInterpreters checks that the interpreter of a script, and the program that "env" runs, must meet the same conditions.
func TestInterpreters(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const shell = "#!/bin/sh\n"
	open, closed := file("changeable", shell, 0o757), file("closed", shell, 0o755)
	for name, tt := range map[string]struct{ text, want string }{
		"shell":           {shell, ""},
		"shell, a blank":  {"#! /bin/sh -e\n", ""},
		"no script":       {"\x7fELF", ""},
		"env":             {"#!/usr/bin/env sh\n", ""},
		"env with more":   {"#!/usr/bin/env -S A=1 sh -e\n", ""},
		"open":            {"#!" + open + "\n", "is interpreted by " + open + ", which can be changed by users other than its owner"},
		"by env":          {"#!/usr/bin/env " + open + "\n", "is interpreted by " + open},
		"not there":       {"#!/no/such\n", "is interpreted by /no/such, which cannot be run: no such file"},
		"env, not there":  {"#!/usr/bin/env nosuchthing\n", "is interpreted by /usr/local/sbin/nosuchthing"},
		"relative":        {"#!bin/sh\n", "is not an absolute path"},
		"behind another":  {"#!" + closed + "\n", ""},
		"behind open one": {"#!" + file("middle", "#!"+open+"\n", 0o755) + "\n", "is interpreted by " + open},
		"itself":          {"#!" + filepath.Join(dir, "itself") + "\n", "by too many scripts"},
	} {
		path := file(name, tt.text, 0o755)
		if got := errorText(program.Check(path, uint32(os.Geteuid()))); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
