// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestCommitTellsWhatItDoes: a commit shows its progress on terminals only.
func TestCommitTellsWhatItDoes(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	s := newSession(t, env, admin)
	must(t, s, "configure", "hostname r2")
	var out display
	if status := s.Execute(t.Context(), "commit", out.io(0)); status != Done {
		t.Fatal(out.String())
	}
	want := []string{"Waiting for another commit", "Validating 2 virtual routers", "Applying the configuration", "Writing the configuration"}
	if diff := cmp.Diff(want, out.told); diff != "" {
		t.Error(diff)
	}
	out.told = nil
	must(t, s, "hostname r3")
	if status := s.Execute(t.Context(), "commit", IO{Out: &out, Err: &out}); status != Done {
		t.Error(out.String())
	}
	if out.told != nil {
		t.Errorf("a script was told %q", out.told)
	}
}

// TestInterruptedCommit: Ctrl-C during a commit leaves running configuration, file and candidate
// unchanged.
func TestInterruptedCommit(t *testing.T) {
	env, r := newEnv(t, sampleFile)
	s := newSession(t, env, admin)
	must(t, s, "configure", "interface eth0 vrrp 1 priority 99")
	file, err := os.ReadFile(env.Path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	applying := make(chan struct{})
	r.hold = applying
	go func() { <-applying; cancel() }()
	var b bytes.Buffer
	if status := s.Execute(ctx, "commit", IO{Out: &b, Err: &b}); status == Done || b.String() != "% Interrupted\n" {
		t.Errorf("status %d: %s", status, b.String())
	}
	if now, _ := os.ReadFile(env.Path); !bytes.Equal(now, file) || r.config.Routers[0].Protocol.Priority != 150 || env.Manager.Running().ID != 1 {
		t.Errorf("something has changed: running %+v, file\n%s", r.config.Routers, now)
	}
	if out := must(t, s, "show changes", "commit"); !strings.Contains(out, "+  priority 99") || !strings.Contains(out, "Commit 2 complete") {
		t.Errorf("the candidate is lost:\n%s", out)
	}
}

// TestTwoConfirmedCommitsAtOnce: one of two sessions succeeds, the other learns that it was too late.
func TestTwoConfirmedCommitsAtOnce(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	var statuses [2]Status
	var outs [2]bytes.Buffer
	done := make(chan struct{})
	sessions := []*Session{newSession(t, env, admin), newSession(t, env, User{Name: "bob", Level: admin.Level, Source: "10.0.0.8"})}
	for i, s := range sessions {
		must(t, s, "configure", []string{"interface eth0 vrrp 1 priority 60", "interface eth0 vrrp 1 priority 70"}[i])
		go func() {
			statuses[i] = s.Execute(context.Background(), "commit confirmed 5", IO{Out: &outs[i], Err: &outs[i]})
			done <- struct{}{}
		}()
	}
	<-done
	<-done
	winner := 0
	if statuses[1] == Done {
		winner = 1
	}
	if statuses[winner] != Done || statuses[1-winner] != Locked {
		t.Fatalf("statuses %v\n%s%s", statuses, outs[0].String(), outs[1].String())
	}
	if a := env.Manager.Awaited(); a == nil || a.User != sessions[winner].user.Name {
		t.Errorf("waiting: %+v", a)
	}
	// The other session may still confirm the commit.
	if out := must(t, sessions[1-winner], "discard", "end", "confirm"); !strings.Contains(out, "Commit 2 is confirmed") {
		t.Error(out)
	}
}

// TestCommitWithoutHistory: a state directory that cannot be written prevents the history, not the commit.
func TestCommitWithoutHistory(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "state"), nil, 0o600); err != nil { // a file where the directory should be
		t.Fatal(err)
	}
	env, _ := newEnvIn(t, sampleFile, dir)
	s := newSession(t, env, admin)
	out := must(t, s, "configure", "interface eth0 vrrp 1 priority 99", "commit", "interface eth0 vrrp 1 priority 98", "commit")
	if strings.Count(out, "complete") != 2 || !strings.Contains(out, "Note: ") {
		t.Errorf("output:\n%s", out)
	}
	if out := must(t, s, "compare rollback 1"); !strings.Contains(out, "+  priority 98") {
		t.Errorf("difference from the revision kept in memory:\n%s", out)
	}
	// A commit that cannot be recorded cannot be rolled back either.
	must(t, s, "interface eth0 vrrp 1 priority 97")
	if out, status := run(t, s, "commit confirmed 5"); status != Rejected || !strings.Contains(out, "roll back to") {
		t.Errorf("status %d:\n%s", status, out)
	}
}

// TestClosedSession: commands that arrive after the end of a session do nothing.
func TestClosedSession(t *testing.T) {
	env, r := newEnv(t, sampleFile)
	s := newSession(t, env, admin)
	must(t, s, "configure", "interface eth0 vrrp 1 priority 99")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"commit", "show vrrp brief", "exit", "configure"} {
		if out, status := run(t, s, line); status != Failed || out != "% The session has ended\n" {
			t.Errorf("%s: status %d: %s", line, status, out)
		}
	}
	if r.config.Routers[0].Protocol.Priority != 150 || s.Complete("sh") != nil && len(s.Complete("sh")) > 0 {
		t.Error("the session continues")
	}
	_ = s.Help("show ")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
