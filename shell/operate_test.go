// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vrrpsh/conf"
)

var bob = User{Name: "bob", Level: conf.Administrator, Source: "ssh 10.0.0.8"}

// asked executes a line at a terminal whose user answers every question in the same way, and returns everything that is shown. An answer
// of "^C" interrupts, any other answer that begins with "^" fails.
func asked(t *testing.T, s *Session, line, answer string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var d display
	d.answer = func(prompt string) (string, error) {
		d.WriteString(prompt + "⟵ " + answer + "\n")
		switch {
		case answer == "^C":
			cancel()
			return "", context.Canceled
		case strings.HasPrefix(answer, "^"):
			return "", errors.New("the user cannot be asked")
		}
		return answer, nil
	}
	s.Execute(ctx, line, d.io(0))
	return d.String()
}

// TestRestartAndShutdownAsk: at a terminal they ask, and the others are told; scripts are not asked.
func TestRestartAndShutdownAsk(t *testing.T) {
	for _, command := range []struct{ line, question, done, told string }{
		{
			"restart", "2 sessions, 1 with uncommitted changes, will end. Proceed? [no] ",
			"Restarting as vrrpsh 2.0: the virtual routers keep running\n",
			"The router restarts as vrrpsh 2.0: by admin (console)",
		},
		{
			"shutdown router", "2 sessions, 1 with uncommitted changes, will end, and 1 virtual router will give up Master. Proceed? [no] ",
			"The router stops\n", "The router stops: by admin (console)",
		},
	} {
		for _, tt := range []struct{ answer, want string }{
			{"", "% Not confirmed: nothing was done\n"},
			{"no", "% Not confirmed: nothing was done\n"},
			{"n", "% Not confirmed: nothing was done\n"},
			{"^C", "% Interrupted\n"},
			{"^D", "% Not confirmed: nothing was done\n"},
			{"hostname x", "% Not confirmed: nothing was done\n"},
			{"yes", ""},
			{"Y", ""},
			{"a script", ""},
		} {
			t.Run(command.line+" "+tt.answer, func(t *testing.T) {
				env, _ := newEnv(t, sampleFile)
				done := 0
				env.Restart = func(context.Context) (string, error) { done++; return "vrrpsh 2.0", nil }
				env.Shutdown = func() { done++ }
				s, other := newSession(t, env, admin), newSession(t, env, bob)
				must(t, other, "configure", "hostname other")
				want, got := command.question+"⟵ "+tt.answer+"\n"+tt.want, ""
				if tt.answer == "a script" {
					want, got = "", must(t, s, command.line)
				} else {
					got = asked(t, s, command.line, tt.answer)
				}
				var notices []string
				if tt.want == "" {
					want += command.done
					notices = []string{command.told}
				}
				if (done == 1) != (tt.want == "") || !strings.HasPrefix(got, want) {
					t.Errorf("done %d times: %q, want %q", done, got, want)
				}
				told(t, other, notices...)
				told(t, s)
			})
		}
	}
}

func TestOthersAreTold(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	s, other := newSession(t, env, admin), newSession(t, env, bob)
	must(t, s, "clear vrrp statistics")
	told(t, other, "The counters of 2 virtual routers were set to zero: by admin (console)")
	must(t, s, "vrrp resign interface eth0 group 2")
	told(t, other, "eth0 IPv4 group 2 was told to give up Master: by admin (console)")
	must(t, other, "configure exclusive")
	if out, status := run(t, s, "configure", "hostname x", "commit"); status != Locked {
		t.Errorf("commit under a lock: status %d: %s", status, out)
	}
	must(t, s, "do clear configuration lock")
	told(t, other, "The configuration is no longer locked by bob (ssh 10.0.0.8): by admin (console)")
	must(t, s, "commit")
}

// TestClearSession: an administrator ends a session, even while it runs a command; its candidate is kept.
func TestClearSession(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	s, other, third := newSession(t, env, admin), newSession(t, env, bob), newSession(t, env, viewer)
	must(t, other, "configure", "hostname other")
	const question = "Session 2 of bob (ssh 10.0.0.8), which has uncommitted changes, will end. Proceed? [no] "
	if got := asked(t, s, "clear session 2", ""); got != question+"⟵ \n% Not confirmed: nothing was done\n" {
		t.Error(got)
	}
	running := make(chan Status)
	go func() {
		var d display
		d.answer = func(string) (string, error) {
			running <- Done
			<-other.ctx.Done()
			return "", other.ctx.Err()
		}
		running <- other.Execute(context.Background(), "exit", d.io(80))
	}()
	<-running
	must(t, s, "clear session 2")
	if status := <-running; status != Failed {
		t.Errorf("the running command ended with %d", status)
	}
	var notices []string
	for line := range other.Notices() {
		notices = append(notices, line)
	}
	if got := strings.Join(notices, "\n"); got != "% The session ends: admin (console) has ended it" {
		t.Errorf("bob is told %q", got)
	}
	told(t, third, "Session 2 of bob (ssh 10.0.0.8) was ended: by admin (console)")
	must(t, s, "configure", "load lost 1")
	if !strings.Contains(must(t, s, "show changes"), "+hostname other") {
		t.Error("the candidate is lost")
	}
	if out, status := run(t, third, "clear session 1"); status != Failed {
		t.Errorf("a viewer: status %d: %s", status, out)
	}
}

// TestTerminalTimeout: a session without input ends after the time, and its candidate is kept; one that runs a command does not.
func TestTerminalTimeout(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	synctest.Test(t, func(t *testing.T) {
		env := *env
		env.Sessions = NewSessions()
		s := New(&env, admin)
		defer s.Close()
		ended := func() bool {
			synctest.Wait()
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.place.Mode == closed
		}
		must(t, s, "terminal timeout 10", "configure", "hostname x")
		time.Sleep(9 * time.Minute)
		s.Complete("sh")
		time.Sleep(9 * time.Minute)
		s.Help("sh")
		time.Sleep(9 * time.Minute)
		var d display
		d.answer = func(string) (string, error) { time.Sleep(time.Hour); return "cancel", nil }
		s.Execute(t.Context(), "end", d.io(80))
		must(t, s, "terminal timeout 0")
		time.Sleep(time.Hour)
		must(t, s, "terminal timeout 1")
		time.Sleep(59 * time.Second)
		if ended() {
			t.Fatal("the session ended too early")
		}
		time.Sleep(time.Second)
		if !ended() {
			t.Fatal("the session goes on")
		}
		if line := <-s.Notices(); line != "% The session ends: no input for 1 min" {
			t.Errorf("the user is told %q", line)
		}
		if kept := env.Sessions.kept(); len(kept) != 1 {
			t.Errorf("%d candidates are kept", len(kept))
		}
	})
}

func TestCountdown(t *testing.T) {
	for d, want := range map[time.Duration]string{
		10 * time.Minute: "10m", 10*time.Minute - time.Second: "10m", 61 * time.Second: "2m", time.Minute: "60s", 59500 * time.Millisecond: "60s",
		time.Second: "1s", -time.Second: "0s",
	} {
		if got := countdown(d); got != want {
			t.Errorf("%s left: %q, want %q", d, got, want)
		}
	}
}
