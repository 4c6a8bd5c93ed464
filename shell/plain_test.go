// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vrrpsh/conf"
)

// program types lines at the terminal of a session, as a program that drives a router does, and answers no question.
type program struct {
	t *testing.T
	s *Session
}

func (p program) enter(line string) (out string, status Status) {
	p.t.Helper()
	d := display{answer: func(question string) (string, error) {
		p.t.Errorf("%s: asked %q", line, question)
		return "", context.Canceled
	}}
	status = p.s.Execute(p.t.Context(), line, d.io(80))
	return d.String(), status
}

// types types lines that must succeed, and returns the output of the last one.
func (p program) types(lines ...string) (out string) {
	p.t.Helper()
	for _, line := range lines {
		var status Status
		if out, status = p.enter(line); status != Done {
			p.t.Fatalf("%s: status %d: %s", line, status, out)
		}
	}
	return out
}

// fails types a line that must fail in a way that Ansible's cisco.ios recognises.
func (p program) fails(line, want string) {
	p.t.Helper()
	out, status := p.enter(line)
	if status == Done || !strings.Contains(out, want) {
		p.t.Errorf("%s: status %d: %s", line, status, out)
	}
	if !iosError.MatchString(out) {
		p.t.Errorf("%s: no client of IOS sees the error in %q", line, out)
	}
}

// iosError is what cisco.ios's terminal plugin looks for, as far as it can come from this shell.
var iosError = regexp.MustCompile(`% ?Error|(?i:invalid input)|(?i:(?:incomplete|ambiguous) command)`)

func hostname(env *Env) string {
	name, _ := conf.Hostname.In(env.Manager.Running().File)
	return name
}

// TestPlainEnd: in plain line mode "end" with changes neither asks nor stays: what follows is typed in exec mode.
func TestPlainEnd(t *testing.T) {
	for _, leave := range []string{"end", "exit"} {
		t.Run(leave, func(t *testing.T) {
			env, _ := newEnv(t, sampleFile)
			env.Sessions = NewSessions()
			s := newSession(t, env, admin)
			p := program{t, s}
			p.types("terminal plain", "configure", "hostname other")
			p.fails(leave, "% Error: Uncommitted changes")
			if s.Prompt() != "r1# " || hostname(env) != "r1" {
				t.Errorf("prompt %q, hostname %q", s.Prompt(), hostname(env))
			}
			p.types("configure") // and begins clean
			if s.Prompt() != "r1(config)# " {
				t.Errorf("prompt %q", s.Prompt())
			}
			p.types("end")

			// The candidate is there for a person.
			person := newSession(t, env, admin)
			must(t, person, "configure", "load lost")
			if got := must(t, person, "show changes"); !strings.Contains(got, "+hostname other") && !strings.Contains(got, "+ hostname other") {
				t.Errorf("the candidate is lost: %q", got)
			}
		})
	}
}

// TestPlainErrors: whatever fails says so in the words that programs look for, and only in plain line mode.
func TestPlainErrors(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	p := program{t, newSession(t, env, admin)}
	if out, _ := p.enter("show vrrp group 9"); iosError.MatchString(out) {
		t.Errorf("a person sees %q", out)
	}
	p.types("terminal plain")
	p.fails("show vrrp group 9", "% Error: No such virtual router")
	p.fails("show vrpp brief", "% Invalid input detected at '^' marker.")
	p.fails("show", "% Incomplete command")
	p.fails("monitor vrrp", "% Error: ")
	p.fails("sh i", "% Ambiguous command")
	p.types("configure")
	p.fails("interface eth0 vrrp 1 priority 300", "% Invalid input detected")
	p.types("interface eth0 vrrp 9") // without an address
	p.fails("commit", "% Error: ")
	viewer := program{t, newSession(t, env, User{Name: "v", Level: conf.Viewer, Plain: true})}
	viewer.fails("configure", "% Error: Permission denied")
	p.types("terminal no plain")
	if out, _ := p.enter("commit"); strings.Contains(out, "% Error: ") {
		t.Errorf("a person sees %q", out)
	}
}

// TestCommitOnEnd: for users with this option "end" at a terminal commits what has not failed, once; scripts are as for everybody.
func TestCommitOnEnd(t *testing.T) {
	env, router := newEnv(t, sampleFile)
	s := newSession(t, env, User{Name: "bot", Level: conf.Administrator, Plain: true, CommitOnEnd: true})
	p := program{t, s}
	if out := p.types("configure terminal", "hostname one", "end"); !strings.HasPrefix(out, "Commit 2 complete\n") || hostname(env) != "one" {
		t.Errorf("%q, hostname %q", out, hostname(env))
	}
	if out := p.types("configure terminal", "hostname one", "end"); out != "" {
		t.Errorf("without changes: %q", out)
	}

	p.types("configure", "hostname two")
	p.fails("bogus", "% Invalid input")
	if out, status := p.enter("end"); status != Failed || !strings.HasPrefix(out, "% Uncommitted changes: not committed, since") {
		t.Errorf("status %d: %s", status, out) // Ansible types "end" for another task, which does not fail because of this one
	}
	if s.Prompt() != "one# " {
		t.Errorf("prompt %q, a part was committed", s.Prompt())
	}
	p.types("configure", "hostname two")
	p.fails("bogus", "% Invalid input")
	p.types("commit", "hostname three", "end")
	if s.Prompt() != "three# " {
		t.Errorf("an error before a commit counts after it: prompt %q", s.Prompt())
	}

	router.refuse = context.DeadlineExceeded
	p.types("configure", "hostname four")
	p.fails("end", "% Error: ")
	if s.Prompt() != "three# " {
		t.Errorf("prompt %q", s.Prompt())
	}
	router.refuse = nil

	must(t, s, "configure", "hostname five")
	if out, status := run(t, s, "end"); status != Failed || !strings.Contains(out, "Uncommitted changes") || hostname(env) != "three" {
		t.Errorf("a script: status %d, hostname %q: %s", status, hostname(env), out)
	}
	p.types("discard", "end")

	typing := newSession(t, env, User{Name: "joe", Level: conf.Administrator, CommitOnEnd: true})
	program{t, typing}.types("configure", "hostname six", "end")
	if hostname(env) != "six" {
		t.Errorf("hostname %q", hostname(env))
	}

	// A person stays in configure mode with what was not committed.
	p = program{t, typing}
	p.types("configure", "hostname seven")
	_, _ = p.enter("bogus")
	const want = "% Uncommitted changes: not committed, since a line has failed: commit or discard them first"
	out, status := p.enter("end")
	if out = strings.Join(strings.Fields(out), " "); status != Failed || out != want || typing.Prompt() != "six(config*)# " {
		t.Errorf("status %d, prompt %q: %s", status, typing.Prompt(), out)
	}
}

// TestPlainNotices: notices of commits would be taken for output.
func TestPlainNotices(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	env.Sessions = NewSessions()
	bot := newSession(t, env, User{Name: "bot", Level: conf.Administrator, Plain: true})
	watching := newSession(t, env, User{Name: "watch", Level: conf.Administrator, Plain: true})
	must(t, watching, "terminal monitor")
	other := newSession(t, env, admin)
	must(t, other, "configure", "hostname one", "commit", "end")
	env.Sessions.Committed(env.Manager.Running())
	if n := <-watching.Notices(); !strings.Contains(n, "Commit 2 by admin") {
		t.Errorf("monitoring: %q", n)
	}
	select {
	case n := <-bot.Notices():
		t.Errorf("told %q", n)
	default:
	}
}

// TestPlainUser: the option decides how a session begins; the user can change it.
func TestPlainUser(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	s := newSession(t, env, User{Name: "bot", Level: conf.Viewer, Plain: true})
	if !s.Plain() || s.PageLength() != 0 {
		t.Errorf("plain %v, page length %d", s.Plain(), s.PageLength())
	}
	must(t, s, "terminal no plain", "terminal length 30")
	if s.Plain() || s.PageLength() != 30 {
		t.Errorf("plain %v, page length %d", s.Plain(), s.PageLength())
	}
	s = newSession(t, env, admin)
	must(t, s, "terminal length 0")
	if s.Plain() {
		t.Error("\"terminal length 0\" turns on plain line mode")
	}
}

// TestUserOptions: the options of a user are settings of their own, and go with the user.
func TestUserOptions(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	s := newSession(t, env, admin)
	options := func() string {
		return strings.TrimSpace(must(t, s, "show candidate-config | include ^api user bot (plain|commit)"))
	}
	must(t, s, "configure", "api user bot level 9 password banana", "api user bot plain", "api user bot plain", "api user bot commit-on-end",
		"api user other plain")
	if got := options(); got != "api user bot plain\napi user bot commit-on-end" {
		t.Errorf("%q", got)
	}
	must(t, s, "no api user bot commit-on-end")
	if got := options(); got != "api user bot plain" {
		t.Errorf("%q", got)
	}
	must(t, s, "commit")
	if diff := cmp.Diff([]string{"bot", "other"}, env.Manager.Running().Config.API.Plain); diff != "" {
		t.Error(diff)
	}
	must(t, s, "no api user bot")
	if got := options(); got != "" {
		t.Errorf("without the user: %q", got)
	}
	if out, status := run(t, s, "api user a/b plain"); status != BadSyntax {
		t.Errorf("status %d: %s", status, out)
	}
}
