// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/conf"
	"vrrpsh/engine"
	"vrrpsh/engine/vrrp"
	"vrrpsh/platform/journal"
)

func TestStatuses(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines []string
		want  Status
	}{
		{"done", []string{"show clock"}, Done},
		{"blank", []string{"   "}, Done},
		{"comment", []string{"! show nothing"}, Done},
		{"failed", []string{"show vrrp group 77"}, Failed},
		{"unknown word", []string{"shew clock"}, BadSyntax},
		{"ambiguous", []string{"e"}, BadSyntax},
		{"incomplete", []string{"show"}, BadSyntax},
		{"out of range", []string{"configure", "interface eth0 vrrp 1 priority 255"}, BadSyntax},
		{"invalid candidate", []string{"configure", "interface eth0 vrrp 9", "commit"}, Rejected},
		{"changes left", []string{"configure", "hostname x", "end"}, Failed},
		{"control character", []string{"show\x07clock"}, BadSyntax},
		{"escape sequence", []string{"show \x1b[2J"}, BadSyntax},
		{"C1 control", []string{"show \u009b2J"}, BadSyntax},
		{"not UTF-8", []string{"show \xff"}, BadSyntax},
		{"very long", []string{"show " + strings.Repeat("x", 1<<20)}, BadSyntax},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env, _ := newEnv(t, sampleFile)
			out, got := run(t, newSession(t, env, admin), tc.lines...)
			if got != tc.want {
				t.Errorf("status %d, want %d: %s", got, tc.want, out)
			}
			if strings.ContainsAny(out, "\x07\x1b\u009b") || !utf8.ValidString(out) {
				t.Errorf("controls are echoed: %q", out)
			}
			if len(out) > 1000 {
				t.Errorf("%d bytes of output", len(out))
			}
		})
	}
}

func TestARefusedCommitKeepsTheCandidate(t *testing.T) {
	env, r := newEnv(t, sampleFile)
	s := newSession(t, env, admin)
	must(t, s, "configure", "interface eth0 vrrp 1 priority 99")
	r.refuse = errors.New("no such device")
	out, status := run(t, s, "commit")
	if status != Rejected || !strings.Contains(out, "no such device") {
		t.Fatalf("status %d: %s", status, out)
	}
	if r.config.Routers[0].Protocol.Priority != 150 {
		t.Error("the running configuration changed")
	}
	r.refuse = nil
	must(t, s, "commit")
	if out, status := run(t, s, "vip 10.0.0.9"); status != BadSyntax {
		t.Errorf("an IPv4 address: %s", out)
	}
	if got := r.config.Routers[0].Protocol.Priority; got != 99 {
		t.Errorf("priority %d after the commit", got)
	}
}

func TestStaleCandidate(t *testing.T) {
	env, r := newEnv(t, sampleFile)
	a, b := newSession(t, env, admin), newSession(t, env, User{Name: "bob", Level: conf.Administrator, Source: "10.0.0.7"})
	must(t, a, "configure", "interface eth0 vrrp 1 priority 90", "no interface eth0 vrrp 2")
	must(t, b, "configure", "interface eth0 vrrp 1 description uplink", "hostname r9", "commit comment naming")
	out, status := run(t, a, "commit")
	if status != Locked || !strings.Contains(out, "bob") || !strings.Contains(out, "rebase") {
		t.Fatalf("status %d: %s", status, out)
	}
	if got := <-a.Notices(); got != "Commit 2 by bob (10.0.0.7): naming" {
		t.Errorf("notice %q", got)
	}
	if len(b.Notices()) > 0 {
		t.Errorf("the committer got the notice %q", <-b.Notices())
	}
	must(t, a, "rebase", "commit", "end")
	if len(r.config.Routers) != 1 || r.config.Routers[0].Description != "uplink" || r.config.Routers[0].Protocol.Priority != 90 {
		t.Errorf("a change is missing: %+v", r.config.Routers)
	}
	if a.Prompt() != "r9# " {
		t.Errorf("prompt %q", a.Prompt())
	}
}

// TestStaleCommitListsTheChanges: the refusal lists the changes since the candidate was made, at most ten lines, with
// masked secrets.
func TestStaleCommitListsTheChanges(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	a, b := newSession(t, env, admin), newSession(t, env, User{Name: "bob", Level: conf.Administrator, Source: "10.0.0.7"})
	must(t, a, "configure", "interface eth0 vrrp 1 priority 90")
	must(t, b, "configure", "hostname r9", "interface eth0 vrrp 2 auth rfc2338-simple secret hunter3", "commit")
	refused := func(want string) {
		t.Helper()
		out, status := run(t, a, "commit")
		if diff := cmp.Diff(want, out); status != Locked || diff != "" {
			t.Errorf("status %d (-want +got):\n%s", status, diff)
		}
	}
	refused(`% Commit 2 by bob is newer than commit 1, from which this candidate was made
    -hostname r1
    +hostname r9
     interface eth0
      vrrp 2
    -  auth rfc2338-simple secret ********
    +  auth rfc2338-simple secret ********
  "rebase" applies this candidate's changes to it
`)
	for n := range 10 {
		must(t, b, fmt.Sprintf("track t%d interface eth0", n))
	}
	must(t, b, "commit")
	refused(`% Commit 3 by bob is newer than commit 1, from which this candidate was made
    -hostname r1
    +hostname r9
    +track t0 interface eth0
    +track t1 interface eth0
    +track t2 interface eth0
    +track t3 interface eth0
    +track t4 interface eth0
    +track t5 interface eth0
    +track t6 interface eth0
    +track t7 interface eth0
    and 6 more
  "rebase" applies this candidate's changes to it
`)
}

func TestRebaseConflicts(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	a, b := newSession(t, env, admin), newSession(t, env, admin)
	must(t, a, "configure", "interface eth0 vrrp 1 priority 90", "no interface eth0 vrrp 2", "logging level 1")
	must(t, b, "configure", "interface eth0 vrrp 1 priority 80", "interface eth0 vrrp 2 priority 5", "commit")
	before := a.draft.File().Clone()
	out, status := run(t, a, "rebase")
	if status != Locked {
		t.Errorf("status %d", status)
	}
	for _, want := range []string{`priority: "priority 90" here, "priority 80" there`, "removed here, changed there"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
	if !a.draft.File().Equal(before) {
		t.Error("the candidate changed")
	}
}

// TestRebaseDecides: conflicts are decided all at once, or at a terminal one by one.
func TestRebaseDecides(t *testing.T) {
	const first, second = "eth0 IPv4 group 1: priority: \"priority 90\" here, \"priority 80\" there: ours, theirs or cancel? [cancel] ",
		"eth0 IPv4 group 2: removed here, changed there: ours, theirs or cancel? [cancel] "
	const ours, theirs = "-  priority 80\n+  priority 90\n", "- vrrp 2\n"
	for _, tt := range []struct {
		line    string
		answers []string // alternately question and answer
		changes []string // after it
		status  Status
	}{
		{"rebase ours", nil, []string{ours, theirs}, Done},
		{"rebase theirs", nil, nil, Done},
		{"rebase", []string{first, "ours", second, "theirs"}, []string{ours}, Done},
		{"rebase", []string{first, "theirs", second, "ours"}, []string{theirs}, Done},
		{"rebase", []string{first, "ours", second, "cancel"}, nil, Locked},
		{"rebase", []string{first, ""}, nil, Locked},
		{"rebase", []string{first, "show clock"}, nil, Done}, // the status of the command typed instead
	} {
		t.Run(tt.line+strings.Join(tt.answers, " "), func(t *testing.T) {
			env, _ := newEnv(t, sampleFile)
			a, b := newSession(t, env, admin), newSession(t, env, admin)
			must(t, a, "configure", "interface eth0 vrrp 1 priority 90", "no interface eth0 vrrp 2", "logging level 1")
			must(t, b, "configure", "interface eth0 vrrp 1 priority 80", "interface eth0 vrrp 2 priority 5", "commit")
			var d display
			var questions []string
			d.answer = func(question string) (string, error) {
				questions = append(questions, question)
				answer := tt.answers[len(questions)]
				questions = append(questions, answer)
				return answer, nil
			}
			if status := a.Execute(t.Context(), tt.line, d.io(0)); status != tt.status {
				t.Errorf("status %d: %s", status, d.String())
			}
			if diff := cmp.Diff(tt.answers, questions); diff != "" {
				t.Errorf("questions (-want +got):\n%s", diff)
			}
			out := must(t, a, "show changes")
			if rebased := !strings.Contains(out, "Compared with commit 1"); rebased != strings.HasPrefix(d.String(), "The candidate is now based on commit 2\n") {
				t.Errorf("rebased %t:\n%s", rebased, d.String())
			} else if !rebased {
				if !strings.Contains(d.String(), "nothing was done") {
					t.Errorf("the answer is\n%s", d.String())
				}
				return
			}
			for _, change := range []string{ours, theirs} {
				if strings.Contains(out, change) != slices.Contains(tt.changes, change) {
					t.Errorf("the changes are\n%s", out)
				}
			}
		})
	}
}

// TestStaleCandidateShowsItsOwnChanges: what others have committed meanwhile is not among the changes of a candidate.
func TestStaleCandidateShowsItsOwnChanges(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	a, b := newSession(t, env, admin), newSession(t, env, bob)
	must(t, a, "configure", "interface eth0 vrrp 1 priority 90")
	must(t, b, "configure", "hostname r9", "commit")
	const note = "Compared with commit 1, from which this candidate was made. Commit 2 runs since: \"rebase\" carries the changes over\n"
	const changes = " interface eth0\n  vrrp 1\n-  priority 150\n+  priority 90\n"
	for _, line := range []string{"show changes", "compare", "show | compare", "do show changes"} {
		if diff := cmp.Diff(note+changes, must(t, a, line)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
	out, status := run(t, a, "commit check")
	if status != Locked || !strings.Contains(out, "\"rebase\" applies this candidate's changes to it\n") || !strings.Contains(out, "+hostname r9") {
		t.Errorf("status %d: %s", status, out)
	}
	if out := must(t, a, "rebase", "show changes"); out != "The candidate is now based on commit 2\n"+changes {
		t.Error(out)
	}
}

func TestExclusive(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	a, b := newSession(t, env, admin), newSession(t, env, User{Name: "bob", Level: conf.Administrator, Source: "ssh"})
	must(t, a, "configure exclusive")
	out, status := run(t, b, "configure exclusive")
	if status != Locked || !strings.Contains(out, "admin (console) since 2026-03-04 12:00:00") {
		t.Errorf("status %d: %s", status, out)
	}
	must(t, b, "configure", "hostname x")
	if out, status := run(t, b, "commit"); status != Locked {
		t.Errorf("status %d: %s", status, out)
	}
	must(t, a, "end")
	must(t, b, "commit")
}

// TestLostCandidates: the candidates of lost sessions are kept until the router stops. "configure" begins without them, asks nothing, and
// tells a user at a terminal what there is.
func TestLostCandidates(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	now := noon
	env.Now = func() time.Time { return now }
	alice := User{Name: "alice", Level: conf.Administrator, Source: "ssh 10.0.0.9"}
	for _, lines := range [][]string{{"hostname x"}, {"interface eth0 vrrp 1 priority 9", "interface eth0 vrrp 1 description y"}} {
		lost := New(env, alice)
		must(t, lost, append([]string{"configure"}, lines...)...)
		if err := lost.Close(); err != nil {
			t.Fatal(err)
		}
		if out, status := run(t, lost, "show clock"); status != Failed {
			t.Errorf("a closed session answers: %s", out)
		}
		if _, open := <-lost.Notices(); open {
			t.Error("notices are not closed")
		}
		now = now.Add(5 * time.Minute)
	}
	if out := must(t, newSession(t, env, alice), "configure", "end"); out != "" {
		t.Errorf("a script is told %q", out)
	}
	at := func(s *Session, lines ...string) string {
		var d display // answers no question
		for _, line := range lines {
			s.Execute(t.Context(), line, d.io(100))
		}
		return d.String()
	}
	const first = "1 uncommitted change of alice (ssh 10.0.0.9), lost 10 min ago"
	const second = "2 uncommitted changes of alice (ssh 10.0.0.9), lost 5 min ago"
	s := newSession(t, env, alice)
	want := second + ": \"load lost 2\" continues with them\n" + first + ": \"load lost 1\" continues with them\n"
	if diff := cmp.Diff(want, at(s, "configure")); diff != "" || s.Prompt() != "r1(config)# " {
		t.Errorf("prompt %q, -want +got:\n%s", s.Prompt(), diff)
	}
	want = "Continuing with " + second + "\n interface eth0\n  vrrp 1\n+  description y\n-  priority 150\n+  priority 9\n"
	if diff := cmp.Diff(want, at(s, "load lost", "show changes")); diff != "" || s.Prompt() != "r1(config*)# " {
		t.Errorf("prompt %q, -want +got:\n%s", s.Prompt(), diff)
	}
	other := newSession(t, env, admin)
	want = first + ": \"load lost 1\" continues with them\n% There are no uncommitted changes of a lost session of yours\n"
	if diff := cmp.Diff(want, at(other, "configure", "load lost")); diff != "" {
		t.Errorf("another user: -want +got:\n%s", diff)
	}
	if out, status := run(t, s, "load lost 1"); status != Failed || out != "% Uncommitted changes: commit or discard them first\n" {
		t.Errorf("status %d: %s", status, out)
	}
	must(t, s, "discard")
	must(t, other, "load lost 2", "discard", "load lost 1") // both are still there
	if other.Prompt() != "x(config*)# " && other.Prompt() != "r1(config*)# " {
		t.Errorf("prompt %q", other.Prompt())
	}
	help := other.Help("load lost ")
	for _, want := range []string{"1         " + first + ", continued since", "2         " + second} {
		if !strings.Contains(help, want) {
			t.Errorf("%q is not in the help:\n%s", want, help)
		}
	}
}

// TestLostCandidatesAreLimited: each user has a number of them, and takes none of another user's places.
func TestLostCandidatesAreLimited(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	lose := func(u User) {
		s := New(env, u)
		must(t, s, "configure", "hostname x")
		_ = s.Close()
	}
	lose(User{Name: "bob", Level: conf.Administrator})
	for range maxLost + 3 {
		lose(admin)
	}
	s := newSession(t, env, admin)
	var numbers []string
	must(t, s, "configure")
	for _, c := range s.Complete("load lost ") {
		if c.Literal {
			numbers = append(numbers, c.Text)
		}
	}
	if len(numbers) != maxLost+1 || numbers[len(numbers)-1] != "1" || slices.Contains(numbers, "4") {
		t.Errorf("there are %q", numbers)
	}
	var d display
	must(t, s, "end")
	s.Execute(t.Context(), "configure", d.io(80))
	if n := strings.Count(d.String(), "load lost"); n != 6 || !strings.Contains(d.String(), "12 more: \"load lost ?\" lists them\n") {
		t.Errorf("a user is told\n%s", d.String())
	}

	// Those that somebody has continued with take no place in the list.
	for _, number := range numbers[:maxLost] {
		must(t, s, "load lost "+number, "discard")
	}
	d.Reset()
	must(t, s, "end")
	s.Execute(t.Context(), "configure", d.io(80))
	if n := strings.Count(d.String(), "continues with them"); n != 1 || strings.Contains(d.String(), "more") {
		t.Errorf("a user is told of one candidate\n%s", d.String())
	}
}

func TestOperating(t *testing.T) {
	env, r := newEnv(t, sampleFile)
	s := newSession(t, env, User{Name: "op", Level: conf.Operator, Source: "console"})
	must(t, s, "vrrp resign interface eth0 group 2", "clear vrrp statistics interface eth0 group 1")
	want := []engine.Key{{Interface: "eth0", Family: vrrp.IPv4, VRID: 2}}
	if diff := cmp.Diff(want, r.resigned); diff != "" {
		t.Error(diff)
	}
	want[0].VRID = 1
	if diff := cmp.Diff(want, r.cleared); diff != "" || r.clearAll {
		t.Errorf("%v %s", r.clearAll, diff)
	}
	must(t, s, "clear vrrp statistics")
	if !r.clearAll {
		t.Error("not all were cleared")
	}
	if _, status := run(t, s, "configure"); status != Failed {
		t.Errorf("an operator may configure")
	}
}

func TestAudit(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	var log bytes.Buffer
	env.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := newSession(t, env, admin)
	must(t, s, "configure", "interface eth0 vrrp 2 auth rfc2338-simple secret hunter3",
		"api user joe level 5 password hunter4", "commit comment rotate", "end", "clear vrrp statistics")
	for _, want := range []string{`user=admin source=console revision=2 comment=rotate`, `line="clear vrrp statistics"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s is not logged", want)
		}
	}
	if strings.Contains(log.String(), "hunter") {
		t.Errorf("a secret is logged:\n%s", log.String())
	}
}

func TestMonitor(t *testing.T) {
	for _, test := range []struct {
		name   string
		source string
		lines  []string
		want   []string
	}{
		{"off", "control socket", nil, nil},
		{"off on the console", Console, nil, []string{"2000-01-01T00:00:00.000Z warning: trouble (group=7)"}},
		{"on", "control socket", []string{"terminal monitor"}, []string{
			"2000-01-01T00:00:00.000Z became Master (group=7)", "2000-01-01T00:00:00.000Z warning: trouble (group=7)",
		}},
		{"off again", "control socket", []string{"terminal monitor", "terminal no monitor"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			env, _ := newEnv(t, sampleFile)
			synctest.Test(t, func(t *testing.T) {
				env.Journal = journal.New(nil)
				if err := env.Journal.Configure(journal.Settings{UTC: true}); err != nil {
					t.Fatal(err)
				}
				s := New(env, User{Name: "admin", Level: conf.Administrator, Source: test.source})
				must(t, s, test.lines...)
				log := env.Journal.Logger()
				log.Info("became Master", "group", 7)
				log.Log(t.Context(), journal.Low, "not at this level")
				log.Warn("trouble", "group", 7)
				synctest.Wait()
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				var got []string
				for n := range s.Notices() {
					got = append(got, n)
				}
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestShowLogging(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	s := newSession(t, env, admin)
	if got := must(t, s, "show logging"); got != "" {
		t.Errorf("without a journal: %q", got)
	}
	env.Journal = journal.New(nil)
	for _, m := range []string{"first", "second", "third"} {
		env.Journal.Logger().Warn(m, "group", 7)
	}
	for _, test := range []struct{ line, want string }{
		{"show logging | count", "3 lines"},
		{"show logging last 2 | exclude third", "warning: second (group=7)"},
		{"show logging last 1 | json", `"level": "warning",` + "\n    " + `"message": "third",` + "\n    " + `"details": "group=7"`},
	} {
		if got := must(t, s, test.line); !strings.Contains(got, test.want) {
			t.Errorf("%s: %q does not have %q", test.line, got, test.want)
		}
	}
	if _, status := run(t, newSession(t, env, viewer), "show logging"); status != Failed {
		t.Errorf("a viewer reads the log: status %d", status)
	}
}

func TestNoticesThatNobodyReads(t *testing.T) {
	env, _ := newEnv(t, "")
	s := newSession(t, env, admin)
	for i := range 2 * noticeBuffer {
		env.Sessions.Committed(&conf.Revision{ID: uint64(i)})
	}
	if got := <-s.Notices(); !strings.HasPrefix(got, fmt.Sprintf("Commit %d ", noticeBuffer)) {
		t.Errorf("the oldest is %q", got)
	}
}

func TestInterrupted(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	s := newSession(t, env, admin)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var b bytes.Buffer
	if status := s.Execute(ctx, "show vrrp", IO{Out: &b, Err: &b}); status != Failed || b.String() != "% Interrupted\n" {
		t.Errorf("status %d: %q", status, b.String())
	}
}

func TestFiles(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	dir := t.TempDir()
	s := newSession(t, env, admin)
	saved, other := filepath.Join(dir, "saved.toml"), filepath.Join(dir, "other.json")
	must(t, s, "configure", "save "+saved, "no interface eth0", "hostname x")
	if data, err := os.ReadFile(saved); err != nil || !strings.Contains(string(data), "hunter2") {
		t.Fatalf("secrets are not kept: %v %s", err, data)
	}
	must(t, s, "load replace "+saved)
	if out := must(t, s, "show changes"); out != "" {
		t.Errorf("after replace:\n%s", out)
	}
	if err := os.WriteFile(other, []byte(`{"debug": 2, "vrouter": [{"group": 1, "interface": "eth0", "priority": 7}, {"group": 4, "interface": "eth1", "vip": "10.0.1.4"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	want := `+logging level 2
 interface eth0
  vrrp 1
-  priority 150
+  priority 7
 interface eth1
+ vrrp 4
+  vip 10.0.1.4
`
	if diff := cmp.Diff(want, must(t, s, "load merge "+other, "show changes")); diff != "" {
		t.Error(diff)
	}
	must(t, s, "discard", "end")
	lines := filepath.Join(dir, "lines")
	must(t, s, "show vrrp brief | include MASTER | save "+lines)
	if data, err := os.ReadFile(lines); err != nil || bytes.Count(data, []byte("\n")) != 1 {
		t.Errorf("%v %s", err, data)
	}
	if out, status := run(t, s, "show clock | save /nonexistent/x"); status != Failed {
		t.Errorf("status %d %s", status, out)
	}
}

func TestMarker(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	for _, tc := range []struct {
		name  string
		width int
		ask   bool
		line  string
		want  string
	}{
		{"terminal", 80, true, "show vrpp", "         ^\n"},
		{"wide characters", 80, true, `show "日本" x`, "         ^\n"},
		{"wrapped", 10, true, "show running-config xml", "    ^\n"},
		{"script", 0, false, "show vrpp", "show vrpp\n     ^\n"},
		{"script with tab", 0, false, "show\tvrpp", "show vrpp\n     ^\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSession(t, env, admin)
			var d display
			io := d.io(tc.width)
			if !tc.ask {
				io.Terminal = nil
			}
			s.Execute(t.Context(), tc.line, io)
			got, _, _ := strings.Cut(d.String(), "%")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestScript(t *testing.T) {
	for _, tc := range []struct {
		name      string
		script    string
		keepGoing bool
		want      Status
		out       string // beginning of the output
	}{
		{"comments and blanks", "! a\n\n# b\nshow clock | count\r\n", false, Done, "Count: 1 line\n"},
		{"without a last newline", "show clock | count", false, Done, "Count: 1 line\n"},
		{"stops", "shaw\nshow clock | count", false, BadSyntax, "shaw\n^\n% Line 1: Invalid input detected at '^' marker. Did you mean: show\n% Stopped at line 1, after 0 commands without an error\n"},
		{"keeps going", "show vrrp group 9\nshaw\nshow clock | count", true, Failed, "% Line 1: No such virtual router\nshaw\n^\n% Line 2: Invalid"},
		{"forgotten commit", "configure\nhostname x\n", false, Failed, "% End of the commands: Uncommitted changes"},
		{"commit", "configure\nhostname x\ncommit\nend\n", false, Done, "Commit 2 complete\n"},
		{"without end", "configure\nhostname x\ncommit\n", false, Done, "Commit 2 complete\n"},
		{"nothing after quit", "quit\nshow clock\n", false, Done, ""},
		{"very long line", "show " + strings.Repeat("x", 1<<20) + "\nshow clock", false, BadSyntax, "% Line 1: The line is too long"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env, _ := newEnv(t, sampleFile)
			s := newSession(t, env, admin)
			var b bytes.Buffer
			got := Script(t.Context(), s, strings.NewReader(tc.script), IO{Out: &b, Err: &b}, tc.keepGoing)
			if got != tc.want || !strings.HasPrefix(b.String(), tc.out) {
				t.Errorf("status %d, want %d, output:\n%.300s", got, tc.want, b.String())
			}
		})
	}
}

// TestScriptSummary: the messages of a script name their line, blank lines and comments included, and the last one counts.
func TestScriptSummary(t *testing.T) {
	const script = "! a comment\n\nconfigure\nhostname x\nshow vrrp group 9\nshow clock | count\ncompare | include nothing\nshow vrrp group 9\ndiscard\n"
	for _, tc := range []struct {
		keepGoing bool
		want      string
	}{
		{false, "% Line 5: No such virtual router\n% End of the commands: Uncommitted changes: commit or discard them first\n" +
			"% Stopped at line 5, after 2 commands without an error\n"},
		{true, "% Line 5: No such virtual router\nCount: 1 line\n% Line 8: No such virtual router\n% 2 of 7 commands failed: lines 5, 8\n"},
	} {
		env, _ := newEnv(t, sampleFile)
		var b bytes.Buffer
		status := Script(t.Context(), newSession(t, env, admin), strings.NewReader(script), IO{Out: &b, Err: &b}, tc.keepGoing)
		if diff := cmp.Diff(tc.want, b.String()); status != Failed || diff != "" {
			t.Errorf("status %d, -want +got:\n%s", status, diff)
		}
	}
}

func TestNo(t *testing.T) {
	env, _ := newEnv(t, `
[[vrouter]]
group = 1
interface = "eth0"
vips = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
priority = 5
preemption = true
preempt_delay = "5s"
rfc3768 = true
[api]
host = "127.0.0.1:80"
tls = false
`)
	s := newSession(t, env, admin)
	must(t, s, "configure")
	for _, tc := range []struct{ line, want string }{
		{"no priority", "  priority 5\n-"},
		{"no priority 7", ""},
		{"default priority", ""},
		{"no vip 10.0.0.2", ""},
		{"no vip", ""},
		{"no preempt delay", ""},
		{"no preempt", ""},
		{"no rfc3768", ""},
		{"default rfc3768", ""},
		{"no api", ""},
		{"no vrrp 1", ""},
	} {
		must(t, s, "discard", "interface eth0 vrrp 1", tc.line)
		if out := must(t, s, "show changes"); out == "" {
			t.Errorf("%s changes nothing", tc.line)
		}
	}
	want := " interface eth0\n  vrrp 1\n-  vip 10.0.0.2\n-  priority 5\n-  preempt delay 5s\n+  preempt\n-  rfc3768\n+  no rfc3768\n"
	got := must(t, s, "discard", "interface eth0 vrrp 1", "no vip 10.0.0.2", "no prio", "no preempt delay", "no rfc3768", "show changes")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if conf.VIP.IsSet(conf.VRouters.Value(s.draft.File())[0]) {
		t.Error("the file's form of the addresses changed")
	}
}

func TestIPv6(t *testing.T) {
	env, r := newEnv(t, sampleFile)
	s := newSession(t, env, admin)
	must(t, s, "configure", "interface eth0", "vrrp 1 ipv6", "priority 7")
	want := " interface eth0\n+ vrrp 1 ipv6\n+  priority 7\n"
	if diff := cmp.Diff(want, must(t, s, "show changes")); diff != "" {
		t.Error(diff)
	}
	if out, status := run(t, s, "vip 10.0.0.9"); status != BadSyntax {
		t.Errorf("an IPv4 address: %s", out)
	}
	if got := r.config.Routers[0].Protocol.Priority; got != 150 {
		t.Errorf("the IPv4 virtual router has priority %d", got)
	}
	must(t, s, "exit", "no vrrp 1 ipv6")
	if out := must(t, s, "show changes"); out != "" {
		t.Errorf("left over:\n%s", out)
	}
}

func TestSpans(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", time.Second: "1 s", 65 * time.Second: "1 min 5 s", time.Hour: "1 h",
		26*time.Hour + 61*time.Second: "1 d 2 h 1 min 1 s", 48 * time.Hour: "2 d",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
