// SPDX-License-Identifier: GPL-3.0-only

//go:build linux

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"vrrpsh/e2e/lab"
)

// onSmallDisk starts a router whose configuration file and state are on a file system of a few pages.
func onSmallDisk(t *testing.T, priority uint8) *lab.Vrrpsh {
	t.Helper()
	l := lab.New(t, 1)
	disk := filepath.Join(l.Dir, "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=256k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	v := l.VrrpshFile(bin, l.Routers[0], "")
	v.Config, v.StateDir = filepath.Join(disk, "r1.toml"), filepath.Join(disk, "state")
	text := fmt.Sprintf("# by hand\nhostname = \"r1\"\nstate_dir = %q\n%s", v.StateDir, fast.Table(priority))
	if err := os.WriteFile(v.Config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	v.Start()
	v.WaitReady()
	return v
}

// fill fills the disk, until the returned function is called.
func fill(t *testing.T, v *lab.Vrrpsh) (free func()) {
	t.Helper()
	name := filepath.Join(filepath.Dir(v.Config), "junk")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{4096, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
	}
	_ = f.Close()
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// wantPriority checks the running priority and that of the file.
func wantPriority(t *testing.T, v *lab.Vrrpsh, priority int, when string) {
	t.Helper()
	status, err := v.TryStatus()
	if err != nil {
		t.Fatal(err)
	}
	text := v.ConfigText()
	if len(status) != 1 || status[0].Priority != priority || !strings.Contains(text, fmt.Sprintf("priority = %d\n", priority)) {
		t.Errorf("%s: running %+v, want priority %d; the file has\n%s", when, status, priority, text)
	}
}

// try commits a priority, and checks the exit status and the output.
func try(t *testing.T, v *lab.Vrrpsh, priority int, commit string, status int, says string) {
	t.Helper()
	r := v.Exec(fmt.Sprintf("configure\ninterface eth0 vrrp %d priority %d\n%s\nend\n", vrid, priority, commit))
	if r.Status != status || !strings.Contains(r.Stdout+r.Stderr, says) {
		t.Errorf("%s of priority %d: status %d, want %d and %q:\n%s%s", commit, priority, r.Status, status, says, r.Stdout, r.Stderr)
	}
}

// TestCommitIsSafe checks that nothing is lost by a full disk, a file edited by hand, or a crash while a commit waits for
// its confirmation.
func TestCommitIsSafe(t *testing.T) {
	parallel(t)
	v := onSmallDisk(t, 100)
	before := v.ConfigText()

	free := fill(t, v)
	try(t, v, 110, "commit", 3, "no space left on device")
	try(t, v, 110, "commit confirmed", 3, "no space left on device")
	wantPriority(t, v, 100, "with a full disk")
	if v.ConfigText() != before {
		t.Errorf("the file has changed:\n%s", v.ConfigText())
	}
	free()
	try(t, v, 120, "commit", 0, "Commit 2 complete")
	wantPriority(t, v, 120, "with room again")

	edited := strings.Replace(v.ConfigText(), "priority = 120", "priority = 77", 1)
	if err := os.WriteFile(v.Config, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	try(t, v, 130, "commit", 4, "was changed since it was last read or written here")
	if v.ConfigText() != edited {
		t.Error("the edit by hand is lost")
	}
	try(t, v, 130, "commit overwrite", 0, "complete")
	wantPriority(t, v, 130, "overwritten")

	try(t, v, 140, "commit confirmed 5", 0, "Rolls back in 5 min")
	v.Kill()
	v.Start()
	v.WaitReady()
	wantPriority(t, v, 140, "while the commit waits")
	if out := v.Show("show", "commit"); !strings.Contains(out, "is waiting for confirmation") {
		t.Errorf("after the restart:\n%s", out)
	}
	v.Kill()
	// Five minutes later, without a confirmation:
	note := filepath.Join(v.StateDir, "confirm")
	b, err := os.ReadFile(note)
	if err != nil {
		t.Fatal(err)
	}
	late := regexp.MustCompile(`"Deadline":"[^"]*"`).ReplaceAllString(string(b), fmt.Sprintf("%q:%q", "Deadline", time.Now().Add(-time.Second).Format(time.RFC3339)))
	if err := os.WriteFile(note, []byte(late), 0o600); err != nil {
		t.Fatal(err)
	}
	v.Start()
	v.WaitReady()
	wantPriority(t, v, 130, "taken back")
	if out := v.Show("show", "history", "commits"); !strings.Contains(out, "was not confirmed") {
		t.Errorf("the history does not mention it:\n%s", out)
	}
	v.Stop()
}
