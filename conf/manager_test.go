// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine"
)

// applier is a part: an engine that remembers its configuration and can be made to fail.
type applier struct {
	mu      sync.Mutex
	running engine.Config
	applied int
	// before, if set, is called with each configuration; its error is returned.
	before func(ctx context.Context, cfg engine.Config) error
}

// refuse sets before.
func (a *applier) refuse(before func(context.Context, engine.Config) error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.before = before
}

func (a *applier) Apply(ctx context.Context, _, to *Config) error {
	cfg := to.Engine
	a.mu.Lock()
	before := a.before
	a.mu.Unlock()
	if before != nil {
		if err := before(ctx, cfg); err != nil {
			return err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running = cfg
	a.applied++
	return nil
}

func (a *applier) priority() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return int(a.running.Routers[0].Protocol.Priority)
}

// fixture is a manager with its files.
type fixture struct {
	*Manager
	t       *testing.T
	path    string
	state   string
	engine  *applier
	options Options
	clock   time.Time
}

// manage opens a manager on a file with this content; "" means no file.
func manage(t *testing.T, content string, change ...func(*Options)) *fixture {
	t.Helper()
	dir := t.TempDir()
	f := &fixture{t: t, path: filepath.Join(dir, "r1.toml"), state: filepath.Join(dir, "state"), engine: &applier{}}
	f.clock = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	f.options = Options{Path: f.path, StateDir: f.state, Now: func() time.Time {
		f.clock = f.clock.Add(time.Second)
		return f.clock
	}}
	for _, c := range change {
		c(&f.options)
	}
	if content != "" {
		f.put(content)
	}
	f.open()
	return f
}

// open starts the router, or restarts it.
func (f *fixture) open() {
	f.t.Helper()
	f.Manager = started(f.t, f.options, Part{Name: "engine", Apply: f.engine.Apply})
}

// started opens a manager with these parts.
func started(t testing.TB, o Options, parts ...Part) *Manager {
	t.Helper()
	m, err := Open(o)
	if err == nil {
		err = m.Start(context.Background(), parts...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (f *fixture) put(content string) {
	f.t.Helper()
	if err := os.WriteFile(f.path, []byte(content), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) disk() string {
	f.t.Helper()
	data, err := os.ReadFile(f.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		f.t.Fatal(err)
	}
	return string(data)
}

// obstruct keeps the file from being replaced.
func (f *fixture) obstruct() {
	f.t.Helper()
	if err := os.MkdirAll(filepath.Join(temporary(f.path), "full"), 0o700); err != nil {
		f.t.Fatal(err)
	}
}

// candidate returns a candidate in which the first virtual router has this priority.
func (f *fixture) candidate(priority int) *Candidate {
	c := f.Edit()
	Priority.Set(VRouters.Value(c.File)[0], priority)
	return c
}

// commit commits a priority.
func (f *fixture) commit(priority int) *Revision {
	f.t.Helper()
	rev, err := f.Commit(context.Background(), f.candidate(priority), Info{User: "jane", Source: "console", Comment: fmt.Sprintf("priority %d", priority)})
	if err != nil {
		f.t.Fatal(err)
	}
	return rev
}

// priorities returns the priorities in the history, newest first, as rollback would load them.
func (f *fixture) priorities() []int {
	f.t.Helper()
	var got []int
	for n := range f.History() {
		file, err := f.Load(n)
		if err != nil {
			f.t.Fatal(err)
		}
		p := 0
		if all := VRouters.Value(file); len(all) > 0 {
			p = Priority.Value(all[0])
		}
		got = append(got, p)
	}
	return got
}

// unchanged runs an operation that must fail, and checks that the running configuration, engine, file and history do not
// change.
func (f *fixture) unchanged(attempt func() error) error {
	f.t.Helper()
	running, routers, disk, history := f.Running(), f.engine.running, f.disk(), len(f.History())
	err := attempt()
	if err == nil {
		f.t.Fatal("no error")
	}
	if f.Running() != running {
		f.t.Error("another configuration is running")
	}
	if diff := cmp.Diff(priorityOf(routers), priorityOf(f.engine.running)); diff != "" {
		f.t.Errorf("the engine runs something else: %s", diff)
	}
	if f.disk() != disk {
		f.t.Errorf("the file is now\n%s", f.disk())
	}
	if len(f.History()) != history {
		f.t.Error("the history has another length")
	}
	files, err2 := filepath.Glob(filepath.Join(filepath.Dir(f.path), ".*"))
	if err2 != nil || len(files) > 0 {
		f.t.Errorf("left over: %v (%v)", files, err2)
	}
	return err
}

func priorityOf(cfg engine.Config) []int {
	var p []int
	for _, r := range cfg.Routers {
		p = append(p, int(r.Protocol.Priority))
	}
	return p
}

func TestCommit(t *testing.T) {
	var notified []*Revision
	f := manage(t, base+"priority = 100\n", func(o *Options) { o.Notify = func(r *Revision) { notified = append(notified, r) } })
	rev := f.commit(200)
	if rev != f.Running() || rev.ID != 2 || rev.User != "jane" || rev.Source != "console" || rev.Comment != "priority 200" {
		t.Errorf("revision %+v", rev)
	}
	if f.engine.priority() != 200 {
		t.Errorf("the engine runs priority %d", f.engine.priority())
	}
	if diff := cmp.Diff(base+"priority = 200\n", f.disk()); diff != "" {
		t.Errorf("file: -want +got\n%s", diff)
	}
	if next := f.commit(201); !slices.Equal(notified, []*Revision{rev, next}) || next.ID != 3 {
		t.Errorf("notified: %+v", notified)
	}
	if diff := cmp.Diff([]int{201, 200, 100}, f.priorities()); diff != "" {
		t.Errorf("history: -want +got\n%s", diff)
	}
	var lines []string
	for _, r := range f.History() {
		lines = append(lines, fmt.Sprintf("%d %s %s %s %s", r.ID, r.Time.Format(time.TimeOnly), r.User, strings.Replace(r.Source, f.path, "PATH", 1), r.Comment))
	}
	want := []string{"3 00:00:03 jane console priority 201", "2 00:00:02 jane console priority 200", "1 00:00:01  PATH as found at start"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("history: -want +got\n%s", diff)
	}
}

func TestCommitWithoutChanges(t *testing.T) {
	f := manage(t, "# mine\n"+base)
	disk := f.disk()
	rev, err := f.Commit(context.Background(), f.Edit(), Info{})
	if err != nil || rev != f.Running() || rev.ID != 1 || f.engine.applied != 1 || f.disk() != disk {
		t.Errorf("got %+v %v, applied %d times", rev, err, f.engine.applied)
	}
}

// TestCandidateIsPrivate edits a candidate after it was committed.
func TestCandidateIsPrivate(t *testing.T) {
	f := manage(t, base)
	c := f.candidate(200)
	if _, err := f.Commit(context.Background(), c, Info{}); err != nil {
		t.Fatal(err)
	}
	Priority.Set(VRouters.Value(c.File)[0], 50)
	if got := Priority.Value(VRouters.Value(f.Running().File)[0]); got != 200 {
		t.Errorf("the running configuration has priority %d", got)
	}
}

func TestNoFile(t *testing.T) {
	for _, format := range []Format{TOML, JSON} {
		f := manage(t, "", func(o *Options) { o.Format = format })
		if n := len(VRouters.Value(f.Running().File)); n != 0 {
			t.Fatalf("%d virtual routers", n)
		}
		c := f.Edit()
		c.File = parsed(t, base)
		rev, err := f.Commit(context.Background(), c, Info{})
		if err != nil || len(rev.Notes) > 0 {
			t.Fatal(err, rev)
		}
		checkFile(t, f.path, string(marshal(t, c.File, format)), 0o600)
		if file, err := f.Load(1); err != nil || !file.Equal(NewFile()) {
			t.Errorf("%s: revision before: %v %v", format, file, err)
		}
	}
}

// TestNowhere tests the router of a demo: no file is read or written.
func TestNowhere(t *testing.T) {
	m := started(t, Options{})
	for range 3 {
		c := m.Edit()
		all := VRouters.Value(c.File)
		more := router1(t, strings.NewReplacer("51", fmt.Sprint(len(all)+1), "10.0.0.1", fmt.Sprintf("10.0.0.%d", len(all)+1)).Replace(base))
		VRouters.Set(c.File, append(all, more))
		if rev, err := m.Commit(context.Background(), c, Info{}); err != nil || len(rev.Notes) > 0 {
			t.Fatal(rev, err)
		}
	}
	for n, want := range []int{3, 2, 1, 0} {
		if file, err := m.Load(n); err != nil || len(VRouters.Value(file)) != want {
			t.Errorf("Load(%d): %v", n, err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r1.toml")
	a := &applier{}
	open := func() error {
		m, err := Open(Options{Path: path, StateDir: dir})
		if err != nil {
			if m != nil {
				t.Error("the error came with a manager")
			}
			return err
		}
		return m.Start(t.Context(), Part{Name: "engine", Apply: a.Apply})
	}
	if err := os.WriteFile(path, []byte(base+"priority = 300\nx = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := open()
	want := path + ":5: vrouter[0].priority: 300 is out of range 1-254\n" + path + ":6: vrouter[0].x: unknown key"
	if err == nil || err.Error() != want || a.applied != 0 {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(path, []byte(base), 0o600); err != nil {
		t.Fatal(err)
	}
	a.before = func(context.Context, engine.Config) error { return errors.New("no such thing") }
	if err := open(); err == nil || err.Error() != "apply the configuration: no such thing" {
		t.Errorf("got %v", err)
	}
	if files, err := filepath.Glob(filepath.Join(dir, "history", "*")); err != nil || len(files) > 0 {
		t.Errorf("a configuration that never ran is in the history: %v", files)
	}
}

func TestCommitInvalid(t *testing.T) {
	f := manage(t, base)
	err := f.unchanged(func() error {
		_, err := f.Commit(context.Background(), f.candidate(300), Info{})
		return err
	})
	if !errors.Is(err, ErrRejected) || err.Error() != "eth0 group 51: priority 300 is out of range 1-254" {
		t.Errorf("got %v", err)
	}
	if _, _, err := f.Check(f.candidate(300)); !errors.Is(err, ErrRejected) {
		t.Errorf("check: %v", err)
	}
}

func TestApplyFails(t *testing.T) {
	f := manage(t, base)
	refuse := func(_ context.Context, cfg engine.Config) error {
		if cfg.Routers[0].Protocol.Priority == 200 {
			return errors.New("eth0: no buffer space")
		}
		return nil
	}
	f.engine.before = refuse
	err := f.unchanged(func() error {
		_, err := f.Commit(context.Background(), f.candidate(200), Info{})
		return err
	})
	var ae *ApplyError
	if !errors.Is(err, ErrRejected) || !errors.As(err, &ae) || ae.Step != "apply" || ae.Part != "engine" || ae.Restore != nil ||
		err.Error() != "cannot apply the configuration: eth0: no buffer space; the running configuration is unchanged" {
		t.Errorf("got %v", err)
	}
	f.engine.before = nil
	f.commit(200)
}

func TestRestoreFails(t *testing.T) {
	f := manage(t, base)
	f.engine.before = func(context.Context, engine.Config) error { return errors.New("stopped") }
	_, err := f.Commit(context.Background(), f.candidate(200), Info{})
	if !errors.Is(err, ErrRejected) || err.Error() != "cannot apply the configuration: stopped; restoring the running configuration failed too: engine: stopped" {
		t.Errorf("got %v", err)
	}
}

func TestWriteFails(t *testing.T) {
	full := errors.New("no space left on device")
	t.Run("before the file was replaced", func(t *testing.T) {
		f := manage(t, base)
		f.write = func(string, []byte) error { return full }
		err := f.unchanged(func() error {
			_, err := f.Commit(context.Background(), f.candidate(200), Info{})
			return err
		})
		var ae *ApplyError
		if !errors.Is(err, ErrRejected) || !errors.Is(err, full) || !errors.As(err, &ae) || ae.Step != "write" {
			t.Errorf("got %v", err)
		}
		if f.engine.applied != 3 { // start, commit, and back
			t.Errorf("applied %d times", f.engine.applied)
		}
		f.write = WriteFile
		f.commit(200)
	})
	t.Run("after the file was replaced", func(t *testing.T) {
		f := manage(t, base)
		first := true
		f.write = func(path string, data []byte) error {
			if err := WriteFile(path, data); err != nil || !first {
				return err
			}
			first = false
			return full
		}
		f.unchanged(func() error {
			_, err := f.Commit(context.Background(), f.candidate(200), Info{})
			return err
		})
	})
	t.Run("after the file was replaced, and again", func(t *testing.T) {
		for _, content := range []string{base, ""} {
			f := manage(t, content)
			f.write = failing(full, nil)
			c := f.Edit()
			Hostname.Set(c.File, "other")
			err := f.unchanged(func() error {
				_, err := f.Commit(context.Background(), c, Info{})
				return err
			})
			if want := "the file is as it was, but may not be after a power failure"; content != "" && !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
			if content == "" {
				if _, err := os.Stat(f.path); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("a file that was not there: %v", err)
				}
			}
			f.write = WriteFile
			if _, err := f.Commit(context.Background(), c, Info{}); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("and the old file cannot be restored", func(t *testing.T) {
		f := manage(t, base)
		f.write = failing(full, f.obstruct)
		_, err := f.Commit(context.Background(), f.candidate(200), Info{})
		if want := "the running configuration is unchanged, but " + f.path + " has the refused one"; !errors.Is(err, ErrRejected) || !errors.Is(err, full) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if f.engine.priority() != 100 || !strings.Contains(f.disk(), "priority = 200") {
			t.Errorf("priority %d is running, the file is\n%s", f.engine.priority(), f.disk())
		}
		if err := os.RemoveAll(temporary(f.path)); err != nil {
			t.Fatal(err)
		}
		f.write = WriteFile
		if a, err := f.promise(f.Running(), &revised{}); err != nil || strings.Contains(string(a.old), "priority = 200") {
			t.Errorf("a commit that is not confirmed would go back to, %v:\n%s", err, a.old)
		}
		f.commit(150) // the file does not count as changed by hand
		if !strings.Contains(f.disk(), "priority = 150") {
			t.Errorf("the file is\n%s", f.disk())
		}
	})
	t.Run("the refused file is loaded when somebody asks for that", func(t *testing.T) {
		f := manage(t, base)
		f.write = failing(full, f.obstruct)
		if _, err := f.Commit(context.Background(), f.candidate(200), Info{}); err == nil {
			t.Fatal("no error")
		}
		if rev, err := f.Reload(context.Background(), Info{}); err != nil || rev != f.Running() || f.engine.priority() != 200 {
			t.Errorf("priority %d is running after a reload of\n%s", f.engine.priority(), f.disk())
		}
	})
	t.Run("while somebody writes another one by hand", func(t *testing.T) {
		f := manage(t, base)
		byHand := base + "priority = 42\n"
		f.write = func(string, []byte) error {
			f.put(byHand)
			return full
		}
		if _, err := f.Commit(context.Background(), f.candidate(200), Info{}); !errors.Is(err, full) || strings.Contains(err.Error(), "has the refused one") {
			t.Errorf("got %v", err)
		}
		if f.disk() != byHand || f.engine.priority() != 100 {
			t.Errorf("priority %d is running, the file is\n%s", f.engine.priority(), f.disk())
		}
		if _, err := f.Reload(context.Background(), Info{}); err != nil || f.engine.priority() != 42 {
			t.Errorf("%v, priority %d is running after a reload of\n%s", err, f.engine.priority(), f.disk())
		}
	})
	t.Run("the directory is gone", func(t *testing.T) {
		f := manage(t, base)
		f.commit(150)
		dir := filepath.Dir(f.path)
		if err := os.Rename(dir, dir+".away"); err != nil {
			t.Fatal(err)
		}
		_, err := f.Commit(context.Background(), f.candidate(200), Info{Overwrite: true})
		if !errors.Is(err, ErrRejected) || f.engine.priority() != 150 || !strings.Contains(err.Error(), "no such file or directory") {
			t.Errorf("got %v, running priority %d", err, f.engine.priority())
		}
		if err := os.Rename(dir+".away", dir); err != nil {
			t.Fatal(err)
		}
		f.commit(200)
	})
}

// failing writes files like a disk that fails from the second fsync on, the one of the directory. The first write replaces the
// file nevertheless; later ones do not. failing calls then before the second write.
func failing(err error, then func()) func(string, []byte) error {
	first := true
	return func(path string, data []byte) error {
		switch {
		case first:
			first = false
			return errors.Join(WriteFile(path, data), err)
		case then != nil:
			then()
		}
		return err
	}
}

// TestLeftByACrash: the files that a killed commit leaves beside the configuration file may contain secrets; the next start
// removes them.
func TestLeftByACrash(t *testing.T) {
	f := manage(t, base)
	dir := filepath.Dir(f.path)
	old := filepath.Join(dir, ".r1.toml3120459733") // by earlier releases
	foreign := []string{filepath.Join(dir, ".r1.toml.swp"), filepath.Join(dir, ".r1.toml2024"), filepath.Join(dir, ".r12.toml3120459733")}
	orig, later := temporary(f.path+".orig"), temporary(f.path+".orig.1789012345678901234")
	early := temporary(f.path + ".orig.-944762318546903750") // the clock was not set
	for _, path := range append([]string{old, temporary(f.path), orig, later, early, temporary(filepath.Join(f.state, confirmFile))}, foreign...) {
		if err := os.WriteFile(path, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.open()
	if notes := f.Running().Notes; len(notes) > 0 {
		t.Errorf("notes %q", notes)
	}
	var left []string
	for _, d := range []string{dir, f.state} {
		files, err := filepath.Glob(filepath.Join(d, ".*"))
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, files...)
	}
	slices.Sort(left)
	slices.Sort(foreign)
	if diff := cmp.Diff(foreign, left); diff != "" {
		t.Errorf("left over (-want +got):\n%s", diff)
	}
	if err := os.WriteFile(temporary(f.path), []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	f.commit(200)
	if _, err := os.Stat(temporary(f.path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after a commit: %v", err)
	}
}

func TestStale(t *testing.T) {
	f := manage(t, "hostname = \"r1\"\n"+base+second+"auth_type = \"rfc2338-simple\"\nauth_secret = \""+testSecret+"\"\n")
	mine := f.candidate(200)
	theirs := f.Edit()
	Hostname.Set(theirs.File, "r2")
	Priority.Set(VRouters.Value(theirs.File)[1], 50)
	AuthSecret.Set(VRouters.Value(theirs.File)[1], "another"+testSecret)
	if _, err := f.Commit(context.Background(), theirs, Info{User: "joe"}); err != nil {
		t.Fatal(err)
	}
	err := f.unchanged(func() error {
		_, err := f.Commit(context.Background(), mine, Info{})
		return err
	})
	want := "commit 2 by joe is newer than commit 1, from which this candidate was made"
	var se *StaleError
	if !errors.As(err, &se) || se.Base.ID != 1 || se.Running != f.Running() {
		t.Errorf("got %+v", se)
	}
	if !errors.Is(err, ErrStale) || errors.Is(err, ErrRejected) || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if _, _, err := f.Check(mine); !errors.Is(err, ErrStale) {
		t.Errorf("check: %v", err)
	}
	// After the change is reverted, the candidate is no longer stale.
	back := f.Edit()
	if back.File, err = f.Load(1); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Commit(context.Background(), back, Info{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Commit(context.Background(), mine, Info{}); err != nil {
		t.Errorf("after the change was taken back: %v", err)
	}
}

func TestFileChangedByHand(t *testing.T) {
	edited := "# careful\n" + base + "priority = 7\n"
	t.Run("commit refuses", func(t *testing.T) {
		f := manage(t, base)
		f.commit(150)
		f.put(edited)
		for _, c := range []*Candidate{f.candidate(200), f.Edit()} {
			err := f.unchanged(func() error {
				_, err := f.Commit(context.Background(), c, Info{})
				return err
			})
			if !errors.Is(err, ErrFileChanged) || errors.Is(err, ErrRejected) || !strings.HasPrefix(err.Error(), f.path+" was changed") {
				t.Errorf("got %v", err)
			}
		}
	})
	t.Run("overwrite keeps a copy", func(t *testing.T) {
		f := manage(t, base)
		f.commit(150)
		f.put(edited)
		rev, err := f.Commit(context.Background(), f.Edit(), Info{Overwrite: true})
		if err != nil || rev.ID != 3 {
			t.Fatal(rev, err)
		}
		if diff := cmp.Diff(base+"priority = 150\n", f.disk()); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		checkFile(t, f.path+".orig", edited, 0o600)
		want := f.path + " was written by hand and is rewritten without its comments; the original is in " + f.path + ".orig"
		if diff := cmp.Diff([]string{want}, rev.Notes); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		f.put(edited + "#\n")
		if rev, err = f.Commit(context.Background(), f.candidate(1), Info{Overwrite: true}); err != nil {
			t.Fatal(err)
		}
		checkFile(t, f.path+".orig", edited, 0o600)
		copies, err := filepath.Glob(f.path + ".orig.*")
		if err != nil || len(copies) != 1 {
			t.Fatalf("%v, notes %v", copies, rev.Notes)
		}
		checkFile(t, copies[0], edited+"#\n", 0o600)
	})
	t.Run("removed", func(t *testing.T) {
		f := manage(t, base)
		if err := os.Remove(f.path); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Commit(context.Background(), f.candidate(200), Info{}); !errors.Is(err, ErrFileChanged) {
			t.Errorf("got %v", err)
		}
		if _, err := f.Reload(context.Background(), Info{}); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("reload: %v", err)
		}
		if _, err := f.Commit(context.Background(), f.candidate(200), Info{Overwrite: true}); err != nil {
			t.Errorf("overwrite: %v", err)
		}
	})
	t.Run("reload", func(t *testing.T) {
		f := manage(t, base)
		f.put(edited)
		rev, err := f.Reload(context.Background(), Info{User: "root", Source: "SIGHUP"})
		if err != nil || rev.ID != 2 || f.engine.priority() != 7 || f.disk() != edited {
			t.Fatal(rev, err, f.engine.priority())
		}
		if again, err := f.Reload(context.Background(), Info{}); err != nil || again != rev {
			t.Errorf("reload without changes: %v %v", again, err)
		}
		f.put(base + "priority = 300\n")
		if _, err := f.Reload(context.Background(), Info{}); !errors.Is(err, ErrRejected) || err.Error() != f.path+":5: vrouter[0].priority: 300 is out of range 1-254" {
			t.Errorf("reload of nonsense: %v", err)
		}
		if f.Running() != rev || f.engine.priority() != 7 {
			t.Error("nonsense is running")
		}
	})
}

// TestHandWrittenFile checks that comments can be recovered.
func TestHandWrittenFile(t *testing.T) {
	original := "# the north router\n" + base
	f := manage(t, original)
	rev := f.commit(200)
	want := []string{f.path + " was written by hand and is rewritten without its comments; the original is commit 1"}
	if diff := cmp.Diff(want, rev.Notes); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got, err := f.Source(1); err != nil || string(got) != original {
		t.Errorf("revision 1 is %q (%v)", got, err)
	}
	if rev := f.commit(201); len(rev.Notes) > 0 {
		t.Errorf("a file that the router wrote counts as written by hand: %v", rev.Notes)
	}
}

func TestHistoryAcrossRestart(t *testing.T) {
	f := manage(t, "# mine\n"+base)
	f.commit(10)
	f.commit(20)
	f.open()
	if got := f.Running(); got.ID != 3 || got.User != "jane" || got.Comment != "priority 20" || len(got.Notes) > 0 {
		t.Errorf("running after a restart: %+v", got)
	}
	if diff := cmp.Diff([]int{20, 10, 0}, f.priorities()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if got, err := f.Source(2); err != nil || string(got) != "# mine\n"+base {
		t.Errorf("revision 1 is %q (%v)", got, err)
	}
	c := f.Edit()
	var err error
	if c.File, err = f.Load(1); err != nil {
		t.Fatal(err)
	}
	rev, err := f.Commit(context.Background(), c, Info{Comment: "rollback 1"})
	if err != nil || rev.ID != 4 || f.engine.priority() != 10 {
		t.Fatal(rev, err)
	}
	// A file that was changed while the router was down gets its own revision.
	f.put(base + "priority = 99\n")
	f.open()
	if diff := cmp.Diff([]int{99, 10, 20, 10, 0}, f.priorities()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if f.Running().ID != 5 {
		t.Errorf("running revision %d", f.Running().ID)
	}
	for _, n := range []int{-1, 5} {
		if _, err := f.Load(n); !errors.Is(err, ErrNoRevision) || err.Error() != "no such revision: the history has 0-4" {
			t.Errorf("Load(%d): %v", n, err)
		}
	}
}

func TestHistoryFiles(t *testing.T) {
	f := manage(t, base)
	for i := range HistorySize + 20 {
		f.commit(1 + i)
	}
	if n := len(f.History()); n != HistorySize {
		t.Errorf("%d revisions, want %d", n, HistorySize)
	}
	dir := filepath.Join(f.state, "history")
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v (%v)", info.Mode(), err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.toml"))
	if err != nil || len(files) != HistorySize {
		t.Errorf("%d files (%v)", len(files), err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	checkFile(t, files[0], string(data), 0o600)
	// The numbers continue after a restart, and files left by a crash are removed.
	litter := filepath.Join(dir, ".00000007.toml123456")
	foreign := filepath.Join(dir, "README")
	for _, path := range []string{litter, foreign} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.open()
	if rev := f.commit(1); rev.ID != HistorySize+22 {
		t.Errorf("revision %d", rev.ID)
	}
	if _, err := os.Stat(litter); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v", litter, err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error(err)
	}
}

// TestHistoryDamaged checks that damage is reported and loses only the damaged part.
func TestHistoryDamaged(t *testing.T) {
	f := manage(t, base)
	f.commit(10)
	f.commit(20)
	dir := filepath.Join(f.state, "history")
	if err := os.WriteFile(filepath.Join(dir, "00000001.toml"), []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := filepath.Join(dir, "00000002.toml")
	data, err := os.ReadFile(second)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(second, append(data, "debug = 1\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	f.open()
	notes := f.Running().Notes
	if len(notes) != 1 || notes[0] != "the commit history is not complete: commit 1 is not readable: it has no first line" {
		t.Errorf("notes %q", notes)
	}
	if _, err := f.Load(1); err == nil || err.Error() != "read commit 2: its file 00000002.toml was changed" {
		t.Errorf("got %v", err)
	}
	f.commit(30)
}

// TestHistoryUnwritable checks that commits work without a history directory, and that no configuration is lost.
func TestHistoryUnwritable(t *testing.T) {
	original := "# mine\n" + base
	f := manage(t, original, func(o *Options) {
		if err := os.WriteFile(o.StateDir, nil, 0o600); err != nil { // a file where the directory should be
			t.Fatal(err)
		}
	})
	if notes := f.Running().Notes; len(notes) != 1 || !strings.HasPrefix(notes[0], "the commit history is not complete: open history: ") {
		t.Errorf("notes %q", notes)
	}
	rev := f.commit(10)
	if want := f.path + " was written by hand and is rewritten without its comments; the original is in " + f.path + ".orig"; len(rev.Notes) != 1 || rev.Notes[0] != want {
		t.Errorf("notes %q", rev.Notes)
	}
	checkFile(t, f.path+".orig", original, 0o600)
	f.commit(20)
	if diff := cmp.Diff([]int{20, 10, 0}, f.priorities()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	t.Run("lost later", func(t *testing.T) {
		f := manage(t, base)
		if err := os.RemoveAll(f.state); err != nil {
			t.Fatal(err)
		}
		rev := f.commit(10)
		if len(rev.Notes) != 1 || !strings.HasPrefix(rev.Notes[0], "this revision can be rolled back to only until the router stops: write history: ") {
			t.Errorf("notes %q", rev.Notes)
		}
		f.commit(20)
		if file, err := f.Load(1); err != nil || Priority.Value(VRouters.Value(file)[0]) != 10 {
			t.Errorf("got %v", err)
		}
	})
}

// TestCancelledCommit cancels at every point: the commit takes effect in full or not at all.
func TestCancelledCommit(t *testing.T) {
	t.Run("before", func(t *testing.T) {
		f := manage(t, base)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		err := f.unchanged(func() error {
			_, err := f.Commit(ctx, f.candidate(200), Info{})
			return err
		})
		if !errors.Is(err, context.Canceled) || f.engine.applied != 1 {
			t.Errorf("got %v, applied %d times", err, f.engine.applied)
		}
	})
	t.Run("while applying", func(t *testing.T) {
		f := manage(t, base)
		ctx, cancel := context.WithCancel(context.Background())
		f.engine.before = func(ctx context.Context, _ engine.Config) error {
			cancel()
			return ctx.Err()
		}
		err := f.unchanged(func() error {
			_, err := f.Commit(ctx, f.candidate(200), Info{})
			return err
		})
		if !errors.Is(err, context.Canceled) || !strings.HasSuffix(err.Error(), "the running configuration is unchanged") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("while writing", func(t *testing.T) {
		f := manage(t, base)
		ctx, cancel := context.WithCancel(context.Background())
		f.write = func(path string, data []byte) error {
			cancel()
			return WriteFile(path, data)
		}
		rev, err := f.Commit(ctx, f.candidate(200), Info{})
		if err != nil || f.Running() != rev || f.engine.priority() != 200 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("while waiting for another", func(t *testing.T) {
		f := manage(t, base)
		applying, done := make(chan struct{}), make(chan struct{})
		f.engine.before = func(context.Context, engine.Config) error {
			close(applying)
			<-done
			return nil
		}
		first := make(chan error)
		go func() {
			_, err := f.Commit(context.Background(), f.candidate(10), Info{})
			first <- err
		}()
		<-applying
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := f.Commit(ctx, f.candidate(20), Info{}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		f.History() // is not delayed
		close(done)
		if err := <-first; err != nil || f.engine.priority() != 10 {
			t.Errorf("the other: %v", err)
		}
	})
}

// TestConcurrentCommits makes many commits at once from the same base: one succeeds, the others are stale, and every success
// is reported in order.
func TestConcurrentCommits(t *testing.T) {
	var mu sync.Mutex
	var told []uint64
	var f *fixture
	f = manage(t, base, func(o *Options) {
		o.Notify = func(r *Revision) {
			_ = f.History() // Notify may use the manager
			mu.Lock()
			told = append(told, r.ID)
			mu.Unlock()
		}
	})
	const n = 50
	var wg sync.WaitGroup
	results := make(chan error, n)
	for i := range n {
		c := f.candidate(1 + i)
		wg.Go(func() {
			_, err := f.Commit(context.Background(), c, Info{})
			results <- err
			for errors.Is(err, ErrStale) {
				_, err = f.Commit(context.Background(), f.candidate(1+i), Info{})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	won := 0
	for range n {
		if err := <-results; err == nil {
			won++
		} else if !errors.Is(err, ErrStale) {
			t.Error(err)
		}
	}
	if won == 0 {
		t.Error("no commit succeeded")
	}
	if got := Priority.Value(VRouters.Value(f.Running().File)[0]); f.engine.priority() != got || !strings.Contains(f.disk(), fmt.Sprintf("priority = %d\n", got)) {
		t.Errorf("running, engine and file differ: %d, %d, %s", got, f.engine.priority(), f.disk())
	}
	mu.Lock()
	defer mu.Unlock()
	for i, id := range told {
		if id != uint64(i)+2 {
			t.Fatalf("notified of %v", told)
		}
	}
	if len(told) != n {
		t.Errorf("notified of %d commits, want %d", len(told), n)
	}
}

// TestNotifyMayCommit commits from within Notify, like an automatic rollback.
func TestNotifyMayCommit(t *testing.T) {
	var f *fixture
	f = manage(t, base, func(o *Options) {
		o.Notify = func(r *Revision) {
			if Priority.Value(VRouters.Value(r.File)[0]) == 10 {
				f.commit(20)
			}
		}
	})
	f.commit(10)
	if f.engine.priority() != 20 {
		t.Errorf("priority %d", f.engine.priority())
	}
}

// TestSlowNotify commits while Notify still handles the previous commit: the order is kept.
func TestSlowNotify(t *testing.T) {
	var told []uint64
	inside, proceed := make(chan struct{}), make(chan struct{})
	f := manage(t, base, func(o *Options) {
		o.Notify = func(r *Revision) {
			if r.ID == 2 {
				close(inside)
				<-proceed
			}
			told = append(told, r.ID)
		}
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.commit(10)
	}()
	<-inside
	f.commit(20)
	close(proceed)
	<-done
	if diff := cmp.Diff([]uint64{2, 3}, told); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestCheck(t *testing.T) {
	f := manage(t, base)
	applied := f.engine.applied
	if _, changes, err := f.Check(f.Edit()); err != nil || len(changes) > 0 {
		t.Errorf("without changes: %v %v", changes, err)
	}
	_, got, err := f.Check(f.candidate(200))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Kind != engine.ChangedInPlace || got[0].Key.VRID != 51 || !slices.Equal(got[0].Fields, []string{"priority"}) {
		t.Errorf("got %+v", got)
	}
	if f.engine.applied != applied {
		t.Error("the check has applied a configuration")
	}
}

func TestCommitJSON(t *testing.T) {
	f := manage(t, `{"vrouter": [{"group": 51, "interface": "eth0", "vip": "10.0.0.1"}]}`, func(o *Options) { o.Format = JSON })
	rev := f.commit(200)
	if len(rev.Notes) != 1 {
		t.Errorf("notes %q", rev.Notes)
	}
	want := `{
  "vrouter": [
    {
      "group": 51,
      "interface": "eth0",
      "vip": "10.0.0.1",
      "priority": 200
    }
  ]
}
`
	if diff := cmp.Diff(want, f.disk()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	f.open()
	if diff := cmp.Diff([]int{200, 0}, f.priorities()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
