// SPDX-License-Identifier: GPL-3.0-only

package conf

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/engine"
)

// told collects the notices to users, one line each.
type told struct {
	mu    sync.Mutex
	lines []string
}

func (l *told) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *told) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}

// listen connects a manager to the notices.
func (l *told) listen(o *Options) {
	o.Now = nil // the bubble's clock
	boot := time.Now()
	o.Uptime = func() (string, time.Duration) { return "first", time.Since(boot) }
	o.Notify = func(r *Revision) { l.add("commit %d by %s: %s", r.ID, r.User, r.Comment) }
	o.Awaiting = func(e ConfirmationEvent) {
		switch e.Stage {
		case StageWarning:
			l.add("commit %d has %s left", e.Commit, time.Until(e.Deadline))
		case StageConfirmed:
			l.add("commit %d confirmed by %s", e.Commit, e.By.User)
		case StageFailed:
			l.add("commit %d not rolled back", e.Commit)
		case StageExtended:
			l.add("commit %d has %s left, by %s", e.Commit, time.Until(e.Deadline), e.By.User)
		}
	}
}

// confirmed runs a test in virtual time, with a manager whose file has priority 100.
func confirmed(t *testing.T, test func(f *fixture, l *told)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &told{}
		f := manage(t, sample, l.listen)
		test(f, l)
		f.Close()
	})
}

const sample = "# by hand\n[[vrouter]]\ngroup = 1\ninterface = \"eth0\"\nvip = \"10.0.0.1\"\npriority = 100\n"

// try commits a priority that must be confirmed.
func (f *fixture) try(priority int, minutes int) error {
	_, err := f.Commit(context.Background(), f.candidate(priority), Info{User: "alice", Confirm: time.Duration(minutes) * time.Minute})
	return err
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// runs checks that the engine, the manager and the file have the same priority.
func (f *fixture) runs(priority int) {
	f.t.Helper()
	file, err := Parse(f.path, []byte(f.disk()), TOML)
	f.must(err)
	got := []int{f.engine.priority(), Priority.Value(VRouters.Value(f.Running().File)[0]), Priority.Value(VRouters.Value(file)[0])}
	if diff := cmp.Diff([]int{priority, priority, priority}, got); diff != "" {
		f.t.Errorf("engine, revision and file (-want +got):\n%s", diff)
	}
}

func (f *fixture) sleep(d time.Duration) {
	time.Sleep(d) // virtual
	synctest.Wait()
}

func TestNotConfirmed(t *testing.T) {
	confirmed(t, func(f *fixture, l *told) {
		f.must(f.try(150, 5))
		f.runs(150)
		c := f.Awaited()
		if c == nil || c.Commit != 2 || c.Back != 1 || c.User != "alice" || time.Until(c.Deadline) != 5*time.Minute {
			t.Errorf("waiting for confirmation: %+v", c)
		}
		if by := f.Running().ConfirmBy; !by.Equal(c.Deadline) {
			t.Errorf("deadline of the revision: %s", by)
		}
		f.sleep(5*time.Minute - time.Millisecond)
		f.runs(150)
		f.sleep(time.Millisecond)
		f.runs(100)
		if got := f.disk(); got != sample {
			t.Errorf("the file is not as it was:\n%s", got)
		}
		want := []string{"commit 2 by alice: ", "commit 2 has 1m0s left", "commit 3 by vrrpsh: commit 2 of alice was not confirmed"}
		if diff := cmp.Diff(want, l.take()); diff != "" {
			t.Errorf("notices (-want +got):\n%s", diff)
		}
		if f.Awaited() != nil {
			t.Error("a commit is still waiting for confirmation")
		}
		if _, err := f.Confirm(context.Background(), Info{}); !errors.Is(err, ErrNothingAwaited) {
			t.Errorf("late confirmation: %v", err)
		}
		f.sleep(time.Hour)
		f.runs(100)
	})
}

// TestExtended: the deadline moves, also for a router that starts anew, and the commit rolls back at the new one only.
func TestExtended(t *testing.T) {
	confirmed(t, func(f *fixture, l *told) {
		if _, err := f.Extend(context.Background(), time.Minute, Info{}); !errors.Is(err, ErrNothingAwaited) {
			t.Errorf("nothing to extend: %v", err)
		}
		f.must(f.try(150, 5))
		f.sleep(4*time.Minute + 30*time.Second)
		c, err := f.Extend(context.Background(), 10*time.Minute, Info{User: "bob"})
		f.must(err)
		if left := time.Until(c.Deadline); left != 10*time.Minute || c.Commit != 2 || c.User != "alice" || !f.Running().ConfirmBy.Equal(c.Deadline) {
			t.Errorf("%s left of %+v, the revision until %s", left, c, f.Running().ConfirmBy)
		}
		f.Close()
		f.open()
		f.sleep(9*time.Minute + 59*time.Second)
		f.runs(150)
		f.sleep(time.Second)
		f.runs(100)
		want := []string{
			"commit 2 by alice: ", "commit 2 has 1m0s left", "commit 2 has 10m0s left, by bob", "commit 2 has 1m0s left",
			"commit 3 by vrrpsh: commit 2 of alice was not confirmed",
		}
		if diff := cmp.Diff(want, l.take()); diff != "" {
			t.Errorf("notices (-want +got):\n%s", diff)
		}
	})
}

// TestExtendedWithoutANote: if the new deadline cannot be saved, the old one stays.
func TestExtendedWithoutANote(t *testing.T) {
	confirmed(t, func(f *fixture, _ *told) {
		f.must(f.try(150, 5))
		write := f.write
		f.write = func(path string, data []byte) error {
			f.write = write
			return errors.New("the disk is full")
		}
		if _, err := f.Extend(context.Background(), time.Hour, Info{}); err == nil || !strings.Contains(err.Error(), "the disk is full") {
			t.Errorf("the error is %v", err)
		}
		f.sleep(5 * time.Minute)
		f.runs(100)
	})
}

func TestConfirmed(t *testing.T) {
	for name, confirm := range map[string]func(f *fixture) error{
		"confirm": func(f *fixture) error {
			c, err := f.Confirm(context.Background(), Info{User: "bob"})
			if err == nil && c.Commit != 2 {
				f.t.Errorf("confirmed %d", c.Commit)
			}
			return err
		},
		"commit of another": func(f *fixture) error {
			c := f.Edit()
			Hostname.Set(c.File, "r9")
			_, err := f.Commit(context.Background(), c, Info{User: "bob"})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			confirmed(t, func(f *fixture, l *told) {
				f.must(f.try(150, 1))
				f.sleep(30 * time.Second)
				f.must(confirm(f))
				f.sleep(time.Hour)
				f.runs(150)
				if got := l.take(); len(got) < 2 || got[1] != "commit 2 confirmed by bob" {
					t.Errorf("notices %q", got)
				}
				f.open() // and a restart finds nothing to roll back
				f.sleep(time.Hour)
				f.runs(150)
			})
		})
	}
}

// TestSecondConfirmedCommit: a commit that waits for confirmation itself does not confirm the one before. Both are rolled back together, or confirmed.
func TestSecondConfirmedCommit(t *testing.T) {
	confirmed(t, func(f *fixture, l *told) {
		stale := f.candidate(170)
		f.must(f.try(150, 5))
		if _, err := f.Commit(context.Background(), stale, Info{Confirm: time.Minute}); !errors.Is(err, ErrStale) {
			t.Errorf("an earlier candidate: %v", err)
		}
		f.sleep(4 * time.Minute)
		f.must(f.try(160, 5))
		f.sleep(4 * time.Minute)
		f.runs(160)
		if c := f.Awaited(); c == nil || c.Commit != 3 || c.Back != 1 {
			t.Errorf("waiting for confirmation: %+v", c)
		}
		f.Close()
		f.open() // also after a crash
		f.sleep(time.Minute)
		f.runs(100)
		if got := strings.Join(l.take(), "\n"); strings.Contains(got, "confirmed by") || !strings.Contains(got, "commit 3 of alice was not confirmed") {
			t.Errorf("notices:\n%s", got)
		}
		f.must(f.try(150, 5))
		f.must(f.try(160, 5))
		_, err := f.Confirm(context.Background(), Info{User: "bob"})
		f.must(err)
		f.sleep(time.Hour)
		f.runs(160)
	})
}

// TestCrashInTheSecondConfirmedCommit: when the note of a second commit has replaced that of the first, but its file was not written,
// the first goes on waiting.
func TestCrashInTheSecondConfirmedCommit(t *testing.T) {
	confirmed(t, func(f *fixture, _ *told) {
		f.must(f.try(150, 5))
		f.sleep(time.Minute)
		note := filepath.Join(f.state, confirmFile)
		var crashed []byte
		f.write = func(path string, data []byte) (err error) {
			if path != f.path {
				return WriteFile(path, data)
			}
			crashed, err = os.ReadFile(note)
			f.must(err)
			return errors.New("the router is killed")
		}
		if err := f.try(160, 60); err == nil {
			t.Fatal("no error")
		}
		f.Close()
		f.write = WriteFile
		f.must(os.WriteFile(note, crashed, 0o600))
		f.open()
		f.runs(150)
		if c := f.Awaited(); c == nil || c.Commit != 2 {
			t.Errorf("waiting for confirmation: %+v", c)
		}
		f.sleep(4 * time.Minute)
		f.runs(100)
	})
}

// TestConfirmAcrossRestart stops the router without warning, as in a crash.
func TestConfirmAcrossRestart(t *testing.T) {
	for _, tt := range []struct {
		name    string
		down    time.Duration
		atStart int
		between func(f *fixture)
		later   int
		comment string
	}{
		{name: "in time", down: 2 * time.Minute, atStart: 150, later: 100},
		{name: "too late", down: 6 * time.Minute, atStart: 100, later: 100, comment: "commit 2 of alice was not confirmed"},
		{
			name: "edited by hand meanwhile", down: time.Hour, atStart: 77, later: 77,
			between: func(f *fixture) { f.put(strings.Replace(sample, "100", "77", 1)) },
		},
		{
			name: "damaged", down: time.Hour, atStart: 150, later: 150,
			between: func(f *fixture) { f.must(os.WriteFile(filepath.Join(f.state, confirmFile), []byte("x"), 0o600)) },
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			confirmed(t, func(f *fixture, l *told) {
				f.must(f.try(150, 5))
				f.Close()
				f.sleep(tt.down)
				f.runs(150) // no process runs that could act
				if tt.between != nil {
					tt.between(f)
				}
				f.open()
				f.runs(tt.atStart)
				if c := f.Awaited(); (c != nil) != (tt.atStart != tt.later) || c != nil && time.Until(c.Deadline) != 5*time.Minute-tt.down {
					t.Errorf("waiting for confirmation: %+v", c)
				}
				if tt.comment != "" && f.Running().Comment != tt.comment {
					t.Errorf("comment %q", f.Running().Comment)
				}
				f.sleep(time.Hour)
				f.runs(tt.later)
			})
		})
	}
}

// TestConfirmWithAnotherClock stops the router without warning and starts it two minutes later, with the clock changed in
// between: the router waits no longer than requested.
func TestConfirmWithAnotherClock(t *testing.T) {
	const asked, down, year = 5 * time.Minute, 2 * time.Minute, 365 * 24 * time.Hour
	earlier := regexp.MustCompile(`,"(Left|Boot|Until)":("[^"]*"|[0-9]+)`)
	for _, tt := range []struct {
		name   string
		clock  time.Duration // change of the clock
		reboot bool
		old    bool          // the note was written by an earlier release
		left   time.Duration // at the second start and later
	}{
		{"as it was", 0, false, false, asked - down},
		{"years back", -10 * year, false, false, asked - down},
		{"a minute back", -time.Minute, false, false, asked - down},
		{"a minute forward", time.Minute, false, false, asked - down - time.Minute},
		{"years forward", 10 * year, false, false, 0},
		{"as it was, reboot", 0, true, false, asked - down},
		{"years back, reboot", -10 * year, true, false, asked},
		{"a minute back, reboot", -time.Minute, true, false, asked - time.Minute},
		{"a minute forward, reboot", time.Minute, true, false, asked - down - time.Minute},
		{"years forward, reboot", 10 * year, true, false, 0},
		{"as it was, old note", 0, false, true, asked - down},
		{"years back, old note", -10 * year, false, true, asked},
		{"years forward, old note", 10 * year, true, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			confirmed(t, func(f *fixture, _ *told) {
				f.must(f.try(150, int(asked/time.Minute)))
				f.Close()
				f.sleep(down)
				note := filepath.Join(f.state, confirmFile)
				if tt.old {
					data, err := os.ReadFile(note)
					f.must(err)
					if !earlier.Match(data) {
						t.Fatalf("the note lacks the expected fields: %s", data)
					}
					f.must(os.WriteFile(note, earlier.ReplaceAll(data, nil), 0o600))
				}
				set := tt.clock
				f.options.Now = func() time.Time { return time.Now().Round(0).Add(set) }
				start := func(boot string) {
					began := time.Now()
					if boot != "" {
						f.options.Uptime = func() (string, time.Duration) { return boot, time.Since(began) }
					}
					f.open()
				}
				if tt.reboot {
					start("second")
				} else {
					start("")
				}
				if tt.left == 0 {
					f.runs(100)
					return
				}
				f.runs(150)
				if c := f.Awaited(); c == nil || c.Deadline.Sub(f.options.Now()) != tt.left || !f.Running().ConfirmBy.Equal(c.Deadline) {
					t.Errorf("waiting for confirmation: %+v, until %s, want %s", c, f.Running().ConfirmBy, tt.left)
				}

				// Another start, with the clock years back, does not make the wait longer.
				f.sleep(time.Minute)
				f.Close()
				set -= 10 * year
				start("")
				f.sleep(tt.left - time.Minute - time.Millisecond)
				f.runs(150)
				f.sleep(time.Millisecond)
				f.runs(100)
			})
		})
	}
}

// TestConfirmAfterReboots reboots the machine repeatedly, with a clock that is never set: the remaining time continues to run
// down.
func TestConfirmAfterReboots(t *testing.T) {
	confirmed(t, func(f *fixture, _ *told) {
		f.must(f.try(150, 5))
		for i := range 3 {
			f.sleep(time.Minute + time.Second)
			f.Close()
			f.options.Now = func() time.Time { return time.Now().Round(0).Add(-time.Duration(i+1) * 24 * time.Hour) }
			began := time.Now()
			f.options.Uptime = func() (string, time.Duration) { return fmt.Sprint("boot ", i), time.Since(began) }
			f.open()
			if left, want := f.Awaited().Deadline.Sub(f.options.Now()), time.Duration(4-i)*time.Minute; left != want {
				t.Errorf("%s left after start %d, want %s", left, i, want)
			}
		}
		f.sleep(2 * time.Minute)
		f.runs(100)
	})
}

// TestConfirmNeedsItsNote: without the note, a crash would make the commit permanent.
func TestConfirmNeedsItsNote(t *testing.T) {
	confirmed(t, func(f *fixture, _ *told) {
		f.write = func(path string, data []byte) error {
			if filepath.Base(path) == confirmFile {
				return errors.New("no space left on device")
			}
			return WriteFile(path, data)
		}
		if err := f.try(150, 5); err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("error %v", err)
		}
		f.runs(100)
	})
}

// undoneLater is a start that has rolled a commit back and could not put the file back.
func undoneLater(t *testing.T, test func(f *fixture)) {
	t.Helper()
	confirmed(t, func(f *fixture, _ *told) {
		f.must(f.try(150, 5))
		f.Close()
		f.sleep(time.Hour)
		f.must(os.MkdirAll(filepath.Join(temporary(f.path), "full"), 0o700))
		f.open()
		f.must(os.RemoveAll(temporary(f.path)))
		if f.engine.priority() != 100 || !strings.Contains(f.disk(), "priority = 150") {
			t.Errorf("priority %d is running, the file is\n%s", f.engine.priority(), f.disk())
		}
		test(f)
	})
}

// TestUnconfirmedIsUndoneLater: a start that cannot put the file back leaves that to the next one, whatever commits fail meanwhile.
func TestUnconfirmedIsUndoneLater(t *testing.T) {
	full := errors.New("no space left on device")
	for name, failing := range map[string]func(f *fixture){
		"after a commit that cannot be noted": func(f *fixture) {
			f.write = func(string, []byte) error { return full }
		},
		"after one that was noted, as if the router had died then": func(f *fixture) {
			f.write = func(path string, data []byte) error {
				f.write = func(string, []byte) error { return full }
				return WriteFile(path, data)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			undoneLater(t, func(f *fixture) {
				failing(f)
				if err := f.try(160, 5); err == nil {
					t.Error("no error")
				}
				f.Close()
				f.open()
				f.runs(100)
			})
		})
	}
	t.Run("unless somebody commits what runs", func(t *testing.T) {
		undoneLater(t, func(f *fixture) {
			f.commit(100)
			if !strings.Contains(f.disk(), "priority = 100") {
				t.Errorf("the file is\n%s", f.disk())
			}
			f.Close()
			f.open()
			f.runs(100)
		})
	})
}

// TestConfirmedCommitFails: the commit before keeps waiting for confirmation.
func TestConfirmedCommitFails(t *testing.T) {
	confirmed(t, func(f *fixture, _ *told) {
		f.must(f.try(150, 5))
		f.engine.before = func(_ context.Context, cfg engine.Config) error {
			if cfg.Routers[0].Protocol.Priority == 160 {
				return errors.New("no")
			}
			return nil
		}
		if err := f.try(160, 5); !errors.Is(err, ErrRejected) {
			t.Errorf("error %v", err)
		}
		f.runs(150)
		f.Close()
		f.sleep(5 * time.Minute)
		f.open()
		f.runs(100)
	})
}

// TestRollbackFails: the rollback is repeated until it succeeds.
func TestRollbackFails(t *testing.T) {
	confirmed(t, func(f *fixture, l *told) {
		f.must(f.try(150, 5))
		var fail atomic.Bool
		fail.Store(true)
		f.engine.refuse(func(_ context.Context, cfg engine.Config) error {
			if fail.Load() && cfg.Routers[0].Protocol.Priority == 100 {
				return errors.New("no")
			}
			return nil
		})
		f.sleep(5 * time.Minute)
		f.runs(150)
		if got := l.take(); got[len(got)-1] != "commit 2 not rolled back" {
			t.Errorf("notices %q", got)
		}
		fail.Store(false)
		f.sleep(rollbackPause)
		f.runs(100)
	})
}

func TestConfirmFileIsPrivate(t *testing.T) {
	confirmed(t, func(f *fixture, _ *told) {
		f.must(f.try(150, 5))
		info, err := os.Stat(filepath.Join(f.state, confirmFile))
		f.must(err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v", info.Mode())
		}
	})
}

// failingSync is a disk on which the names in a directory cannot be made to last, as often as fails says.
type failingSync struct {
	osDisk
	dir   string
	fails int
}

type failingDir struct {
	DiskFile
	disk *failingSync
}

func (d *failingSync) Open(name string) (DiskFile, error) {
	f, err := d.osDisk.Open(name)
	if err == nil && name == d.dir {
		f = failingDir{f, d}
	}
	return f, err
}

func (f failingDir) Sync() error {
	if f.disk.fails > 0 {
		f.disk.fails--
		return syscall.EIO
	}
	return f.DiskFile.Sync()
}

// TestConfirmedSurvivesPowerLoss checks that a commit counts as confirmed only once the removal of its note is safe: after a loss of
// power the note would roll the commit back.
func TestConfirmedSurvivesPowerLoss(t *testing.T) {
	confirmed(t, func(f *fixture, _ *told) {
		f.Close()
		disk := &failingSync{dir: f.state}
		f.options.Disk = disk
		f.open()
		f.must(f.try(150, 5))
		disk.fails = 2
		for range 2 {
			if _, err := f.Confirm(context.Background(), Info{}); !errors.Is(err, syscall.EIO) {
				t.Errorf("while the removal is not safe, confirm says %v", err)
			}
		}
		if _, err := f.Confirm(context.Background(), Info{}); err != nil {
			t.Error(err)
		}
		f.sleep(time.Hour)
		f.runs(150)
	})
}
