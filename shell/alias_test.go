// SPDX-License-Identifier: GPL-3.0-only

package shell

import (
	"slices"
	"strings"
	"testing"

	"vrrpsh/conf"
)

// TestAliases uses aliases in exec mode, where they stand for commands.
func TestAliases(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	a := newSession(t, env, admin)
	must(t, a, "configure", `alias sb show vrrp brief`, `alias exec masters "show vrrp brief | include MASTER"`, "alias show show version",
		"alias pw show running-config secrets", "alias x nonsense", "alias loop loop", "commit", "end")
	v := newSession(t, env, viewer)
	brief := must(t, v, "show vrrp brief")
	for line, want := range map[string]string{
		"sb": brief, "  sb": brief, "sb group 2 | count": "Count: 1 line\n", "show vrrp brief": brief,
	} {
		if got := must(t, v, line); got != want {
			t.Errorf("%s:\n%s", line, got)
		}
	}
	if got := must(t, v, "masters"); !strings.Contains(got, "MASTER") || strings.Contains(got, "BACKUP") {
		t.Errorf("with a pipe:\n%s", got)
	}
	if got := must(t, v, "show aliases"); !strings.Contains(got, "sb       show vrrp brief\n") || strings.Contains(got, "show     show") {
		t.Errorf("the list:\n%s", got)
	}
	for line, want := range map[string]string{
		"pw": "Permission denied", "x": "% nonsense\n  Invalid input in column 1", "sbx": "Invalid input", "loop": "Invalid input", "sb brief": "Invalid input in column 17",
	} {
		if got, status := run(t, v, line); status == Done || !strings.Contains(got, want) {
			t.Errorf("%s: status %d\n%s", line, status, got)
		}
	}
	has := func(line, want string) {
		t.Helper()
		if !slices.ContainsFunc(v.Complete(line), func(s Suggestion) bool { return s.Text == want && s.Literal }) {
			t.Errorf("%q does not complete to %s: %v", line, want, v.Complete(line))
		}
	}
	has("", "sb")
	has("mas", "masters")
	has("sb ", "group")
	has("sb interface ", "eth0")
	if got, status := run(t, a, "configure", "sb"); status != BadSyntax {
		t.Errorf("in configure mode: status %d\n%s", status, got)
	}
	must(t, a, "no alias sb", "commit")
	if got, status := run(t, v, "sb"); status != BadSyntax {
		t.Errorf("removed: status %d\n%s", status, got)
	}
}

// TestBanner checks who sees the banner: terminals, except those of SSH, which have seen it before the login.
func TestBanner(t *testing.T) {
	env, _ := newEnv(t, sampleFile)
	a := newSession(t, env, admin)
	for line, want := range map[string][]string{
		"banner Authorised users only":                {"Authorised users only"},
		"banner motd ^C Authorised users only ^C":     {"Authorised users only"},
		"banner login #Authorised users only#":        {"Authorised users only"},
		`banner "Authorised users only.\nAll logged"`: {"Authorised users only.", "All logged"},
		"banner - no delimiter":                       {"- no delimiter"},
	} {
		must(t, a, "configure", line, "commit", "end")
		if got := conf.Banner.Value(env.Manager.Running().File); !slices.Equal(got, want) {
			t.Errorf("%s: %q", line, got)
		}
		s := New(env, User{Name: "eve", Source: "control socket"})
		_ = s.Close()
		var seen []string
		for n := range s.Notices() {
			seen = append(seen, n)
		}
		if !slices.Equal(seen, want) {
			t.Errorf("%s: %q is shown", line, seen)
		}
		if out := must(t, newSession(t, env, viewer), "show clock"); strings.Contains(out, "uthorised") {
			t.Errorf("a command shows the banner: %s", out)
		}
	}
	s := New(env, User{Name: "eve", Source: "ssh 10.0.0.9"})
	_ = s.Close()
	for n := range s.Notices() {
		t.Errorf("over SSH %q is shown again", n)
	}
	must(t, a, "configure", "no banner", "commit")
}
