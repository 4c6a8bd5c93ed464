// SPDX-License-Identifier: GPL-3.0-only

package conf_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/conf"
	"vrrpsh/platform/recorded"
)

// openState opens a copy of a recorded state directory, with the configuration file recorded with it, at a given time.
func openState(t *testing.T, name string, format conf.Format, now time.Time) (*conf.Manager, conf.Options) {
	t.Helper()
	o := conf.Options{
		Path: filepath.Join(t.TempDir(), "vrrpsh."+format.String()), Format: format, StateDir: filepath.Join(t.TempDir(), "state"),
		Now: func() time.Time { return now },
	}
	err := os.CopyFS(o.StateDir, os.DirFS(filepath.Join("testdata", "state", name)))
	if err == nil {
		err = os.Rename(filepath.Join(o.StateDir, filepath.Base(o.Path)), o.Path)
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := conf.Open(o)
	if err == nil {
		err = m.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	if notes := m.Running().Notes; len(notes) > 0 {
		t.Errorf("notes: %q", notes)
	}
	return m, o
}

// TestRecordedHistory checks that the history of an earlier release is read in full: TOML and JSON, hand-written files with
// their comments, an empty file, reloads, rollbacks and commits that were not confirmed.
func TestRecordedHistory(t *testing.T) {
	m, _ := openState(t, "waits-toml", conf.TOML, time.Date(2026, 11, 28, 6, 0, 0, 0, time.UTC))
	var b strings.Builder
	for n, r := range m.History() {
		fmt.Fprintf(&b, "== %d: commit %d at %s by %q from %q: %q\n", n, r.ID, r.Time.Format(time.RFC3339Nano), r.User, r.Source, r.Comment)
		source, err := m.Source(n)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "-- file\n%s", source)
		file, err := m.Load(n)
		if err != nil {
			t.Fatal(err)
		}
		data, err := conf.Marshal(file, conf.TOML)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "-- loaded\n%s", data)
		if len(source) == 0 {
			continue
		}
		stored, err := filepath.Glob(fmt.Sprintf("testdata/state/waits-toml/history/%08d.*", r.ID))
		if err != nil || len(stored) != 1 {
			t.Fatal(stored, err)
		}
		_, direct, err := conf.Load("source", source, formatOf(stored[0]))
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := conf.Validate(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(direct, loaded) {
			t.Errorf("commit %d means %+v, its file %+v", r.ID, loaded, direct)
		}
	}
	if diff := cmp.Diff(recorded.Content(t, recording("history.txt"), b.String()), b.String()); diff != "" {
		t.Errorf("-recorded +got:\n%s", diff)
	}
}

// TestRecordedConfirmation checks that a commit of an earlier release keeps waiting for confirmation, and is rolled back if
// the time is over.
func TestRecordedConfirmation(t *testing.T) {
	for _, format := range []conf.Format{conf.TOML, conf.JSON} {
		t.Run(format.String(), func(t *testing.T) {
			name := "waits-" + format.String()
			m, _ := openState(t, name, format, time.Date(2026, 11, 28, 6, 20, 0, 0, time.UTC))
			a := m.Awaited()
			if a == nil {
				t.Fatal("no commit is waiting for confirmation")
			}
			got := fmt.Sprintf("%+v\n", *a)
			if diff := cmp.Diff(recorded.Content(t, recording(name+".txt"), got), got); diff != "" {
				t.Errorf("-recorded +got:\n%s", diff)
			}
			running := m.Running()
			if running.ID != a.Commit || !running.ConfirmBy.Equal(a.Deadline) {
				t.Errorf("commit %d runs until %s", running.ID, running.ConfirmBy)
			}
			if c, err := m.Confirm(t.Context(), conf.Info{User: "jane"}); err != nil || c.Commit != a.Commit {
				t.Errorf("confirmed: %+v %v", c, err)
			}

			late, o := openState(t, name, format, a.Deadline)
			if late.Awaited() != nil {
				t.Error("the commit is still waiting for confirmation")
			}
			before, err := m.Source(1)
			if err != nil {
				t.Fatal(err)
			}
			disk, err := os.ReadFile(o.Path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(before), string(disk)); diff != "" {
				t.Errorf("the file after the rollback (-was +is):\n%s", diff)
			}
			if r := late.Running(); r.ID != a.Commit+1 || r.User != "vrrpsh" || r.Comment != fmt.Sprintf("commit %d of root was not confirmed", a.Commit) {
				t.Errorf("running: %+v", r)
			}
		})
	}
}
