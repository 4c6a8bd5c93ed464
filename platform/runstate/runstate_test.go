// SPDX-License-Identifier: GPL-3.0-only

package runstate_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/platform"
	"vrrpsh/platform/runstate"
)

type state struct {
	MAC   runstate.MAC `json:"mac"`
	Links []string     `json:"links,omitempty"`
}

func open(t *testing.T, dir string) *runstate.File {
	t.Helper()
	f, err := runstate.Open(dir, "run-state", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func load(t *testing.T, f *runstate.File) state {
	t.Helper()
	var s state
	if err := f.Load(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatARunSavesTheNextOneLoads(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	first := open(t, dir)
	if d := cmp.Diff(state{}, load(t, first)); d != "" {
		t.Errorf("without a file (-want +got):\n%s", d)
	}
	want := state{MAC: runstate.MAC{0, 0, 0x5e, 0, 1, 7}, Links: []string{"em0"}}
	for range 2 {
		if err := first.Save(want); err != nil {
			t.Fatal(err)
		}
	}
	first.Close()
	second := open(t, dir)
	if d := cmp.Diff(want, load(t, second)); d != "" {
		t.Errorf("after a new start (-want +got):\n%s", d)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "run-state.json"))
	if want := `{"mac":"00:00:5e:00:01:07","links":["em0"]}` + "\n"; err != nil || string(raw) != want {
		t.Errorf("the file has %q, want %q (%v)", raw, want, err)
	}
	for range 2 {
		if err := second.Remove(); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(state{}, load(t, second)); d != "" {
		t.Errorf("after its removal (-want +got):\n%s", d)
	}
	if err := second.Save(want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, load(t, second)); d != "" {
		t.Errorf("saved again after its removal (-want +got):\n%s", d)
	}
}

func TestOnlyOneRouterHasTheFile(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	if _, err := runstate.Open(dir, "run-state", nil); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("a second router: error %v, want a conflict", err)
	}
	other, err := runstate.Open(dir, "run-state-2", nil)
	if err != nil {
		t.Errorf("another state file in the directory: %v", err)
	} else {
		other.Close()
	}
	first.Close()
	open(t, dir)
}

func TestAFileThatCannotBeUnderstood(t *testing.T) {
	for _, content := range []string{"", "{", `{"mac":"00:00"}`, `{"mac":"00:00:5e:00:01:07:08:09"}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "run-state.json"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var s state
		if err := open(t, dir).Load(&s); err == nil {
			t.Errorf("%q was understood as %+v", content, s)
		}
	}
}

// A Master needs its addresses more than a record of them: a full disk is not an error, and is logged
// once.
func TestAFullDisk(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	var log bytes.Buffer
	f, err := runstate.Open(dir, "run-state", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	old, want := state{Links: []string{"em0"}}, state{Links: []string{"em0", "em1"}}
	if err := f.Save(old); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := os.Symlink("/dev/full", filepath.Join(dir, "run-state.json.new")); err != nil {
			t.Fatal(err)
		}
		if err := f.Save(want); err != nil {
			t.Errorf("saved to a full disk: %v", err)
		}
		if d := cmp.Diff(old, load(t, f)); d != "" {
			t.Errorf("the state saved before is lost (-want +got):\n%s", d)
		}
	}
	if n := strings.Count(log.String(), "cannot be written"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, log.String())
	}
	if err := f.Save(want); err != nil {
		t.Error(err)
	}
	if d := cmp.Diff(want, load(t, f)); d != "" {
		t.Errorf("with room on the disk again (-want +got):\n%s", d)
	}
}

func TestWithoutADirectoryNothingIsKept(t *testing.T) {
	f := open(t, "")
	if err := f.Save(state{Links: []string{"em0"}}); err != nil {
		t.Error(err)
	}
	if d := cmp.Diff(state{}, load(t, f)); d != "" {
		t.Errorf("loaded (-want +got):\n%s", d)
	}
	if err := f.Remove(); err != nil {
		t.Error(err)
	}
}

// TestLocksDoNotPileUp checks that a router that leaves nothing in the kernel leaves no file, either, and that one that does keeps its lock.
func TestLocksDoNotPileUp(t *testing.T) {
	dir := t.TempDir()
	left := func() int {
		t.Helper()
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	for range 2 {
		open(t, dir).Close()
		if n := left(); n != 0 {
			t.Fatalf("%d files are left", n)
		}
	}
	f := open(t, dir)
	if _, err := runstate.Open(dir, "run-state", nil); !errors.Is(err, platform.ErrConflict) {
		t.Errorf("a second router: %v", err)
	}
	if err := f.Save(state{Links: []string{"eth0"}}); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if n := left(); n != 2 {
		t.Errorf("%d files with a state, want it and its lock", n)
	}
	f = open(t, dir)
	if err := f.Remove(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if n := left(); n != 0 {
		t.Errorf("%d files are left at the end", n)
	}
}
