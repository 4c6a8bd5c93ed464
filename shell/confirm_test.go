// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vrrpsh/conf"
	"vrrpsh/engine"
)

// TestConfirmedCommitIsTold follows a commit that nobody confirms from the view of another user.
func TestConfirmedCommitIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		path := dir + "/r1.toml"
		if err := conf.WriteFile(path, []byte(sampleFile)); err != nil {
			t.Fatal(err)
		}
		sessions := NewSessions()
		r := &router{events: make(chan engine.Event)}
		m := manage(t, r.apply, conf.Options{Path: path, StateDir: dir, Notify: sessions.Committed, Awaiting: sessions.Awaiting})
		defer m.Close()
		env := &Env{View: r, Control: r, Manager: m, Hostname: "r1", Sessions: sessions}
		alice, bob := New(env, admin), New(env, User{Name: "bob", Level: conf.Administrator, Source: "console"})
		defer alice.Close()
		defer bob.Close()
		told := func(s *Session) string {
			synctest.Wait()
			var lines []string
			for len(s.notices) > 0 {
				lines = append(lines, <-s.notices)
			}
			return strings.Join(lines, "\n")
		}
		expect := func(want string) {
			t.Helper()
			if got := told(bob); !strings.Contains(got, want) {
				t.Errorf("bob is told %q, want %q", got, want)
			}
		}
		must(t, alice, "configure", "hostname other", "commit confirmed 3 comment try")
		expect("Commit 2 by admin (console): try; rolls back in 3 min unless confirmed")
		time.Sleep(time.Minute)
		if out := must(t, bob, "show commit"); !strings.Contains(out, "is restored in 2 min") {
			t.Errorf("show commit:\n%s", out)
		}
		if out := must(t, bob, "configure"); !strings.Contains(out, "is waiting for confirmation") {
			t.Errorf("configure:\n%s", out)
		}
		time.Sleep(time.Minute)
		expect("is restored in 1 min")
		time.Sleep(time.Minute)
		expect("Commit 3 by vrrpsh (commit confirmed): commit 2 of admin was not confirmed")
		if p := bob.Prompt(); !strings.HasPrefix(p, "r1") {
			t.Errorf("prompt %q", p)
		}

		must(t, alice, "rebase", "hostname other", "commit confirmed")
		told(alice)
		told(bob)
		must(t, bob, "discard", "commit")
		if got := told(bob); got != "" { // bob has read the answer of his command
			t.Errorf("bob is told %q", got)
		}
		if got := told(alice); !strings.Contains(got, "Commit 4 of admin was confirmed by bob (console)") {
			t.Errorf("alice is told %q", got)
		}
	})
}

// TestCommitsOfOthersAreTold: a session is notified of every commit and confirmation except its own, even if they come
// from the same user at the same place.
func TestCommitsOfOthersAreTold(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	one, two := newSession(t, env, admin), newSession(t, env, admin)
	for _, step := range []struct {
		by               *Session
		line             string
		toldOne, toldTwo string
	}{
		{one, "hostname a", "", "Commit 2 by admin (console)"},
		{one, "hostname b", "", "Commit 3 by admin (console)"},
		{two, "hostname c", "Commit 4 by admin (console)", ""},
	} {
		must(t, step.by, "configure", step.line, "commit", "end")
		told(t, one, step.toldOne)
		told(t, two, step.toldTwo)
	}
	must(t, one, "configure", "hostname d", "commit confirmed", "end")
	told(t, one)
	told(t, two, "Commit 5 by admin (console); rolls back in 10 min unless confirmed")
	must(t, one, "configure", "commit confirmed 3", "end")
	told(t, one)
	told(t, two, "Commit 5 of admin now rolls back in 3 min unless confirmed: by admin (console)")
	must(t, two, "confirm")
	told(t, one, "Commit 5 of admin was confirmed by admin (console)")
	told(t, two)
	must(t, one, "configure", "hostname e", "commit confirmed", "hostname f", "commit", "end") // the second confirms the first
	told(t, one)
	told(t, two, "Commit 6 by admin (console); rolls back in 10 min unless confirmed",
		"Commit 6 of admin was confirmed by admin (console)", "Commit 7 by admin (console)")
}

// TestCommitWhileOthersCommit: notices stay in order although the session commits meanwhile.
func TestCommitWhileOthersCommit(t *testing.T) {
	env, r := newEnv(t, sampleFile)
	one, two, three := newSession(t, env, admin), newSession(t, env, admin), newSession(t, env, admin)
	must(t, one, "configure", "hostname a")
	must(t, two, "configure", "no interface eth0 vrrp 2")
	applying, goOn := make(chan struct{}), make(chan struct{})
	r.applying = func() {
		r.applying = nil
		close(applying)
		<-goOn
	}
	var commits sync.WaitGroup
	commits.Go(func() { must(t, one, "commit") })
	<-applying
	commits.Go(func() { run(t, two, "commit", "rebase", "commit") })
	close(goOn)
	commits.Wait()
	told(t, one, "Commit 3 by admin (console)")
	told(t, two, "Commit 2 by admin (console)")
	told(t, three, "Commit 2 by admin (console)", "Commit 3 by admin (console)")
}

// told takes the notices of a session and compares them; "" means none.
func told(t *testing.T, s *Session, want ...string) {
	t.Helper()
	var got []string
	for len(s.notices) > 0 {
		got = append(got, <-s.notices)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("notices %q, want %q", got, want)
	}
}
