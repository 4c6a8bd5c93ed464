// SPDX-License-Identifier: GPL-3.0-only

package journal

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// noon is the time of all entries.
var noon = time.Date(2026, time.March, 4, 12, 0, 0, 123e6, time.UTC)

// record logs one message at noon.
func record(t testing.TB, j *Journal, l slog.Level, msg string, args ...any) {
	t.Helper()
	if h := j.Logger().Handler(); h.Enabled(context.Background(), l) {
		r := slog.NewRecord(noon, l, msg, 0)
		r.Add(args...)
		if err := h.Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		j.Flush()
	}
}

func configure(t testing.TB, j *Journal, s Settings) {
	t.Helper()
	if err := j.Configure(s); err != nil {
		t.Fatal(err)
	}
}

func content(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestDebug tests the directive debug.
func TestDebug(t *testing.T) {
	all := []slog.Level{slog.LevelError, slog.LevelWarn, slog.LevelInfo, Low, Medium, High, Extensive}
	for debug, want := range []string{
		0: "error warning info",
		1: "error warning info low",
		2: "error warning info low medium",
		3: "error warning info low medium high",
		5: "error warning info low medium high extensive",
	} {
		if want == "" {
			continue
		}
		j := New(nil)
		configure(t, j, Settings{Debug: debug})
		var got []string
		for _, l := range all {
			record(t, j, l, "x")
		}
		for _, e := range j.Last(0) {
			got = append(got, Name(e.Level))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("debug %d: %v, want %s", debug, got, want)
		}
	}
}

// TestTimeFormat tests the directives time_zone and time_format.
func TestTimeFormat(t *testing.T) {
	local := time.Local
	time.Local = time.FixedZone("east", 2*3600)
	t.Cleanup(func() { time.Local = local })
	for _, test := range []struct {
		format string
		utc    bool
		want   string
	}{
		{"disabled", true, "time=2026-03-04T12:00:00.123Z level=info msg=x\n"},
		{"disabled", false, "time=2026-03-04T14:00:00.123+02:00 level=info msg=x\n"},
		{"short", true, "time=\"Mar  4 12:00:00.123\" level=info msg=x\n"},
		{"short", false, "time=\"Mar  4 14:00:00.123\" level=info msg=x\n"},
		{"rfc2822", true, "time=\"Wed, 04 Mar 2026 12:00:00 +0000\" level=info msg=x\n"},
		{"rfc2822", false, "time=\"Wed, 04 Mar 2026 14:00:00 +0200\" level=info msg=x\n"},
	} {
		f, err := ParseTimeFormat(test.format)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		j := New(&b)
		configure(t, j, Settings{UTC: test.utc, TimeFormat: f})
		record(t, j, slog.LevelInfo, "x")
		if b.String() != test.want {
			t.Errorf("%s, utc %v: %q, want %q", test.format, test.utc, b.String(), test.want)
		}
	}
	if _, err := ParseTimeFormat("long"); err == nil {
		t.Error("an unknown time format was accepted")
	}
}

func TestForms(t *testing.T) {
	var b bytes.Buffer
	j := New(&b)
	configure(t, j, Settings{UTC: true})
	log := slog.New(&fixed{j.Logger().Handler()}).With("group", 7).WithGroup("peer")
	log.Warn("odd \x1b[2J\nname", "name", "a b", "quote", `"`, "time", 3, "empty", "")
	j.Flush()
	want := `time=2026-03-04T12:00:00.123Z level=warning msg="odd \x1b[2J\nname" group=7 peer.name="a b" peer.quote="\"" peer.time=3 peer.empty=""` + "\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	want = `2026-03-04T12:00:00.123Z warning: odd ?[2J?name (group=7 peer.name="a b" peer.quote="\"" peer.time=3 peer.empty="")`
	if diff := cmp.Diff(want, j.Line(&j.Last(1)[0])); diff != "" {
		t.Error(diff)
	}
	j.human = true
	b.Reset()
	record(t, j, slog.LevelInfo, "became Master", "group", 7)
	if got, want := b.String(), "2026-03-04T12:00:00.123Z became Master (group=7)\n"; got != want {
		t.Errorf("on a terminal: %q, want %q", got, want)
	}
}

// fixed sets the time of all records to noon.
type fixed struct{ slog.Handler }

func (h *fixed) Handle(ctx context.Context, r slog.Record) error {
	r.Time = noon
	return h.Handler.Handle(ctx, r)
}
func (h *fixed) WithAttrs(a []slog.Attr) slog.Handler { return &fixed{h.Handler.WithAttrs(a)} }
func (h *fixed) WithGroup(n string) slog.Handler      { return &fixed{h.Handler.WithGroup(n)} }

// TestMainLog and TestErrorLog test the directives main_log and error_log.
func TestMainLog(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "main.log"), filepath.Join(dir, "other.log")
	if err := os.WriteFile(path, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	j := New(&stderr)
	configure(t, j, Settings{Main: path})
	record(t, j, slog.LevelInfo, "one")
	if err := os.Rename(path, path+".1"); err != nil { // like logrotate
		t.Fatal(err)
	}
	record(t, j, slog.LevelInfo, "two")
	if err := j.Reopen(); err != nil {
		t.Fatal(err)
	}
	record(t, j, slog.LevelInfo, "three")
	configure(t, j, Settings{Main: other})
	record(t, j, slog.LevelInfo, "four")
	if err := j.Configure(Settings{Main: filepath.Join(dir, "no", "where.log")}); err == nil {
		t.Error("a log in a missing directory was accepted")
	}
	record(t, j, slog.LevelInfo, "five")
	j.Close()
	record(t, j, slog.LevelInfo, "six")

	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"the renamed file", content(t, path+".1"), []string{"before", "one", "two"}},
		{"the reopened file", content(t, path), []string{"three"}},
		{"the other file", content(t, other), []string{"four", "five"}},
		{"standard error", stderr.String(), []string{"six"}},
	} {
		lines := strings.Split(strings.TrimSuffix(test.text, "\n"), "\n")
		ok := len(lines) == len(test.want)
		for i := 0; ok && i < len(lines); i++ {
			ok = strings.HasSuffix(lines[i], test.want[i])
		}
		if !ok {
			t.Errorf("%s has %q, want %q", test.name, lines, test.want)
		}
	}
	if info, err := os.Stat(other); err != nil || info.Mode().Perm()&0o137 != 0 {
		t.Errorf("mode of a new log: %v, %v", info.Mode(), err)
	}
}

// TestFilesAreClosed changes the files often and counts the open ones.
func TestFilesAreClosed(t *testing.T) {
	open := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(list)
	}
	dir := t.TempDir()
	j := New(nil)
	before := open()
	for _, name := range []string{"a", "b", "a", "c"} {
		configure(t, j, Settings{Main: filepath.Join(dir, name), Errors: filepath.Join(dir, name+".err")})
		if err := j.Configure(Settings{Main: filepath.Join(dir, "x"), Errors: filepath.Join(dir, "no", "where")}); err == nil {
			t.Error("a log in a missing directory was accepted")
		}
		if err := j.Reopen(); err != nil {
			t.Error(err)
		}
	}
	j.Flush()
	if n := open() - before; n != 2 {
		t.Errorf("%d additional files are open, want 2", n)
	}
	j.Close()
	if n := open() - before; n != 0 {
		t.Errorf("%d additional files are open after Close", n)
	}
}

func TestErrorLog(t *testing.T) {
	dir := t.TempDir()
	main, faults := filepath.Join(dir, "main.log"), filepath.Join(dir, "error.log")
	j := New(nil)
	configure(t, j, Settings{Main: main, Errors: faults})
	for _, l := range []slog.Level{slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		record(t, j, l, Name(l))
	}
	if n := strings.Count(content(t, main), "\n"); n != 3 {
		t.Errorf("the main log has %d lines, want 3", n)
	}
	if got := content(t, faults); strings.Contains(got, "msg=info") || strings.Count(got, "\n") != 2 {
		t.Errorf("the error log has %q", got)
	}
	configure(t, j, Settings{Main: main})
	record(t, j, slog.LevelError, "more")
	if strings.Contains(content(t, faults), "more") {
		t.Error("a disabled error log was written to")
	}
}

func TestRemembers(t *testing.T) {
	j := New(nil)
	for i := range 2*kept + 5 {
		record(t, j, slog.LevelInfo, "x", "i", i)
	}
	all := j.Last(0)
	if len(all) != kept || all[0].Attrs != "i=1005" || all[kept-1].Attrs != "i=2004" {
		t.Errorf("%d entries kept, from %v to %v", len(all), all[0], all[len(all)-1])
	}
	if two := j.Last(2); len(two) != 2 || two[0].Attrs != "i=2003" {
		t.Errorf("the last two: %v", two)
	}
}

// Logging never waits for a reader that does not read: a full pipe, a stopped terminal.
func TestNobodyWaitsForTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read, write := io.Pipe()
		j := New(write)
		log := j.Logger()
		const more = 7
		for i := range outputQueue + more {
			log.Info("line", "i", i) // the test deadlocks if this waits
		}
		if n := len(j.Last(0)); n != kept {
			t.Errorf("%d entries kept", n)
		}
		began := time.Now()
		j.Close()
		if waited := time.Since(began); waited != flushLimit {
			t.Errorf("Close waited for %v", waited)
		}
		lines := bufio.NewScanner(read)
		for i := range outputQueue {
			if lines.Scan(); !strings.HasSuffix(lines.Text(), fmt.Sprintf(" i=%d", i)) {
				t.Fatalf("line %d: %s", i, lines.Text())
			}
		}
		go log.Info("again")
		for _, want := range []string{fmt.Sprintf(`msg="the log is too slow: lines are missing" count=%d`, more), "msg=again"} {
			if lines.Scan(); !strings.HasSuffix(lines.Text(), want) {
				t.Errorf("%s, want %s", lines.Text(), want)
			}
		}
		_ = read.Close() // as if the reading process had ended
		log.Info("unheard")
		j.Flush()
	})
}

func TestSlowFollower(t *testing.T) {
	j := New(nil)
	entries, stop := j.Subscribe()
	for i := range followerQueue + 3 {
		record(t, j, slog.LevelInfo, "x", "i", i)
	}
	stop()
	stop()
	record(t, j, slog.LevelInfo, "nobody follows")
	var got []string
	for e := range entries {
		got = append(got, e.Attrs)
	}
	if len(got) != followerQueue || got[0] != "i=3" {
		t.Errorf("%d entries, the first %s", len(got), got[0])
	}
}

func BenchmarkOff(b *testing.B) {
	log := New(nil).Logger()
	for b.Loop() {
		if log.Enabled(context.Background(), Extensive) {
			b.Fatal("is on")
		}
	}
}

// TestPriorities checks that each line for the system's journal begins with its priority.
func TestPriorities(t *testing.T) {
	var out bytes.Buffer
	j := New(&out)
	j.priority = true
	configure(t, j, Settings{Debug: 5, UTC: true})
	for _, l := range []slog.Level{slog.LevelError, slog.LevelWarn, slog.LevelInfo, Low, Extensive} {
		record(t, j, l, "m")
	}
	want := ""
	for _, line := range []string{"<3>,error", "<4>,warning", "<6>,info", "<7>,low", "<7>,extensive"} {
		priority, level, _ := strings.Cut(line, ",")
		want += priority + "time=2026-03-04T12:00:00.123Z level=" + level + " msg=m\n"
	}
	if got := out.String(); got != want {
		t.Errorf("lines\n%swant\n%s", got, want)
	}
}
