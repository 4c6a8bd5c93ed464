package shell

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vrrpsh/conf"
	"vrrpsh/engine"
)

// TestConfirmedCommitIsTold follows a commit that nobody confirms through the eyes of another user.
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
		expect("Commit 2 by admin (console): try; it is taken back in 3 mins unless it is confirmed")
		time.Sleep(time.Minute)
		if out := must(t, bob, "show commit"); !strings.Contains(out, "comes back in 2 mins") {
			t.Errorf("show commit:\n%s", out)
		}
		if out := must(t, bob, "configure"); !strings.Contains(out, "waits for its confirmation") {
			t.Errorf("configure:\n%s", out)
		}
		time.Sleep(time.Minute)
		expect("comes back in 1 min")
		time.Sleep(time.Minute)
		expect("Commit 3 by vrrpsh (commit confirmed): commit 2 of admin was not confirmed")
		if p := bob.Prompt(); !strings.HasPrefix(p, "r1") {
			t.Errorf("prompt %q", p)
		}

		must(t, alice, "rebase", "hostname other", "commit confirmed")
		told(alice)
		told(bob)
		must(t, bob, "discard", "commit")
		if got := told(bob); got != "" { // who has had the answer
			t.Errorf("bob is told %q", got)
		}
		if got := told(alice); !strings.Contains(got, "Commit 4 of admin was confirmed by bob (console)") {
			t.Errorf("alice is told %q", got)
		}
	})
}
